"""The door to signing in: who may knock, what is asked, what every refusal says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from edge.people import Desk
from edge.web import RateLimit, create, devices
from edge.web.people import people_room
from shared.units import HOUR
from tests.support import FakeClock
from tests.support.clock import START
from tests.support.gateway import equip_store
from tests.support.people import employ

if TYPE_CHECKING:
    from edge.app.store import Store


class Calm:
    """A gateway about which there is nothing to say."""

    def report(self) -> dict[str, Any]:
        return {}

    def not_ready(self) -> str:
        return ""


class Door:
    """The people's routes, asked by a paired device."""

    def __init__(self, store: Store, *, burst: int = 1000) -> None:
        self.token = equip_store(store)
        self.store = store
        limit = RateLimit(1, burst)
        desk = Desk(store.database, store.pipeline, FakeClock(), lambda: 0.0)
        room = people_room(store.database, desk, limit, site="berlin", gateway="gw-01")
        self.app = create(
            store.database, store.pipeline, Calm(), limit, CollectorRegistry(), rooms=[room]
        )

    def ask(self, method: str, path: str, token: str | None = None, **over: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
                headers = {"authorization": f"Bearer {token or self.token}"}
                return await client.request(method, path, headers=headers, **over)

        return asyncio.run(go())

    def sign_in(self, **body: Any) -> httpx.Response:
        return self.ask("POST", "/v1/sign-in", json=body)

    def show(self, person: str, secret: str) -> httpx.Response:
        return self.sign_in(person=person, secret=secret)

    def me(self, token: str | None = None) -> dict[str, Any]:
        return self.ask("GET", "/v1/me", token).json()


@pytest.fixture
def door(bare_store: Store) -> Door:
    door = Door(bare_store)
    employ(bare_store)
    return door


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


def test_a_badge_then_a_secret_then_out(door: Door) -> None:
    badge = door.sign_in(badge="B-ADA")
    assert badge.status_code == 200
    assert badge.json() == {
        "person": {"code": "ada", "name": "Ada Lovelace", "role": "operator"},
        "since": START,
        "until": START + 12 * HOUR,
        "may_decide": False,
    }
    secret = door.show("ada", "ada's secret")
    assert secret.json()["may_decide"] is True
    assert door.me()["person"]["code"] == "ada"
    out = door.ask("POST", "/v1/sign-out")
    assert (out.status_code, out.json()["person"]) == (200, None)
    assert door.me()["person"] is None


def test_me_tells_where_one_is_and_what_is_in_force(door: Door) -> None:
    me = door.me()
    assert (me["device"], me["site"], me["gateway"]) == ("sc-01", "berlin", "gw-01")
    assert me["versions"] == {
        "catalog": 1,
        "policy": 0,
        "people": 1,
        "plan": 0,
        "leases": 0,
        "heads": 0,
    }
    assert me["policy"] == {
        "name": "built-in",
        "undo_minutes": 10,
        "max_quantity": 1_000_000,
        "warn_quantity": 10_000,
    }


def test_each_device_has_its_own_person(door: Door) -> None:
    other = door.store.database.run_blocking(
        lambda connection: devices.add(connection, "sc-02", now=1)
    )
    door.sign_in(badge="B-ADA")
    assert door.me(other)["person"] is None
    assert door.me()["person"]["code"] == "ada"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/sign-in"), ("POST", "/v1/sign-out"), ("GET", "/v1/me")],
)
def test_only_a_paired_device_may_knock(door: Door, method: str, path: str) -> None:
    response = door.ask(method, path, "wrong")
    assert (response.status_code, code_of(response)) == (401, "request.unauthenticated")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\x00",
        b'{"badge": ""}',
        b'{"badge": 7}',
        b'{"badge": "B-ADA", "person": "ada"}',
        b'{"person": "ada"}',
        b'{"person": "ada", "secret": ""}',
        b'{"person": "", "secret": "x"}',
        b'{"badge": "' + b"x" * 513 + b'"}',
        b'{"person": "ada", "secret": "' + b"hunter2" * 40 + b'"}',
        b"[" * 100_000,
        b'{"badge": "\xff"}',
    ],
)
def test_what_is_no_sign_in_is_refused_and_never_quoted(door: Door, body: bytes) -> None:
    response = door.ask("POST", "/v1/sign-in", content=body)
    assert (response.status_code, code_of(response)) == (422, "request.invalid")
    assert "hunter2" not in response.text
    assert door.me()["person"] is None


def test_a_body_without_end_is_refused(door: Door) -> None:
    response = door.ask("POST", "/v1/sign-in", content=b" " * (256 * 1024 + 1))
    assert (response.status_code, code_of(response)) == (413, "payload.too-large")


def test_too_many_wrong_tries_are_told_when_to_come_again(door: Door) -> None:
    for _ in range(5):
        wrong = door.show("ada", "guess")
        assert (wrong.status_code, code_of(wrong)) == (403, "people.wrong-secret")
    response = door.show("ada", "ada's secret")
    assert (response.status_code, code_of(response)) == (429, "people.too-many-tries")
    assert response.headers["retry-after"] == "30"
    assert response.json()["error"]["detail"] == "wait 30 seconds"


def test_signing_in_counts_against_the_devices_rate(bare_store: Store) -> None:
    door = Door(bare_store, burst=2)
    employ(bare_store)
    assert [door.sign_in(badge="B-ADA").status_code for _ in range(3)] == [200, 200, 429]


def test_without_people_the_refusal_says_what_to_do(bare_store: Store) -> None:
    response = Door(bare_store).sign_in(badge="B-ADA")
    assert (response.status_code, code_of(response)) == (503, "people.none-known")
