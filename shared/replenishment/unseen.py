"""What a silent site has probably sold since its last word. Pure.

Counts of demand over a time are Poisson where they vary as much as they are large, and negative
binomial where they vary more (Hadley and Whitin, *Analysis of Inventory Systems*, 1963, §3): of the
mean ``m`` and the index of dispersion ``d`` of recent days, a span of ``t`` days has the mean
``m·t`` and the variance ``d·m·t``. Both are summed up until a quantile is reached, not approximated
by a normal distribution, which is too narrow in the tails of slow items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

LOW: Final = 0.025
HIGH: Final = 0.975
"""Between them it lies in 95 of 100 cases."""
_LARGE: Final = 1000.0
"""From this mean on a normal distribution of the same variance will do."""


class Rate(NamedTuple):
    """Recent demand: the mean of a day, and how much days vary as a multiple of that."""

    per_day: float
    dispersion: float


class Unseen(NamedTuple):
    """What was probably demanded unseen: with 95 % between ``low`` and ``high``."""

    low: int
    expected: float
    high: int


NOTHING: Final = Unseen(0, 0.0, 0)


def rate(days: Sequence[int]) -> Rate:
    """The rate of demand by what was demanded on each of some days, those without any included."""
    if not days or not sum(days):
        return Rate(0.0, 1.0)
    mean = sum(days) / len(days)
    if len(days) == 1:
        return Rate(mean, 1.0)
    variance = sum((day - mean) ** 2 for day in days) / (len(days) - 1)
    return Rate(mean, max(1.0, variance / mean))


def unseen(recent: Rate, span_days: float) -> Unseen:
    """What was probably demanded within so many days of which nothing was heard."""
    mean = recent.per_day * span_days
    if mean <= 0:
        return NOTHING
    low, high = (quantile(share, mean, recent.dispersion) for share in (LOW, HIGH))
    return Unseen(low, mean, high)


def quantile(share: float, mean: float, dispersion: float) -> int:
    """The smallest count that is not exceeded with this chance."""
    if mean > _LARGE:
        return max(0, round(mean + _normal(share) * math.sqrt(dispersion * mean)))
    log_first, first, more = -mean, mean, 0.0
    if dispersion > 1.0 + 1e-9:
        size = mean / (dispersion - 1)
        missed = (dispersion - 1) / dispersion
        log_first, first, more = -size * math.log(dispersion), missed * size, missed
    term = math.exp(log_first)
    if term == 0.0:  # too far in the tail to be summed up
        return max(0, round(mean + _normal(share) * math.sqrt(dispersion * mean)))
    total, count = term, 0
    while total < share and term > 0.0:  # both distributions by their recurrence of terms
        term *= (first + more * count) / (count + 1)
        count += 1
        total += term
    return count


def _normal(share: float) -> float:
    """The standard normal quantile (Odeh and Evans, Applied Statistics 23, 1974, AS 70)."""
    t = math.sqrt(-2 * math.log(min(share, 1 - share)))
    top = _polynomial(t, 4.53642210148e-5, 0.0204231210245, 0.342242088547, 1.0, 0.322232431088)
    low = _polynomial(
        t, 0.0038560700634, 0.10353775285, 0.531103462366, 0.588581570495, 0.099348462606
    )
    found = t - top / low
    return found if share > 0.5 else -found


def _polynomial(x: float, *coefficients: float) -> float:
    total = 0.0
    for each in coefficients:
        total = total * x + each
    return total
