"""The identity in force while the gateway runs: renewed in time, stepped back when refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from edge.app.store import signer_of
from edge.link.enrolment import renew_if_due
from edge.link.identity import Identity, confirm_connected, step_back
from edge.link.mqtt import Endpoint, MqttLink
from edge.link.tls import client_context
from edge.outbox import Outbox
from edge.ports import Jitter
from edge.settings import Broker
from shared.clock import Clock
from shared.errors import QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.identity")
_EVERY_S: Final = 30.0
"""So that a gateway whose certificate has ended is back within a minute once the cloud is."""
_REFUSALS: Final = 3
"""A renewed certificate refused so often, and never accepted, is put back."""


class Identities:
    """Asked by the link at each connection; renews in the background.

    Args:
        folder: ``<data>/identity``.
        identity: the one that was loaded.
        broker: the settings' overrides.
    """

    def __init__(self, folder: Path, identity: Identity, broker: Broker) -> None:
        self._folder = folder
        self._broker = broker
        self._unproven = False
        self._refusals_before = 0
        self.current = identity

    def endpoint(self) -> Endpoint:
        """Where the broker is, with the certificate in force.

        Raises:
            QuartermasterError: ``file.unreadable``.
        """
        return Endpoint(
            self._broker.host or self.current.broker_host,
            self._broker.port or self.current.broker_port,
            client_context(self.current),
        )

    def connected(self) -> None:
        """The certificate in force has been accepted: those before it may go."""
        self._unproven = False
        confirm_connected(self._folder)

    async def run(
        self,
        outbox: Outbox,
        link: MqttLink,
        clock: Clock,
        jitter: Jitter,
        pause: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        """Renew in time until cancelled."""
        share = min(jitter(1.0), 0.999)
        while True:
            fresh = await asyncio.to_thread(self._next, clock, share, link.counts.refusals)
            if fresh is not None:
                share = min(jitter(1.0), 0.999)
                self._refusals_before = link.counts.refusals
                self.current = fresh
                outbox.use(signer_of(fresh)._replace(epoch=outbox.epoch))
                link.interrupt()
            await pause(_EVERY_S)

    def _next(self, clock: Clock, share: float, refusals: int) -> Identity | None:
        try:
            if self._unproven and refusals - self._refusals_before >= _REFUSALS:
                self._unproven = False
                _log.warning("identity.stepped-back")
                return step_back(self._folder)
            fresh = renew_if_due(self._folder, clock=clock, jitter=share)
        except QuartermasterError as error:
            _log.warning("identity.not-renewed", code=error.code, detail=error.detail)
            return None
        if fresh is not None:
            self._unproven = True
            _log.info("identity.renewed", serial=fresh.serial)
        return fresh
