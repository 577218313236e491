"""An enrolment desk on a real HTTPS server, over a real database."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from psycopg_pool import ConnectionPool
from starlette.middleware.base import RequestResponseEndpoint

from cloud.api.problem import install
from cloud.api.routes_identity import identity_router
from cloud.db import Connection
from cloud.gateways import service
from cloud.gateways.authority import Authority, root_fingerprint
from cloud.gateways.model import MeetingPoints
from deploy.processes import free_port
from shared.clock import Clock
from shared.enrolment import Slip

SITE = "berlin"


class Desk:
    """The desk, what was said to it, and a switch that loses its answers."""

    def __init__(
        self, pool: ConnectionPool[Connection], pki: Path, clock: Clock, meeting: MeetingPoints
    ) -> None:
        self.pool = pool
        self.pki = pki
        self.clock = clock
        self.authority = Authority.load(pki)
        self.meeting = meeting
        self.bodies: list[bytes] = []
        self.lose_answers = False
        self._move(pki)
        with pool.connection() as connection:
            connection.execute("INSERT INTO site (code) VALUES (%s)", [SITE])

    def behind(self, pki: Path) -> Desk:
        """The same desk as somebody in between would show it, with a server key of their own."""
        middle = copy.copy(self)
        middle._move(pki)
        middle.bodies = []
        return middle

    def _move(self, pki: Path) -> None:
        self.server_pki = pki
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"

    def slip(self, name: str) -> Slip:
        """Register a gateway and take its slip."""
        with self.pool.connection() as connection:
            return service.register(
                connection,
                name=name,
                site=SITE,
                fingerprint=root_fingerprint(self.pki),
                now=self.clock.now(),
            )

    def new_slip(self, name: str) -> Slip:
        """A new token for a gateway that is registered."""
        with self.pool.connection() as connection:
            return service.new_token(
                connection,
                name=name,
                fingerprint=root_fingerprint(self.pki),
                now=self.clock.now(),
            )

    def revoke(self, name: str) -> None:
        """Revoke a gateway."""
        with self.pool.connection() as connection:
            service.revoke(connection, name, now=self.clock.now())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What stands in the database."""
        with self.pool.connection() as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    def _app(self) -> FastAPI:
        app = FastAPI()
        install(app)
        app.include_router(
            identity_router(
                pool=self.pool, authority=self.authority, meeting=self.meeting, clock=self.clock
            )
        )

        @app.middleware("http")
        async def listen(request: Request, call_next: RequestResponseEndpoint) -> Response:
            self.bodies.append(await request.body())
            answer = await call_next(request)
            if self.lose_answers and request.method == "POST":
                return Response("a proxy lost the answer", status_code=502)
            return answer

        return app


@contextmanager
def serving(desk: Desk) -> Iterator[Desk]:
    """Serve the desk's routes over HTTPS."""
    server = uvicorn.Server(
        uvicorn.Config(
            desk._app(),
            port=desk.port,
            ssl_certfile=desk.server_pki / "server.crt",
            ssl_keyfile=desk.server_pki / "server.key",
            log_config=None,
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield desk
    finally:
        server.should_exit = True
        thread.join()
