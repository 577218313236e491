"""What the ledger answers: now, as it was, as it was known; page by page; by site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloud.catalog.service import item_ids, location_ids
from cloud.db import unit_of_work
from cloud.ledger.model import Entry
from cloud.ledger.names import Names
from cloud.ledger.service import drift, movements, post, stock, stock_as_of
from shared.events import Event, EventData, Kind, Line, Moved, Received, Shipped, StockState
from shared.units import HOUR, Micros
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
T0 = 1_763_650_000_000_000


class Book:
    """A ledger with two sites, posted to event by event."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.names = Names(item_ids, location_ids)
        stage(connection, [Hand("gw-a"), Hand("gw-b")], items=3)
        rows = connection.execute("SELECT name, gateway_id, site_id FROM gateway").fetchall()
        self.where = {name: (gateway_id, site_id) for name, gateway_id, site_id in rows}
        self.seq = 0

    def post(self, gateway: str, data: EventData, *, occurred: int, known: int) -> None:
        self.seq += 1
        event = Event(
            self.seq.to_bytes(16, "big"), int(Kind.RECEIVED), occurred, self.seq, bytes(32),
            "sc-1", 1, data, bytes(32),
        )  # fmt: skip
        entry = Entry(*self.where[gateway], 1, [event])
        assert post(self.connection, [entry], names=self.names, at=Micros(known)) == []


@pytest.fixture
def book(pool: ConnectionPool[Connection]) -> Iterator[Book]:
    with unit_of_work(pool) as connection:
        yield Book(connection)


def quantities(rows: list[Any]) -> dict[tuple[str, str], int]:
    return {(row.sku, row.location): row.quantity for row in rows}


def test_stock_leaves_out_zeros_and_other_sites(book: Book) -> None:
    book.post("gw-a", Received(Line("SKU-0", 5), "L0"), occurred=T0, known=T0)
    book.post("gw-a", Received(Line("SKU-1", 5), "L0"), occurred=T0, known=T0)
    book.post("gw-a", Shipped(Line("SKU-1", 5), "L0", StockState.AVAILABLE), occurred=T0, known=T0)
    book.post("gw-b", Received(Line("SKU-0", 9), "L0"), occurred=T0, known=T0)
    everything = stock(book.connection, sites=None)
    assert [(row.site, row.quantity) for row in everything] == [("S-gw-a", 5), ("S-gw-b", 9)]
    own = frozenset({book.where["gw-b"][1]})
    assert [row.quantity for row in stock(book.connection, sites=own)] == [9]
    assert stock(book.connection, sites=own, site="S-gw-a") == []
    assert stock(book.connection, sites=frozenset()) == []
    assert stock(book.connection, sites=None, item="SKU-none") == []
    assert drift(book.connection) == []


def test_pages_of_stock_and_movements_cover_everything_once(book: Book) -> None:
    for number in range(30):
        line = Line(f"SKU-{number % 3}", 1, lot=f"LOT{number % 5}")
        data = Moved(line, f"L{number % 4}", f"L{(number + 1) % 4}")
        book.post("gw-a", data, occurred=T0 + number, known=T0 + number // 4)
    for question in (stock, movements):
        whole = question(book.connection, sites=None, limit=1000)
        paged: list[Any] = []
        after = None
        while page := question(book.connection, sites=None, after=after, limit=7):
            paged += page
            after = tuple(json.loads(json.dumps(page[-1].key)))
        assert paged == whole
    assert len(whole) == 60
    assert [row.received_at for row in whole] == sorted(
        (row.received_at for row in whole), reverse=True
    )


def test_a_past_moment_can_be_asked_for_as_it_was_and_as_it_was_known(book: Book) -> None:
    book.post("gw-a", Received(Line("SKU-0", 10), "L0"), occurred=T0, known=T0 + 1)
    # Happened an hour later, but was known only two hours later.
    late = Moved(Line("SKU-0", 4), "L0", "L1")
    book.post("gw-a", late, occurred=T0 + HOUR, known=T0 + 3 * HOUR)
    book.post("gw-a", Received(Line("SKU-0", 1), "L0"), occurred=T0 + 2 * HOUR, known=T0 + 2 * HOUR)
    ask = book.connection
    moved = {("SKU-0", "L0"): 6, ("SKU-0", "L1"): 4}
    assert quantities(stock_as_of(ask, sites=None, true_at=T0 - 1)) == {}
    assert quantities(stock_as_of(ask, sites=None, true_at=T0)) == {("SKU-0", "L0"): 10}
    assert quantities(stock_as_of(ask, sites=None, true_at=T0 + HOUR)) == moved
    assert quantities(stock_as_of(ask, sites=None, known_at=T0)) == {}
    assert quantities(stock_as_of(ask, sites=None, known_at=T0 + 2 * HOUR)) == {("SKU-0", "L0"): 11}
    both = stock_as_of(ask, sites=None, true_at=T0 + HOUR, known_at=T0 + 2 * HOUR)
    assert quantities(both) == {("SKU-0", "L0"): 10}
    now = stock_as_of(ask, sites=None)
    assert quantities(now) == quantities(stock(ask, sites=None))


def test_a_movement_names_its_event_and_device(book: Book) -> None:
    book.post("gw-a", Received(Line("SKU-2", 3, lot="A"), "L1"), occurred=T0, known=T0 + 5)
    (row,) = movements(book.connection, sites=None, item="SKU-2", gateway="gw-a", lot="A")
    assert (row.site, row.location, row.quantity, row.device) == ("S-gw-a", "L1", 3, "sc-1")
    assert (row.epoch, row.seq, row.occurred_at, row.received_at) == (1, 1, T0, T0 + 5)
    assert row.event_id == "00000000-0000-0000-0000-000000000001"
    assert movements(book.connection, sites=None, since=T0 + 6) == []
    assert len(movements(book.connection, sites=None, until=T0 + 5)) == 1


def test_one_position_is_found_by_key_not_by_reading_all_balances(book: Book) -> None:
    book.connection.execute(
        "INSERT INTO balance (site_id, item_id, location_id, state, lot, serial, quantity, "
        "updated_at) "
        "SELECT l.site_id, item_id, location_id, 0, 'L' || n, '', 1, now() "
        "FROM item, location l, generate_series(1, 300) n"
    )
    book.connection.execute("ANALYZE balance")
    plan = book.connection.execute(
        "EXPLAIN (FORMAT JSON) SELECT * FROM balance WHERE site_id = 1 AND item_id = 2"
    ).fetchone()
    assert plan is not None
    assert "Seq Scan" not in json.dumps(plan[0])
