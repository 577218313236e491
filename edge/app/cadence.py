"""Cycle counts by the cadence of each class: what is due becomes a count task, zone by zone.

A zone that still has such a task open gets no other. Beside it, what tasks, exceptions and undo
keep is forgotten when its time is over. Both in small steps: scans go first.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any, Final

import structlog

from edge import stock, tasks
from edge.db import Connection, Database
from edge.pipeline import Floor
from shared.clock import Clock

_log: Final[Any] = structlog.get_logger("edge.cadence")
_EVERY_S: Final = 600.0
_PAUSE_S: Final = 0.1
_AT_ONCE: Final = 500


class Cadence:
    """Makes the count tasks that are due.

    Args:
        database: the store.
        clock: what is due when.
        floor: forgets what it keeps.
        retention: microseconds for which what is done with is kept.
    """

    def __init__(self, database: Database, clock: Clock, floor: Floor, *, retention: int) -> None:
        self._database = database
        self._clock = clock
        self._floor = floor
        self._retention = retention

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(_EVERY_S)

    async def once(self) -> int:
        """One round; returns how many tasks it made."""
        await self._note_places()
        made = await self._make_tasks()
        await self._forget()
        return made

    async def _forget(self) -> None:
        before = self._clock.now() - self._retention

        def some(connection: Connection) -> bool:
            return self._floor.clean(connection, before, limit=_AT_ONCE) == _AT_ONCE

        more = True
        while more:
            more = await self._database.run(some)
            await asyncio.sleep(_PAUSE_S)

    async def _note_places(self) -> None:
        """The time of what was never counted begins when it is first seen."""
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            start, now = after, self._clock.now()

            def some(
                connection: Connection, start: tuple[str, str] = start, now: int = now
            ) -> tuple[str, str] | None:
                return tasks.note_places(connection, start, now=now)

            after = await self._database.run(some)
            if after is not None:
                await asyncio.sleep(_PAUSE_S)

    async def _make_tasks(self) -> int:
        now = self._clock.now()
        due = await asyncio.to_thread(self._look, now)
        if not due:
            return 0

        def add(connection: Connection) -> int:
            made = [task for task in due if tasks.add(connection, task, "cadence", now)]
            return len(made)

        made = await self._database.run(add)
        _log.info("cadence.counts-due", tasks=made)
        return made

    def _look(self, now: int) -> list[tasks.Task]:
        with closing(self._database.another_reader()) as reader:
            return tasks.tasks_due(reader, stock.policy(reader), now=now)
