"""What documents of customers' orders and sales do, inside their delivery's transaction."""

from __future__ import annotations

from typing import Final

from psycopg_pool import ConnectionPool

from cloud import features
from cloud.db import Connection, unit_of_work
from cloud.feeds.documents import CustomerReturn, Delivery, Fulfilment, Sale, SalesOrder
from cloud.orders import sales
from shared.clock import Clock
from shared.units import MINUTE

_ROUNDS: Final = 20
"""How many portions of changes are worked off in one turn; others want the worker, too."""


def spoken(
    connection: Connection,
    document: SalesOrder | Fulfilment | CustomerReturn,
    delivery: Delivery,
) -> None:
    """A feed speaks of a customer's order.

    Raises:
        QuartermasterError: see :func:`cloud.orders.sales.take`.
    """
    made = sales.take(connection, document, delivery)
    if made:
        features.orders_changed(connection, made)


def sold(connection: Connection, sale: Sale, delivery: Delivery) -> None:
    """A feed says what was sold.

    Raises:
        QuartermasterError: see :func:`cloud.features.sold`.
    """
    features.sold(connection, sale, delivery)


class Selling:
    """Keeps demand up to date; each minute it looks at stock and at what nobody knew."""

    def __init__(self, pool: ConnectionPool[Connection], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._looked_at = 0

    def tick(self) -> int:
        """Work off what changed; returns on how many days demand did.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now - self._looked_at >= MINUTE:
            with unit_of_work(self._pool) as connection:
                features.orders_changed(connection, sales.retry(connection, at=now))
                sales.remind(connection, at=now)
            for _ in range(_ROUNDS):
                with unit_of_work(self._pool) as connection:
                    if not features.look_at_stock(connection, now=now):
                        break
            self._looked_at = now
        total = 0
        for _ in range(_ROUNDS):
            with unit_of_work(self._pool) as connection:
                changed = features.drain(connection, now=self._clock.now())
            total += changed
            if not changed:
                break
        return total
