"""Each hour the worker lets go what is kept long enough."""

from __future__ import annotations

from typing import Final

import structlog
from psycopg_pool import ConnectionPool

from cloud.db import Connection, unit_of_work
from cloud.orders import persons
from shared.clock import Clock
from shared.units import HOUR, Micros

SWEEP_EVERY: Final = Micros(HOUR)

_log = structlog.stdlib.get_logger(__name__)


class Sweeper:
    """Sweeps; :meth:`tick` is to be called each second."""

    def __init__(self, pool: ConnectionPool[Connection], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._due_at = Micros(0)

    def tick(self) -> int:
        """Sweep if it is due, again at once while there was something; how much went.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now < self._due_at:
            return 0
        with unit_of_work(self._pool) as connection:
            gone = persons.sweep(connection, at=now)
        total = sum(gone.values())
        if total:
            _log.info("privacy.swept", **gone)
        else:
            self._due_at = Micros(now + SWEEP_EVERY)
        return total
