"""The gateway's heartbeat: what it runs, holds and has sent, as an event like any other.

It is made at the start, after each change of a document in force, and regularly: the cloud sees a
cut tail by it, and stops offering what it echoes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from edge.ports import Recorder
from shared.errors import QuartermasterError
from shared.events import GatewayHealth
from shared.ids import GatewayId

_log: Final[Any] = structlog.get_logger("edge.health")
_LEAST_S: Final = 1.0
"""However often it is announced, heartbeats come no faster."""


class Heartbeat:
    """Records the gateway's health.

    Args:
        recorder: makes it an event.
        gateway: the device that the event names.
        examine: looks at the gateway.
        every: seconds between two, when nothing is announced.
    """

    def __init__(
        self,
        recorder: Recorder,
        gateway: GatewayId,
        examine: Callable[[], Awaitable[GatewayHealth]],
        every: float,
    ) -> None:
        self._recorder = recorder
        self._gateway = gateway
        self._examine = examine
        self._every = every
        self._announced = asyncio.Event()

    def announce(self) -> None:
        """Make the next one come now."""
        self._announced.set()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._announced.clear()
            await self._beat()
            await asyncio.sleep(min(_LEAST_S, self._every))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._announced.wait()

    async def _beat(self) -> None:
        try:
            await self._recorder.record(await self._examine(), device=self._gateway)
        except QuartermasterError as error:  # a full disk: the next one tells
            _log.error("health.unrecorded", code=error.code, detail=error.detail)
