"""A unit of work with the one who waits for it, and how all who wait are told at once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

Unit = Callable[[sqlite3.Connection], Any]


class Work:
    """A unit with the one who waits for it: a task of an event loop, or a thread."""

    __slots__ = ("error", "future", "loop", "result", "unit", "weight")

    def __init__(
        self,
        unit: Unit,
        future: asyncio.Future[Any] | Future[Any] | None,
        loop: asyncio.AbstractEventLoop | None,
        weight: int = 1,
    ) -> None:
        self.unit = unit
        self.weight = weight
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Tell the one who waits, if anybody still does."""
        if self.future is None or self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def settle(group: list[Work]) -> None:
    """Tell everybody: one wake-up for all tasks of an event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Work]] = {}
    for work in group:
        if work.loop is None:
            work.settle()
        else:
            by_loop.setdefault(work.loop, []).append(work)
    for loop, works in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, works)
        except RuntimeError:
            continue  # the loop has closed: nobody waits any more, and the work is durable


def _settle_all(works: list[Work]) -> None:
    for work in works:
        work.settle()
