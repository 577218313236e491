"""The pure parts of stock in full: what a report changes, where arrivals go, what pallets hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud.ledger.postings.model import UNPLACED, Stated, reconcile, taken
from cloud.ledger.snapshots.model import WEEK, Window, due, window
from cloud.ledger.transit.model import Goods, Line, allot
from cloud.ledger.units.model import UnitFact, counting, unit_of
from shared.movements import Position
from shared.units import HOUR

SKUS = st.sampled_from(["A", "B"])
STATES = st.sampled_from([0, 3])
LOTS = st.sampled_from(["", "X", "Y"])
POSITIONS = st.builds(Position, SKUS, st.sampled_from([UNPLACED, "P"]), LOTS, st.just(""), STATES)
LINES = st.tuples(SKUS, STATES, st.integers(0, 60)).map(lambda said: Stated(*said))
HELD = st.dictionaries(POSITIONS, st.integers(-5, 50), max_size=8)


@given(
    held=HELD,
    lines=st.lists(LINES, max_size=5),
    whole=st.booleans(),
)
def test_a_report_by_item_makes_the_sums_what_it_says_and_touches_nothing_else(
    held: dict[Position, int], lines: list[Stated], *, whole: bool
) -> None:
    after = dict(held)
    for position, quantity in reconcile(lines, held, silent_is_zero=whole):
        after[position] = after.get(position, 0) + quantity
    for sku in ("A", "B"):
        for state in (0, 3):
            said = [each.quantity for each in lines if (each.sku, each.state) == (sku, state)]
            total = sum(q for p, q in after.items() if (p.sku, p.state) == (sku, state))
            if said or whole:
                assert total == sum(said)
            else:
                assert total == sum(q for p, q in held.items() if (p.sku, p.state) == (sku, state))


@given(held=HELD, lots=st.dictionaries(LOTS, st.integers(0, 60), min_size=1, max_size=3))
def test_a_report_by_lot_makes_each_lot_what_it_says(
    held: dict[Position, int], lots: dict[str, int]
) -> None:
    lines = [Stated("A", 0, quantity, "P", lot) for lot, quantity in lots.items()]
    after = dict(held)
    for position, quantity in reconcile(lines, held, silent_is_zero=False):
        after[position] = after.get(position, 0) + quantity
    for lot, quantity in lots.items():
        assert after.get(Position("A", "P", lot, "", 0), 0) == quantity
    rest = {p: q for p, q in held.items() if p.sku != "A" or p.location != "P" or p.state}
    assert {p: after[p] for p in rest} == rest


@given(held=HELD, quantity=st.integers(1, 200), lot=LOTS)
def test_what_is_taken_is_all_of_it_and_nothing_below_zero_but_of_no_place(
    held: dict[Position, int], quantity: int, lot: str
) -> None:
    parts = taken("A", quantity, lot, "", held)
    assert sum(part for _, part in parts) == quantity
    assert len({position for position, _ in parts}) == len(parts)
    plain = Position("A", UNPLACED, lot, "", 0)
    for position, part in parts:
        assert position == plain or part <= held[position]
        assert not lot or position.lot == lot


@given(
    lines=st.lists(st.tuples(LOTS, st.integers(1, 9), st.integers(0, 9)), max_size=5),
    quantity=st.integers(1, 40),
    lot=LOTS,
)
def test_an_arrival_goes_to_lines_as_far_as_they_go_and_the_rest_is_over(
    lines: list[tuple[str, int, int]], quantity: int, lot: str
) -> None:
    known = [
        Line(1, n, "A", name, "", "", sent, min(here, sent), 0)
        for n, (name, sent, here) in enumerate(lines)
    ]
    parts, over = allot(Goods("A", quantity, lot), known)
    assert sum(part for _, part in parts) + over == quantity
    assert all(0 < part <= line.under_way for line, part in parts)
    assert over == max(0, quantity - sum(line.under_way for line in known))
    exact = sum(line.under_way for line in known if line.lot == lot)
    assert sum(part for line, part in parts if line.lot == lot) == min(exact, quantity)


@given(
    snapshots=st.lists(st.integers(1, 9), unique=True).map(sorted),
    true_at=st.none() | st.integers(0, 10),
    known_at=st.none() | st.integers(0, 10),
)
def test_a_window_begins_before_the_moment_and_ends_after_it(
    snapshots: list[int], true_at: int | None, known_at: int | None
) -> None:
    since, until, last = window(snapshots, true_at, known_at)
    moment = min(at for at in (true_at, known_at, 99) if at is not None)
    assert since <= moment
    assert until == since or moment < until
    assert not [at for at in snapshots if since < at < until]
    assert last == (snapshots[-1] if snapshots else 0)


def test_a_snapshot_is_due_an_hour_after_its_week() -> None:
    assert window([], None, None) == Window(0, 0, 0)
    assert due(None, None, 99 * WEEK) is None
    assert due(None, 3 * WEEK + 5, 4 * WEEK + HOUR - 1) is None
    assert due(None, 3 * WEEK + 5, 4 * WEEK + HOUR) == 4 * WEEK
    assert due(4 * WEEK, None, 5 * WEEK + HOUR) == 5 * WEEK


def fact(number: int, what: str, quantity: int, at: int, *, back: int | None = None) -> UnitFact:
    return UnitFact(
        number, "0" * 18, what, back, "", "A", "", "", quantity, "S", 1, "L", None, at, at + 10
    )  # type: ignore[arg-type]


def test_what_the_floor_saw_stands_before_what_was_announced_and_a_receipt_replaces() -> None:
    facts = [
        fact(1, "announced", 9, 1),
        fact(2, "packed", 2, 3),
        fact(3, "received", 5, 4),
        fact(4, "packed", 1, 5),
        fact(5, "taken-back", 0, 6, back=4),
    ]

    def held(true_at: int, known_at: int | None = None) -> list[int]:
        unit = unit_of("0" * 18, counting(facts, true_at, known_at))
        return [] if unit is None else [content.quantity for content in unit.contents]

    assert held(0) == []
    assert held(2) == [9]
    assert held(3) == [2]
    assert held(4) == [5]
    assert held(5) == [6]
    assert held(6) == [5]
    assert held(6, known_at=15) == [6]
    assert held(6, known_at=10) == []
