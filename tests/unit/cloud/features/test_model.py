"""What orders and sales are as demand: each unit once, on its site's day."""

from __future__ import annotations

from datetime import UTC, date
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud.features.model import (
    Ordered,
    Passed,
    Span,
    Zones,
    day_of,
    dry_spans,
    order_parts,
    sale_parts,
)
from cloud.feeds.documents import Goods, Numbering, Reference, Sale
from shared.units import DAY, HOUR

AMS = ZoneInfo("Europe/Amsterdam")
ZONES: Zones = {None: UTC, 1: AMS, 2: UTC}
MIDNIGHT = 1_767_222_000_000_000  # 2026-01-01 00:00 in Amsterdam


def sale(quantity: int, *, hours: int, start: int = MIDNIGHT) -> Sale:
    return Sale(
        reference=Reference(numbering=Numbering.CHANNEL, scope="pos", number="1"),
        version=1,
        site="AMS",
        channel="store",
        goods=Goods(sku="OAT"),
        quantity=quantity,
        start=start,
        until=start + hours * HOUR,
    )


def test_a_moment_belongs_to_the_day_of_its_site() -> None:
    assert day_of(MIDNIGHT - 1, AMS) == date(2025, 12, 31)
    assert day_of(MIDNIGHT, AMS) == date(2026, 1, 1)
    assert day_of(MIDNIGHT, UTC) == date(2025, 12, 31)


@given(st.integers(-1000, 1000), st.integers(0, 24 * 40))
def test_a_sale_is_spread_over_the_days_of_its_span_without_losing_a_unit(
    quantity: int, hours: int
) -> None:
    parts = sale_parts(sale(quantity, hours=hours), 7, 1, 6, AMS)
    assert sum(part.quantity for part in parts) == abs(quantity) * 6
    assert {part.measure for part in parts} <= {"sold" if quantity > 0 else "returned"}
    assert all(part.estimated == (hours > 24) for part in parts)


def test_a_week_is_seven_days_also_when_the_clocks_change() -> None:
    monday = 1_774_220_400_000_000  # 2026-03-23 00:00 in Amsterdam; the clocks change on the 29th
    days = {part.day for part in sale_parts(sale(70, hours=7 * 24 - 1, start=monday), 7, 1, 1, AMS)}
    assert days == {date(2026, 3, 23 + n) for n in range(7)}


def test_an_order_without_a_site_counts_where_it_shipped_from_and_the_rest_nowhere_yet() -> None:
    line = Ordered(MIDNIGHT, None, 7, 10, 2)
    left = [Passed(7, 1, MIDNIGHT + 2 * DAY, 3, False), Passed(7, 2, MIDNIGHT, 4, False)]
    parts = order_parts([line], left, ZONES, channel="web", promotion="")
    told = {(part.measure, part.site_id, str(part.day)): part.quantity for part in parts}
    assert told == {
        ("ordered", 1, "2026-01-01"): 3,
        ("ordered", 2, "2025-12-31"): 4,
        ("ordered", None, "2025-12-31"): 3,
        ("cancelled", None, "2025-12-31"): 2,
        ("shipped", 1, "2026-01-03"): 3,
        ("shipped", 2, "2025-12-31"): 4,
    }


def test_goods_that_left_for_an_order_nobody_told_of_are_demand_of_that_day() -> None:
    parts = order_parts(
        [],
        [Passed(7, 1, MIDNIGHT, 3, False), Passed(7, 1, MIDNIGHT, 1, True)],
        ZONES,
        channel="",
        promotion="",
    )
    assert [(part.measure, part.quantity, part.estimated) for part in parts] == [
        ("shipped", 3, False),
        ("ordered", 3, True),
        ("returned", 1, False),
    ]


def test_nothing_is_available_from_the_last_unit_on_until_goods_come() -> None:
    moves = [(10, 5), (20, -5), (30, 2), (40, -2), (50, -1)]
    assert dry_spans(0, moves, before=None) == [Span(20, 30), Span(40, None)]
    assert dry_spans(0, moves[2:], before=20) == [Span(20, 30), Span(40, None)]
    assert dry_spans(0, [], before=None) == []
    assert dry_spans(0, [(20, 1), (20, 0)], before=20) == []


@given(st.lists(st.integers(-4, 6).filter(bool), max_size=12), st.integers(0, 12))
def test_spans_made_from_any_moment_on_are_those_made_from_all(moves: list[int], cut: int) -> None:
    history = [(10 * (n + 1), units) for n, units in enumerate(moves)]
    whole = dry_spans(0, history, before=None)
    since = 10 * (cut + 1)
    opening = sum(units for at, units in history if at < since)
    kept = [span for span in whole if span.ended is not None and span.ended < since]
    open_now = next(
        (
            span.began
            for span in whole
            if span.began < since and (span.ended is None or span.ended >= since)
        ),
        None,
    )
    later = [move for move in history if move[0] >= since]
    assert kept + dry_spans(opening, later, before=open_now) == whole
