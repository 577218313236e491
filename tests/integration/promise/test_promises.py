"""Promises on the real database: who gets what, when, why that changed, and who is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cloud import catalog, orders, promise
from cloud.app.promising import Promising
from cloud.db import unit_of_work
from cloud.feeds.documents import OrderStatus
from cloud.promise import Receivers, ShopifyMetafields, Webhook
from shared.units import DAY, SECOND, Micros
from shared.webhooks import verify
from tests.integration.promise.test_atp import Shop
from tests.support import FakeClock

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
TOLD = Receivers(("customer",), ("shop",))


@pytest.fixture
def shop(pool: ConnectionPool[Connection], clock: FakeClock) -> Shop:
    return Shop(pool, clock)


def replan(shop: Shop) -> int:
    with unit_of_work(shop.planner.pool) as connection:
        count = sum(
            promise.replan(connection, item, now=shop.clock.now(), receivers=TOLD)
            for item in promise.concerned(connection)
        )
        promise.looked(connection, shop.clock.now())
        assert orders.drift(connection) == []
        return count


def promised(shop: Shop, **asked: Any) -> dict[str, Any]:
    return {
        each["order"]: each for each in shop.planner.get("/v1/promises", shop.key, **asked)["items"]
    }


def messages(shop: Shop, kind: str) -> list[Any]:
    with unit_of_work(shop.planner.pool) as connection:
        rows = connection.execute(
            "SELECT body FROM promise_message WHERE kind = %s ORDER BY message_id", [kind]
        )
        return [row[0] for row in rows]


def test_stock_goes_to_who_paid_first_and_receipts_to_the_next(shop: Shop) -> None:
    now = shop.clock.now()
    shop.order("unpaid", 45)
    shop.order("paid", 30, paid_at=now)
    shop.purchase("PO-1", 100, Micros(now + 10 * DAY))
    assert replan(shop) == 2
    found = promised(shop)
    assert (found["paid"]["state"], found["paid"]["held"]) == ("held", 30)
    assert found["paid"]["site"] is None or found["paid"]["says"].startswith("ships Nov 20")
    late = found["unpaid"]
    assert (late["state"], late["held"]) == ("backordered", 20)
    assert late["says"].startswith("ships Nov ")
    assert late["first_day"] < late["last_day"]
    assert "Served as number 2 of 2: not paid yet." in str(late["because"])
    assert "25 come with PO-1 line 1" in str(late["because"])
    assert shop.atp()["low"] == 0, "all that is free is held, and 25 are waited for"
    assert replan(shop) == 0, "nothing moved, nothing is told"
    assert len(messages(shop, "promise.made")) == 2
    (window,) = messages(shop, "availability")
    assert window["says"].startswith("ships Nov "), "what the next buyer is told before he buys"
    asked = shop.planner.get("/v1/availability", shop.key, item="SKU-0")
    assert (asked["says"], asked["low"]) == (window["says"], 0)


def test_when_a_date_moves_the_promise_is_made_anew_with_reason_and_alternatives(
    shop: Shop,
) -> None:
    now = shop.clock.now()
    shop.planner.receive("gw-b", ("SKU-3", 60, "L0", None))
    with unit_of_work(shop.planner.pool) as connection:
        links = "sku,kind,other,rank\nSKU-0,substitute,SKU-3,1\n"
        assert not catalog.import_csv(connection, kind="links", content=links).errors
    shop.order("1001", 45, site="S-gw-a", paid_at=now)
    shop.purchase("PO-1", 100, Micros(now + 3 * DAY))
    replan(shop)
    before = promised(shop)["1001"]
    assert [each["kind"] for each in before["alternatives"]] == ["site", "substitute"]
    shop.clock.advance(SECOND)
    shop.purchase("PO-1", 100, Micros(now + 12 * DAY))
    assert replan(shop) == 1
    (told,) = messages(shop, "promise.changed")
    assert told["before"] == before["says"]
    assert "is there with 90 % by 2025-12-0" in told["why"]
    assert {each["kind"] for each in told["alternatives"]} == {"site", "substitute"}
    one = shop.planner.get("/v1/promises/1001", shop.key)
    assert [each["why"] for each in one["changes"]] == ["promised", told["why"]]
    assert one["changes"][1]["before"] == before["says"]


def test_an_order_that_ends_gives_back_what_was_held_for_it(shop: Shop) -> None:
    shop.order("1001", 30)
    shop.order("1002", 30)
    replan(shop)
    assert {each["held"] for each in promised(shop).values()} == {30, 20}
    shop.clock.advance(SECOND)
    shop.order("1001", 30, status=OrderStatus.CANCELLED, version=2, cancelled_at=shop.clock.now())
    replan(shop)
    replan(shop)
    found = promised(shop)
    assert (found["1001"]["state"], found["1002"]["held"]) == ("closed", 30)
    assert shop.atp()["sites"][0]["reserved"] + shop.atp()["sites"][1]["reserved"] == 30


def test_a_lot_is_promised_only_to_whom_it_keeps_long_enough(shop: Shop) -> None:
    shop.planner.receive("gw-a", ("SKU-4", 10, "L0", "OLD"), ("SKU-4", 4, "L0", "NEW"))
    shop.run(
        """INSERT INTO purchase_order (number, site_id, supplier_id, ordered_at, changed_at)
        SELECT 'PO-0', site_id, supplier_id, now(), '2020-01-01' FROM site, supplier
        WHERE site.code = 'S-gw-a'"""
    )
    shop.run(
        """INSERT INTO asn SELECT purchase_id, '', 'S', site_id, 'received', now(), NULL, '', '', ''
        FROM purchase_order WHERE number = 'PO-0'"""
    )
    shop.run(
        """INSERT INTO asn_line SELECT o.purchase_id, '', 'S', n, '1', '1', o.site_id, i.item_id,
               10, 10, lot, '', expires::date, ''
        FROM purchase_order o, item i, (VALUES (1, 'OLD', '2025-12-01'), (2, 'NEW', '2026-06-01'))
             AS l (n, lot, expires) WHERE o.number = 'PO-0' AND i.sku = 'SKU-4'"""
    )
    goods = {"item": "SKU-4", "keeps": 30}
    shop.order("long", 6, **_lines(goods))
    replan(shop)
    assert promised(shop)["long"]["held"] == 4, "OLD keeps eleven days only"
    shop.order("short", 6, **_lines({"item": "SKU-4", "keeps": 5}))
    replan(shop)
    assert promised(shop)["short"]["held"] == 6
    shop.clock.advance(15 * DAY)
    found = shop.atp("SKU-4", site="S-gw-a")["sites"][0]
    assert (found["available"], found["expired"], found["reserved"]) == (14, 10, 10)
    assert found["low"] == 0


def _lines(goods: dict[str, Any]) -> dict[str, Any]:
    from cloud.feeds.documents import Goods, Line

    quantity = 6
    line = Line(
        number="1", goods=Goods(sku=goods["item"]), quantity=quantity, keeps_days=goods["keeps"]
    )
    return {"lines": (line,)}


def test_what_is_told_is_signed_repeated_until_taken_and_set_in_the_shop(shop: Shop) -> None:
    shop.order("1001", 5)
    heard: list[tuple[str, Any]] = []
    secret, fails = b"k" * 32, [503]

    def customer(request: httpx.Request) -> httpx.Response:
        if fails:
            return httpx.Response(fails.pop())
        now = shop.clock.now() // SECOND
        signed = verify([secret], dict(request.headers), request.content, now=now)
        heard.append((signed.message_id, json.loads(request.content)))
        return httpx.Response(204)

    def storefront(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-shopify-access-token"] == "shpat_x"
        heard.append(("shop", json.loads(request.content)["variables"]["fields"]))
        return httpx.Response(200, json={"data": {"metafieldsSet": {"userErrors": []}}})

    def client(door: Any) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(door))

    senders = {
        "customer": Webhook(client(customer), "https://customer.example/hook", [secret]),
        "storefront": ShopifyMetafields(
            client(storefront),
            "https://shop.example/admin/api/2025-10/graphql.json",
            "shpat_x",
            lambda sku: [f"gid://shopify/ProductVariant/{sku[-1]}"],
        ),
    }

    worker = Promising(shop.planner.pool, shop.clock, senders)
    worker.tick()
    assert [name for name, _ in heard] == ["shop"], "the other was answered 503 and waits"
    for _ in range(3):
        shop.clock.advance(10 * SECOND)
        worker.tick()
    assert len(heard) == 2
    (fields, (message_id, body)) = heard[0][1], heard[1]
    assert {each["key"]: each["value"] for each in fields} == {
        "says": "in stock",
        "available": "45",
    }
    assert message_id.startswith("promise-")
    assert body["type"] == "promise.made"
    assert body["data"]["says"].startswith("ships Nov 20")
