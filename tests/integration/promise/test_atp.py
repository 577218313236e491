"""Available to promise, over HTTP: what is free, what comes, what is waited for, who is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cloud import catalog, promise
from cloud.db import unit_of_work
from cloud.feeds.documents import (
    Delivery,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    PurchaseOrder,
    Reference,
    SalesOrder,
    ShipNotice,
)
from cloud.orders import purchases, sales
from shared.units import DAY, HOUR, MINUTE, Micros
from tests.support import FakeClock
from tests.support.clock import START
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


class Shop:
    """Two sites in one region, their stock, orders and purchases by documents."""

    def __init__(self, pool: ConnectionPool[Connection], clock: FakeClock) -> None:
        self.clock = clock
        self.planner = Planner(pool, clock)
        self.planner.receive("gw-a", ("SKU-0", 40, "L0", None), ("SKU-1", 9, "L0", None))
        self.planner.receive("gw-b", ("SKU-0", 10, "L0", None))
        self.key = self.planner.key("read", "reservations:write")
        self.deliveries = 0
        self.run("UPDATE site SET region = 'EU'")
        self.run(
            "INSERT INTO gateway_head SELECT gateway_id, 1, 1, decode(repeat('00', 32), 'hex'),"
            " to_timestamp(%s / 1e6) FROM gateway",
            START,
        )
        with unit_of_work(pool) as connection:
            suppliers = "code,name,currency,minimum,lead_days\nMILL,The Mill,EUR,25.00,14\n"
            assert not catalog.import_csv(connection, kind="suppliers", content=suppliers).errors

    def run(self, statement: str, *values: Any) -> None:
        with unit_of_work(self.planner.pool) as connection:
            connection.execute(statement, values)  # type: ignore[arg-type]

    def atp(self, item: str = "SKU-0", key: str = "", **asked: Any) -> Any:
        return self.planner.get("/v1/atp", key or self.key, item=item, **asked)

    def delivery(self) -> Delivery:
        self.deliveries += 1
        return Delivery(
            feed="f", delivery_id=self.deliveries, position=0, received_at=self.clock.now()
        )

    def order(self, number: str, quantity: int, **how: Any) -> None:
        document = SalesOrder(
            references=(Reference(numbering=Numbering.CHANNEL, scope="web", number=number),),
            channel="web",
            status=OrderStatus.PLACED,
            version=1,
            placed_at=self.clock.now(),
            lines=(Line(number="1", goods=Goods(sku="SKU-0"), quantity=quantity),),
        )
        with unit_of_work(self.planner.pool) as connection:
            sales.take(
                connection,
                msgspec.structs.replace(document, **how),
                self.delivery(),
            )

    def purchase(self, number: str, quantity: int, eta: Micros) -> None:
        ours = (Reference(numbering=Numbering.OURS, scope="", number=number),)
        lines = (Line(number="1", goods=Goods(sku="SKU-0"), quantity=quantity),)
        order = PurchaseOrder(
            references=ours,
            supplier="MILL",
            site="S-gw-a",
            status=OrderStatus.PLACED,
            version=1,
            ordered_at=Micros(self.clock.now() - DAY),
            lines=lines,
        )
        notice = ShipNotice(
            references=(
                Reference(numbering=Numbering.SHIPMENT, scope="MILL", number=f"S{number}"),
            ),
            order=ours,
            supplier="MILL",
            site="S-gw-a",
            shipped_at=self.clock.now(),
            lines=lines,
            eta=eta,
        )
        for document in (order, notice):
            with unit_of_work(self.planner.pool) as connection:
                purchases.handle(connection, document, self.delivery())


@pytest.fixture
def shop(pool: ConnectionPool[Connection], clock: FakeClock) -> Shop:
    return Shop(pool, clock)


def test_what_is_held_or_waited_for_is_not_promised_again(shop: Shop) -> None:
    wish = {"item": "SKU-0", "quantity": 5, "site": "S-gw-a", "order": "1001"}
    headers = bearer(shop.key) | {"idempotency-key": "k"}
    assert shop.planner.client.post("/v1/reservations", json=wish, headers=headers).is_success
    shop.order("1001", 7, site="S-gw-a")
    shop.order("1002", 3)
    found = shop.atp(region="EU")
    (a, b) = found["sites"]
    assert (a["available"], a["reserved"], a["waiting"], a["low"]) == (40, 5, 2, 33)
    assert (b["available"], b["low"]) == (10, 10)
    assert found["unassigned"] == 3, "nobody chose a site for it yet"
    assert (found["low"], found["expected"], found["high"], found["says"]) == (40, 40, 40, "40")
    assert len(found["by_hour"]["low"]) == 25
    for because in [*a["because"], *b["because"]]:
        if because["link"]:
            assert shop.planner.get(because["link"], shop.key)["items"], because


def test_what_comes_counts_by_its_chance_and_by_hour(shop: Shop) -> None:
    shop.purchase("PO-1", 100, Micros(shop.clock.now() + DAY))
    found = shop.atp(site="S-gw-a", horizon="120h")
    low, expected, high = (found["by_hour"][name] for name in ("low", "expected", "high"))
    assert (low[0], low[-1]) == (40, 140)
    assert low == sorted(low)
    assert any(40 < each < 140 for each in expected)
    assert low.index(140) >= expected.index(max(expected)) >= high.index(140)
    (receipt,) = found["sites"][0]["receipts"]
    assert (receipt["order"], receipt["quantity"]) == ("PO-1", 100)
    assert receipt["half_by"] < receipt["sure_by"]
    assert "100 of PO-1 line 1 by MILL" in found["sites"][0]["because"][-1]["says"]


def test_a_silent_site_answers_with_an_interval(shop: Shop) -> None:
    shop.run(
        """INSERT INTO movement
        SELECT to_timestamp(%s / 1e6) - d * interval '1 day', to_timestamp(%s / 1e6)
               - d * interval '1 day', d, gen_random_uuid(), g.gateway_id, 1, g.site_id, i.item_id,
               l.location_id, -20, 0, 5, 0, 1, '', '', ''
        FROM gateway g JOIN location l USING (site_id) CROSS JOIN generate_series(1, 14) AS d
        JOIN item i ON i.sku = 'SKU-0' WHERE g.name = 'gw-a' AND l.code = 'L0'""",
        START,
        START,
    )
    assert shop.atp(site="S-gw-a")["says"] == "40"
    shop.clock.advance(4 * HOUR)
    found = shop.atp(region="EU")
    assert found["says"] == "43–50 at 95 %; S-gw-a silent 4 h; S-gw-b silent 4 h"
    (a, b) = found["sites"]
    assert (a["low"], a["expected"], a["high"], a["silent_s"]) == (33, 36, 40, 4 * 3600)
    assert (b["low"], b["high"]) == (10, 10), "nothing ever went there"
    assert "silent 4 h: since then 3.3 were probably sold, 0 to 7 with 95 %" in str(a["because"])


def test_a_kit_is_as_many_as_its_scarcest_component_allows(shop: Shop) -> None:
    bills = "sku,version,purpose,valid_from,makes,component,quantity\n"
    kit = "".join(f"SKU-2,1,kit,2020-01-01,1,{part}\n" for part in ("SKU-0,2", "SKU-1,3"))
    with unit_of_work(shop.planner.pool) as connection:
        assert not catalog.import_csv(connection, kind="bills", content=bills + kit).errors
    found = shop.atp("SKU-2", region="EU")
    assert (found["kit"], found["low"]) == (True, 3)
    assert [site["low"] for site in found["sites"]] == [3, 0]
    assert "One takes 3 SKU-1." in str(found["sites"][0]["because"])


def test_who_sees_one_site_is_told_of_that_one(shop: Shop) -> None:
    shop.order("1003", 4)
    own = shop.planner.key("read", sites=("S-gw-b",))
    assert [site["site"] for site in shop.atp(key=own)["sites"]] == ["S-gw-b"]
    assert shop.atp(key=own)["low"] == 10
    for path, status in (
        ("/v1/atp?item=SKU-0&site=S-gw-a", 404),
        ("/v1/atp?item=SKU-0&region=US", 404),
        ("/v1/atp?item=SKU-9", 404),
        ("/v1/atp?item=SKU-0&horizon=337h", 422),
        ("/v1/atp?item=SKU-0&horizon=-1h", 422),
    ):
        answer = shop.planner.client.get(path, headers=bearer(own))
        assert answer.status_code == status, (path, answer.text)


def test_no_hot_query_reads_a_table_from_end_to_end(shop: Shop) -> None:
    """Each statement of an answer by its indexes, and of movements the newest chunks only."""
    seen: list[tuple[str, Any]] = []

    with unit_of_work(shop.planner.pool) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        plain = connection.execute

        def recording(query: Any, params: Any = None, **how: Any) -> Any:
            seen.append((query, params))
            return plain(query, params, **how)

        connection.execute = recording  # type: ignore[method-assign]
        later = Micros(START + 10 * MINUTE)
        promise.atp(connection, "SKU-0", region=None, horizon_hours=24, now=later)
        connection.execute = plain  # type: ignore[method-assign]
        assert len(seen) <= 9
        for query, params in seen:
            plan = "\n".join(
                row[0] for row in plain(f"EXPLAIN (COSTS OFF) {query}", params).fetchall()
            )
            for table in ("balance", "movement", "sales_line", "purchase_line", "reservation_part"):
                assert f"Seq Scan on {table}" not in plan, plan
