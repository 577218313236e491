"""The gateway's doors: HTTPS for its devices, and in plain HTTP the page by which they trust it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import structlog

from edge.link import local_tls
from edge.settings import Api
from edge.web import Door, installation, open_door
from edge.web.server import open_plain_door
from shared.clock import Clock
from shared.errors import QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.doors")
_LOOK_S: Final = 3600.0
_TRY_AGAIN_S: Final = 60.0


class Doors:
    """Opens both doors and keeps their certificate good while the gateway runs.

    Args:
        identity: ``<data>/identity``.
        api: the settings of the doors.
        clock: the gateway's.
        site: named on the installation page.
        gateway: likewise.
    """

    def __init__(self, identity: Path, api: Api, clock: Clock, *, site: str, gateway: str) -> None:
        self._identity = identity
        self._api = api
        self._clock = clock
        self._gateway = gateway
        self._installation = installation.Installation(
            site=site, gateway=gateway, port=api.port, own_port=api.install_port
        )
        self._door: Door | None = None
        self._shown = b""
        self._taken: QuartermasterError | None = None

    @property
    def folder(self) -> Path:
        """Where the certificates are."""
        return self._identity / "local"

    def authority(self) -> installation.Authority | None:
        """What devices are to trust; None before the first start."""
        try:
            return installation.authority_in(self.folder)
        except QuartermasterError:
            return None

    def notices(self) -> list[QuartermasterError]:
        """What a person should know of the doors."""
        changed = local_tls.notice(self.folder, self._clock.now())
        return [notice for notice in (changed, self._taken) if notice is not None]

    def open(self, app: Callable[..., Any]) -> tuple[Door, socket.socket]:
        """The HTTPS door for ``app``, and what it listens on.

        Raises:
            QuartermasterError: ``settings.invalid`` when the port is taken or a name is none,
                ``file.unreadable``, ``disk.full``.
        """
        self._ensure()
        host, port = self._api.host, self._api.port
        self._door = open_door(app, host=host, port=port, certificates=self.folder)
        self._shown = self._certificate()
        self._installation.show(self.folder)
        return self._door, _listen(host, port, "api.port", backlog=512)

    async def keep(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Follow the certificate by the next in time, until cancelled; nobody is cut off by it."""
        while True:
            await pause(_LOOK_S)
            await asyncio.to_thread(self._ensure)
            certificate = self._certificate()
            if self._door is not None and certificate != self._shown:
                self._door.present(self.folder)
                self._installation.show(self.folder)
                self._shown = certificate
                _log.info("doors.certificate-renewed")

    async def install(self) -> None:
        """Serve the installation page until cancelled. Scanning never waits for it."""
        host, port = self._api.host, self._api.install_port
        if not port:
            await asyncio.Event().wait()
        try:
            listening = _listen(host, port, "api.install_port", backlog=64)
        except QuartermasterError as error:
            if self._taken is None:
                _log.warning("doors.no-installation-page", detail=error.detail)
            self._taken = error
            await asyncio.sleep(_TRY_AGAIN_S)
            return
        self._taken = None
        door = open_plain_door(self._installation.app, host=host, port=port)
        serving = asyncio.create_task(door.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        finally:
            door.should_exit = True
            await asyncio.wait((serving,))

    def _ensure(self) -> None:
        local_tls.ensure(
            self._identity,
            clock=self._clock,
            hosts=[socket.gethostname(), *self._api.names],
            gateway=self._gateway,
        )

    def _certificate(self) -> bytes:
        return (self.folder / "tls.crt").read_bytes()


def _listen(host: str, port: int, where: str, *, backlog: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=backlog)
    except OSError as error:
        raise QuartermasterError(
            "settings.invalid", f"{host}:{port}: {error.strerror}", where=where
        ) from None
