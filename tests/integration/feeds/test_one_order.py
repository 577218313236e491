"""One order by three feeds, in any order and twice, is one order, counted once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloud import catalog, feeds
from cloud.app.documents import ROUTES
from cloud.db import unit_of_work
from cloud.feeds import Arrival, NewFeed
from shared.units import SECOND
from tests.support import FakeClock

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

CREATED = "2025-11-20T14:00:00Z"
SHOP: dict[str, Any] = {
    "id": 77,
    "name": "#1001",
    "order_number": 1001,
    "created_at": CREATED,
    "updated_at": CREATED,
    "currency": "EUR",
    "line_items": [{"id": 1, "quantity": 5, "sku": "OAT", "price": "1.79"}],
}
REFERENCE = {"numbering": "channel", "scope": "web", "number": "#1001"}
LINE = {"number": "1", "goods": {"sku": "OAT"}, "quantity": 5}
ERP = {
    "type": "sales-order",
    "references": [REFERENCE, {"numbering": "ours", "scope": "erp", "number": "SO-9"}],
    "channel": "web",
    "status": "placed",
    "version": 1_763_647_200_000_000,
    "placed_at": 1_763_647_200_000_000,
    "currency": "EUR",
    "lines": [LINE],
}
WAREHOUSE = {
    "type": "fulfilment",
    "references": [{"numbering": "warehouse", "scope": "3pl", "number": "W06-1"}],
    "order": [REFERENCE],
    "site": "AMS1",
    "shipped_at": 1_763_650_000_000_000,
    "lines": [LINE],
}
WORDS = {
    "shop": ("orders/create", SHOP),
    "erp": ("documents", ERP),
    "depot": ("documents", WAREHOUSE),
}


@pytest.mark.parametrize("sequence", [("shop", "erp", "depot"), ("depot", "erp", "shop")])
def test_shop_connector_and_warehouse_tell_of_one_order(
    pool: ConnectionPool[Connection], sequence: tuple[str, ...]
) -> None:
    clock = FakeClock()
    with unit_of_work(pool) as connection:
        assert not catalog.import_csv(
            connection, kind="sites", content="code,name,timezone\nAMS1,Depot,Europe/Amsterdam\n"
        ).errors
        assert not catalog.import_csv(
            connection, kind="items", content="sku,name\nOAT,Oats\n"
        ).errors
        settings = {"shop": "oats.myshopify.com"}
        made = {
            new.code: feeds.add(connection, new, now=clock.now())
            for new in (
                NewFeed("shop", "shopify", channel="web", settings=settings),
                NewFeed("erp", "rest"),
                NewFeed("depot", "rest"),
            )
        }
    for key in ("first", "again"):
        for code in sequence:
            topic, value = WORDS[code]
            arrival = Arrival(json.dumps(value).encode(), f"{code} {key}", topic)
            with unit_of_work(pool) as connection:
                feeds.accept(connection, made[code], arrival, now=clock.now())
            clock.advance(SECOND)
            feeds.work(pool, ROUTES, now=clock.now())
    with unit_of_work(pool) as connection:
        for each in made.values():
            rows = feeds.deliveries(connection, each)
            assert {row.standing for row in rows} == {"applied"}, rows
        orders = connection.execute(
            "SELECT status, number FROM sales_order WHERE status <> 'merged'"
        ).fetchall()
        lines = connection.execute(
            "SELECT l.quantity, l.shipped FROM sales_line AS l JOIN sales_order USING (order_id)"
            " WHERE status <> 'merged'"
        ).fetchall()
    assert [status for status, _ in orders] == ["shipped"]
    assert lines == [(5, 5)]
