"""The registry of gateways as the decoding thread sees it: at most a second old.

It only spares a query per segment. What it admits is judged again inside the transaction, so a
revoked gateway gains nothing from it.
"""

from __future__ import annotations

from typing import Final

from psycopg_pool import ConnectionPool

from cloud.db import Connection, unit_of_work
from cloud.ingest.model import Sender
from cloud.ingest.ports import Lookup
from shared.clock import Clock
from shared.ids import GatewayId
from shared.units import SECOND

_FRESH: Final = SECOND
_FORCED: Final = SECOND // 10
MAX_KNOWN: Final = 10_000


class Registry:
    """Remembered lookups.

    Args:
        pool: where to ask.
        lookup: the gateways room's answer.
        clock: tells when an answer is too old.
    """

    def __init__(self, pool: ConnectionPool[Connection], lookup: Lookup, clock: Clock) -> None:
        self._pool = pool
        self._lookup = lookup
        self._clock = clock
        self._known: dict[GatewayId, tuple[int, Sender | None]] = {}

    def sender(self, name: GatewayId, *, doubted: bool = False) -> Sender | None:
        """The gateway ``name``; ``doubted`` asks anew unless that was done just now.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        known = self._known.get(name)
        if known is not None and 0 <= now - known[0] < (_FORCED if doubted else _FRESH):
            return known[1]
        with unit_of_work(self._pool) as connection:
            sender = self._lookup(connection, [name]).get(name)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[name] = (now, sender)
        return sender
