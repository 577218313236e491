"""What a shop's webhooks missed is found by asking the shop, applied once, and counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from cloud import feeds
from cloud.app.feeds import Shops, secrets_in, write_secret
from cloud.db import open_pool, unit_of_work
from cloud.exceptions import cases
from cloud.feeds import Arrival, NewFeed, Routes, shopify
from cloud.feeds.documents import CustomerReturn, Fulfilment, SalesOrder, StockReport
from shared.units import HOUR, MINUTE
from tests.support import FakeClock

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

HOST = "oats.myshopify.com"


def order(number: int, minute: int = 0, **more: Any) -> dict[str, Any]:
    at = f"2025-11-20T14:{minute:02}:00Z"
    line = {"id": 1, "quantity": 1, "sku": "OAT"}
    return {
        "id": number,
        "created_at": at,
        "updated_at": at,
        "currency": "EUR",
        "line_items": [line],
        **more,
    }


class FakeShop:
    """Answers as the Admin REST API does: two things a page, the next one by the Link header."""

    def __init__(self) -> None:
        self.holds: dict[str, list[dict[str, Any]]] = {"orders": [], "products": []}
        self.asked: list[str] = []
        self.status = 200
        self.elsewhere = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        url = urlsplit(str(request.url))
        self.asked.append(url.path)
        if request.headers["x-shopify-access-token"] != "shpat_1":
            return httpx.Response(401)
        name = url.path.rpartition("/")[2].removesuffix(".json")
        start = int(parse_qs(url.query).get("page_info", ["0"])[0])
        held = self.holds.get(name, [])
        headers = {}
        if start + 2 < len(held):
            host = "evil.example" if self.elsewhere else HOST
            address = f"https://{host}{url.path}?limit=2&page_info={start + 2}"
            headers["link"] = f'<https://{HOST}/x>; rel="previous", <{address}>; rel="next"'
        page = {name: held[start : start + 2]}
        return httpx.Response(self.status, content=json.dumps(page), headers=headers)


class House:
    """A shop, the feed of it, and a worker that notes what it applies."""

    def __init__(self, pool: ConnectionPool[Connection], folder: Path) -> None:
        self.pool = pool
        self.clock = FakeClock()
        self.shop = FakeShop()
        self.applied: list[Any] = []

        def note(_connection: object, document: object, _delivery: object) -> None:
            self.applied.append(document)

        taken = (SalesOrder, CustomerReturn, Fulfilment, StockReport)
        self.routes = Routes({"shopify": shopify.read}, dict.fromkeys(taken, note))
        settings = {"shop": HOST, "locations": {"7": "S"}, "poll_s": 60}
        with unit_of_work(pool) as connection:
            new = NewFeed("shop", "shopify", channel="web", settings=settings)
            self.feed = feeds.add(connection, new, now=self.clock.now())
        write_secret(folder, "shop.token", "shpat_1")
        client = httpx.Client(transport=httpx.MockTransport(self.shop.answer))
        self.shops = Shops(pool, secrets_in(folder), client, self.clock)

    def webhook(self, value: dict[str, Any], key: str) -> None:
        with unit_of_work(self.pool) as connection:
            arrival = Arrival(json.dumps(value).encode(), key, "orders/create")
            feeds.accept(connection, self.feed, arrival, now=self.clock.now())

    def work(self) -> list[Any]:
        self.applied.clear()
        feeds.work(self.pool, self.routes, now=self.clock.now())
        return list(self.applied)

    def poll(self) -> tuple[int | None, int | None, str]:
        self.clock.advance(HOUR)
        assert self.shops.tick() == 1
        with unit_of_work(self.pool) as connection:
            found = feeds.health(connection, [self.feed], now=self.clock.now())
        health = found[self.feed.feed_id]
        return health.poll_looked, health.poll_missed, health.poll_error


@pytest.fixture
def house(database_server: str, database_template: str, tmp_path: Path) -> Iterator[House]:
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE qm_shops TEMPLATE {database_template} STRATEGY FILE_COPY")
        try:
            url = database_server.rpartition("/")[0] + "/qm_shops"
            with open_pool(url, size=2) as pool:
                yield House(pool, tmp_path)
        finally:
            server.execute("DROP DATABASE qm_shops WITH (FORCE)")


def test_only_what_no_webhook_has_told_is_taken_from_the_shop(house: House) -> None:
    refund = {
        "id": 90,
        "order_id": 3,
        "created_at": "2025-11-20T14:20:00Z",
        "refund_line_items": [
            {
                "line_item_id": 1,
                "quantity": 1,
                "restock_type": "no_restock",
                "line_item": {"id": 1, "quantity": 1, "sku": "OAT"},
            }
        ],
    }
    house.shop.holds["orders"] = [order(1), order(2, 10), order(3, 20, refunds=[refund])]
    house.shop.holds["inventory_levels"] = [
        {
            "inventory_item_id": 8,
            "location_id": 7,
            "available": 3,
            "updated_at": "2025-11-20T14:00:00Z",
        }
    ]
    house.webhook(order(1), "w-1")
    house.webhook(order(2), "w-2")
    assert len(house.work()) == 2
    assert house.poll() == (5, 4, "")
    found = house.work()
    assert sorted(type(each).__name__ for each in found) == [
        "CustomerReturn",
        "SalesOrder",
        "SalesOrder",
        "StockReport",
    ]
    assert house.poll() == (5, 0, "")
    assert house.work() == []
    with unit_of_work(house.pool) as connection:
        (case,) = cases(connection, sites=None, code="feed.missed")
    assert (case.subject, case.detail) == ("feed shop", "4 of 5 changes")
    assert any("orders.json" in path for path in house.shop.asked)


def test_a_refused_webhook_was_told_and_is_not_missed(house: House) -> None:
    wrong = order(1, location_id=99)
    house.shop.holds["orders"] = [wrong]
    house.webhook(wrong, "w-1")
    house.work()
    looked, missed, _ = house.poll()
    assert looked == 1
    house.work()
    with unit_of_work(house.pool) as connection:
        rows = feeds.deliveries(connection, house.feed, standing="refused")
    assert (missed, len(rows)) == (0, 1)


def test_a_shop_that_does_not_answer_well_is_asked_again_from_where_it_was(house: House) -> None:
    house.shop.holds["orders"] = [order(1), order(2), order(3)]
    house.shop.status = 503
    assert house.poll() == (0, 0, "feed.source: it answers 503")
    house.shop.status = 200
    house.shop.elsewhere = True
    looked, missed, error = house.poll()
    assert (looked, missed) == (0, 0)
    assert error == "feed.source: its next page is elsewhere"
    house.shop.elsewhere = False
    assert house.poll() == (3, 3, "")
    assert len(house.work()) == 3


def test_a_shop_without_a_token_is_never_asked_and_one_with_a_full_inbox_not_yet(
    house: House, tmp_path: Path
) -> None:
    house.webhook(order(1), "w-1")
    house.clock.advance(MINUTE)
    assert house.shops.tick() == 0
    house.work()
    (tmp_path / "shop.token").unlink()
    assert (house.shops.tick(), house.shop.asked) == (0, [])
