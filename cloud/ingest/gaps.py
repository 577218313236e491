"""Which numbers of an epoch are here, which are missing, and which are explained. Pure.

A number is *here* when its segment is stored, *explained* when it is not here and somebody has said
why it never will be (:class:`Tombstone`), *missing* otherwise. What is here stays here: a tombstone
over it only tells how many of its numbers arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from cloud.ingest.chain import MAX_MISSING

MAX_RANGES: Final = 10_000
"""As many stored ranges above a head are looked at; beyond them nothing is said."""
MAX_EXPLAINED: Final = 256
_FOREVER: Final = 2**63

Range = tuple[int, int]


class Tombstone(NamedTuple):
    """Why numbers never arrive; without a last one nobody knows how far the epoch had gone.

    ``lost`` and ``carried`` (their events go on in a later epoch, with their ids) are the gateway's
    word. ``unknown`` is the registry's: another epoch was granted, and its first event, which would
    tell, is not here. ``arrived`` is how many of the numbers are here nevertheless.
    """

    first_seq: int
    last_seq: int | None
    outcome: Literal["lost", "carried", "unknown"]
    reason: str
    detail: str
    stated_at: int
    arrived: int = 0

    @property
    def end(self) -> int:
        """The last number it speaks of."""
        return _FOREVER if self.last_seq is None else self.last_seq


class Piece(NamedTuple):
    """A stored range above the verified head, and when it arrived."""

    first_seq: int
    last_seq: int
    received_at: int


class Account(NamedTuple):
    """What is known of an epoch's numbers.

    ``through`` is the highest number known to exist, ``whole`` that all up to it are here and none
    may exist above it, ``named`` that every one that is not here is explained.
    """

    through: int
    missing: list[Range]
    missing_events: int
    missing_since: int | None
    explained: list[Tombstone]
    whole: bool
    named: bool


def account(contiguous: int, above: Sequence[Piece], tombstones: Sequence[Tombstone]) -> Account:
    """Account for every number of one epoch.

    Args:
        contiguous: the verified head.
        above: stored ranges above it, ascending, never overlapping; at most ``MAX_RANGES``.
        tombstones: what was said of this epoch, in any order.
    """
    here = [(1, contiguous), *((item.first_seq, item.last_seq) for item in above)]
    stored_through = here[-1][1]
    claimed = (
        item.first_seq - 1 if item.last_seq is None else item.last_seq for item in tombstones
    )
    through = max(stored_through, *claimed, 0)
    looked_at = stored_through if len(above) >= MAX_RANGES else through
    gaps = _without([(1, looked_at)], here)
    missing = list(_without(gaps, sorted((item.first_seq, item.end) for item in tombstones)))
    shown = sorted(tombstones, key=lambda item: (item.first_seq, item.end))[:MAX_EXPLAINED]
    return Account(
        through,
        missing[:MAX_MISSING],
        sum(last - first + 1 for first, last in missing),
        _since(missing[0][0], above, tombstones) if missing else None,
        [
            item._replace(arrived=_common((item.first_seq, min(item.end, through)), here))
            for item in shown
        ],
        contiguous == through and all(item.last_seq is not None for item in tombstones),
        not missing,
    )


def _without(ranges: Iterable[Range], others: Sequence[Range]) -> Iterator[Range]:
    """The parts of ``ranges`` that none of ``others`` (sorted by their firsts) covers."""
    for first, last in ranges:
        seen = first - 1
        for start, end in others:
            if start > last:
                break
            if start > seen + 1:
                yield seen + 1, start - 1
            seen = max(seen, end)
        if seen < last:
            yield seen + 1, last


def _common(wanted: Range, ranges: Iterable[Range]) -> int:
    """How many numbers of ``wanted`` the ranges hold; they never overlap."""
    first, last = wanted
    return sum(max(0, min(last, end) - max(first, start) + 1) for start, end in ranges)


def _since(number: int, above: Iterable[Piece], tombstones: Iterable[Tombstone]) -> int:
    """When it was first seen that ``number`` is not here: something beyond it came or was said."""
    return min(
        *(item.received_at for item in above if item.first_seq > number),
        *(item.stated_at for item in tombstones if item.end > number),
        _FOREVER,
    )
