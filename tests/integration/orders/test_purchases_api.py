"""Orders to suppliers on the API: placed, changed and ended once, within the supplier's terms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from typer.testing import CliRunner

from cloud import catalog
from cloud.cli import app
from cloud.db import unit_of_work
from cloud.feeds.documents import Delivery, OrderStatus, PurchaseOrder, ReceiptAdvice
from cloud.orders import purchases
from shared.units import DAY, Micros
from tests.support import FakeClock
from tests.support.clock import START
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    import httpx
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

SUPPLIERS = "code,name,currency,minimum,lead_days\nMILL,The Mill,EUR,25.00,14\n"
OFFERS = (
    "supplier,sku,reference,currency,per,minimum,multiple,from,cost\n"
    "MILL,SKU-0,M-17,EUR,1,12,12,12,0.89\nMILL,SKU-0,,,,,,240,0.80\n"
    "MILL,SKU-1,M-18,EUR,10,1,1,1,1.10\n"
)


class Buyer:
    """A person who buys; each request has a key of its own unless the test says otherwise."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.clock = FakeClock()
        self.planner = Planner(pool, self.clock)
        with unit_of_work(pool) as connection:
            for kind, text in (("suppliers", SUPPLIERS), ("offers", OFFERS)):
                report = catalog.import_csv(connection, kind=kind, content=text)  # type: ignore[arg-type]
                assert not report.errors, report.errors
        self.key = self.planner.key("read", "purchases:write")
        self.asked = 0

    def ask(self, method: str, path: str, *, status: int, **how: Any) -> httpx.Response:
        self.asked += 1
        headers = bearer(how.pop("key", self.key))
        if request := how.pop("request", f"request-{self.asked}"):
            headers["idempotency-key"] = request
        if etag := how.pop("etag", ""):
            headers["if-match"] = etag
        answer = self.planner.client.request(
            method, f"/v1/purchase-orders{path}", headers=headers, **how
        )
        assert answer.status_code == status, answer.text
        return answer

    def place(self, *lines: dict[str, Any], status: int = 201, **how: Any) -> httpx.Response:
        body = {"supplier": "MILL", "site": "S-gw-a", "lines": list(lines)} | how.pop("body", {})
        return self.ask("POST", "", status=status, json=body, **how)

    def read(self, path: str, key: str = "", **params: Any) -> Any:
        return self.planner.get(f"/v1/{path}", key or self.key, **params)

    def count(self) -> int:
        with unit_of_work(self.pool) as connection:
            row = connection.execute("SELECT count(*) FROM purchase_order").fetchone()
        assert row is not None
        return row[0]


@pytest.fixture(scope="module")
def buyer(shared_pool: ConnectionPool[Connection]) -> Buyer:
    return Buyer(shared_pool)


OATS = {"sku": "SKU-0", "quantity": 48}


def test_an_order_is_placed_at_the_suppliers_price_and_only_once_for_one_key(buyer: Buyer) -> None:
    before = buyer.count()
    first = buyer.place(OATS, {"sku": "SKU-1", "quantity": 30, "wanted": "2025-12-01"}, request="k")
    again = buyer.place(OATS, {"sku": "SKU-1", "quantity": 30, "wanted": "2025-12-01"}, request="k")
    assert first.json() == again.json()
    assert buyer.count() == before + 1
    other = buyer.place(OATS, status=409, request="k")
    assert other.json()["code"] == "purchase.key-reused"
    oats, rye = first.json()["lines"]
    assert (oats["price"], oats["per"]) == ({"minor": 89, "currency": "EUR"}, 1)
    assert (rye["price"], rye["per"]) == ({"minor": 110, "currency": "EUR"}, 10)
    assert (oats["open"], oats["status"], first.json()["status"]) == (48, "open", "open")
    assert first.headers["etag"] == '"1"'
    assert buyer.place(OATS, status=400, request="").json()["code"] == "purchase.key-missing"


def test_what_breaks_the_terms_is_refused_with_figures_unless_a_reason_is_given(
    buyer: Buyer,
) -> None:
    before = buyer.count()
    refused = buyer.place({"sku": "SKU-0", "quantity": 15}, status=422).json()
    assert refused["code"] == "purchase.terms"
    assert refused["detail"] == (
        "line 1: SKU-0: 15 is no multiple of 12 (12 or 24); worth 13.35 EUR, the least is 25.00"
    )
    assert buyer.count() == before
    forced = buyer.place({"sku": "SKU-0", "quantity": 15}, body={"force": "the shelf is empty"})
    number = forced.json()["number"]
    (change, *_) = buyer.read(f"purchase-orders/{number}/history")["items"]
    assert change["why"] == "the shelf is empty"
    assert change["said_by"].startswith("test (key ")


def test_a_dry_run_shows_the_order_and_leaves_nothing(buyer: Buyer) -> None:
    before = buyer.count()
    shown = buyer.place({"sku": "SKU-0", "quantity": 240}, params={"dry_run": True}).json()
    assert shown["lines"][0]["price"]["minor"] == 80
    assert buyer.count() == before


def test_a_change_says_what_it_has_read_and_is_kept_line_by_line(buyer: Buyer) -> None:
    placed = buyer.place(OATS, {"sku": "SKU-1", "quantity": 10})
    number, etag = placed.json()["number"], placed.headers["etag"]
    body = {"lines": [{"sku": "SKU-0", "quantity": 60, "number": "1"}]}
    missing = buyer.ask("PUT", f"/{number}", json=body, status=412)
    assert missing.json()["code"] == "purchase.stale"
    changed = buyer.ask("PUT", f"/{number}", json=body, status=200, etag=etag)
    assert [(line["status"], line["open"]) for line in changed.json()["lines"]] == [
        ("open", 60),
        ("cancelled", 0),
    ]
    stale = buyer.ask("PUT", f"/{number}", json=body, status=412, etag=etag)
    assert stale.json()["detail"] == 'If-Match "1"; it is "2"'
    history = buyer.read(f"purchase-orders/{number}/history")["items"]
    told = [(c["line"], c["what"], c["before"], c["after"]) for c in history if c["revision"] == 2]
    assert told == [
        ("1", "ordered", "48", "60"),
        ("2", "cancelled", "0", "10"),
        ("2", "status", "open", "cancelled"),
    ]
    with unit_of_work(buyer.pool) as connection:
        document = purchases.as_document(connection, number)
    assert document.status is OrderStatus.CHANGED
    assert [(line.goods.theirs, line.quantity) for line in document.lines] == [("M-17", 60)]


def test_a_line_is_closed_and_an_order_cancelled_for_a_reason_once(buyer: Buyer) -> None:
    placed = buyer.place(OATS, {"sku": "SKU-1", "quantity": 10})
    path, etag = f"/{placed.json()['number']}", placed.headers["etag"]
    reason = {"reason": "out of fashion"}
    closed = buyer.ask("POST", f"{path}/lines/2/close", json=reason, status=200, etag=etag)
    line = closed.json()["lines"][1]
    assert (line["status"], line["cancelled"], line["closed_why"]) == (
        "closed",
        10,
        "out of fashion",
    )
    etag = closed.headers["etag"]
    more = {"lines": [OATS, {"sku": "SKU-1", "quantity": 20}]}
    refused = buyer.ask("PUT", path, json=more, status=409, etag=etag)
    assert refused.json()["detail"] == "line 2 was closed"
    again = buyer.ask("POST", f"{path}/lines/2/close", json=reason, status=409, etag=etag)
    assert again.json()["code"] == "purchase.ended"
    gone = buyer.ask("POST", f"{path}/cancel", json=reason, status=200, etag=etag)
    assert [line["open"] for line in gone.json()["lines"]] == [0, 0]
    late = buyer.ask("POST", f"{path}/cancel", json=reason, status=409, etag=gone.headers["etag"])
    assert late.json()["code"] == "purchase.ended"


def test_an_order_that_another_system_keeps_is_changed_there(buyer: Buyer) -> None:
    document = receipt_of(buyer, "PO-ERP")
    found = buyer.planner.client.get("/v1/purchase-orders/PO-ERP", headers=bearer(buyer.key))
    refused = buyer.ask(
        "POST",
        "/PO-ERP/cancel",
        json={"reason": "no"},
        status=409,
        etag=found.headers["etag"],
    )
    assert refused.json()["code"] == "purchase.kept-elsewhere"
    assert document.site == "S-gw-a"


def receipt_of(buyer: Buyer, number: str) -> ReceiptAdvice:
    """An ERP's order, of which a warehouse has received a part."""
    goods = {"sku": "SKU-0"}
    line = {"number": "1", "goods": goods, "quantity": 48, "price": 89, "wanted": "2026-12-01"}
    order = {"type": "purchase-order", "references": [ours(number)], "supplier": "MILL"}
    order |= {"site": "S-gw-a", "status": "placed", "version": 1, "ordered_at": START}
    order |= {"lines": [line], "currency": "EUR"}
    advice = {"references": [ours("W1")], "order": [ours(number)], "site": "S-gw-a"}
    advice |= {"received_at": START + 3 * DAY, "lines": [line | {"quantity": 40}]}
    told = msgspec.convert(advice, ReceiptAdvice)
    delivery = Delivery(feed="erp", delivery_id=1, position=0, received_at=Micros(START))
    with unit_of_work(buyer.pool) as connection:
        for each in (msgspec.convert(order, PurchaseOrder), told):
            purchases.handle(connection, each, delivery)
    return told


def ours(number: str) -> dict[str, str]:
    return {"numbering": "ours", "scope": "", "number": number}


def test_a_key_of_one_site_sees_its_orders_without_costs_and_no_others(buyer: Buyer) -> None:
    mine = buyer.place(OATS).json()["number"]
    here = buyer.planner.key("read", sites=("S-gw-a",))
    there = buyer.planner.key("read", "purchases:write", sites=("S-gw-b",))
    (line,) = buyer.read(f"purchase-orders/{mine}", here)["lines"]
    assert (line["price"], line["ordered"]) == (None, 48)
    changes = buyer.read(f"purchase-orders/{mine}/history", here)["items"]
    assert [c["after"] for c in changes if c["what"] == "price"] == [""]
    assert buyer.read("purchase-orders", there)["items"] == []
    buyer.ask("GET", f"/{mine}", status=404, key=there, request="")
    buyer.place(OATS, status=404, key=there)
    for path in ("suppliers/MILL/scorecard", "suppliers/MILL/lead-times"):
        answer = buyer.planner.client.get(f"/v1/{path}", headers=bearer(here))
        assert answer.json()["code"] == "request.forbidden"


def test_receipts_discrepancies_scorecards_and_lead_times_are_told(buyer: Buyer) -> None:
    receipt_of(buyer, "PO-R1")
    (receipt,) = buyer.read("receipts", order="PO-R1")["items"]
    assert (receipt["line"], receipt["quantity"], receipt["counts"]) == ("1", 40, True)
    assert buyer.read("asns", order="PO-R1")["items"] == []
    with unit_of_work(buyer.pool) as connection:
        purchases.sweep(connection, now=Micros(START + 800 * DAY))
        purchases.relearn(connection, now=Micros(START + 4 * DAY))
    (late,) = buyer.read("discrepancies", order="PO-R1")["items"]
    assert (late["kind"], late["ours"], late["theirs"]) == (
        "late",
        "8 due 2026-12-01",
        "not here yet",
    )
    card = buyer.read("suppliers/MILL/scorecard")
    assert "PO-R1" in card["actual_days"]["orders"]
    assert "PO-R1" not in card["fill"]["orders"]
    known = buyer.read("suppliers/MILL/lead-times")
    assert known["stated_days"] == 14
    overall = next(each for each in known["learnt"] if each["clock"] == "ordered")
    assert overall["lane"] == overall["item_class"] == ""
    assert 3 <= overall["mean"] < 15
    assert buyer.read("purchase-orders", sku="SKU-0", supplier="MILL", limit=1)["next"]


def test_the_same_is_told_at_the_command_line(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt_of(buyer, "PO-CLI")
    monkeypatch.setenv("QM_DATABASE_URL", buyer.pool.conninfo)

    def told(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["purchases", *arguments])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    listed = json.loads(told("list", "--supplier", "MILL", "--json"))
    assert "PO-CLI" in [row["number"] for row in listed]
    assert json.loads(told("show", "PO-CLI", "--json"))["lines"][0]["received"] == 40
    assert "received: 0 → 40, feed erp" in told("show", "PO-CLI")
    assert "PO-CLI" in json.loads(told("scorecard", "MILL", "--json"))["actual_days"]["orders"]
    assert "actual days" in told("scorecard", "MILL")
    assert "PO-CLI" in told("list")
