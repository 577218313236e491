"""Serves the local API over HTTPS inside the gateway's own event loop, and the page before it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import QuartermasterError

_PATIENCE_S: Final = 20.0
"""How long a connection may stay without having asked for anything."""
_PER_ADDRESS: Final = 200
"""Connections from one address; whoever opens more takes nothing from the others."""


class Door(uvicorn.Server):
    """uvicorn, which leaves the signals to the gateway's process; ``opened`` when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        await super().startup(sockets)
        self.opened.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture nothing: the composition root stops everything in order."""
        yield

    def present(self, certificates: Path) -> None:
        """Show the certificate in this folder to whoever connects from now on.

        Raises:
            QuartermasterError: ``file.unreadable``.
        """
        if self.config.ssl is not None:
            with _reading(certificates):
                self.config.ssl.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")


def open_door(
    app: Callable[..., Any],
    *,
    host: str,
    port: int,
    certificates: Path,
    per_address: int = _PER_ADDRESS,
    patience: float = _PATIENCE_S,
) -> Door:
    """A server for ``app`` with the certificate in ``certificates`` (tls.crt, tls.key).

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    callers = Counter[str]()

    class Bounded(HttpToolsProtocol):
        """Hangs up on silence, and on an address that takes more than its share."""

        _caller = ""

        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            super().connection_made(transport)
            self._caller = self.client[0] if self.client else ""
            callers[self._caller] += 1
            if callers[self._caller] > per_address:
                transport.abort()
                return
            self.loop.call_later(patience, _hang_up_on_silence, self)

        def connection_lost(self, exc: Exception | None) -> None:
            callers[self._caller] -= 1
            if not callers[self._caller]:
                del callers[self._caller]
            super().connection_lost(exc)

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ssl_certfile=certificates / "tls.crt",
        ssl_keyfile=certificates / "tls.key",
        http=Bounded,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        limit_concurrency=1000,
    )
    with _reading(certificates):
        config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return Door(config)


def open_plain_door(
    app: Callable[..., Any], *, host: str, port: int, patience: float = _PATIENCE_S
) -> Door:
    """A small server without TLS, for a page that has nothing to hide."""

    class Bounded(H11Protocol):
        """Hangs up on silence."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            super().connection_made(transport)
            self.loop.call_later(patience, _hang_up_on_silence, self)

    return Door(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=Bounded,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            limit_concurrency=64,
            h11_max_incomplete_event_size=8 * 1024,
        )
    )


def _hang_up_on_silence(connection: HttpToolsProtocol | H11Protocol) -> None:
    """Close a connection on which no request has ever come in whole."""
    if connection.cycle is None and not connection.transport.is_closing():  # pyright: ignore[reportUnnecessaryComparison]
        connection.transport.abort()


@contextlib.contextmanager
def _reading(certificates: Path) -> Generator[None, None, None]:
    try:
        yield
    except (OSError, ssl.SSLError) as error:
        raise QuartermasterError("file.unreadable", str(error), where=str(certificates)) from None
