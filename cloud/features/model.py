"""What orders, shipments and sales are as demand, and when there was nothing to sell. Pure.

A unit of demand is counted once, on the day it was asked for, in the time zone of its site:

* an order on the day it was placed, at the site asked to ship, or else where it shipped from;
* goods that left for an order that nobody told of yet on the day they left, as estimated;
* a sale on the day its span began; one of a longer span evenly over its days, as estimated;
* a sale that settles an order not at all: the order counts.

What left, what came back and what of the orders was cancelled before it left is told beside it and
never added to it: ``demand`` is ordered plus sold, what was lost to cancellation included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple, TypeAlias

from cloud.feeds.documents import Sale
from shared.units import DAY

Measure = Literal["ordered", "cancelled", "shipped", "sold", "returned"]
Zones: TypeAlias = Mapping[int | None, tzinfo]
"""Time zones by site; of what has no site under None."""


class Part(NamedTuple):
    """What one order or sale contributes to a day."""

    item_id: int
    site_id: int | None
    channel: str
    day: date
    measure: Measure
    quantity: int
    promotion: str
    estimated: bool

    @property
    def cell(self) -> Cell:
        """The day that it counts for."""
        return Cell(self.item_id, self.site_id, self.channel, self.day)


class Cell(NamedTuple):
    """One item at one site through one channel on one day."""

    item_id: int
    site_id: int | None
    channel: str
    day: date


class Ordered(NamedTuple):
    """A line of an order."""

    placed_at: int | None
    site_id: int | None
    item_id: int
    quantity: int
    cancelled: int


class Passed(NamedTuple):
    """Goods of an order that left or came back."""

    item_id: int
    site_id: int | None
    at: int
    quantity: int
    came_back: bool


class Span(NamedTuple):
    """A time without available stock; ``ended`` None while it lasts."""

    began: int
    ended: int | None


def day_of(at: int, zone: tzinfo) -> date:
    """The day that a moment belongs to."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone).date()


def order_parts(
    lines: Iterable[Ordered],
    passed: Sequence[Passed],
    zones: Zones,
    *,
    channel: str,
    promotion: str,
) -> list[Part]:
    """What one order contributes."""
    parts: list[Part] = []
    told: set[int] = set()
    for line in lines:
        if line.placed_at is None:
            continue
        told.add(line.item_id)
        for site_id, ordered, cancelled in _shares(line, passed):
            day = day_of(line.placed_at, zones[site_id])
            told_of: tuple[tuple[Measure, int], ...] = (
                ("ordered", ordered),
                ("cancelled", cancelled),
            )
            for measure, quantity in told_of:
                parts.append(
                    Part(line.item_id, site_id, channel, day, measure, quantity, promotion, False)
                )
    for each in passed:
        day = day_of(each.at, zones[each.site_id])
        measures: list[Measure] = ["returned"] if each.came_back else ["shipped"]
        if not each.came_back and each.item_id not in told:
            measures.append("ordered")
        parts += [
            Part(
                each.item_id,
                each.site_id,
                channel,
                day,
                measure,
                each.quantity,
                promotion,
                measure == "ordered",
            )
            for measure in measures
        ]
    return [part for part in parts if part.quantity]


def _shares(line: Ordered, passed: Sequence[Passed]) -> list[tuple[int | None, int, int]]:
    """A line by site: (site, ordered, cancelled). Nobody was asked: by where it left from."""
    if line.site_id is not None:
        return [(line.site_id, line.quantity, line.cancelled)]
    left = line.quantity
    by_site: dict[int | None, int] = {}
    for each in passed:
        if each.item_id == line.item_id and not each.came_back and each.site_id is not None:
            taken = min(left, each.quantity)
            by_site[each.site_id] = by_site.get(each.site_id, 0) + taken
            left -= taken
    return [*((site, units, 0) for site, units in by_site.items()), (None, left, line.cancelled)]


def sale_parts(sale: Sale, item_id: int, site_id: int, units: int, zone: tzinfo) -> list[Part]:
    """What one sale contributes; ``units`` base units are one of what it counts."""
    quantity = abs(sale.quantity) * units
    measure: Measure = "sold" if sale.quantity > 0 else "returned"
    days = _days(sale.start, sale.until, zone)
    parts: list[Part] = []
    for index, day in enumerate(days):
        share = quantity * (index + 1) // len(days) - quantity * index // len(days)
        if share:
            parts.append(
                Part(
                    item_id,
                    site_id,
                    sale.channel,
                    day,
                    measure,
                    share,
                    sale.promotion,
                    len(days) > 1,
                )
            )
    return parts


def _days(start: int, until: int, zone: tzinfo) -> list[date]:
    """The days that a span is told for: one up to a day long belongs to the day it began."""
    first = day_of(start, zone)
    if until - start <= DAY:
        return [first]
    last = day_of(until - 1, zone)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def dry_spans(
    opening: int, movements: Iterable[tuple[int, int]], *, before: int | None
) -> list[Span]:
    """When nothing was available; what never came does not lack.

    Args:
        opening: what was available before the first movement.
        movements: (moment, net quantity), ascending.
        before: when the present lack began, where it lasts since before the first movement.
    """
    spans: list[Span] = []
    began, available = before, opening
    for at, quantity in movements:
        available += quantity
        if available > 0 and began is not None:
            if at > began:
                spans.append(Span(began, at))
            began = None
        elif available <= 0 and began is None:
            began = at
    return spans if began is None else [*spans, Span(began, None)]
