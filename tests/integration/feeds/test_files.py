"""Report files come in by saved mappings, do what they say once, and nothing again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloud import catalog, feeds, tables
from cloud.api.shapes import moment
from cloud.app.documents import ROUTES
from cloud.catalog import ImportKind
from cloud.db import Connection, unit_of_work
from cloud.feeds import Arrival, DeliveryRow, NewFeed, content_key
from cloud.tables import ColumnMapping
from shared.units import HOUR
from tests.support import FakeClock

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

pytestmark = pytest.mark.database

STOCK = (
    "Lager;Artikel;Bestand;Stand\nHall 4;OAT;{};01.03.2026 06:00\nHall 4;RYE;7;01.03.2026 06:00\n"
)
MAPPING = ColumnMapping(
    kind="feed-stock",
    columns={"site": "Lager", "sku": "Artikel", "quantity": "Bestand"},
    decimal=",",
)
ORDERS = (
    "amazon-order-id\tpurchase-date\tlast-updated-date\torder-status\tfulfillment-channel"
    "\tsku\tquantity\tcurrency\titem-price\n"
    "026-1\t2025-11-19T08:00:00+00:00\t2025-11-19T{}:00:00+00:00\t{}\tMerchant\tOAT\t2\tEUR\t3.58\n"
)


class House:
    """A warehouse without a gateway, two items, and two feeds of files."""

    def __init__(self, pool: ConnectionPool[Connection], clock: FakeClock) -> None:
        self.pool = pool
        self.clock = clock
        with unit_of_work(pool) as connection:
            files: dict[ImportKind, str] = {
                "sites": "code,name\nTPL,Their hall\n",
                "items": "sku,name\nOAT,Oats\nRYE,Rye\n",
            }
            for kind, text in files.items():
                report = catalog.import_csv(connection, kind=kind, content=text)
                assert not report.errors
            tables.save(connection, "hall-stock", MAPPING, by="test", at=moment(clock.now()))
            settings = {"mapping": "hall-stock", "sites": {"Hall 4": "TPL"}, "whole": True}
            feeds.add(connection, NewFeed("hall", "table", settings=settings), now=clock.now())
            reports = NewFeed("amz", "amazon", channel="amazon", settings={"sites": {}})
            feeds.add(connection, reports, now=clock.now())

    def send(self, code: str, text: str) -> DeliveryRow:
        content = text.encode()
        with unit_of_work(self.pool) as connection:
            to = feeds.feed(connection, code)
            arrival = Arrival(content, content_key(content), origin="file")
            receipt = feeds.accept(connection, to, arrival, now=self.clock.now())
        feeds.work(self.pool, ROUTES, now=self.clock.now())
        with unit_of_work(self.pool) as connection:
            return feeds.delivery(connection, to, receipt.delivery_id)

    def stock(self) -> dict[str, int]:
        with unit_of_work(self.pool) as connection:
            rows = connection.execute(
                "SELECT i.sku, sum(b.quantity)::int FROM balance AS b JOIN item AS i"
                " USING (item_id) GROUP BY i.sku HAVING sum(b.quantity) <> 0"
            )
            return {str(sku): int(quantity) for sku, quantity in rows}

    def movements(self) -> int:
        with unit_of_work(self.pool) as connection:
            row = connection.execute("SELECT count(*) FROM movement").fetchone()
            assert row is not None
            return int(row[0])


def test_a_warehouses_files_are_its_stock_and_yesterdays_again_changes_nothing(
    pool: ConnectionPool[Connection], clock: FakeClock
) -> None:
    house = House(pool, clock)
    yesterday = house.send("hall", STOCK.format("1.200"))
    assert (yesterday.standing, yesterday.documents) == ("applied", 1), yesterday
    assert house.stock() == {"OAT": 1200, "RYE": 7}
    clock.advance(24 * HOUR)
    assert house.send("hall", STOCK.format("1.150")).standing == "applied"
    assert house.stock() == {"OAT": 1150, "RYE": 7}
    moved = house.movements()
    clock.advance(HOUR)
    again = house.send("hall", STOCK.format("1.200"))
    assert (again.delivery_id, again.repeats) == (yesterday.delivery_id, 1)
    assert (house.stock(), house.movements()) == ({"OAT": 1150, "RYE": 7}, moved)
    wrong = house.send("hall", STOCK.format("viele"))
    assert (wrong.standing, wrong.error_where) == ("refused", "line 2 quantity")
    unknown = house.send("hall", STOCK.format("5").replace("Hall 4", "Hall 9"))
    assert unknown.standing == "refused"
    assert house.stock() == {"OAT": 1150, "RYE": 7}


def test_amazons_report_makes_an_order_once_and_an_older_report_takes_nothing_back(
    pool: ConnectionPool[Connection], clock: FakeClock
) -> None:
    house = House(pool, clock)
    assert house.send("amz", ORDERS.format("09", "Unshipped")).standing == "applied"
    assert house.send("amz", ORDERS.format("11", "Cancelled")).standing == "applied"
    late = house.send("amz", ORDERS.format("10", "Unshipped"))
    assert late.standing == "stale"
    with unit_of_work(pool) as connection:
        rows = connection.execute(
            "SELECT number, status FROM sales_order WHERE merged_into IS NULL"
        ).fetchall()
    assert rows == [("026-1", "cancelled")]
