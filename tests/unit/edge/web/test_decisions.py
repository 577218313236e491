"""Decisions, leases and what devices ask to be decided, over the local API."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from edge.app.store import Store
from edge.web import RateLimit, create, devices
from edge.web.decisions import decisions_room
from shared.units import MINUTE
from tests.support.alone import FACE, Alone
from tests.support.floor import new_id

NOBODY = "wrong"
UNKNOWN = "019aa1bb-5480-7000-8000-000000000001"


class Calm:
    """A gateway about which there is nothing to say."""

    def report(self) -> dict[str, Any]:
        return {}

    def not_ready(self) -> str:
        return ""


class Door:
    """The app, asked by a paired device."""

    def __init__(self, store: Store, *, burst: int = 1000) -> None:
        self.alone = Alone(store)
        self.token = store.database.run_blocking(
            lambda connection: devices.add(connection, "sc-01", now=1)
        )
        limit = RateLimit(1, burst)
        room = decisions_room(store.database, self.alone.decider, limit)
        self.app = create(
            store.database, store.pipeline, Calm(), limit, CollectorRegistry(), rooms=[room]
        )

    def ask(self, method: str, path: str, **over: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
                headers = {"authorization": f"Bearer {over.pop('token', self.token)}"}
                return await client.request(method, path, headers=headers, **over)

        return asyncio.run(go())

    def get(self, path: str, **params: Any) -> Any:
        response = self.ask("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def allocate(self, quantity: int, **over: Any) -> httpx.Response:
        request = {"id": new_id(), "sku": "TEA-1", "quantity": quantity, "document": "SO-1"}
        return self.ask("POST", "/v1/allocations", json=request | over)


@pytest.fixture
def door(bare_store: Store) -> Door:
    return Door(bare_store)


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


def test_an_order_is_promised_and_the_lease_tells_what_remains(door: Door) -> None:
    door.alone.receive(100)
    door.alone.lease(("LE-1", 30))
    answer = door.allocate(12)
    assert (answer.status_code, answer.json()["remaining"]) == (200, 18)
    (lease,) = door.get("/v1/leases")["leases"]
    assert (lease["code"], lease["committed"], lease["remaining"]) == ("LE-1", 12, 18)
    refused = door.allocate(19)
    assert (refused.status_code, code_of(refused)) == (409, "lease.exhausted")
    assert refused.json()["remaining"] == 18


def test_a_pallet_is_told_where_to_go(door: Door) -> None:
    request = {"id": new_id(), "kind": "dock", "sku": "TEA-1", "quantity": 9, "own": "DOCK-2"}
    answer = door.ask("POST", "/v1/routes", json=request).json()
    assert (answer["outcome"], answer["location"]) == ("send", "DOCK-2")


def test_decisions_are_listed_the_newest_first_page_by_page(door: Door) -> None:
    door.alone.receive(100)
    door.alone.lease(("LE-1", 30))
    for quantity in range(1, 6):
        door.allocate(quantity)
        door.alone.clock.moment += MINUTE
    first = door.get("/v1/decisions", limit=3)
    rest = door.get("/v1/decisions", limit=3, before=first["next"])
    found = [each["quantity"] for each in (*first["decisions"], *rest["decisions"])]
    assert found == [5, 4, 3, 2, 1]
    assert rest["next"] is None
    assert door.get("/v1/decisions", kind="order")["decisions"] == []
    since = first["decisions"][1]["taken_at"]
    assert len(door.get("/v1/decisions", since=since)["decisions"]) == 2


def test_a_decision_tells_what_why_and_what_became_of_it(door: Door) -> None:
    door.alone.plan(faces=[FACE])
    door.alone.receive(50)
    door.alone.look()
    (decision,) = door.get("/v1/decisions")["decisions"]
    assert (decision["kind"], decision["origin"]) == ("replenish", "edge-fallback")
    assert (decision["override"], decision["carried_out"]) == (None, True)
    path = f"/v1/decisions/{decision['id']}/override"
    instead = {"outcome": "leave it", "reason": "the aisle is closed"}
    assert code_of(door.ask("POST", path, json=instead)) == "people.not-signed-in"
    door.alone.sign_in()
    overridden = door.ask("POST", path, json=instead)
    assert (overridden.status_code, overridden.json()["override"]["person"]) == (200, "ann")
    assert door.get("/v1/decisions")["decisions"] == [overridden.json()]
    assert code_of(door.ask("POST", path, json=instead | {"reason": "x"})) == "decision.overridden"


def test_the_list_says_how_far_this_gateway_decides_alone(door: Door) -> None:
    told = door.get("/v1/decisions")
    assert (told["alone"], told["narrowed"], told["away_minutes"]) == (False, None, 0)
    door.alone.away = 80 * 60
    told = door.get("/v1/decisions")
    assert (told["alone"], told["away_minutes"]) == (True, 4800)
    assert told["narrowed"].startswith("The cloud has been away for 80 h")


def test_a_gateway_that_never_heard_from_the_cloud_does_not_say_since_when(door: Door) -> None:
    assert door.get("/v1/decisions")["heard_at"] > 0
    door.alone.heard = False
    told = door.get("/v1/decisions")
    assert (told["heard_at"], told["away_minutes"], told["alone"]) == (None, None, False)


@pytest.mark.parametrize(
    ("method", "path", "given", "code"),
    [
        ("GET", "/v1/decisions?kind=guess", None, "request.invalid"),
        ("GET", "/v1/decisions?limit=0", None, "request.invalid"),
        ("GET", "/v1/decisions?since=-1", None, "request.invalid"),
        ("GET", "/v1/decisions?before=7", None, "request.invalid"),
        ("GET", f"/v1/decisions?before={UNKNOWN}", None, "request.not-found"),
        ("POST", "/v1/decisions/7/override", {"outcome": "a", "reason": "b"}, "request.invalid"),
        ("POST", f"/v1/decisions/{UNKNOWN}/override", {"outcome": "a"}, "request.invalid"),
        ("POST", f"/v1/decisions/{UNKNOWN}/override", {"outcome": " ", "reason": "b"},
         "request.invalid"),
        ("POST", "/v1/allocations", {"id": UNKNOWN}, "request.invalid"),
        ("POST", "/v1/routes", [], "request.invalid"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(
    door: Door, method: str, path: str, given: Any, code: str
) -> None:
    answer = door.ask(method, path, json=given)
    assert code_of(answer) == code
    assert answer.json()["error"]["do"]
    assert door.alone.decisions() == []


def test_only_paired_devices_are_answered_and_each_within_its_rate(bare_store: Store) -> None:
    door = Door(bare_store, burst=2)
    for method, path in (
        ("GET", "/v1/decisions"),
        ("GET", "/v1/leases"),
        ("POST", "/v1/allocations"),
        ("POST", "/v1/routes"),
        ("POST", f"/v1/decisions/{new_id()}/override"),
    ):
        assert code_of(door.ask(method, path, token=NOBODY)) == "request.unauthenticated"
    assert code_of(door.allocate(1)) == "lease.exhausted"
    assert code_of(door.allocate(1)) == "lease.exhausted"
    assert code_of(door.allocate(1)) == "request.too-many"
