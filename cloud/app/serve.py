"""``quartermaster cloud serve``: the public API and the gateway door, two listeners, one process.

Both speak TLS 1.3 with the server's certificate. The door's handshake demands a certificate that
the devices' authority itself has issued: neither the root nor a sister authority opens it. The
database is checked before anything listens.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
import uvicorn
import uvloop
from psycopg_pool import ConnectionPool
from starlette.types import ASGIApp

from cloud.access.oidc import Provider, read_mapping
from cloud.access.people import Desk
from cloud.access.tokens import Signer
from cloud.api import Rates, Service, create_app, create_door
from cloud.api.routes_identity import identity_router
from cloud.app import changes
from cloud.app.documents import ROUTES
from cloud.app.feeds import secrets_in
from cloud.db import Connection, demand_schema, open_pool, unit_of_work
from cloud.gateways.authority import Authority, demand_trust_domain
from cloud.gateways.model import MeetingPoints
from cloud.settings import Settings
from shared.clock import Clock
from shared.errors import QuartermasterError

_PROVIDER_S: Final = 5.0
"""So long an identity provider may take to answer."""
_KEEP_ALIVE_S: Final = 20
_SHUTDOWN_S: Final = 2
_LONGEST_FRAME: Final = 4096
"""Bytes; nobody has anything to say to us over a WebSocket."""
_LONGEST_STATEMENT_S: Final = 60
"""An import of a full 64 MiB file stays well below."""

_log = structlog.stdlib.get_logger(__name__)


def serve(settings: Settings, clock: Clock) -> None:
    """Serve until SIGTERM or SIGINT; open requests get two seconds to end.

    Raises:
        QuartermasterError: ``database.unreachable``, ``database.schema``, or ``settings.invalid``
            for a certificate or key that cannot be read, a port that is taken, or a trust domain
            that is not the root's.
    """
    demand_trust_domain(settings.pki, settings.trust_domain)
    with open_pool(
        settings.database_url,
        size=settings.pool_size,
        longest_statement_s=_LONGEST_STATEMENT_S,
    ) as pool:
        with unit_of_work(pool) as connection:
            demand_schema(connection)
        public = _context(settings.pki, None)
        certified = _context(settings.pki, settings.pki / "devices.crt")
        with (
            _listen(settings.api_host, settings.api_port, "QM_API_PORT") as api_socket,
            _listen(settings.api_host, settings.door_port, "QM_DOOR_PORT") as door_socket,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            servers = [
                (_server(api(settings, pool, clock), public), api_socket),
                (_server(door(settings, pool, clock), certified), door_socket),
            ]
            runner.run(_serve_all(servers))


def api(settings: Settings, pool: ConnectionPool[Connection], clock: Clock) -> ASGIApp:
    """The public API over these settings.

    Raises:
        QuartermasterError: ``settings.invalid`` when the authority's keys cannot be read.
    """
    identity = identity_router(
        pool=pool,
        authority=Authority.load(settings.pki),
        meeting=MeetingPoints(
            broker_host=settings.gateway_broker_host,
            broker_port=settings.gateway_broker_port,
            door_url=settings.public_door_url,
        ),
        clock=clock,
    )
    return create_app(_service(settings, pool, clock), identity=identity, rates=_rates(settings))


def door(settings: Settings, pool: ConnectionPool[Connection], clock: Clock) -> ASGIApp:
    """The gateway door over these settings."""
    return create_door(_service(settings, pool, clock), rates=_rates(settings))


def document(clock: Clock) -> dict[str, Any]:
    """The API's OpenAPI document, without a database or keys; the enrolment desk's is left out."""
    service = Service(
        pool=ConnectionPool("", open=False),
        clock=clock,
        generation=1,
        support_until="",
        security_contact="",
        changes=changes.log(1),
    )
    return create_app(service).openapi()


def _rates(settings: Settings) -> Rates:
    return Rates(settings.api_rate, settings.api_rate_unknown)


def _service(settings: Settings, pool: ConnectionPool[Connection], clock: Clock) -> Service:
    return Service(
        pool=pool,
        clock=clock,
        generation=settings.generation,
        support_until=settings.support_until,
        security_contact=settings.security_contact,
        feed_secrets=secrets_in(settings.feed_secrets),
        feed_routes=ROUTES,
        changes=changes.log(settings.generation),
        environment=settings.environment,
        desk=Desk(
            random_bytes=secrets.token_bytes,
            signer=Signer(secrets.token_bytes),
            provider=_provider(settings),
        ),
    )


def _provider(settings: Settings) -> Provider | None:
    """The identity provider, where one is configured.

    Raises:
        QuartermasterError: ``settings.invalid``.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id or not settings.oidc_redirect:
        raise QuartermasterError(
            "settings.invalid", "QM_OIDC_CLIENT_ID and QM_OIDC_REDIRECT are needed, too"
        )
    return Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect=settings.oidc_redirect,
        roles=read_mapping(settings.oidc_roles),
        groups_claim=settings.oidc_groups_claim,
        http=httpx.Client(timeout=_PROVIDER_S),
    )


class _Server(uvicorn.Server):
    """Leaves the signals to the process: two servers cannot both own them."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def _listen(host: str, port: int, variable: str) -> socket.socket:
    """A listening socket.

    Raises:
        QuartermasterError: ``settings.invalid``, naming the variable, when it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise QuartermasterError(
            "settings.invalid", f"cannot listen on {host} port {port}: {why}", where=variable
        ) from None


def _server(app: ASGIApp, context: ssl.SSLContext) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=_LONGEST_FRAME,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    config.load()
    config.ssl = context
    return _Server(config)


def _context(pki: Path, devices: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(pki / "server.crt", pki / "server.key")
        if devices is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
            context.load_verify_locations(devices)
    except (OSError, ssl.SSLError) as error:
        raise QuartermasterError(
            "settings.invalid", f"{type(error).__name__}: {error}", where="QM_PKI"
        ) from None
    return context


async def _serve_all(servers: list[tuple[uvicorn.Server, socket.socket]]) -> None:
    """Serve on all sockets; when one server ends, for whatever reason, so do the others."""

    def stop() -> None:
        for server, _ in servers:
            server.should_exit = True

    async def until_end(server: uvicorn.Server, listening: socket.socket) -> None:
        try:
            await server.serve(sockets=[listening])
        finally:
            stop()

    _on_signals(stop)
    for _, listening in servers:
        host, port, *_ = listening.getsockname()
        _log.info("serve.listening", host=host, port=port)
    await asyncio.gather(*(until_end(*server) for server in servers))


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
