"""A shop, an ERP, a warehouse and a settlement speak of one order, each through its own feed."""

from __future__ import annotations

import itertools
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from cloud import catalog, features, feeds
from cloud.app.documents import ROUTES
from cloud.app.selling import Selling
from cloud.db import unit_of_work
from cloud.feeds import Arrival, NewFeed
from cloud.orders import sales
from shared.units import DAY, HOUR
from tests.support import FakeClock
from tests.support.intake import AT

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
_KEYS = itertools.count(1)

SHOPIFY_ORDER: dict[str, Any] = {
    "id": 450789469,
    "name": "#1001",
    "created_at": "2025-11-20T14:00:00Z",
    "updated_at": "2025-11-20T14:00:00Z",
    "financial_status": "paid",
    "currency": "EUR",
    "email": "ann@example.org",
    "line_items": [{"id": 1, "quantity": 5, "sku": "OAT", "price": "1.79"}],
}
SHOPIFY_FULFILLMENT: dict[str, Any] = {
    "id": 255858046,
    "order_id": 450789469,
    "status": "success",
    "created_at": "2025-11-21T09:00:00Z",
    "updated_at": "2025-11-21T09:00:00Z",
    "tracking_company": "DHL",
    "tracking_number": "JJD1",
    "location_id": 7,
    "line_items": [{"id": 1, "quantity": 3, "sku": "OAT", "price": "1.79"}],
}
SHOP = {"numbering": "channel", "scope": "web", "number": "#1001"}
OURS = {"numbering": "ours", "scope": "", "number": "SO-77"}
LINE = {"number": "1", "goods": {"sku": "OAT"}, "quantity": 5, "price": 179}
ERP = {
    "type": "sales-order",
    "references": [OURS, SHOP],
    "channel": "web",
    "status": "placed",
    "version": 1,
    "placed_at": AT,
    "currency": "EUR",
    "lines": [LINE],
}
WAREHOUSE = {
    "type": "fulfilment",
    "references": [{"numbering": "tracking", "scope": "parcels", "number": "JJD1"}],
    "order": [OURS],
    "site": "AMS",
    "shipped_at": AT + DAY,
    "lines": [LINE | {"quantity": 3}],
}
SETTLEMENT = {
    "type": "sale",
    "reference": {"numbering": "invoice", "scope": "bank", "number": "S-1"},
    "version": 1,
    "site": "AMS",
    "channel": "web",
    "goods": {"sku": "OAT"},
    "quantity": 5,
    "start": AT,
    "until": AT + HOUR,
    "order": [SHOP],
}


@pytest.mark.parametrize("backwards", [False, True])
def test_four_feeds_of_one_order_are_one_order_with_one_demand(
    pool: ConnectionPool[Connection], *, backwards: bool
) -> None:
    said: list[tuple[str, str, dict[str, Any]]] = [
        ("shop", "orders/create", SHOPIFY_ORDER),
        ("erp", "", ERP),
        ("shop", "fulfillments/create", SHOPIFY_FULFILLMENT),
        ("3pl", "", WAREHOUSE),
        ("bank", "", SETTLEMENT),
    ]
    with unit_of_work(pool) as connection:
        for kind, content in (("sites", "code,name\nAMS,x\n"), ("items", "sku,name\nOAT,Oats\n")):
            assert not catalog.import_csv(connection, kind=kind, content=content).errors
        settings = {"shop": "oats.myshopify.com", "locations": {"7": "AMS"}}
        new = [NewFeed("shop", "shopify", channel="web", settings=settings)]
        new += [NewFeed(code, "rest") for code in ("erp", "3pl", "bank")]
        for feed in new:
            feeds.add(connection, feed, now=AT)
        for feed, topic, value in reversed(said) if backwards else said:
            arrival = Arrival(json.dumps(value).encode(), f"k{next(_KEYS)}", topic)
            feeds.accept(connection, feeds.feed(connection, feed), arrival, now=AT)
    feeds.work(pool, ROUTES, now=AT)
    Selling(pool, FakeClock(AT + HOUR)).tick()
    with unit_of_work(pool) as connection:
        standings = {
            row.standing
            for code in ("shop", "erp", "3pl", "bank")
            for row in feeds.deliveries(connection, feeds.feed(connection, code))
        }
        (order,) = sales.page(connection, sites=None)
        whole = sales.whole(connection, order.order_id, sites=None)
        days = features.demand(
            connection,
            sites=None,
            first=date(2025, 11, 1),
            last=date(2025, 12, 1),
            now=AT,
        )
    assert standings == {"applied"}
    assert (order.number, order.status, order.site) == ("#1001", "part-shipped", "AMS")
    assert order.differs == ""
    assert [(line.quantity, line.shipped, line.amount) for line in whole.lines] == [(5, 3, 895)]
    assert {each.said.feed for each in whole.statements} == {"shop", "erp", "3pl"}
    assert [(day.day, day.ordered, day.sold, day.shipped) for day in days] == [
        ("2025-11-20", 5, 0, 0),
        ("2025-11-21", 0, 0, 3),
    ]
