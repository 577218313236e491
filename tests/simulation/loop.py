"""An event loop without a clock: asyncio code runs in virtual time, in one repeatable order.

The gateway's real uplink runs on it unchanged. Nothing here sleeps, and nothing depends on the
machine: the same seed gives the same run.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any


class Handle:
    """A call that can still be taken back."""

    __slots__ = ("args", "callback", "cancelled_")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.cancelled_ = False

    def cancel(self) -> None:
        self.cancelled_ = True

    def cancelled(self) -> bool:
        return self.cancelled_


class VirtualLoop(asyncio.AbstractEventLoop):
    """Runs what is ready; time passes only in :meth:`advance`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._order = count()
        self.idle: list[Callable[[], bool]] = []
        """Asked when nothing is ready; one that did something answers true."""
        self.failures: list[str] = []

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> Handle:
        del context
        handle = Handle(callback, args)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> Handle:
        del context
        handle = Handle(callback, args)
        heapq.heappush(self._timers, (self._now + delay, next(self._order), handle))
        return handle

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> Handle:
        return self.call_later(when - self._now, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None
    ) -> asyncio.Task[Any]:
        del context
        return asyncio.Task(coro, loop=self, name=name)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    def settle(self) -> None:
        """Run until nothing is ready and nobody idle has anything to do."""
        outside = events._get_running_loop()
        events._set_running_loop(self)
        try:
            self._drain()
        finally:
            events._set_running_loop(outside)

    def _drain(self) -> None:
        ready = self._ready
        while True:
            while ready:
                handle = ready.popleft()
                if not handle.cancelled_:
                    handle.callback(*handle.args)
            worked = False
            for work in tuple(self.idle):
                worked = work() or worked
            if not worked and not ready:
                return

    def advance(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self._now + seconds
        outside = events._get_running_loop()
        events._set_running_loop(self)
        try:
            self._drain()
            timers = self._timers
            while timers and timers[0][0] <= end:
                when, _, handle = heapq.heappop(timers)
                if handle.cancelled_:
                    continue
                self._now = max(self._now, when)
                handle.callback(*handle.args)
                self._drain()
        finally:
            events._set_running_loop(outside)
        self._now = end
