"""The local API: who may come in, how much, and what every error looks like."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from edge.app.store import Store
from edge.web import RateLimit, create, devices
from shared.errors import QuartermasterError
from tests.support.gateway import LABEL, equip_store, scan

NOBODY = "none"


class Calm:
    """A gateway about which there is nothing to say."""

    def report(self) -> dict[str, Any]:
        return {"gateway": "gw-01"}

    def not_ready(self) -> str:
        return ""


class Broken(Calm):
    """A gateway in which something is wrong."""

    def report(self) -> dict[str, Any]:
        raise ZeroDivisionError("a secret detail")

    def not_ready(self) -> str:
        return "no catalog"


class Door:
    """The app behind its door, asked synchronously."""

    def __init__(
        self, store: Store, token: str, *, burst: int = 10_000, status: Any = None
    ) -> None:
        self.token = token
        self.app = create(
            store.database,
            store.pipeline,
            status or Calm(),
            RateLimit(1, burst),
            CollectorRegistry(),
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        **over: Any,
    ) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
                headers = {"authorization": f"Bearer {token or self.token}"}
                return await client.request(method, path, headers=headers, **over)

        return asyncio.run(go())


@pytest.fixture
def door(bare_store: Store) -> Door:
    return Door(bare_store, equip_store(bare_store))


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


def test_a_single_scan_has_the_status_of_its_outcome(door: Door) -> None:
    good = door.ask("POST", "/v1/scans", json=scan())
    assert (good.status_code, good.json()["outcome"]) == (200, "accepted")
    bad = door.ask("POST", "/v1/scans", json=scan(raw="nothing"))
    assert (bad.status_code, bad.json()["outcome"]) == (422, "refused")
    assert code_of(bad) == "scan.unknown-item"


def test_a_batch_is_answered_scan_by_scan_in_its_order(door: Door) -> None:
    batch = [scan(), scan(raw=""), {"id": scan()["id"], "nonsense": 1}, scan(), 7]
    response = door.ask("POST", "/v1/scans", json={"scans": batch})
    assert response.status_code == 200
    answers = response.json()["answers"]
    assert [answer["outcome"] for answer in answers] == [
        "accepted",
        "refused",
        "refused",
        "accepted",
        "refused",
    ]
    assert [answer["id"] for answer in answers] == [
        one["id"] if isinstance(one, dict) else None for one in batch
    ]


def test_a_batch_of_256_is_taken_and_one_of_257_is_not(door: Door) -> None:
    full = door.ask("POST", "/v1/scans", json={"scans": [scan() for _ in range(256)]})
    assert len(full.json()["answers"]) == 256
    more = door.ask("POST", "/v1/scans", json={"scans": [scan() for _ in range(257)]})
    assert (more.status_code, code_of(more)) == (413, "payload.too-large")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"x" * (256 * 1024 + 1), 413, "payload.too-large"),
        (b'{"scans": []}', 422, "payload.malformed"),
        (b'{"scans": {}}', 422, "scan.malformed"),
        (b'{"scans": ' + b"[" * 100_000, 422, "payload.too-large"),
        (b"", 422, "scan.malformed"),
        (b"\x00\x01", 422, "scan.malformed"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(
    door: Door, body: bytes, status: int, code: str
) -> None:
    response = door.ask("POST", "/v1/scans", content=body)
    assert response.status_code in {status, 413}
    assert code_of(response) == code


def test_a_body_without_a_length_is_bounded_too(door: Door) -> None:
    async def endless() -> Any:
        for _ in range(1000):
            yield b" " * 1024

    response = door.ask("POST", "/v1/scans", content=endless())
    assert (response.status_code, code_of(response)) == (413, "payload.too-large")


@pytest.mark.parametrize("token", ["", "wrong", "qmd_" + "A" * 43])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/scans"), ("GET", "/v1/stock"), ("GET", "/v1/status")]
)
def test_nobody_comes_in_without_a_paired_devices_token(
    door: Door, token: str, method: str, path: str
) -> None:
    response = door.ask(method, path, token=token or " ")
    assert (response.status_code, code_of(response)) == (401, "request.unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_is_refused_at_once(door: Door, bare_store: Store) -> None:
    assert door.ask("GET", "/v1/stock").status_code == 200
    bare_store.database.run_blocking(lambda connection: devices.revoke(connection, "sc-01", now=2))
    assert door.ask("GET", "/v1/stock").status_code == 401


def test_only_the_hash_of_a_token_is_kept(door: Door, bare_store: Store) -> None:
    rows = bare_store.database.reader.execute("SELECT * FROM device").fetchall()
    assert door.token not in str(rows)
    assert door.token.encode() not in (bare_store.data / "gateway.db-wal").read_bytes()


def test_a_device_is_held_to_its_rate_and_told_when_to_come_again(bare_store: Store) -> None:
    door = Door(bare_store, equip_store(bare_store), burst=3)
    assert door.ask("POST", "/v1/scans", json={"scans": [scan(), scan()]}).status_code == 200
    over = door.ask("POST", "/v1/scans", json={"scans": [scan(), scan()]})
    assert (over.status_code, code_of(over)) == (429, "request.too-many")
    assert over.headers["retry-after"] == "1"
    assert door.ask("POST", "/v1/scans", json=scan()).status_code == 200


def test_a_bucket_fills_again_with_time() -> None:
    limit = RateLimit(per_second=2, burst=4)
    limit.take("a", 4, 0.0)
    with pytest.raises(QuartermasterError):
        limit.take("a", 1, 0.1)
    limit.take("b", 4, 0.1)
    limit.take("a", 2, 1.1)


def test_stock_is_told_by_item_and_location_in_pages(door: Door) -> None:
    for location in ("A-01", "A-02", "DOCK-1"):
        door.ask("POST", "/v1/scans", json=scan(LABEL, location=location, quantity=2))
    door.ask("POST", "/v1/scans", json=scan("TEA-1", location="A-01"))
    by_item = door.ask("GET", "/v1/stock", params={"sku": "TEA-1"}).json()
    assert len(by_item["lines"]) == 4
    assert by_item["versions"] == {
        "catalog": 1,
        "policy": 0,
        "people": 0,
        "plan": 0,
        "leases": 0,
        "heads": 0,
    }
    here = door.ask("GET", "/v1/stock", params={"location": "A-01"}).json()["lines"]
    assert [(line["lot"], line["quantity"]) for line in here] == [(None, 1), ("L2025A", 2)]
    assert door.ask("GET", "/v1/stock", params={"sku": "NONE"}).json()["lines"] == []
    for filters in ({}, {"sku": "TEA-1"}, {"location": "A-01"}):
        whole = door.ask("GET", "/v1/stock", params=filters).json()["lines"]
        pages: list[Any] = []
        after: str | None = None
        while True:
            params = {**filters, "limit": "1", **({"after": after} if after else {})}
            page = door.ask("GET", "/v1/stock", params=params).json()
            pages.extend(page["lines"])
            after = page["next"]
            if after is None:
                break
        assert pages == whole


@pytest.mark.parametrize(
    "params",
    [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"after": "zz"}, {"after": "5b5d"}],
)
def test_a_senseless_page_is_refused(door: Door, params: dict[str, str]) -> None:
    response = door.ask("GET", "/v1/stock", params=params)
    assert (response.status_code, code_of(response)) == (422, "request.invalid")


def test_unknown_paths_and_methods_have_an_error_of_the_catalogue(door: Door) -> None:
    missing = door.ask("GET", "/v1/nothing")
    assert (missing.status_code, code_of(missing)) == (404, "request.not-found")
    method = door.ask("DELETE", "/v1/scans")
    assert (method.status_code, code_of(method)) == (405, "request.invalid")


def test_what_breaks_inside_is_told_by_a_reference_only(bare_store: Store) -> None:
    door = Door(bare_store, equip_store(bare_store), status=Broken())
    response = door.ask("GET", "/v1/status")
    assert (response.status_code, code_of(response)) == (500, "internal.unexpected")
    assert "secret" not in response.text
    assert "Traceback" not in response.text


def test_health_readiness_and_metrics_need_no_token(bare_store: Store) -> None:
    door = Door(bare_store, equip_store(bare_store), status=Broken())
    assert door.ask("GET", "/healthz", token=NOBODY).json() == {"status": "ok"}
    ready = door.ask("GET", "/readyz", token=NOBODY)
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "why": "no catalog"})
    assert Door(bare_store, "x").ask("GET", "/readyz").status_code == 200
    assert door.ask("GET", "/metrics", token=NOBODY).status_code == 200


def test_a_device_needs_a_name_that_is_a_code(bare_store: Store) -> None:
    with pytest.raises(QuartermasterError) as refused:
        bare_store.database.run_blocking(lambda connection: devices.add(connection, "a b\n", now=1))
    assert refused.value.code == "request.invalid"
    assert devices.known(bare_store.database.reader) == []


def test_answers_are_json_and_never_cached(door: Door) -> None:
    response = door.ask("POST", "/v1/scans", json=scan())
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    json.loads(response.content)
