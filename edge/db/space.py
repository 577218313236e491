"""How full the disk is, as a state with a memory. Pure: figures in, a level out.

Rules:

1. the tighter of two shares counts: of the store's own quota, and of the file system (of a quota's
   worth of it, where it is larger: what others do with a large disk is not ours to judge);
2. a level is reached at its mark and left only a little below it, so that it does not flutter;
3. without its ballast the disk counts as full: the room that the ballast gave is for freeing.

What each level means is decided where it is acted upon: at ``LOW`` it is said, at ``SCARCE``
evidence is no longer recorded and what the cloud has is removed early, at ``FULL`` scans are
refused. No level ever removes what the cloud does not have.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class Level(IntEnum):
    """How much room is left."""

    PLENTY = 0
    LOW = 1
    SCARCE = 2
    FULL = 3


MARKS: Final[dict[Level, int]] = {Level.LOW: 70, Level.SCARCE: 85, Level.FULL: 95}
"""Percent of the room at which each level is reached."""
CALM: Final = 2
"""A level is left so many percent below its mark."""


class Measure(NamedTuple):
    """What was found, in bytes.

    ``held`` are the store's pages in use, ``quota`` what it may hold. ``disk`` is the size of the
    file system; ``free`` what of it the store could still use, its own free pages included, less
    what a missing ballast would take.
    """

    held: int
    quota: int
    disk: int
    free: int
    ballast: bool = True

    @property
    def worth(self) -> int:
        """The bytes that a share of the file system is taken of."""
        return max(min(self.disk, self.quota), 1)

    @property
    def percent(self) -> float:
        """How full it is: the tighter share, 0 to 100."""
        share = max(self.held / max(self.quota, 1), 1.0 - self.free / self.worth)
        return 100.0 * min(max(share, 0.0), 1.0)


def level_after(before: Level, measure: Measure) -> Level:
    """The level now, after ``before``."""
    if not measure.ballast:
        return Level.FULL
    risen = _reached(measure.percent)
    return risen if risen >= before else min(before, _reached(measure.percent + CALM))


def _reached(percent: float) -> Level:
    return max((level for level, mark in MARKS.items() if percent >= mark), default=Level.PLENTY)
