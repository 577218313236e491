"""A supplier's last orders as figures, each with the orders behind it. Pure.

Days are those of the order's site, counted from the day of the order. Punctual is measured against
the first day that was promised: a promise that is moved until it fits says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

LAST: Final = 12
"""Orders that a scorecard looks back on."""


class LineFacts(NamedTuple):
    """A line: ``receipts`` are (base units, days since the order)."""

    ordered: int
    open: int
    promised_days: int | None
    price: int | None
    per: int
    invoiced: int
    invoiced_minor: int
    receipts: tuple[tuple[int, int], ...]


class OrderFacts(NamedTuple):
    """An order: ``announced`` are (announced, received) of each line of its finished shipments."""

    number: str
    lines: tuple[LineFacts, ...]
    announced: tuple[tuple[int, int], ...] = ()


class OrderScore(NamedTuple):
    """One order's part in a scorecard; None where it says nothing."""

    number: str
    promised_days: Fraction | None
    actual_days: Fraction | None
    late_days: Fraction | None
    fill: Fraction | None
    price_drift: Fraction | None
    asn_lines: int
    asn_right: int


class Figure(NamedTuple):
    """A figure and the orders that it comes from; None where none says anything."""

    value: Fraction | None
    orders: tuple[str, ...]


class Scorecard(NamedTuple):
    """A supplier's last orders. Days are means over orders, variances are of the population."""

    promised_days: Figure
    actual_days: Figure
    actual_variance: Figure
    late_days: Figure
    late_variance: Figure
    fill: Figure
    price_drift: Figure
    asn_accuracy: Figure
    orders: tuple[OrderScore, ...]


def score(orders: Sequence[OrderFacts]) -> Scorecard:
    """The scorecard of these orders.

    * promised and actual days: per order the mean over its base units, then the mean over orders;
    * late days: actual less first promised, of units that came and had a promise;
    * fill: received of ordered (no more than ordered), over orders of which nothing is open;
    * price drift: invoiced over what the invoiced units were ordered at, less one;
    * ASN accuracy: lines of finished shipments of which just as many came as were announced.
    """
    scores = tuple(_scored(order) for order in orders)
    ended = [order for order in orders if not any(line.open for line in order.lines)]
    return Scorecard(
        _mean((each.number, each.promised_days) for each in scores),
        _mean((each.number, each.actual_days) for each in scores),
        _variance((each.number, each.actual_days) for each in scores),
        _mean((each.number, each.late_days) for each in scores),
        _variance((each.number, each.late_days) for each in scores),
        _share((order.number, *_filled(order)) for order in ended),
        _drifted(orders),
        _share((each.number, each.asn_right, each.asn_lines) for each in scores),
        scores,
    )


def _scored(order: OrderFacts) -> OrderScore:
    promised = [(line.ordered, line.promised_days) for line in order.lines]
    came = [part for line in order.lines for part in line.receipts]
    late = [
        (quantity, days - line.promised_days)
        for line in order.lines
        if line.promised_days is not None
        for quantity, days in line.receipts
    ]
    billed, worth = _billed(order)
    filled, ordered = _filled(order)
    is_open = any(line.open for line in order.lines)
    return OrderScore(
        order.number,
        _weighted((quantity, days) for quantity, days in promised if days is not None),
        _weighted(came),
        _weighted(late),
        None if is_open or not ordered else Fraction(filled, ordered),
        billed / worth - 1 if worth else None,
        len(order.announced),
        sum(announced == received for announced, received in order.announced),
    )


def _weighted(parts: Iterable[tuple[int, int]]) -> Fraction | None:
    total = weight = 0
    for quantity, days in parts:
        total += quantity * days
        weight += quantity
    return Fraction(total, weight) if weight else None


def _filled(order: OrderFacts) -> tuple[int, int]:
    came = [(line.ordered, sum(quantity for quantity, _ in line.receipts)) for line in order.lines]
    return sum(min(ordered, got) for ordered, got in came), sum(ordered for ordered, _ in came)


def _billed(order: OrderFacts) -> tuple[Fraction, Fraction]:
    priced = [line for line in order.lines if line.invoiced and line.price]
    worth = [Fraction((line.price or 0) * line.invoiced, line.per) for line in priced]
    return Fraction(sum(line.invoiced_minor for line in priced)), sum(worth, Fraction(0))


def _drifted(orders: Sequence[OrderFacts]) -> Figure:
    sums = [(order.number, *_billed(order)) for order in orders]
    behind = [(number, billed, worth) for number, billed, worth in sums if worth]
    worth = sum((each[2] for each in behind), Fraction(0))
    billed = sum((each[1] for each in behind), Fraction(0))
    return Figure(billed / worth - 1 if worth else None, tuple(each[0] for each in behind))


def _share(parts: Iterable[tuple[str, int, int]]) -> Figure:
    behind = [(number, part, whole) for number, part, whole in parts if whole]
    whole = sum(each[2] for each in behind)
    part = sum(each[1] for each in behind)
    return Figure(Fraction(part, whole) if whole else None, tuple(each[0] for each in behind))


def _mean(values: Iterable[tuple[str, Fraction | None]]) -> Figure:
    behind = [(number, value) for number, value in values if value is not None]
    total = sum((value for _, value in behind), Fraction(0))
    mean = total / len(behind) if behind else None
    return Figure(mean, tuple(number for number, _ in behind))


def _variance(values: Iterable[tuple[str, Fraction | None]]) -> Figure:
    behind = [(number, value) for number, value in values if value is not None]
    mean = _mean(behind).value
    if mean is None:
        return Figure(None, ())
    squares = sum(((value - mean) ** 2 for _, value in behind), Fraction(0))
    return Figure(squares / len(behind), tuple(number for number, _ in behind))
