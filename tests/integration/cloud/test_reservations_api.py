"""Reserve, confirm, release over HTTP, by who may and for whose sites."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cloud import access, orders
from cloud.api import recently
from cloud.db import unit_of_work
from tests.support import FakeClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


@pytest.fixture
def planner(pool: ConnectionPool[Connection], clock: FakeClock) -> Planner:
    made = Planner(pool, clock)
    made.receive("gw-a", ("SKU-0", 40, "L0", None))
    made.receive("gw-b", ("SKU-0", 10, "L0", None))
    return made


def reserve(planner: Planner, key: str, name: str, **wish: Any) -> httpx.Response:
    body = {"item": "SKU-0", "quantity": 5, "site": "S-gw-a"} | wish
    headers = bearer(key) | {"idempotency-key": name}
    return planner.client.post("/v1/reservations", json=body, headers=headers)


def free(planner: Planner, site: str) -> int:
    with unit_of_work(planner.pool) as connection:
        assert orders.drift(connection) == []
        return orders.account(connection, site=site, sku="SKU-0").free()


def test_a_buyer_reserves_confirms_and_is_told_where_the_numbers_come_from(
    planner: Planner,
) -> None:
    key = planner.key("reservations:write", "read")
    made = reserve(planner, key, "one", order="1001")
    assert made.status_code == 201, made.text
    body = made.json()
    assert reserve(planner, key, "one", order="1001").json() == body
    assert (body["status"], body["order"]) == ("pending", "1001")
    assert body["parts"] == [{"site": "S-gw-a", "item": "SKU-0", "quantity": 5, "picked": 0}]
    (because,) = body["because"]
    assert because["says"] == "Of 40 SKU-0 that were free at S-gw-a, 5 are held."
    assert planner.get(because["link"], key)["items"][0]["quantity"] == 40
    path = f"/v1/reservations/{body['id']}"
    for change, content, status in (
        ("extend", {"ttl_s": 60}, "pending"),
        ("confirm", {}, "confirmed"),
        ("release", None, "released"),
    ):
        answer = planner.client.post(f"{path}/{change}", json=content, headers=bearer(key))
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    over = planner.client.post(f"{path}/confirm", json={}, headers=bearer(key))
    assert (over.status_code, over.json()["code"]) == (409, "reservation.over")
    assert planner.get(path, key)["status"] == "released"
    listed = planner.get("/v1/reservations", key, order="1001", site="S-gw-a")["items"]
    assert [each["id"] for each in listed] == [body["id"]]
    assert free(planner, "S-gw-a") == 40


def test_what_is_not_free_or_not_said_rightly_is_refused_and_holds_nothing(
    planner: Planner,
) -> None:
    key = planner.key("reservations:write")
    for wish, status, code in (
        ({"quantity": 41}, 409, "reservation.not-free"),
        ({"quantity": 0}, 422, "request.invalid"),
        ({"item": "SKU-9"}, 404, "request.not-found"),
        ({"region": "EU"}, 422, "request.invalid"),
        ({"ttl_s": 0}, 422, "request.invalid"),
    ):
        answer = reserve(planner, key, "k", **wish)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    keyless = planner.client.post(
        "/v1/reservations", json={"item": "SKU-0", "quantity": 1}, headers=bearer(key)
    )
    assert keyless.status_code == 422
    assert reserve(planner, key, "two words").status_code == 422
    assert reserve(planner, planner.key("read"), "k").status_code == 403
    assert free(planner, "S-gw-a") == 40


def test_a_key_of_one_site_reserves_and_sees_there_only(planner: Planner) -> None:
    own = planner.key("reservations:write", "read", sites=("S-gw-b",))
    everywhere = planner.key("reservations:write", "read")
    foreign = reserve(planner, everywhere, "x").json()["id"]
    both = reserve(planner, everywhere, "y", site=None, quantity=40).json()
    assert [part["site"] for part in both["parts"]] == ["S-gw-a", "S-gw-b"]
    assert reserve(planner, own, "x").status_code == 404
    assert reserve(planner, own, "z", site=None, quantity=6).status_code == 409
    assert reserve(planner, own, "z", site=None, quantity=5).status_code == 201
    for code in (foreign, both["id"]):
        assert (
            planner.client.get(f"/v1/reservations/{code}", headers=bearer(own)).status_code == 404
        )
        release = planner.client.post(f"/v1/reservations/{code}/release", headers=bearer(own))
        assert release.status_code == 404
    assert len(planner.get("/v1/reservations", own)["items"]) == 1
    assert (free(planner, "S-gw-a"), free(planner, "S-gw-b")) == (0, 0)


def test_a_crowd_is_granted_together_in_order_and_no_more_than_there_is(planner: Planner) -> None:
    key = planner.key("reservations:write")

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=planner.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
            wishes = [
                client.post(
                    "/v1/reservations",
                    json={"item": "SKU-0", "quantity": 1, "site": "S-gw-a"},
                    headers=bearer(key) | {"idempotency-key": f"k{number % 90}"},
                )
                for number in range(180)
            ]
            return await asyncio.gather(*wishes)

    answers = asyncio.run(crowd())
    granted = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} == {201, 409}
    assert len(granted) == 40
    assert free(planner, "S-gw-a") == 0


def test_a_revoked_key_is_let_through_no_longer_than_it_is_remembered(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = planner.key("reservations:write")
    assert reserve(planner, key, "one").status_code == 201
    with unit_of_work(planner.pool) as connection:
        access.revoke_key(connection, key.split("_")[2], now=planner.clock.now())
    assert reserve(planner, key, "one").status_code == 201, "within the bound"
    later = recently.time.monotonic() + recently.REMEMBERED_S
    monkeypatch.setattr(recently.time, "monotonic", lambda: later)
    assert reserve(planner, key, "one").status_code == 401
