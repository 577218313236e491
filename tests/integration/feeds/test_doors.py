"""Other systems deliver through the API: forged is refused, kept is answered, the same is once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud import catalog, feeds
from cloud.api import Rates
from cloud.api.rates import Turnstile
from cloud.app.documents import ROUTES
from cloud.app.feeds import Drop, secrets_in, write_secret
from cloud.db import open_pool, unit_of_work
from cloud.exceptions import cases
from cloud.feeds import NewFeed, Routes
from shared.units import SECOND
from shared.webhooks import sign
from shared.webhooks import write_secret as whsec
from tests.support import FakeClock
from tests.support.clock import START
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    import httpx
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

SECRET = "the shop's secret"  # noqa: S105 - of this test
KEY = b"k" * 32
SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "edi" / "shopify"
ITEMS = "sku,name,class\nOAT,Oats,A\nRYE,Rye,C\n" + "".join(
    f"IPOD2008{colour},iPod,C\n" for colour in ("GREEN", "RED", "BLACK", "PINK")
)
ORDER: dict[str, Any] = {
    "id": 450789469,
    "name": "#1001",
    "created_at": "2025-11-20T14:00:00Z",
    "updated_at": "2025-11-20T14:00:00Z",
    "currency": "EUR",
    "line_items": [{"id": 1, "quantity": 5, "sku": "OAT", "price": "1.79"}],
}


class Doors:
    """The API with feeds of each kind, and a worker that only notes what it applies."""

    def __init__(self, pool: ConnectionPool[Connection], folder: Path) -> None:
        self.clock = FakeClock()
        self.planner = Planner(pool, self.clock)
        self.pool = pool
        self.applied: list[object] = []
        handlers: dict[type, feeds.Handler] = dict.fromkeys(ROUTES.handlers, self._note)
        for kind in ("Sale", "Tracking", "StockReport"):
            handlers[getattr(feeds.documents, kind)] = self._note
        handlers[feeds.documents.Listing] = feeds.learn
        self.routes = Routes(ROUTES.readers, handlers)
        state = self.planner.app.state
        state.service = replace(
            state.service, feed_secrets=secrets_in(folder), feed_routes=self.routes
        )
        self.key = self.planner.key("read", "feeds:write")
        shop = {"shop": "oats.myshopify.com", "locations": {"487838322": "S-gw-a"}}
        with unit_of_work(pool) as connection:
            assert not catalog.import_csv(connection, kind="items", content=ITEMS).errors
            for new in (
                NewFeed("shop", "shopify", channel="web", settings=shop),
                NewFeed("tracks", "carrier", settings={"carrier": "UPS"}),
                NewFeed("till", "pos", settings={"stores": {"7": "S-gw-a"}}),
                NewFeed("erp", "rest"),
                NewFeed("erp-b", "rest", site="S-gw-b"),
            ):
                feeds.add(connection, new, now=self.clock.now())
        write_secret(folder, "shop", SECRET)
        for code in ("tracks", "till"):
            write_secret(folder, code, whsec(KEY))

    def _note(self, _connection: Connection, document: object, _delivery: object) -> None:
        self.applied.append(document)

    def shop(self, topic: str, value: object, webhook: str, **headers: str) -> httpx.Response:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        mac = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        proof = {
            "x-shopify-hmac-sha256": base64.b64encode(mac).decode(),
            "x-shopify-shop-domain": "oats.myshopify.com",
            "x-shopify-topic": topic,
            "x-shopify-webhook-id": webhook,
        }
        given = proof | {f"x-shopify-{name}": value for name, value in headers.items()}
        return self.post("/v1/feeds/shop/webhooks", body, **given)

    def signed(self, code: str, value: object, message: str) -> httpx.Response:
        body = json.dumps(value).encode()
        headers = sign([KEY], message, self.clock.now() // SECOND, body)
        return self.post(f"/v1/feeds/{code}/webhooks", body, **headers)

    def posted(self, value: object, key: str | None = "k", **how: str) -> httpx.Response:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        headers = bearer(how.pop("as_key", self.key))
        if key is not None:
            headers["idempotency-key"] = key
        path = f"/v1/feeds/{how.pop('code', 'erp')}/documents"
        return self.planner.client.post(path, content=body, headers=headers, params=how or None)

    def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        return self.planner.client.post(path, content=body, headers=headers)

    def work(self) -> list[Any]:
        """What the worker applied now."""
        self.applied.clear()
        feeds.work(self.pool, self.routes, now=self.clock.now())
        return list(self.applied)

    def last(self, code: str) -> dict[str, Any]:
        return self.planner.get(f"/v1/feeds/{code}/deliveries", self.key, limit=1)["items"][0]

    def count(self, code: str) -> int:
        return len(self.planner.get(f"/v1/feeds/{code}/deliveries", self.key)["items"])


@pytest.fixture(scope="module")
def opened(
    database_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE qm_doors TEMPLATE {database_template} STRATEGY FILE_COPY")
        try:
            url = database_server.rpartition("/")[0] + "/qm_doors"
            with open_pool(url, size=3) as pool:
                yield Doors(pool, tmp_path_factory.mktemp("secrets"))
        finally:
            server.execute("DROP DATABASE qm_doors WITH (FORCE)")


@pytest.fixture
def doors(opened: Doors) -> Doors:
    opened.clock.advance(SECOND)
    opened.work()
    return opened


def test_a_shops_order_is_answered_at_once_and_then_applied(doors: Doors) -> None:
    answer = doors.shop("orders/create", ORDER, "w-1")
    assert answer.status_code == 200
    assert doors.last("shop")["standing"] == "waiting"
    (order,) = doors.work()
    assert order.references[0].number == "450789469"
    assert doors.last("shop") | {"sha256": ""} == doors.last("shop") | {
        "sha256": "",
        "id": answer.json()["delivery"],
        "topic": "orders/create",
        "standing": "applied",
        "documents": 1,
        "code": None,
    }


def test_the_same_webhook_again_is_answered_alike_and_does_nothing(doors: Doors) -> None:
    first = doors.shop("orders/updated", ORDER, "w-2")
    assert len(doors.work()) == 1
    again = doors.shop("orders/updated", ORDER, "w-2")
    assert (again.status_code, again.json()) == (200, first.json())
    assert doors.work() == []
    assert doors.last("shop")["repeats"] == 1


def test_two_subscriptions_to_one_event_are_one_delivery_unless_they_say_different_things(
    doors: Doors,
) -> None:
    one = doors.shop("orders/paid", ORDER, "w-3", **{"event-id": "e-3"})
    same = doors.shop("orders/paid", ORDER, "w-4", **{"event-id": "e-3"})
    other = doors.shop("orders/paid", ORDER | {"note": "hm"}, "w-5", **{"event-id": "e-3"})
    assert one.json() == same.json()
    assert other.status_code == 200
    assert other.json() != one.json()


def test_webhooks_out_of_order_leave_the_newest_word(doors: Doors) -> None:
    newer = ORDER | {"id": 7, "updated_at": "2025-11-20T14:30:00Z"}
    doors.shop("orders/updated", newer, "w-6")
    doors.shop("orders/create", ORDER | {"id": 7}, "w-7")
    assert [order.version for order in doors.work()] == [1_763_649_000_000_000]
    assert doors.last("shop")["standing"] == "stale"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (ORDER, {"hmac-sha256": "Zm9yZ2Vk"}, 401, "webhook.unsigned"),
        (ORDER, {"shop-domain": "evil.myshopify.com"}, 403, "feed.wrong-sender"),
        (ORDER, {"triggered-at": "2025-11-01T00:00:00Z"}, 401, "webhook.stale"),
        (b"x" * (1024 * 1024 + 1), {}, 413, "payload.too-large"),
        (b"", {}, 422, "request.invalid"),
        (ORDER, {"webhook-id": "w" * 300}, 422, "request.invalid"),
    ],
)
def test_what_is_forged_old_foreign_or_huge_is_refused_and_not_kept(
    doors: Doors, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    before = doors.count("shop")
    answer = doors.shop("orders/create", body, "w-bad", **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert doors.count("shop") == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "feed.content"),
        (b'{"id": NaN}', "feed.content"),
        (b'{"id": 1, "id": 2}', "feed.content"),
        (b'{"id": "\xff"}', "feed.content"),
        (json.dumps(ORDER | {"currency": 5}).encode(), "feed.document"),
        (json.dumps({**ORDER, "id": 8, "location_id": 5}).encode(), "feed.unknown-site"),
    ],
)
def test_what_is_signed_but_wrong_is_kept_refused_and_a_case(
    doors: Doors, body: bytes, code: str
) -> None:
    answer = doors.shop("orders/create", body, f"w-{hashlib.sha256(body).hexdigest()[:8]}")
    assert answer.status_code == 200
    assert doors.work() == []
    last = doors.last("shop")
    assert (last["standing"], last["code"]) == ("refused", code)
    with unit_of_work(doors.pool) as connection:
        (case,) = cases(
            connection, sites=None, subject=f"feed shop delivery {answer.json()['delivery']}"
        )
    assert case.code == code


def test_a_carrier_and_a_till_deliver_by_signed_webhooks_once(doors: Doors) -> None:
    word = {"tracking_number": "1Z", "at": "2025-11-20T14:00:00Z", "status": "in-transit"}
    assert doors.signed("tracks", word, "msg_1").status_code == 200
    assert doors.signed("tracks", word, "msg_1").status_code == 200
    clash = doors.signed("tracks", word | {"status": "delivered"}, "msg_1")
    assert (clash.status_code, clash.json()["code"]) == (409, "feed.key-reused")
    span = {"start": "2025-11-20T13:00:00Z", "until": "2025-11-20T14:00:00Z"}
    sale = {"id": "1", "store": "7", "sku": "OAT", "quantity": 3, **span}
    assert doors.signed("till", {"sales": [sale]}, "msg_1").status_code == 200
    applied = doors.work()
    assert [type(each).__name__ for each in applied] == ["Tracking", "Sale"]
    assert applied[1].site == "S-gw-a"
    forged = doors.post("/v1/feeds/till/webhooks", b"{}", **sign([b"x" * 32], "m", 0, b"{}"))
    assert (forged.status_code, forged.json()["code"]) == (401, "webhook.unsigned")


def test_yesterdays_file_again_changes_nothing(doors: Doors) -> None:
    file = (
        b"id,store,sku,quantity,start,until\n9,7,OAT,12,2025-11-20T12:00:00Z,2025-11-20T13:00:00Z\n"
    )
    headers = bearer(doors.key) | {"content-type": "text/csv"}
    path = "/v1/feeds/till/files"
    dry = doors.planner.client.post(path, content=file, headers=headers, params={"dry_run": "true"})
    assert (dry.status_code, dry.json()["standing"]) == (202, "applied")
    doors.applied.clear()
    first = doors.planner.client.post(path, content=file, headers=headers)
    assert len(doors.work()) == 1
    again = doors.planner.client.post(path, content=file, headers=headers)
    assert (first.status_code, first.json()) == (202, again.json())
    assert doors.work() == []


def test_a_file_laid_into_the_drop_folder_is_taken_once(doors: Doors, tmp_path: Path) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    (tmp_path / "nobody").mkdir()
    content = (
        "id,store,sku,quantity,start,until\n10,7,OAT,1,2025-11-20T12:00:00Z,2025-11-20T13:00:00Z\n"
    )
    for name, age_s in (("a.csv", 60), ("b.csv", 60), ("c.csv", 1), ("d.csv.part", 60)):
        path = folder / name
        path.write_text(content)
        moment = (START + SECOND * 1000) / 1e6 - age_s
        os.utime(path, (moment, moment))
    clock = FakeClock(START + 1000 * SECOND)
    before = doors.count("till")
    assert Drop(tmp_path, doors.pool, clock).tick() == 2
    assert sorted(each.name for each in (folder / "taken").iterdir()) == ["a.csv", "b.csv"]
    assert (folder / "c.csv").exists()
    assert (doors.count("till") - before, doors.last("till")["repeats"]) == (1, 1)


TRACKING = {
    "type": "tracking",
    "reference": {"numbering": "tracking", "scope": "UPS", "number": "1"},
    "shipment": [{"numbering": "tracking", "scope": "UPS", "number": "1"}],
    "at": START,
    "status": "delivered",
}


def test_a_connector_posts_documents_under_a_key_of_its_own(doors: Doors) -> None:
    first = doors.posted({"documents": [TRACKING, TRACKING]}, "erp-1")
    assert (first.status_code, first.json()["documents"]) == (202, 2)
    again = doors.posted({"documents": [TRACKING, TRACKING]}, "erp-1")
    assert (again.status_code, again.json()) == (202, first.json())
    other = doors.posted(TRACKING, "erp-1")
    assert (other.status_code, other.json()["code"]) == (409, "feed.key-reused")
    assert len(doors.work()) == 2
    assert doors.posted(TRACKING, None).status_code == 422


def test_posted_documents_that_are_wrong_are_answered_by_their_places_and_not_kept(
    doors: Doors,
) -> None:
    before = doors.count("erp")
    answer = doors.posted({"documents": [TRACKING, TRACKING | {"at": "noon"}]}, "erp-2")
    assert (answer.status_code, answer.json()["code"]) == (422, "feed.document")
    assert answer.json()["errors"][0]["where"] == "$.documents[1].at"
    assert doors.count("erp") == before


def test_a_dry_run_of_documents_says_what_would_happen(doors: Doors) -> None:
    before = doors.count("erp")
    answer = doors.posted(TRACKING, "erp-3", dry_run="true")
    assert answer.json() == {"standing": "applied", "documents": 1, "errors": []}
    doors.applied.clear()
    wrong = doors.posted(TRACKING | {"at": 1}, "erp-3", dry_run="true")
    assert (wrong.json()["standing"], wrong.json()["errors"][0]["where"]) == ("refused", "$.at")
    assert doors.count("erp") == before


def test_a_feed_of_one_site_speaks_of_no_other_and_is_seen_by_its_keys_only(doors: Doors) -> None:
    report = {
        "type": "stock-report",
        "reference": {"numbering": "ours", "scope": "", "number": "1"},
        "site": "S-gw-a",
        "at": START,
        "lines": [],
        "whole": False,
    }
    key_b = doors.planner.key("read", "feeds:write", sites=("S-gw-b",))
    assert doors.posted(report, "b-1", code="erp-b", as_key=key_b).status_code == 202
    assert doors.work() == []
    assert doors.last("erp-b")["code"] == "feed.unknown-site"
    assert doors.posted(report, "b-1", as_key=key_b).status_code == 404
    seen = doors.planner.get("/v1/feeds", key_b)["items"]
    assert [each["code"] for each in seen] == ["erp-b"]
    key_a = doors.planner.key("read", "feeds:write", sites=("S-gw-a",))
    for path in ("erp-b", "erp-b/deliveries", "erp-b/deliveries/1", "erp-b/items", "shop"):
        answer = doors.planner.client.get(f"/v1/feeds/{path}", headers=bearer(key_a))
        assert (answer.status_code, answer.json()["code"]) == (404, "feed.unknown"), path


def test_a_person_says_what_a_code_means_and_has_the_delivery_read_again(doors: Doors) -> None:
    doors.routes = Routes(doors.routes.readers, doors.routes.handlers)
    product = {
        "id": 1,
        "title": "Oats",
        "updated_at": "2025-11-20T14:00:00Z",
        "variants": [{"id": 39, "sku": "OAT-SHOP"}, {"id": 40, "sku": "RYE"}],
    }
    doors.shop("products/update", product, "w-p")
    doors.work()
    last = doors.last("shop")
    assert (last["standing"], last["code"], last["documents"]) == (
        "partly",
        "feed.unknown-item",
        1,
    )
    said = doors.planner.client.post(
        "/v1/feeds/shop/items",
        json={"theirs": "OAT-SHOP", "sku": "OAT"},
        headers=bearer(doors.key),
    )
    assert (said.status_code, said.json()["items"][0]["sku"]) == (200, "OAT")
    again = doors.planner.client.post(
        f"/v1/feeds/shop/deliveries/{last['id']}/retry", headers=bearer(doors.key)
    )
    assert again.json()["standing"] == "waiting"
    doors.work()
    assert doors.last("shop")["standing"] == "applied"
    meant = doors.planner.get("/v1/feeds/shop/items", doors.key)["items"]
    assert {each["theirs"]: each["sku"] for each in meant} == {
        "39": "OAT",
        "40": "RYE",
        "OAT-SHOP": "OAT",
    }


def test_feeds_say_how_they_do_and_secrets_are_nowhere(doors: Doors) -> None:
    doors.shop("orders/create", ORDER | {"id": 99}, "w-99")
    doors.clock.advance(2 * SECOND)
    doors.work()
    feed = doors.planner.get("/v1/feeds/shop", doors.key)
    assert (feed["kind"], feed["waiting"], feed["age_seconds"]) == ("shopify", 0, 2)
    assert feed["received"] >= feed["applied"] > 0
    everything = doors.planner.client.get("/v1/feeds", headers=bearer(doors.key)).text
    dump = [SECRET, whsec(KEY)]
    with unit_of_work(doors.pool) as connection:
        kept = connection.execute("SELECT array_agg(f::text) FROM feed AS f").fetchone()
    assert not any(secret in everything or secret in str(kept) for secret in dump)


def test_who_was_proven_once_may_send_as_often_as_a_known_key() -> None:
    turnstile = Turnstile(Rates(known=100, unknown=1))
    path = {"type": "http", "path": "/v1/feeds/shop/webhooks", "headers": [], "client": ("a", 1)}

    def sent(*, proven: bool) -> bool:
        scope: dict[str, Any] = dict(path)
        passed = turnstile.wait(scope, 0.0) == 0.0
        if proven:
            scope["quartermaster.caller"] = True
        turnstile.answered(scope)
        return passed

    assert sum(sent(proven=False) for _ in range(50)) == 10
    turnstile = Turnstile(Rates(known=100, unknown=1))
    assert all(sent(proven=True) for _ in range(500))


def test_payloads_as_shopify_publishes_them_come_through(doors: Doors) -> None:
    if not SAMPLES.exists():  # they lie beside the repository, not in it
        return

    def sample(name: str) -> Any:
        return json.loads((SAMPLES / f"{name}.json").read_text())

    unique = {"id": 5001, "order_number": 5001, "name": "#5001"}
    sent = {
        "products/create": sample("products")[0] | {"id": 5002},
        "orders/create": sample("order")["order"] | unique,
        "refunds/create": sample("refund")["refund"],
        "fulfillments/create": sample("fulfillment")["fulfillment"],
        "inventory_levels/update": sample("inventory_level")["inventory_level"]
        | {"location_id": 487838322},
        "orders/updated": sample("orders")["orders"][0],
    }
    for topic, value in sent.items():
        assert doors.shop(topic, value, f"sample {topic}").status_code == 200
    kinds = [type(each).__name__ for each in doors.work()]
    assert kinds == ["SalesOrder", "CustomerReturn", "StockReport"]
    rows = doors.planner.get("/v1/feeds/shop/deliveries", doors.key, limit=6)["items"]
    assert {row["topic"]: (row["standing"], row["says"]) for row in rows} == {
        **dict.fromkeys(sent, ("applied", "")),
        "orders/updated": ("refused", "Object missing required field `line_items`"),
    }
