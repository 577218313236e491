"""What each event does to stock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.events import (
    DATA_OF,
    Adjusted,
    CodeSeen,
    Counted,
    EventData,
    Inspected,
    Kind,
    Line,
    Moved,
    Packed,
    Picked,
    PutAway,
    Received,
    Returned,
    Shipped,
    StockState,
)
from shared.movements import Movement, Position, movements_of

LINE = Line("SKU-1", 5, lot="L1")


def at(location: str, state: StockState, quantity: int) -> Movement:
    return Movement(Position("SKU-1", location, "L1", "", state), quantity)


def test_receiving_adds_available_stock() -> None:
    assert movements_of(Received(LINE, "DOCK")) == (at("DOCK", StockState.AVAILABLE, 5),)


def test_picking_takes_from_the_shelf_and_stages_it_allocated() -> None:
    assert movements_of(Picked(LINE, "A-01", "STAGE")) == (
        at("A-01", StockState.AVAILABLE, -5),
        at("STAGE", StockState.ALLOCATED, 5),
    )


def test_shipping_takes_the_staged_stock_away() -> None:
    assert movements_of(Shipped(LINE, "STAGE")) == (at("STAGE", StockState.ALLOCATED, -5),)


def test_a_return_waits_in_quarantine() -> None:
    assert movements_of(Returned(LINE, "DOCK")) == (at("DOCK", StockState.QUARANTINED, 5),)


def test_a_count_moves_the_difference() -> None:
    assert movements_of(Counted(LINE, "A-01", expected=7)) == (
        at("A-01", StockState.AVAILABLE, -2),
    )


def test_a_count_that_agrees_moves_nothing() -> None:
    assert movements_of(Counted(LINE, "A-01", expected=5)) == ()


def test_an_adjustment_moves_its_difference() -> None:
    assert movements_of(Adjusted(LINE, "A-01", -5, "broken")) == (
        at("A-01", StockState.AVAILABLE, -5),
    )


def test_an_inspection_changes_the_state_in_place() -> None:
    assert movements_of(Inspected(LINE, "A-01", StockState.QUARANTINED, StockState.AVAILABLE)) == (
        at("A-01", StockState.QUARANTINED, -5),
        at("A-01", StockState.AVAILABLE, 5),
    )


def test_packing_and_seeing_move_nothing() -> None:
    assert movements_of(Packed(LINE, "STAGE")) == ()
    assert movements_of(CodeSeen("cam-1", "EAN13", "4006381333931")) == ()


@given(
    quantity=st.integers(0, 10_000_000),
    state=st.sampled_from(StockState),
    shape=st.sampled_from([PutAway, Picked, Moved]),
)
def test_what_stays_on_site_sums_to_zero(
    quantity: int, state: StockState, shape: type[PutAway | Picked | Moved]
) -> None:
    line = Line("SKU-1", quantity)
    data: EventData = Moved(line, "A", "B", state) if shape is Moved else shape(line, "A", "B")
    assert sum(movement.quantity for movement in movements_of(data)) == 0


def test_every_kind_has_its_data_and_back() -> None:
    assert list(DATA_OF) == [int(kind) for kind in Kind]
    assert len(set(DATA_OF.values())) == len(Kind)
