"""What the doors for paired devices share: who speaks, held to its rate."""

from __future__ import annotations

import time
from typing import Final

from starlette.requests import Request

from edge.db import Database
from edge.web import devices
from edge.web.guard import body_of
from shared.rates import RateLimit


class PairedDoor:
    """A door at which paired devices speak.

    Args:
        database: knows the devices.
        limit: how much each may do.
    """

    def __init__(self, database: Database, limit: RateLimit) -> None:
        self._database: Final = database
        self._limit: Final = limit

    def _device(self, request: Request) -> str:
        """Who asks.

        Raises:
            QuartermasterError: ``request.unauthenticated``.
        """
        return devices.authenticate(self._database.reader, request.headers.get("authorization"))

    async def _posted(self, request: Request) -> tuple[str, bytes]:
        """Who sends, held to its rate, and what.

        Raises:
            QuartermasterError: ``request.unauthenticated``, ``request.too-many`` or
                ``payload.too-large``.
        """
        device = self._device(request)
        self._take(device, 1)
        return device, await body_of(request)

    def _take(self, device: str, amount: int) -> None:
        self._limit.take(device, amount, time.monotonic())
