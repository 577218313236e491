"""A planner's hand in tests: a small stocked world, keys to it, and the API in front of it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import httpx
from argon2 import PasswordHasher

from cloud.access import add_key, people
from cloud.access.people import Desk
from cloud.access.tokens import Signer
from cloud.api import Rates, Service, create_app
from cloud.app.changes import log
from cloud.catalog import item_ids, location_ids
from cloud.db import unit_of_work
from cloud.ledger.model import Entry
from cloud.ledger.names import Names
from cloud.ledger.posting import post
from shared.clock import Clock
from shared.events import Line, Received, decode_event
from shared.rates import RateLimit
from shared.units import Micros
from tests.support.clock import START
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI
    from psycopg_pool import ConnectionPool
    from starlette.types import ASGIApp

    from cloud.access.oidc import Provider
    from cloud.db import Connection


PASSWORD = "lamp violet kettle Tuesday"  # noqa: S105 - of people in tests


class InProcess:
    """A blocking HTTP client that calls an ASGI application without a network."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Any = app

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://localhost"
            ) as client:
                return await client.request(method, path, **how)

        return asyncio.run(ask())

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.request("GET", path, **how)

    def post(self, path: str, **how: Any) -> httpx.Response:
        return self.request("POST", path, **how)


class Planner:
    """The API over one database.

    The world: sites ``S-gw-a`` and ``S-gw-b``, one gateway each, five items; see :meth:`receive`.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        clock: Clock,
        identity: APIRouter | None = None,
        provider: Provider | None = None,
    ) -> None:
        self.pool = pool
        self.clock = clock
        self.hands = {name: Hand(name) for name in ("gw-a", "gw-b")}
        self.names = Names(item_ids, location_ids)
        self._random = random.Random(1)
        with unit_of_work(pool) as connection:
            stage(connection, list(self.hands.values()))
        service = Service(
            pool=pool,
            clock=clock,
            generation=1,
            support_until="2031-12-31",
            security_contact="mailto:security@example.org",
            environment="test",
            desk=Desk(
                random_bytes=self._random.randbytes,
                signer=Signer(self._random.randbytes),
                hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
                provider=provider,
                addresses=RateLimit(100_000, 100_000),
            ),
            changes=log(1),
        )
        self.desk = service.desk
        self.app: FastAPI = create_app(
            service,
            identity=identity,
            rates=Rates(100_000, 100_000),
            reference=lambda: "the-reference",
        )
        self.client = InProcess(self.app)

    def key(self, *scopes: str, sites: tuple[str, ...] = (), days: int | None = None) -> str:
        """A new key."""
        with unit_of_work(self.pool) as connection:
            return add_key(
                connection,
                name="test",
                scopes=scopes or ("read",),
                sites=sites,
                environment="test",
                now=self.clock.now(),
                days=days,
                random_bytes=self._random.randbytes,
            ).text

    def person(self, account: str, *grants: str) -> str:
        """A new account with the password :data:`PASSWORD`; returns an access token."""
        with unit_of_work(self.pool) as connection:
            people.add(
                connection,
                self.desk,
                account=account,
                name="",
                password=PASSWORD,
                grants=grants,
                now=self.clock.now(),
            )
        return self.sign_in(account)["access_token"]

    def sign_in(self, account: str) -> Any:
        """A new session."""
        body = {"account": account, "password": PASSWORD}
        answer = self.client.post("/v1/session", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, key: str, **params: Any) -> Any:
        """The answer to a GET, which must be one of success."""
        answer = self.client.get(path, params=params or None, headers=bearer(key))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def receive(
        self,
        gateway: str,
        *lines: tuple[str, int, str, str | None],
        received_at: int = START,
    ) -> None:
        """Let (sku, quantity, location, lot) come in at a gateway's site."""
        hand = self.hands[gateway]
        events = [
            decode_event(hand.event(Received(Line(sku, quantity, lot), location)))
            for sku, quantity, location, lot in lines
        ]
        with unit_of_work(self.pool) as connection:
            row = connection.execute(
                "SELECT gateway_id, site_id FROM gateway WHERE name = %s", [gateway]
            ).fetchone()
            assert row is not None
            entry = Entry(row[0], row[1], 1, events)
            assert not post(connection, [entry], names=self.names, at=Micros(received_at))


def bearer(key: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"authorization": f"Bearer {key}"}
