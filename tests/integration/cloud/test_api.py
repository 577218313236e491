"""The API answers planners, each for their own sites, and refuses in one voice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud import access
from cloud.api import Rates, create_app, create_door, rules
from cloud.db import unit_of_work
from shared.units import DAY, SECOND
from tests.support import FakeClock
from tests.support.clock import START
from tests.support.planner import InProcess, Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

ITEMS_CSV = "sku,name,gtin,quantity\nOAT,Oats,4006381333931,1\nOAT,,14006381333938,12\n"


@pytest.fixture
def planner(pool: ConnectionPool[Connection], clock: FakeClock) -> Planner:
    return Planner(pool, clock)


@pytest.fixture
def key(planner: Planner) -> str:
    return planner.key("read")


def test_stock_is_listed_by_site_item_location_and_lot(planner: Planner, key: str) -> None:
    planner.receive("gw-a", ("SKU-0", 5, "L0", "LOT-1"), ("SKU-0", 7, "L1", None))
    planner.receive("gw-b", ("SKU-1", 2, "L0", None))
    everything = planner.get("/v1/stock", key)["items"]
    assert sorted((line["site"], line["sku"], line["quantity"]) for line in everything) == [
        ("S-gw-a", "SKU-0", 5),
        ("S-gw-a", "SKU-0", 7),
        ("S-gw-b", "SKU-1", 2),
    ]
    for asked, quantities in (
        ({"site": "S-gw-b"}, [2]),
        ({"item": "SKU-0", "location": "L1"}, [7]),
        ({"lot": "LOT-1"}, [5]),
        ({"state": "damaged"}, []),
        ({"item": "SKU-9"}, []),
    ):
        found = planner.get("/v1/stock", key, **asked)["items"]
        assert [line["quantity"] for line in found] == quantities, asked
    first = planner.get("/v1/stock", key, lot="LOT-1")["items"][0]
    assert first == {
        "site": "S-gw-a",
        "sku": "SKU-0",
        "name": "Item 0",
        "location": "L0",
        "lot": "LOT-1",
        "serial": None,
        "state": "available",
        "quantity": 5,
        "updated_at": first["updated_at"],
    }


def test_movements_name_the_event_that_they_come_from(planner: Planner, key: str) -> None:
    planner.receive("gw-a", ("SKU-0", 5, "L0", None))
    (movement,) = planner.get("/v1/movements", key, gateway="gw-a")["items"]
    assert (movement["event"], movement["gateway"], movement["seq"]) == ("RECEIVED", "gw-a", 1)
    assert movement["received_at"] == "2025-11-20T14:46:40Z"


def test_the_past_can_be_asked_for_as_it_was_known(planner: Planner, key: str) -> None:
    planner.receive("gw-a", ("SKU-0", 5, "L0", None), received_at=START)
    planner.receive("gw-a", ("SKU-0", 3, "L0", None), received_at=START + 10 * SECOND)
    asked = "/v1/stock/as-of"
    known = planner.get(asked, key, known="2025-11-20T14:46:41Z")["items"]
    assert [line["quantity"] for line in known] == [5]
    true = planner.get(asked, key, at="2025-11-20T16:00:00+01:00")["items"]
    assert [line["quantity"] for line in true] == [8]
    assert planner.get(asked, key, at="2025-11-20T14:46:39Z")["items"] == []


def test_completeness_and_gateways_of_a_site_are_told(planner: Planner, key: str) -> None:
    answer = planner.get("/v1/sites/S-gw-a/completeness", key)
    assert answer["site"] == "S-gw-a"
    assert planner.get("/v1/gateways/gw-a", key)["status"] == "active"
    assert [line["name"] for line in planner.get("/v1/gateways", key)["items"]] == ["gw-a", "gw-b"]


def test_a_key_of_one_site_sees_nothing_of_another(planner: Planner) -> None:
    planner.receive("gw-a", ("SKU-0", 5, "L0", None))
    planner.receive("gw-b", ("SKU-0", 6, "L0", None))
    own = planner.key("read", sites=("S-gw-a",))
    for path in ("/v1/stock", "/v1/movements", "/v1/stock/as-of?at=2030-01-01T00:00:00Z"):
        rows = planner.get(path, own)["items"]
        assert [row["quantity"] for row in rows] == [5], path
    assert [row["code"] for row in planner.get("/v1/sites", own)["items"]] == ["S-gw-a"]
    assert [row["name"] for row in planner.get("/v1/gateways", own)["items"]] == ["gw-a"]
    assert planner.get("/v1/quarantine", own)["items"] == []
    for path in (
        "/v1/stock?site=S-gw-b",
        "/v1/stock/as-of?at=2030-01-01T00:00:00Z&site=S-gw-b",
        "/v1/movements?site=S-gw-b",
        "/v1/gateways?site=S-gw-b",
        "/v1/quarantine?site=S-gw-b",
        "/v1/sites/S-gw-b/completeness",
        "/v1/gateways/gw-b",
    ):
        foreign = planner.client.get(path, headers=bearer(own))
        unknown = planner.client.get(
            path.replace("S-gw-b", "S-nowhere").replace("gw-b", "gw-none"), headers=bearer(own)
        )
        assert (foreign.status_code, unknown.status_code) == (404, 404), path
        assert foreign.json()["code"] == unknown.json()["code"] == "request.not-found"


def test_every_route_demands_its_scope_and_no_other_will_do(planner: Planner) -> None:
    """The matrix of routes and scopes, made from the routes themselves."""
    matrix = rules(planner.app)
    assert {rule.path for rule in matrix if rule.scope is None} == {
        "/healthz",
        "/readyz",
        "/v1/about",
        "/.well-known/security.txt",
        "/v1/session",
        "/v1/session/refresh",
        "/v1/session/provider",
        "/v1/session/provider/back",
        "/v1/feeds/{code}/webhooks",
    }
    keys = {scope: planner.key(scope) for scope in access.SCOPES}
    others = {
        scope: planner.key(*(other for other in access.SCOPES if other != scope))
        for scope in access.SCOPES
    }
    for method, path, scope in matrix:
        if scope in {None, "self"} or path.endswith("/socket"):
            continue
        concrete = (
            path.replace("{site}", "S-gw-a").replace("{name}", "gw-a").replace("{kind}", "items")
        )
        if path.endswith("/stream"):  # whoever is let in is told that this place is not there
            concrete += "?after=9-0-0"
        bare = planner.client.request(method, concrete)
        assert (bare.status_code, bare.json()["code"]) == (401, "request.unauthenticated"), path
        assert bare.headers["www-authenticate"] == "Bearer"
        refused = planner.client.request(method, concrete, headers=bearer(others[scope]))
        assert (refused.status_code, refused.json()["code"]) == (403, "request.forbidden"), path
        let_in = planner.client.request(method, concrete, headers=bearer(keys[scope]))
        assert let_in.status_code not in {401, 403}, path


def test_a_route_without_an_access_rule_stops_the_start(planner: Planner) -> None:
    router = APIRouter()

    @router.get("/v1/forgotten")
    def forgotten() -> None: ...

    app = create_app(planner.app.state.service)
    app.include_router(router)
    with pytest.raises(RuntimeError, match="forgotten"):
        rules(app)


@pytest.mark.parametrize("wrong", ["", "Basic abc", "Bearer", "Bearer qm_test_x", "Bearer \xff"])
def test_no_valid_key_is_one_and_the_same_refusal(planner: Planner, wrong: str) -> None:
    answer = planner.client.get("/v1/stock", headers={"authorization": wrong.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "request.unauthenticated")


def test_a_key_ends_by_expiry_and_at_once_by_revocation(planner: Planner, clock: FakeClock) -> None:
    short, lasting = planner.key("read", days=1), planner.key("read")
    clock.advance(DAY + SECOND)
    assert planner.client.get("/v1/stock", headers=bearer(short)).status_code == 401
    assert planner.client.get("/v1/stock", headers=bearer(lasting)).status_code == 200
    with unit_of_work(planner.pool) as connection:
        access.revoke_key(connection, lasting.split("_")[2], now=clock.now())
    assert planner.client.get("/v1/stock", headers=bearer(lasting)).status_code == 401


def test_the_catalog_comes_in_by_file_and_is_listed(planner: Planner, key: str) -> None:
    write = bearer(planner.key("catalog:write")) | {"content-type": "text/csv"}
    url = "/v1/catalog/items"
    dry = planner.client.post(url, params={"dry_run": True}, content=ITEMS_CSV, headers=write)
    assert (dry.status_code, dry.json()["inserted"]) == (200, 1)
    assert planner.get("/v1/items", key, sku="OAT")["items"] == []
    wet = planner.client.post(url, content=ITEMS_CSV, headers=write)
    assert (wet.status_code, wet.json()["inserted"]) == (200, 1)
    (item,) = planner.get("/v1/items", key, gtin="14006381333938")["items"]
    assert item["codes"] == [
        {"gtin": "04006381333931", "quantity": 1, "level": None},
        {"gtin": "14006381333938", "quantity": 12, "level": None},
    ]


def test_a_file_with_wrong_rows_is_answered_with_each_and_changes_nothing(
    planner: Planner, key: str
) -> None:
    write = bearer(planner.key("catalog:write")) | {"content-type": "text/csv"}
    text = ITEMS_CSV + "A B,x,123,\nC,,,\n"
    before = planner.get("/v1/items", key)
    answer = planner.client.post("/v1/catalog/items", content=text, headers=write)
    assert (answer.status_code, answer.json()["code"]) == (422, "catalog.row")
    assert answer.headers["content-type"] == "application/problem+json"
    where = [flaw["where"] for flaw in answer.json()["errors"]]
    assert where == ["line 4 gtin", "line 4 sku", "line 5 name"]
    assert planner.get("/v1/items", key) == before
    report = planner.client.post(
        "/v1/catalog/items?dry_run=true", content=text, headers=write
    ).json()
    assert [error["line"] for error in report["errors"]] == [4, 4, 5]


def test_a_key_of_one_site_imports_nothing(planner: Planner) -> None:
    key = planner.key("catalog:write", sites=("S-gw-a",))
    answer = planner.client.post(
        "/v1/catalog/items", content=ITEMS_CSV, headers=bearer(key) | {"content-type": "text/csv"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "request.forbidden")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "request.not-found"),
        ("GET", "/docs", 404, "request.not-found"),
        ("DELETE", "/v1/stock", 405, "request.method"),
        ("GET", "/v1/stock?limit=501", 422, "request.invalid"),
        ("GET", "/v1/stock?limit=0", 422, "request.invalid"),
        ("GET", "/v1/stock?item=A&item=B", 422, "request.invalid"),
        ("GET", "/v1/stock?" + "&".join(f"p{n}=1" for n in range(60)), 422, "request.invalid"),
        ("GET", "/v1/stock?colour=red", 422, "request.invalid"),
        ("GET", "/v1/stock?cursor=abc", 422, "request.invalid"),
        ("GET", "/v1/stock?item=a%00b", 422, "request.invalid"),
        ("GET", "/v1/stock?state=lost", 422, "request.invalid"),
        ("GET", "/v1/stock/as-of", 422, "request.invalid"),
        ("GET", "/v1/stock/as-of?at=2026-01-01T00:00:00", 422, "request.invalid"),
        ("GET", "/v1/stock/as-of?at=0001-01-01T00:00:00Z", 422, "request.invalid"),
        ("GET", "/v1/sites/a%20b/completeness", 422, "request.invalid"),
        ("GET", "/v1/gateways/GW", 422, "request.invalid"),
        ("POST", "/v1/catalog/items", 403, "request.forbidden"),
    ],
)
def test_a_refusal_is_a_problem_document(
    planner: Planner, *, method: str, path: str, status: int, code: str
) -> None:
    answer = planner.client.request(method, path, headers=bearer(planner.key("read")))
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:quartermaster:error:{code}"
    assert body["title"]
    assert body["do"]


def test_an_oversized_body_is_refused_whether_announced_or_not(planner: Planner) -> None:
    head = bearer(planner.key("catalog:write"))

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(66):
            yield bytes(1024 * 1024)

    lying = {**head, "content-type": "text/csv", "content-length": str(65 * 1024 * 1024)}
    for content, headers in ((b"", lying), (unannounced(), head | {"content-type": "text/csv"})):
        answer = planner.client.post("/v1/catalog/items", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload.too-large")


def test_every_answer_carries_the_security_headers(planner: Planner) -> None:
    for path in ("/healthz", "/v1/nothing", "/v1/stock"):
        headers = planner.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] in {"no-store", "private, no-cache"}
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_what_nobody_foresaw_is_answered_with_a_reference_only(
    planner: Planner, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr("cloud.ledger.service.stock", broken)
    answer = planner.client.get("/v1/stock", headers=bearer(key))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal.unexpected")
    assert answer.json()["reference"] == "the-reference"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_who_asks_too_often_is_told_when_to_come_back(planner: Planner, key: str) -> None:
    client = InProcess(create_app(planner.app.state.service, rates=Rates(known=100, unknown=1)))
    assert client.get("/v1/sites", headers=bearer(key)).status_code == 200
    refused = next(
        answer for _ in range(60) if (answer := client.get("/v1/about")).status_code != 200
    )
    assert (refused.status_code, refused.json()["code"]) == (429, "request.too-many")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert client.get("/v1/sites", headers=bearer(key)).status_code == 200, "the key's own bucket"


def test_readiness_follows_the_database(planner: Planner) -> None:
    assert planner.client.get("/readyz").json() == {
        "status": "ready",
        "circuits": {"database": "closed"},
    }
    with unit_of_work(planner.pool) as connection:
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0006_fleet'")
    stale = planner.client.get("/readyz")
    assert (stale.status_code, stale.json()["code"]) == (503, "database.schema")
    assert planner.client.get("/healthz").status_code == 200


def test_metrics_count_by_route_and_want_their_own_scope(planner: Planner, key: str) -> None:
    planner.client.get("/v1/gateways/gw-a", headers=bearer(key))
    answer = planner.client.get("/metrics", headers=bearer(planner.key("metrics")))
    assert 'route="/v1/gateways/{name}",status="200"' in answer.text


def test_security_txt_names_contact_and_expiry(planner: Planner) -> None:
    text = planner.client.get("/.well-known/security.txt").text
    assert "Contact: mailto:security@example.org" in text
    assert "Expires: 2026-05-19T14:46:40Z" in text


def test_the_door_serves_documents_and_nothing_else(planner: Planner) -> None:
    app = create_door(planner.app.state.service)
    assert [rule.path for rule in rules(app)] == ["/v1/documents/{sha256}"]
    door = InProcess(app)
    assert door.get("/v1/documents/" + "0" * 64).json()["code"] == "request.not-found"
    assert door.get("/v1/documents/../x").status_code == 404
    assert door.get("/v1/stock").status_code == 404


def _pages(planner: Planner, key: str, path: str, limit: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = planner.get(path, key, limit=limit, **cursor)
        assert len(page["items"]) <= limit
        rows += page["items"]
        if page["next"] is None:
            return rows
        cursor = {"cursor": page["next"]}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limit=st.integers(1, 9))
@pytest.mark.parametrize("path", ["/v1/stock", "/v1/movements", "/v1/items", "/v1/sites"])
def test_pages_of_any_size_put_together_are_the_whole_list(
    planner: Planner, key: str, path: str, limit: int
) -> None:
    if not planner.get("/v1/stock", key)["items"]:
        lines = [(f"SKU-{n % 5}", n, f"L{n % 4}", f"LOT-{n}") for n in range(1, 12)]
        planner.receive("gw-a", *lines)
        planner.receive("gw-b", *lines)
    whole = planner.get(path, key, limit=500)["items"]
    assert _pages(planner, key, path, limit) == whole
