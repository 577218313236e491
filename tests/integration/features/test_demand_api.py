"""Demand on the API: pages, sites, past knowledge, and each figure's documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cloud import features
from cloud.api.paging import Cursor
from cloud.api.shapes import moment
from cloud.app import selling
from cloud.cli import app
from cloud.db import unit_of_work
from cloud.feeds.documents import (
    Delivery,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Reference,
    Sale,
    SalesOrder,
)
from shared.units import DAY, HOUR, Micros
from tests.support import FakeClock
from tests.support.intake import AT
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


def number(numbering: Numbering, text: str) -> Reference:
    return Reference(numbering=numbering, scope="shop", number=text)


@pytest.fixture(scope="module")
def planner(shared_pool: ConnectionPool[Connection]) -> Planner:
    planner = Planner(shared_pool, FakeClock(AT))
    goods = Goods(sku="SKU-1")
    placed = SalesOrder(
        references=(number(Numbering.CHANNEL, "1001"),),
        channel="shop",
        status=OrderStatus.PLACED,
        version=1,
        placed_at=AT,
        site="S-gw-a",
        lines=(Line(number="1", goods=goods, quantity=3),),
    )

    def sale(site: str, units: int, day: int) -> Sale:
        return Sale(
            reference=number(Numbering.INVOICE, f"{site} {day}"),
            version=1,
            site=site,
            channel="store",
            goods=goods,
            quantity=units,
            start=AT - day * DAY,
            until=AT - day * DAY + HOUR,
        )

    said = [placed, sale("S-gw-a", 4, 1), sale("S-gw-a", 5, 0), sale("S-gw-b", 6, 0)]
    with unit_of_work(shared_pool) as connection:
        for at, document in enumerate(said):
            delivery = Delivery(feed="till", delivery_id=70 + at, position=at, received_at=AT)
            handler = selling.sold if isinstance(document, Sale) else selling.spoken
            handler(connection, document, delivery)
        features.drain(connection, now=Micros(AT))
    return planner


def test_demand_comes_in_pages_of_the_sites_that_a_key_may_see(planner: Planner) -> None:
    key = planner.key("read")
    found = []
    page = planner.get("/v1/demand", key, item="SKU-1", limit=2)
    while True:
        found += page["items"]
        if not page["next"]:
            break
        page = planner.get("/v1/demand", key, item="SKU-1", limit=2, cursor=page["next"])
    told = [(each["day"], each["site"], each["channel"], each["demand"]) for each in found]
    assert told == [
        ("2025-11-19", "S-gw-a", "store", 4),
        ("2025-11-20", "S-gw-a", "shop", 3),
        ("2025-11-20", "S-gw-a", "store", 5),
        ("2025-11-20", "S-gw-b", "store", 6),
    ]
    own = planner.key("read", sites=("S-gw-b",))
    assert [each["demand"] for each in planner.get("/v1/demand", own)["items"]] == [6]
    asked = {"item": "SKU-1", "site": "S-gw-a"}
    assert planner.client.get("/v1/demand", params=asked, headers=bearer(own)).status_code == 404
    assert planner.get("/v1/demand", key, until="2025-11-19")["items"][0]["demand"] == 4


def test_a_figure_leads_to_its_orders_and_deliveries(planner: Planner) -> None:
    key = planner.key("read")
    day = {"item": "SKU-1", "site": "S-gw-a", "day": "2025-11-20"}
    (ordered,) = planner.get("/v1/demand/evidence", key, channel="shop", **day)["items"]
    assert (ordered["what"], ordered["quantity"], ordered["number"]) == ("ordered", 3, "1001")
    order = planner.get(f"/v1/orders/{ordered['order']}", key)
    assert [each["delivery"] for each in order["said"]] == [70]
    (sold,) = planner.get("/v1/demand/evidence", key, channel="store", **day)["items"]
    assert (sold["feed"], sold["delivery"], sold["position"]) == ("till", 72, 2)
    before = moment(AT - HOUR).isoformat()
    assert (
        planner.get("/v1/demand/evidence", key, channel="shop", known=before, **day)["items"] == []
    )
    assert planner.get("/v1/demand", key, known=before)["items"] == []


def test_what_is_asked_wrongly_is_refused(planner: Planner) -> None:
    headers = bearer(planner.key("read"))

    def code(path: str, **asked: str) -> str:
        return planner.client.get(path, params=asked, headers=headers).json()["code"]

    assert code("/v1/demand", item="NONE") == "request.not-found"
    assert code("/v1/demand", **{"from": "2025-11-20", "until": "2025-11-19"}) == "request.invalid"
    assert code("/v1/demand", cursor="made-up") == "request.invalid"
    odd = Cursor("demand", "text", "int", "int", "text").write(("2025-W47-4", 1, 1, ""))
    odd_answer = planner.client.get("/v1/demand", params={"cursor": odd}, headers=headers)
    assert odd_answer.status_code == 200
    own = bearer(planner.key("read", sites=("S-gw-b",)))
    asked = {"item": "SKU-1", "day": "2025-11-20"}
    answer = planner.client.get("/v1/demand/evidence", params=asked, headers=own)
    assert answer.status_code == 403


def test_demand_is_what_the_documents_make_it(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", planner.pool.conninfo)
    verified = CliRunner().invoke(app, ["demand", "verify", "--json"])
    assert (verified.exit_code, json.loads(verified.stdout)) == (0, [])
