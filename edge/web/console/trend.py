"""How the store fills: a look each half minute, kept for some hours, and what follows from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from shared.units import DAY, MINUTE
from shared.words import lasting

LOOK_S: Final = 30.0
KEPT: Final = 720
"""Six hours of looks."""
HOUR_OF_LOOKS: Final = 120
ENOUGH: Final = 10 * MINUTE
_FAR: Final = 365 * DAY


class Look(NamedTuple):
    """The store at a moment: bytes that may still be used, events that the cloud does not have.

    ``scans`` and ``refused`` are totals since the database was made.
    """

    at: int
    room: int
    waiting: int
    scans: int = 0
    refused: int = 0


class Trend:
    """The last looks."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=KEPT)

    def note(self, look: Look) -> None:
        """Keep a look; a clock that was set back begins anew."""
        if self._looks and look.at < self._looks[-1].at:
            self._looks.clear()
        self._looks.append(look)

    @property
    def looks(self) -> Sequence[Look]:
        """All that are kept, the oldest first."""
        return tuple(self._looks)


def room_in(disk: dict[str, int]) -> int:
    """Bytes that may still be used: of the store's quota, or of the disk where that is less."""
    return max(min(disk["quota_bytes"] - disk["store_bytes"], disk["free_bytes"]), 0)


def micros_to_full(looks: Sequence[Look]) -> int | None:
    """Until no room is left at the pace so far; None while it does not fill, or is not known."""
    if not looks or looks[-1].at - looks[0].at < ENOUGH:
        return None
    first, last = looks[0], looks[-1]
    taken = first.room - last.room
    return last.room * (last.at - first.at) // taken if taken > 0 else None


def filling(looks: Sequence[Look]) -> str:
    """The same for people."""
    span = looks[-1].at - looks[0].at if looks else 0
    if span < ENOUGH:
        return "not known yet: that takes ten minutes of watching"
    micros = micros_to_full(looks)
    if micros is None or micros > _FAR:
        return f"not in sight (watched for {lasting(span)})"
    return f"in about {lasting(micros)} (at the pace of the last {lasting(span)})"


def pace(looks: Sequence[Look]) -> tuple[int, int, int]:
    """Over how many minutes (an hour at most), scans accepted and refused in that time."""
    if not looks:
        return 0, 0, 0
    last = looks[-1]
    first = looks[max(len(looks) - 1 - HOUR_OF_LOOKS, 0)]
    minutes = -(-(last.at - first.at) // MINUTE)
    return minutes, max(last.scans - first.scans, 0), max(last.refused - first.refused, 0)
