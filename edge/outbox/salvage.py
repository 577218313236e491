"""Takes over from a damaged database what verifies, and names what is lost.

Segments that the cloud has covered are kept as they are, for a cloud that must be refilled. What it
has not covered goes on, event by event, with its ids, in the next epoch: this database's chain is
broken, and the cloud knows by the ids what it had after all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from edge.db import Connection, Queries
from edge.db.salvage import legible
from edge.outbox.headnote import TAIL_BYTES, Noted
from edge.outbox.reading import segment_hash, waiting_in
from edge.outbox.standing import Head, Word, head_in, put_word, word_in
from edge.outbox.statements import merged
from shared.errors import QuartermasterError
from shared.events import Event, decode_event
from shared.segment import GENESIS, MAX_EVENTS, header, parse

_SQL: Final = Queries(__package__ or "edge.outbox")
_LAST: Final = 2**63 - 1
_PROBES: Final = 200_000
"""So many sequence numbers are tried one by one where a table cannot be read through."""
_ILLEGIBLE: Final = (QuartermasterError, TypeError, ValueError, AttributeError)
"""What comes of bytes that are none of ours: of a torn page any type may be read."""

Keys = dict[tuple[int, int], int]


class Taken(NamedTuple):
    """What came over. ``lost`` and ``carried`` are closed ranges: (epoch, first, last).

    ``bodies`` are the events that the cloud has not covered, to go on in the next epoch; those that
    were numbered in an epoch are ``carried``. ``unknown_from`` are (epoch, first): from there on
    more may have been committed of which nothing speaks any more.
    """

    epoch: int
    segments: int
    bodies: list[bytes]
    lost: list[tuple[int, int, int]]
    carried: list[tuple[int, int, int]]
    unknown_from: list[tuple[int, int]]


def take_over(damaged: Connection, fresh: Connection, noted: Noted | None, used: int) -> Taken:
    """Fill the fresh database (its outbox opened, in no epoch) from the damaged one.

    Args:
        damaged: the file that was set aside.
        fresh: a transaction of the new one.
        noted: how far the database is known to have gone, from outside of it.
        used: the highest epoch that this gateway is known to have used.
    """
    stands, keys = _stands(damaged), _segment_keys(damaged)
    said = _said(damaged, keys, noted)
    if stands and noted and stands.epoch > noted.furthest.now.epoch:
        noted = None  # it lags by an epoch: which numbers went over, the database knows better
    for word in said.values():
        put_word(fresh, word, 0)
    hand = _Hand(fresh, {each: word.reached for each, word in said.items()})
    for key in sorted(keys):
        hand.segment(legible(damaged, _SQL["segment"], key))
    waiting = _waiting(damaged, stands, noted, hand)
    numbered_in = stands.epoch if stands else _epoch_of(waiting, hand, noted)
    hand.waiting(numbered_in, waiting)
    oldest = noted.furthest.now.epoch if noted else max([*hand.known, *said], default=1)
    epoch = max([used, *hand.known, *said]) if numbered_in is None else numbered_in
    ends = _ends(epoch, stands, noted, hand, keys)
    exact = noted is not None and noted.exact
    return Taken(
        epoch=epoch,
        segments=hand.segments,
        bodies=hand.bodies,
        lost=[(each, *gap) for each in sorted(ends) for gap in hand.missing(each, ends[each])],
        carried=[
            (each, *run) for each in sorted(hand.known) if each for run in hand.going_on(each)
        ],
        unknown_from=[]
        if exact
        else _open_ends(damaged, oldest if numbered_in is None else epoch, used, noted, ends),
    )


def _ends(
    epoch: int, stands: Head | None, noted: Noted | None, hand: _Hand, keys: Keys
) -> dict[int, int]:
    """How far each epoch is known to have gone."""
    ends = {each.epoch: each.seq for each in noted.epochs} if noted else {}
    if stands is not None:
        ends[epoch] = max(ends.get(epoch, 0), stands.seq)
    for each in {*hand.known, *hand.covered, epoch}:
        ends[each] = max(ends.get(each, 0), hand.end_of(each), hand.covered.get(each, 0))
    if noted is not None and noted.exact:
        return ends
    for (each, first), last in keys.items():
        if each < epoch or (each == epoch and stands is None):  # else the head tells
            ends[each] = max(ends.get(each, 0), min(last, first + MAX_EVENTS - 1))
    return ends


def _open_ends(
    damaged: Connection, epoch: int, used: int, noted: Noted | None, ends: dict[int, int]
) -> list[tuple[int, int]]:
    """Beyond what more may have been committed: of the newest epochs, where no note is exact.

    Of a closed one the segments tell, as long as none of their pages is torn; and the note, which
    names every epoch that was not covered to its end.
    """
    found = {epoch, *range(epoch or used, used + 1)}
    if not legible(damaged, _SQL["all_segments"], ()):
        named = {each.epoch for each in noted.epochs} if noted else set[int]()
        since = noted.furthest.now.epoch if noted else 0
        found |= {each for each in ends if 0 < each < epoch and (each >= since or each in named)}
    return [(each, ends.get(each, 0) + 1) for each in sorted(found)]


def _stands(damaged: Connection) -> Head | None:
    rows = legible(damaged, _SQL["head"], ())
    try:
        return head_in(rows[0])
    except (IndexError, *_ILLEGIBLE):
        return None


def _said(damaged: Connection, keys: Keys, noted: Noted | None) -> dict[int, Word]:
    """How far the cloud has each epoch: by the database, which may be behind, or by the note.

    The note names every epoch that was not covered to its end: an earlier one that it does not
    name, was.
    """
    found: dict[int, Word] = {}
    for row in legible(damaged, _SQL["watermarks"], (0,)):
        with contextlib.suppress(*_ILLEGIBLE):
            word = word_in(row)
            found[word.epoch] = word
    if noted is None:
        return found
    for each in noted.epochs:
        word = found.get(each.epoch) or Word(each.epoch, 0, 0, GENESIS)
        if each.epoch and (noted.exact or each.covered > word.reached):
            found[each.epoch] = word._replace(reached=each.covered)
    for (epoch, first), last in keys.items():
        if epoch < noted.furthest.now.epoch and epoch not in {each.epoch for each in noted.epochs}:
            word = found.get(epoch) or Word(epoch, 0, 0, GENESIS)
            end = min(last, first + MAX_EVENTS - 1)
            found[epoch] = word._replace(reached=max(word.reached, end))
    return found


def _waiting(
    damaged: Connection, stands: Head | None, noted: Noted | None, hand: _Hand
) -> list[tuple[Event, bytes]]:
    """The events that waited and are what was chained, with their bytes."""
    below = stands.seq if stands else hand.end_of(max(hand.known, default=0))
    end = noted.furthest.now.seq if noted else 0
    found: list[tuple[Event, bytes]] = []
    for seq in _waiting_keys(damaged, below, end):
        rows = legible(damaged, _SQL["waiting_one"], (seq,))
        with contextlib.suppress(IndexError, *_ILLEGIBLE):
            body, _ = waiting_in(rows[0])
            found.append((decode_event(body), body))
    return found


def _epoch_of(waiting: list[tuple[Event, bytes]], hand: _Hand, noted: Noted | None) -> int | None:
    """The epoch in which the events that waited were numbered; None where nothing proves it.

    Of one epoch they are all. The segment to which one of them is chained says which; so does a
    note that knew one of them as the last.
    """
    then = noted.furthest if noted is not None else None
    for event, _ in waiting:
        if then and (event.seq, event.hash[:TAIL_BYTES]) == (then.now.seq, then.tail):
            return then.now.epoch
        epoch = hand.sealed_before(event)
        if epoch is not None:
            return epoch
    return None


class _Hand:
    """Puts into the fresh database what verifies, and remembers which numbers came over."""

    def __init__(self, fresh: Connection, covered: dict[int, int]) -> None:
        self._fresh = fresh
        self._seen: set[tuple[int, int]] = set()
        self._chained_to: dict[tuple[int, bytes], int] = {}
        self.covered = covered
        self.bodies: list[bytes] = []
        self.known: dict[int, list[tuple[int, int]]] = {}
        self.segments = 0

    def end_of(self, epoch: int) -> int:
        """The highest sequence number that came over."""
        return max((last for _, last in self.known.get(epoch, [])), default=0)

    def segment(self, rows: list[tuple[Any, ...]]) -> None:
        """Keep a covered segment; let the events of another go on.

        What it holds is said by its signed bytes; the columns beside them are not believed.
        """
        try:
            *_, body, digest, _, sealed_at = rows[0]
            if digest is not None and segment_hash(body) != digest:
                return
            epoch, first, last, _, events, last_hash = header(parse(body))
        except (IndexError, *_ILLEGIBLE):
            return
        if (epoch, first) in self._seen:
            return
        self._seen.add((epoch, first))
        self._chained_to[last, last_hash] = epoch
        self.known.setdefault(epoch, []).append((first, last))
        reached = self.covered.get(epoch, 0)
        if last <= reached:
            at = sealed_at if isinstance(sealed_at, int) else 0
            row = (epoch, first, last, last_hash, at, body, segment_hash(body))
            self._fresh.execute(_SQL["insert_segment"], row)
            self.segments += 1
            return
        self.bodies.extend(events[max(0, reached + 1 - first) :])

    def waiting(self, epoch: int | None, events: list[tuple[Event, bytes]]) -> None:
        """Let events that waited go on; without an epoch nobody knows which numbers they had."""
        for event, body in events:
            if epoch is not None:
                self.known.setdefault(epoch, []).append((event.seq, event.seq))
            self.bodies.append(body)

    def sealed_before(self, event: Event) -> int | None:
        """The epoch of the segment to whose end an event is chained."""
        return self._chained_to.get((event.seq - 1, event.prev_hash))

    def going_on(self, epoch: int) -> Iterator[tuple[int, int]]:
        """What came over of an epoch beyond what the cloud has covered."""
        reached = self.covered.get(epoch, 0)
        for first, last in merged(self.known.get(epoch, [])):
            if last > reached:
                yield max(first, reached + 1), last

    def missing(self, epoch: int, end: int) -> Iterator[tuple[int, int]]:
        """What did not come over of an epoch, beyond what the cloud has covered, up to ``end``."""
        expected = self.covered.get(epoch, 0) + 1
        for first, last in sorted(self.known.get(epoch, [])):
            if first > expected:
                yield expected, min(first - 1, end)
            expected = max(expected, last + 1)
        if expected <= end:
            yield expected, end


def _segment_keys(damaged: Connection) -> Keys:
    """The last number of each segment that can be found, by epoch and first number."""
    found: Keys = {}
    after = (0, 0)
    while rows := _numbers(legible(damaged, _SQL["segment_keys"], after)):
        found.update({(row[0], row[1]): row[2] for row in rows})
        if rows[-1][:2] <= after:  # a torn tree may lead back
            break
        after = (rows[-1][0], rows[-1][1])
    stopped, before = after, (_LAST, _LAST)
    while rows := _numbers(legible(damaged, _SQL["segment_keys_down"], before)):
        fresh = [row for row in rows if (row[0], row[1]) > stopped]
        found.update({(row[0], row[1]): row[2] for row in fresh})
        if len(fresh) < len(rows) or rows[-1][:2] >= before:
            break
        before = (rows[-1][0], rows[-1][1])
    return found


def _waiting_keys(damaged: Connection, sealed_seq: int, end: int) -> list[int]:
    """All numbers that wait, as far as they can be found; at a break they are tried one by one."""
    found: set[int] = set()
    after = 0
    while rows := _numbers(legible(damaged, _SQL["waiting_keys"], (after,))):
        found.update(row[0] for row in rows)
        if rows[-1][0] <= after:  # a torn tree may lead back
            break
        after = rows[-1][0]
    before = _LAST
    while rows := _numbers(legible(damaged, _SQL["waiting_keys_down"], (before,))):
        found.update(row[0] for row in rows)
        if rows[-1][0] <= after or rows[-1][0] >= before:
            break
        before = rows[-1][0]
    last = min(max([*found, end, after]), max(after, sealed_seq) + _PROBES)
    found.update(
        seq
        for seq in range(max(after, sealed_seq) + 1, last + 1)
        if seq not in found and legible(damaged, _SQL["waiting_one"], (seq,))
    )
    return sorted(found)


def _numbers(rows: list[tuple[Any, ...]]) -> list[tuple[int, ...]]:
    """Rows of whole numbers; of a torn page any type may be read."""
    return [row for row in rows if all(isinstance(value, int) for value in row)]
