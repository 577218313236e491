"""What can be supplied from where, as local decisions ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge import stock
from shared.downlink import Catalog, Item, Location, encode
from shared.errors import QuartermasterError
from shared.events import Line, Received, StockState
from tests.support.gateway import SITE, offer_of

if TYPE_CHECKING:
    from edge.app.store import Store
    from edge.db import Connection

CATALOG = Catalog(
    SITE,
    [Item("TEA-1", "Green tea", [])],
    [
        Location("A-01", "shelf"),
        Location("A-02", "shelf", zone="Z1", capacity=100),
        Location("R-01", "reserve"),
        Location("R-02", "reserve"),
        Location("R-03", "reserve", removed=True),
    ],
)


@pytest.fixture
def filled(bare_store: Store) -> Store:
    content = encode(CATALOG)

    def fill(connection: Connection) -> None:
        offer = offer_of(content, 1)
        stock.put_in_force(connection, offer, content, site=bare_store.identity.site, now=1)
        for location, lot, quantity, state in (
            ("A-01", "", 3, StockState.AVAILABLE),
            ("A-01", "", 2, StockState.QUARANTINED),
            ("R-01", "L2", 5, StockState.AVAILABLE),
            ("R-02", "L1", 7, StockState.AVAILABLE),
            ("R-02", "", 1, StockState.AVAILABLE),
            ("R-02", "L1", 4, StockState.DAMAGED),
            ("R-03", "L0", 9, StockState.AVAILABLE),
        ):
            line = Line("TEA-1", quantity, lot or None)
            stock.apply(connection, Received(line, location, state))
        stock.learn_expiry(connection, "TEA-1", "L1", "2027-01-01")
        stock.learn_expiry(connection, "TEA-1", "L2", "2026-01-01")

    bare_store.database.run_blocking(fill)
    return bare_store


def test_reserve_tells_what_expires_first_and_how_much_more_there_is(filled: Store) -> None:
    reader = filled.database.reader
    found, more = stock.reserves(reader, "TEA-1", role="reserve", beside="A-01", limit=2)
    assert [each[:3] for each in found] == [("R-01", "L2", 5), ("R-02", "L1", 7)]
    assert [each.expiry for each in found] == ["2026-01-01", "2027-01-01"]
    assert more == 1
    found, _ = stock.reserves(reader, "TEA-1", role="reserve", beside="R-02", limit=9)
    assert [each.location for each in found] == ["R-01"]


def test_only_what_may_be_promised_is_available(filled: Store) -> None:
    reader = filled.database.reader
    assert stock.available(reader, "TEA-1") == 25
    assert stock.available_at(reader, "TEA-1", "R-02") == 8
    assert stock.held_in(reader, "R-02") == 12
    assert stock.available(reader, "NONE") == 0


def test_places_are_told_with_zone_and_capacity(filled: Store) -> None:
    reader = filled.database.reader
    assert stock.place(reader, "A-02") == ("A-02", "shelf", "Z1", 100)
    assert stock.place(reader, "R-03") is None
    assert [p.location for p in stock.places_of_role(reader, "shelf", limit=9)] == ["A-01", "A-02"]
    assert [p.location for p in stock.places_alike(reader, "TEA-1", limit=2)] == ["R-02", "R-01"]
    assert [p.location for p in stock.empty_places(reader, "shelf", limit=9)] == ["A-02"]


def test_a_row_that_has_changed_is_not_used(filled: Store) -> None:
    filled.database.run_blocking(
        lambda connection: connection.execute("UPDATE balance SET quantity = quantity + 1")
    )
    reader = filled.database.reader
    for ask in (
        lambda: stock.available(reader, "TEA-1"),
        lambda: stock.available_at(reader, "TEA-1", "R-01"),
        lambda: stock.held_in(reader, "R-01"),
        lambda: stock.reserves(reader, "TEA-1", role="reserve", beside="", limit=1),
    ):
        with pytest.raises(QuartermasterError, match=r"store\.damaged"):
            ask()
