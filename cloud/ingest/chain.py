"""How a watermark moves: only along segments whose hashes link. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

MAX_MISSING: Final = 256
"""As many missing ranges as a watermark carries; a gateway resends those and hears of the rest."""


class Link(NamedTuple):
    """A stored segment as the chain sees it."""

    first_seq: int
    last_seq: int
    prev_hash: bytes
    last_hash: bytes


class Head(NamedTuple):
    """The verified end of an epoch's chain."""

    contiguous_seq: int
    head_hash: bytes


class Walk(NamedTuple):
    """The new head, the gaps above it, and the first segment that does not link, if any."""

    head: Head
    missing: list[tuple[int, int]]
    broken: Link | None


def walk(head: Head, links: Iterable[Link]) -> Walk:
    """Follow ``links`` (above ``head``, ascending, never overlapping) as far as they connect."""
    missing: list[tuple[int, int]] = []
    broken: Link | None = None
    seen = head.contiguous_seq
    for link in links:
        if link.first_seq > seen + 1 and len(missing) < MAX_MISSING:
            missing.append((seen + 1, link.first_seq - 1))
        elif not missing and broken is None:
            if link.prev_hash == head.head_hash:
                head = Head(link.last_seq, link.last_hash)
            else:
                broken = link
        seen = link.last_seq
    return Walk(head, missing, broken)


def received_through(head: Head, links: Sequence[Link], missing: Sequence[tuple[int, int]]) -> int:
    """How far all that is not missing has arrived: a sender need not keep it under way.

    Args:
        head: where the walk along ``links`` ended.
        links: the same.
        missing: the gaps that the walk found; beyond as many as are told nothing can be said.
    """
    if len(missing) < MAX_MISSING:
        return links[-1].last_seq if links else head.contiguous_seq
    seen = missing[-1][1]
    for link in links:
        if link.first_seq == seen + 1:
            seen = link.last_seq
    return seen
