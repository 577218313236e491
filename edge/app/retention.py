"""Removes what is done with when its term has passed, a little at a time.

The term is counted in the age of the database (:mod:`edge.outbox.retention`), which grows here by
a clock that never jumps. Whatever the machine takes the date for, nothing goes before its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from edge.db import Connection, Database
from edge.outbox import retention
from edge.pipeline import Pipeline
from shared.units import SECOND

_EVERY_S: Final = 60.0
_PAUSE_S: Final = 1.0
_AT_ONCE: Final = 500


class Retention:
    """Looks each minute.

    Args:
        database: the store.
        pipeline: whose answers are kept as long.
        term: microseconds.
        steady: seconds that never jump.
    """

    def __init__(
        self, database: Database, pipeline: Pipeline, term: int, steady: Callable[[], float]
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._term = term
        self._steady = steady
        self._counted = steady()

    async def run(self) -> None:
        """Look and remove until cancelled."""
        while True:
            busy = await self.look()
            await asyncio.sleep(_PAUSE_S if busy else _EVERY_S)

    async def look(self) -> bool:
        """Count the time since the last look, and remove a little; whether there is more."""
        now = self._steady()
        passed = int((now - self._counted) * SECOND)

        def some(connection: Connection) -> int:
            age = retention.grow_older(connection, passed)
            answers = self._pipeline.clean(connection, age - self._term, limit=_AT_ONCE)
            return max(answers, retention.remove_kept(connection, self._term, limit=_AT_ONCE))

        removed = await self._database.run(some)
        self._counted = now
        return removed >= _AT_ONCE
