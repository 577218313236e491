"""Available to promise: what is free now, and what will be, hour by hour. Pure.

``free = available - expired - leased - reserved - waiting``: on hand less what lies in lots that
have expired, less what leases and gateways' commitments hold, less reservations and the orders made
of them, less what customers wait for without either. What comes is added by the chance that it is
there by then. What a silent site has probably sold unseen is taken off.

Each moment is a range, not a number: ``low`` may be promised (what comes counts when it is there
with 95 %, unseen demand at its upper bound), ``expected`` is the mean, rounded down, ``high`` what
is still possible (what comes counts from 5 % on, unseen demand at its lower bound).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from shared.replenishment.unseen import NOTHING, Unseen

SURE: Final = 0.95
"""What comes with this chance may be promised."""
POSSIBLE: Final = 0.05


class Standing(NamedTuple):
    """One item at one site, now. ``waiting`` is owed to customers without being held for them."""

    available: int
    leased: int = 0
    reserved: int = 0
    waiting: int = 0
    expired: int = 0
    unseen: Unseen = NOTHING

    def free(self) -> int:
        """What the last word says is free; below zero where more was promised than there is."""
        held = self.leased + self.reserved + self.waiting
        return self.available - self.expired - held


class Coming(NamedTuple):
    """So much is to come; ``chances`` is the chance that it is there, for each moment asked."""

    quantity: int
    chances: Sequence[float]


class Range(NamedTuple):
    """What may be promised, what is expected, what is possible."""

    low: int
    expected: int
    high: int


class Outlook(NamedTuple):
    """What is free at each moment that was asked for, the present one first."""

    moments: tuple[Range, ...]

    @property
    def now(self) -> Range:
        """The present."""
        return self.moments[0]

    @property
    def is_steady(self) -> bool:
        """Whether it is the same at all moments, as nothing comes."""
        return self.moments[0] is self.moments[-1]


def outlook(standing: Standing, coming: Sequence[Coming], count: int) -> Outlook:
    """What is free at each of ``count`` moments. It never falls: what has come stays."""
    free, unseen = standing.free(), standing.unseen
    if not coming:  # most sites, most of the time: the same at all moments
        now = _range(free - unseen.high, free - unseen.expected, free - unseen.low)
        return Outlook((now,) * count)
    lows = [free - unseen.high] * count
    means = [free - unseen.expected] * count
    highs = [free - unseen.low] * count
    for each in coming:
        for at, chance in enumerate(accumulate(each.chances[:count], max)):
            lows[at] += each.quantity if chance >= SURE else 0
            means[at] += each.quantity * chance
            highs[at] += each.quantity if chance >= POSSIBLE else 0
    return Outlook(
        tuple(_range(low, mean, high) for low, mean, high in zip(lows, means, highs, strict=True))
    )


def _range(low: int, mean: float, high: int) -> Range:
    """Nothing below zero can be promised; rounding never lifts the mean above what is possible."""
    expected = math.floor(mean + 1e-9)
    return Range(max(low, 0), max(min(expected, high), low, 0), max(high, 0))


def summed(outlooks: Sequence[Outlook], count: int) -> Outlook:
    """Of several sites together. The range is wider than it had to be: not all sites err alike."""
    steady = _sum([each.now for each in outlooks if each.is_steady])
    moving = [each.moments for each in outlooks if not each.is_steady]
    if not moving:
        return Outlook((steady,) * count)
    return Outlook(
        tuple(_sum([steady, *(moments[at] for moments in moving)]) for at in range(count))
    )


def _sum(ranges: Sequence[Range]) -> Range:
    return Range(
        sum(each.low for each in ranges),
        sum(each.expected for each in ranges),
        sum(each.high for each in ranges),
    )


def kit(itself: Outlook, components: Sequence[tuple[Outlook, int]], count: int) -> Outlook:
    """Of a kit at one site: what stands there whole, and as many as its components suffice for.

    ``components`` are outlooks with how many of each one kit takes.
    """

    def sets(at: int, which: int) -> int:
        return min((each.moments[at][which] // units for each, units in components), default=0)

    return Outlook(
        tuple(
            Range(*(itself.moments[at][which] + sets(at, which) for which in range(3)))
            for at in range(count)
        )
    )


def shortest(needs: Mapping[str, int], free: Mapping[str, int]) -> str:
    """Which component a kit runs out of first."""
    return min(sorted(needs), key=lambda name: free.get(name, 0) // needs[name])
