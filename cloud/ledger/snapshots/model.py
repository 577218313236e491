"""Which snapshot a past moment starts from, and which are due. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from shared.units import DAY, HOUR

WEEK: Final = 7 * DAY
"""Between two snapshots; a chunk of movements is as long, and begins when a snapshot is of."""
SETTLED: Final = HOUR
"""So long after its end nothing is received in a week any more: workers' clocks differ by less."""


class Window(NamedTuple):
    """What a past moment is put together from: see the README. Microseconds UTC.

    ``since`` is the snapshot to start from (0: from nothing), ``until`` the next one (``since``
    again where there is none), ``last`` the newest of all.
    """

    since: int
    until: int
    last: int


def window(snapshots: Sequence[int], true_at: int | None, known_at: int | None) -> Window:
    """The window of a moment; ``snapshots`` ascend."""
    moment = min(at for at in (true_at, known_at, 2**62) if at is not None)
    before = [at for at in snapshots if at <= moment]
    since = before[-1] if before else 0
    until = next((at for at in snapshots if at > moment), since)
    return Window(since, until, snapshots[-1] if snapshots else 0)


def due(last: int | None, first_received: int | None, now: int) -> int | None:
    """The next snapshot to be made, if its week is over; nothing before there are movements."""
    if last is None:
        if first_received is None:
            return None
        following = first_received // WEEK * WEEK + WEEK
    else:
        following = last + WEEK
    return following if following + SETTLED <= now else None
