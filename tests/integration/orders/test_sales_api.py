"""Customers' orders on the API and the command line: who sees them, and who said what of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cloud import features
from cloud.app import selling
from cloud.cli import app
from cloud.db import unit_of_work
from cloud.feeds.documents import (
    Delivery,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Party,
    Reference,
    SalesOrder,
)
from tests.support import FakeClock
from tests.support.intake import AT
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


def ordered(number: str, *, site: str = "", quantity: int = 3, ours: str = "") -> SalesOrder:
    given = [(Numbering.OURS, "erp", ours)] if ours else []
    return SalesOrder(
        references=tuple(
            Reference(numbering=numbering, scope=scope, number=text)
            for numbering, scope, text in (*given, (Numbering.CHANNEL, "shop", number))
        ),
        channel="shop",
        status=OrderStatus.PLACED,
        version=1,
        placed_at=AT,
        currency="EUR",
        site=site,
        customer=Party(name="Ann Zwaluw", email="ann@example.org"),
        lines=(Line(number="1", goods=Goods(sku="SKU-1"), quantity=quantity, price=250),),
    )


@pytest.fixture(scope="module")
def planner(shared_pool: ConnectionPool[Connection]) -> Planner:
    planner = Planner(shared_pool, FakeClock())
    said = [
        ("shop", ordered("1001", site="S-gw-a")),
        ("erp", ordered("1001", quantity=4, ours="SO-1")),
        ("shop", ordered("1002", site="S-gw-b")),
        ("shop", ordered("1003")),
    ]
    with unit_of_work(shared_pool) as connection:
        for at, (feed, document) in enumerate(said):
            delivery = Delivery(feed=feed, delivery_id=40 + at, position=0, received_at=AT)
            selling.spoken(connection, document, delivery)
    return planner


def demanded(planner: Planner) -> int:
    """The units that are told as demand once all changes are worked off."""
    with unit_of_work(planner.pool) as connection:
        features.drain(connection, now=AT)
        assert features.drift(connection) == {}
    days = planner.get("/v1/demand", planner.key("read"), **{"from": "2025-11-01"})["items"]
    return sum(day["demand"] for day in days)


def numbers(answer: Any) -> list[str]:
    return [row["number"]["number"] for row in answer["items"]]


def test_orders_come_in_pages_by_filter_and_site_without_their_customers(planner: Planner) -> None:
    key = planner.key("read")
    first = planner.get("/v1/orders", key, limit=2)
    assert numbers(first) == ["1003", "1002"]
    assert numbers(planner.get("/v1/orders", key, limit=2, cursor=first["next"])) == ["1001"]
    assert numbers(planner.get("/v1/orders", key, number="SO-1")) == ["1001"]
    assert numbers(planner.get("/v1/orders", key, status="shipped")) == []
    assert len(numbers(planner.get("/v1/orders", key, item="SKU-1", channel="shop"))) == 3
    own = planner.key("read", sites=("S-gw-a",))
    (seen,) = planner.get("/v1/orders", own)["items"]
    assert (seen["number"]["number"], seen["site"]) == ("1001", "S-gw-a")
    (foreign,) = planner.get("/v1/orders", key, site="S-gw-b")["items"]
    assert planner.client.get(f"/v1/orders/{foreign['id']}", headers=bearer(own)).status_code == 404
    whole = planner.client.get(f"/v1/orders/{seen['id']}", headers=bearer(own)).text
    assert "Zwaluw" not in whole
    assert "ann@" not in whole


def test_a_figure_leads_to_the_delivery_that_says_it_and_a_contradiction_to_both(
    planner: Planner,
) -> None:
    key = planner.key("read")
    (head,) = planner.get("/v1/orders", key, number="1001")["items"]
    order = planner.get(f"/v1/orders/{head['id']}", key)
    (line,) = order["lines"]
    assert (line["ordered"], line["open"], line["amount"]["minor"]) == (3, 3, 750)
    assert [(each["feed"], each["delivery"]) for each in order["said"]] == [
        ("shop", 40),
        ("erp", 41),
    ]
    assert order["contradictions"] == ["quantity of SKU-1: shop says 3, erp says 4"]
    (case,) = order["cases"]
    assert (case["code"], "shop says 3, erp says 4" in case["detail"]) == ("order.differs", True)


def test_a_number_that_was_mistaken_is_cut_by_a_planner_of_all_sites(planner: Planner) -> None:
    key = planner.key("read")
    (head,) = planner.get("/v1/orders", key, number="1001")["items"]
    path = f"/v1/orders/{head['id']}/merge-undo"
    cut = {"numbering": "channel", "scope": "shop", "number": "1001", "reason": "a typing error"}

    def post(name: str, body: Any, **rights: Any) -> Any:
        headers = bearer(planner.key("orders:write", **rights))
        return planner.client.post(f"/v1/orders/{head['id']}/{name}", json=body, headers=headers)

    assert post("merge-undo", cut, sites=("S-gw-a",)).status_code == 403
    assert planner.client.post(path, json=cut, headers=bearer(key)).status_code == 403
    assert post("merge-undo", cut | {"number": "1002"}).status_code == 404
    assert demanded(planner) == 3 + 3 + 3
    assert post("merge-undo", cut).json()["contradictions"] == []
    assert demanded(planner) == 3 + 3 + 3 + 4
    assert sorted(numbers(planner.get("/v1/orders", key))) == ["1001", "1002", "1003", "SO-1"]
    assert post("merge-undo", cut).status_code == 409
    del cut["reason"]
    assert len(post("merge-redo", cut).json()["contradictions"]) == 1
    assert demanded(planner) == 3 + 3 + 3
    assert sorted(numbers(planner.get("/v1/orders", key))) == ["1001", "1002", "1003"]


def test_people_read_the_same_in_the_terminal(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", planner.pool.conninfo)
    runner = CliRunner()
    listed = json.loads(runner.invoke(app, ["orders", "list", "--json"]).stdout)
    assert [row["number"] for row in listed] == ["1003", "1002", "1001"]
    number = str(listed[-1]["order_id"])
    shown = runner.invoke(app, ["orders", "show", number])
    assert "look at: quantity of SKU-1: shop says 3, erp says 4" in shown.output
    as_json = json.loads(runner.invoke(app, ["orders", "show", number, "--json"]).stdout)
    assert [row["delivery"] for row in as_json["said"]] == [40, 41]
