"""How long suppliers take, as observed: distributions over whole days. Pure.

The estimator is that of Susarla and Van Ryzin (JASA 71, 1976) for a Dirichlet process (Ferguson,
Annals of Statistics 1, 1973) whose base is what is believed before: open orders count as "longer
than so far" (right-censored), few observations lean on the base, many outweigh it. Without a base
it is the product-limit estimator of Kaplan and Meier (JASA 53, 1958).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from shared.units import DAY, Micros

STATED_STRENGTH: Final = 4.0
"""As many order lines as what is only stated is worth, against what orders took."""
HOUSE_STRENGTH: Final = 20.0
"""As many order lines as all suppliers' distribution is worth to one that states nothing."""
CELL_STRENGTH: Final = 20.0
"""As many order lines as a supplier's own distribution is worth to one of its lanes and classes."""
STATED_SPREAD: Final = 0.2
"""The scale of what is only stated, as a part of it: 80 % lie within 0.56 and 1.44 of it."""
SLIP_SPREAD: Final = 1.0
"""The scale, in days, of a promised day about which nothing has been observed."""
UNKNOWN_LEAD: Final = 30
"""Days that an order takes of which nobody has said anything; as vague as it is far."""
LONGEST: Final = 1_500
_NEGLIGIBLE: Final = 1e-4
_UNSEEN: Final = 0.02
_WEEK: Final = 7

Clock = Literal["ordered", "promised", "eta"]
"""From what the days are counted: the order, the first promised day, or the carrier's word."""


class Observation(NamedTuple):
    """An order line, or a part of one, that took so many days, or has taken more (``open``).

    The parts of one line weigh one together: each by its share of the line's quantity.
    """

    days: int
    weight: float
    open: bool = False


class Distribution(NamedTuple):
    """``survival[n]`` is the chance of more than ``days[n]`` days; before the first it is one."""

    days: tuple[int, ...]
    survival: tuple[float, ...]


class Cell(NamedTuple):
    """Whose days: an empty lane and class mean all of a supplier's."""

    supplier: str
    lane: str = ""
    item_class: str = ""


class Learnt(NamedTuple):
    """A cell's distribution, from as many order lines of its own, of which some are open."""

    cell: Cell
    clock: Clock
    distribution: Distribution
    observed: float
    open: float


def believed(median: int, scale: float) -> Distribution:
    """What is only stated: logistic about ``median``, in whole days."""
    reach = math.ceil(scale * math.log(1 / _NEGLIGIBLE))
    days = tuple(range(median - reach, median + reach + 1))
    return Distribution(
        days, tuple(1 / (1 + math.exp((day + 0.5 - median) / scale)) for day in days)
    )


def stated(lead_days: int | None) -> Distribution:
    """What is believed of an order before any was seen; never before the day it is ordered."""
    if lead_days is None:
        return _from_now_on(believed(UNKNOWN_LEAD, UNKNOWN_LEAD / 3))
    return _from_now_on(believed(lead_days, max(0.5, STATED_SPREAD * lead_days)))


def punctual() -> Distribution:
    """What is believed of a promised day before any was kept or broken."""
    return believed(0, SLIP_SPREAD)


def _from_now_on(found: Distribution) -> Distribution:
    return beyond(found, -1) if found.days[0] < 0 else found


def estimate(
    observations: Iterable[Observation], base: Distribution | None = None, strength: float = 0.0
) -> Distribution:
    """The distribution of what was observed, leaning on ``base`` as if on so many observations.

    The chance to end on a day, for what has lasted until then, is
    (strength * base's part of that day + what ended on it) /
    (strength * base's survival until it + what was still waiting): the posterior mean for a
    Dirichlet process, for observations censored after the ends of their own day.
    """
    ended: Counter[int] = Counter()
    still: Counter[int] = Counter()
    for seen in observations:
        (still if seen.open else ended)[seen.days] += seen.weight  # type: ignore[assignment] - weights are real
    support = sorted({*ended, *still, *(base.days if base else ())})
    waiting = sum(ended.values()) + sum(still.values())
    before, alive = 1.0, 1.0
    survival: list[float] = []
    for day in support:
        after = _survival(base, day) if base else 0.0
        exposed = strength * before + waiting
        ends = strength * (before - after) + ended[day]
        alive *= max(0.0, 1 - ends / exposed) if exposed > 1e-12 else 1.0
        waiting = max(0.0, waiting - ended[day] - still[day])
        before = after
        survival.append(alive)
    return Distribution(tuple(support), tuple(survival))


def _survival(found: Distribution, day: float) -> float:
    at = bisect_right(found.days, day) - 1
    return found.survival[at] if at >= 0 else 1.0


def chance_within(found: Distribution, days: float) -> float:
    """The chance of at most so many days: the cumulative distribution."""
    return 1 - _survival(found, days)


def quantile(found: Distribution, share: float) -> int:
    """The fewest days within which at least ``share`` have ended; the last known where none are."""
    at = bisect_left(found.survival, share - 1 - 1e-12, key=lambda chance: -chance)
    at = next(
        (n for n in range(at, len(found.days)) if 1 - found.survival[n] >= share - 1e-12),
        len(found.days) - 1,
    )
    return found.days[at]


def thinned(found: Distribution, steps: int = 64) -> Distribution:
    """About as many days, each chance at most one step late: what is read often stays short.

    The first and the last day stay; a quantile moves to a later day by less than one step's chance.
    """
    kept: list[int] = []
    last = 2.0
    for n, left in enumerate(found.survival):
        ends = n in {0, len(found.survival) - 1}
        if ends or last - left >= 1 / steps:
            kept.append(n)
            last = left
    return Distribution(tuple(found.days[n] for n in kept), tuple(found.survival[n] for n in kept))


def mean(found: Distribution) -> float:
    """The expected days, what lies beyond the last known day counted as that day."""
    total, before = 0.0, 1.0
    for day, after in zip(found.days, found.survival, strict=True):
        total += day * (before - after)
        before = after
    return total + before * found.days[-1]


def beyond(found: Distribution, age: int) -> Distribution:
    """The distribution for what has already lasted more than ``age`` days.

    Where hardly any was seen to last that long it ends at a constant rate, within a quarter of its
    age on average, and no sooner than within a week: an order that nobody has seen so late.
    """
    left = _survival(found, age)
    if left <= _UNSEEN:
        span = max(_WEEK, abs(age) / 4)
        reach = range(1, math.ceil(span * math.log(1 / _NEGLIGIBLE)) + 1)
        return Distribution(
            tuple(age + day for day in reach), tuple(math.exp(-day / span) for day in reach)
        )
    start = bisect_right(found.days, age)
    if start == len(found.days):
        return Distribution((age + LONGEST,), (0.0,))
    return Distribution(
        found.days[start:], tuple(chance / left for chance in found.survival[start:])
    )


HOUSE: Final = Cell("")
"""All suppliers together."""


def learn(
    seen: Mapping[Cell, Sequence[Observation]],
    lead_days: Mapping[str, int | None],
    clock: Clock = "ordered",
) -> dict[Cell, Learnt]:
    """Each cell's distribution, leaning on its supplier's, which leans on what is stated.

    A supplier that states nothing leans on all suppliers together (:data:`HOUSE`), which lean on
    what is believed of an order of which nobody has said anything.

    Args:
        seen: the observations of each cell of supplier, lane and class.
        lead_days: what suppliers state, for the ``ordered`` clock.
        clock: from what the days are counted.
    """
    everything = [each for observations in seen.values() for each in observations]
    believed_of_all = stated(None) if clock == "ordered" else punctual()
    house = estimate(everything, believed_of_all, STATED_STRENGTH)
    found = {HOUSE: _learnt(HOUSE, clock, house, everything)}
    of_supplier: dict[str, list[Observation]] = {}
    for cell, observations in seen.items():
        of_supplier.setdefault(cell.supplier, []).extend(observations)
    for code, observations in of_supplier.items():
        days = lead_days.get(code) if clock == "ordered" else None
        own = (
            estimate(observations, house, HOUSE_STRENGTH)
            if days is None
            else estimate(observations, stated(days), STATED_STRENGTH)
        )
        found[Cell(code)] = _learnt(Cell(code), clock, own, observations)
        for cell in [cell for cell in seen if cell.supplier == code and cell != Cell(code)]:
            narrow = estimate(seen[cell], own, CELL_STRENGTH)
            found[cell] = _learnt(cell, clock, narrow, seen[cell])
    return found


def fallback(
    known: Mapping[tuple[Cell, Clock], Distribution], clock: Clock, lead_days: int | None
) -> Distribution:
    """What is believed of a supplier from which nothing has come yet."""
    if clock == "ordered" and lead_days is not None:
        return stated(lead_days)
    house = known.get((HOUSE, clock))
    return house or (stated(None) if clock == "ordered" else punctual())


def _learnt(
    cell: Cell, clock: Clock, found: Distribution, observations: Sequence[Observation]
) -> Learnt:
    return Learnt(
        cell,
        clock,
        found,
        sum(seen.weight for seen in observations if not seen.open),
        sum(seen.weight for seen in observations if seen.open),
    )


class Arrival(NamedTuple):
    """When something comes: ``chances[n]`` is the chance that it is there by ``moments[n]``.

    Between two moments the chance grows evenly; before the first it is none.
    """

    moments: tuple[Micros, ...]
    chances: tuple[float, ...]

    def by(self, moment: Micros) -> float:
        """The chance that it is there by a moment."""
        at = bisect_right(self.moments, moment)
        if at == 0:
            return 0.0
        if at == len(self.moments):
            return self.chances[-1]
        low, high = self.moments[at - 1], self.moments[at]
        part = (moment - low) / (high - low)
        return self.chances[at - 1] + part * (self.chances[at] - self.chances[at - 1])

    def at(self, share: float) -> Micros:
        """The first moment by which it is there with at least this chance; the last one known."""
        at = next((n for n, chance in enumerate(self.chances) if chance >= share - 1e-12), None)
        if at is None or at == 0:
            return self.moments[-1 if at is None else 0]
        low, high = self.chances[at - 1], self.chances[at]
        part = (share - low) / (high - low)
        earlier, later = self.moments[at - 1], self.moments[at]
        return Micros(earlier + round(part * (later - earlier)))


def arrival(found: Distribution, start: Micros, now: Micros) -> Arrival:
    """When it comes, for days counted from ``start``, given that at ``now`` it is not here.

    What ends on the n-th day comes evenly during the 24 hours that begin n days after ``start``.
    """
    age = (now - start) // DAY - 1
    ahead = beyond(found, age)
    moments: list[Micros] = []
    chances: list[float] = []
    for day, left in zip(ahead.days, ahead.survival, strict=True):
        begin = Micros(start + day * DAY)
        if not moments or begin > moments[-1]:
            moments.append(begin)
            chances.append(chances[-1] if chances else 0.0)
        moments.append(Micros(begin + DAY))
        chances.append(1 - left)
    return _ahead(Arrival(tuple(moments), tuple(chances)), now)


def _ahead(whole: Arrival, now: Micros) -> Arrival:
    """Without the part of the present day that has passed."""
    gone = whole.by(now)
    keep = [
        (moment, (chance - gone) / (1 - gone))
        for moment, chance in zip(whole.moments, whole.chances, strict=True)
        if moment > now and gone < 1
    ]
    if not keep:
        return Arrival((now, Micros(now + DAY)), (0.0, 1.0))
    if whole.moments[0] < now:
        keep.insert(0, (now, 0.0))
    return Arrival(tuple(each[0] for each in keep), tuple(each[1] for each in keep))
