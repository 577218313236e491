"""Wakes the streams of one process when something has changed: one look for all of them.

While somebody follows, one task asks four times a second where the log ends (and gives committed
changes their order, so that nobody waits for the worker's next turn). Nobody following costs
nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self, cast

import structlog
from fastapi.concurrency import run_in_threadpool

from cloud.changes import order_waiting
from shared.errors import QuartermasterError

if TYPE_CHECKING:
    from types import TracebackType

    from fastapi import FastAPI

    from cloud.api.guard import Service

_LOOK_S: Final = 0.25
MOST: Final = 500
"""Streams of one process; each holds a connection to us, none one to the database."""

_log = structlog.stdlib.get_logger(__name__)


class Tail:
    """Where the log ends, for all who follow it. Belongs to one event loop."""

    @classmethod
    def of(cls, app: FastAPI) -> Tail:
        """The one of an application."""
        found: Tail | None = getattr(app.state, "tail", None)
        if found is None:
            app.state.tail = found = cls(cast("Service", app.state.service))
        return found

    def __init__(self, service: Service) -> None:
        self._service: Final = service
        self._moved: Final = asyncio.Condition()
        self._followers = 0
        self._end = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to follow.

        Raises:
            QuartermasterError: ``request.too-many`` where there are too many already.
        """
        if self._followers >= MOST:
            raise QuartermasterError("request.too-many", f"{MOST} streams are open")
        self._followers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="changes-tail")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Follow no more; the last one turns off the light."""
        self._followers -= 1
        if not self._followers and self._task is not None:
            self._task.cancel()
            self._task = None

    @property
    def end(self) -> int:
        """Where the log ended at the last look."""
        return self._end

    async def wait(self, since: int, timeout_s: float) -> bool:
        """Wait until the log ends elsewhere than it did; False where it does not in that time."""
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self._end != since)
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        while True:
            try:
                end = await run_in_threadpool(self._ordered_end)
            except QuartermasterError as error:  # said once by whoever opens the database
                _log.debug("changes.waiting", code=error.code)
            else:
                if end != self._end:
                    async with self._moved:
                        self._end = end
                        self._moved.notify_all()
            await asyncio.sleep(_LOOK_S)

    def _ordered_end(self) -> int:
        with self._service.as_owner() as connection:
            order_waiting(connection)
        with self._service.as_owner() as connection:
            return self._service.changes.end(connection).position
