"""Serves the local API over HTTPS inside the gateway's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import uvicorn

from shared.errors import QuartermasterError


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


def open_door(app: Callable[..., Any], *, host: str, port: int, certificates: Path) -> Door:
    """A server for ``app`` with the certificate in ``certificates`` (tls.crt, tls.key).

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    certificate, key = certificates / "tls.crt", certificates / "tls.key"
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        limit_concurrency=1000,
        h11_max_incomplete_event_size=16 * 1024,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise QuartermasterError("file.unreadable", str(error), where=str(certificates)) from None
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return Door(config)
