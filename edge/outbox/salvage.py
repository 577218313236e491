"""Takes over from a damaged database what verifies, and names what is lost.

Segments that the cloud has covered are kept as they are, for a cloud that must be refilled. What it
has not covered goes on, event by event, with its ids, in the next epoch: this database's chain is
broken, and the cloud knows by the ids what it had after all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from edge.db import Connection, Queries
from edge.db.salvage import legible
from edge.outbox.headnote import Reached
from edge.outbox.reading import sealed_in, waiting_in
from edge.outbox.statements import merged
from shared.errors import QuartermasterError
from shared.segment import MAX_EVENTS, header, parse

_SQL: Final = Queries(__package__ or "edge.outbox")
_LAST: Final = 2**63 - 1
_PROBES: Final = 200_000
"""So many sequence numbers are tried one by one where a table cannot be read through."""


class Taken(NamedTuple):
    """What came over. ``lost`` and ``carried`` are closed ranges: (epoch, first, last).

    ``bodies`` are the events that the cloud has not covered, to go on in the next epoch; those that
    were numbered in an epoch are ``carried``. ``end_known`` is false where nothing says how far the
    database had gone; ``read_through`` is how far its epochs are known to have gone.
    """

    epoch: int
    segments: int
    bodies: list[bytes]
    lost: list[tuple[int, int, int]]
    carried: list[tuple[int, int, int]]
    end_known: bool
    read_through: dict[int, int]


def take_over(damaged: Connection, fresh: Connection, noted: Reached | None) -> Taken:
    """Fill the fresh database (its outbox opened, in no epoch) from the damaged one.

    Args:
        damaged: the file that was set aside.
        fresh: a transaction of the new one.
        noted: how far the database is known to have gone, from outside of it.
    """
    words = {row[0]: row for row in legible(damaged, _SQL["watermarks"], ())}
    if noted is not None and noted.epoch and noted.epoch not in words:
        words[noted.epoch] = (noted.epoch, 0, noted.covered, bytes(32), 0)
    heads = legible(damaged, _SQL["head"], ())
    epoch, sealed_seq = (int(heads[0][0]), int(heads[0][1])) if heads else (0, 0)
    epoch = max(epoch, noted.epoch if noted else 0)
    for word in words.values():
        fresh.execute(_SQL["put_watermark"], word)
    covered = {int(row[0]): int(row[2]) for row in words.values()}
    hand = _Hand(fresh, covered)
    keys = _segment_keys(damaged)
    for each_epoch, first_seq in sorted(keys):
        hand.segment(legible(damaged, _SQL["segment"], (each_epoch, first_seq)))
    below = max(sealed_seq, hand.end_of(epoch))
    for seq in _waiting_keys(damaged, below, noted.seq if noted else 0):
        hand.waiting(epoch, seq, legible(damaged, _SQL["waiting_one"], (seq,)))
    ends = {each: max(hand.end_of(each), covered.get(each, 0)) for each in {*hand.known, epoch}}
    for (each, first_seq), last_seq in keys.items():
        if each < epoch:  # of the epoch in force its head tells
            ends[each] = max(ends.get(each, 0), min(last_seq, first_seq + MAX_EVENTS - 1))
    ends[epoch] = max(ends[epoch], sealed_seq, noted.seq if noted else 0)
    lost = [
        (each, first, last)
        for each, end in sorted(ends.items())
        for first, last in hand.missing(each, end)
    ]
    carried = [
        (each, first, last)
        for each in sorted(hand.known)
        for first, last in hand.going_on(each)
        if each
    ]
    return Taken(epoch, hand.segments, hand.bodies, lost, carried, bool(heads or noted), ends)


class _Hand:
    """Puts into the fresh database what verifies, and remembers which numbers came over."""

    def __init__(self, fresh: Connection, covered: dict[int, int]) -> None:
        self._fresh = fresh
        self._covered = covered
        self.bodies: list[bytes] = []
        self.known: dict[int, list[tuple[int, int]]] = {}
        self.segments = 0

    def end_of(self, epoch: int) -> int:
        """The highest sequence number that came over."""
        return max((last for _, last in self.known.get(epoch, [])), default=0)

    def segment(self, rows: list[tuple[Any, ...]]) -> None:
        """Keep a covered segment; let the events of another go on."""
        try:
            sealed = sealed_in(rows[0][:5])
            claims = header(parse(sealed.body))
        except (IndexError, TypeError, QuartermasterError):
            return
        reached = self._covered.get(sealed.epoch, 0)
        self.known.setdefault(sealed.epoch, []).append((sealed.first_seq, sealed.last_seq))
        if sealed.last_seq <= reached:
            _, _, _, body, digest, last_hash, sealed_at = rows[0]
            row = (sealed.epoch, sealed.first_seq, sealed.last_seq, last_hash, sealed_at)
            self._fresh.execute(_SQL["insert_segment"], (*row, body, digest))
            self.segments += 1
            return
        self.bodies.extend(claims.events[max(0, reached + 1 - sealed.first_seq) :])

    def waiting(self, epoch: int, seq: int, rows: list[tuple[Any, ...]]) -> None:
        """Let an event that waited go on."""
        try:
            body, _ = waiting_in(rows[0])
        except (IndexError, TypeError, QuartermasterError):
            return
        self.known.setdefault(epoch, []).append((seq, seq))
        self.bodies.append(body)

    def going_on(self, epoch: int) -> Iterator[tuple[int, int]]:
        """What came over of an epoch beyond what the cloud has covered."""
        reached = self._covered.get(epoch, 0)
        for first, last in merged(self.known.get(epoch, [])):
            if last > reached:
                yield max(first, reached + 1), last

    def missing(self, epoch: int, end: int) -> Iterator[tuple[int, int]]:
        """What did not come over of an epoch, beyond what the cloud has covered, up to ``end``."""
        expected = self._covered.get(epoch, 0) + 1
        for first, last in sorted(self.known.get(epoch, [])):
            if first > expected:
                yield expected, min(first - 1, end)
            expected = max(expected, last + 1)
        if expected <= end:
            yield expected, end


def _segment_keys(damaged: Connection) -> dict[tuple[int, int], int]:
    """The last number of each segment that can be found, by epoch and first number."""
    found: dict[tuple[int, int], int] = {}
    after = (0, 0)
    while rows := legible(damaged, _SQL["segment_keys"], after):
        found.update({(row[0], row[1]): row[2] for row in rows})
        after = (rows[-1][0], rows[-1][1])
    stopped, before = after, (_LAST, _LAST)
    while rows := legible(damaged, _SQL["segment_keys_down"], before):
        fresh = [row for row in rows if (row[0], row[1]) > stopped]
        found.update({(row[0], row[1]): row[2] for row in fresh})
        before = (rows[-1][0], rows[-1][1])
        if len(fresh) < len(rows):
            break
    return found


def _waiting_keys(damaged: Connection, sealed_seq: int, end: int) -> list[int]:
    """All numbers that wait, as far as they can be found; at a break they are tried one by one."""
    found: set[int] = set()
    after = 0
    while rows := legible(damaged, _SQL["waiting_keys"], (after,)):
        found.update(row[0] for row in rows)
        after = rows[-1][0]
    before = _LAST
    while rows := legible(damaged, _SQL["waiting_keys_down"], (before,)):
        found.update(row[0] for row in rows)
        if rows[-1][0] <= after:
            break
        before = rows[-1][0]
    last = min(max([*found, end, after]), max(after, sealed_seq) + _PROBES)
    found.update(
        seq
        for seq in range(max(after, sealed_seq) + 1, last + 1)
        if seq not in found and legible(damaged, _SQL["waiting_one"], (seq,))
    )
    return sorted(found)
