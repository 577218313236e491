"""Segments into a database as an ingest worker brings them, without a broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud.app.handlers import routes, taken_back
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.gateways.service import lookup
from cloud.ingest import reversal, service
from cloud.ingest.model import Arrived
from cloud.ingest.verification import examine
from shared.events import EventData
from shared.units import Micros
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

AT = Micros(1_763_650_500_000_000)


class Intake:
    """What a worker does with what these gateways send; ``stage`` has entered them."""

    def __init__(self, pool: ConnectionPool[Connection], *hands: Hand) -> None:
        self.pool = pool
        self.routes = routes()
        with unit_of_work(pool) as connection:
            stage(connection, list(hands))

    def say(self, hand: Hand, *data: EventData) -> bytes:
        """Deliver one segment with these facts, and verify the chain; returns the segment."""
        segment = hand.segment(*data)
        self.deliver(hand, segment)
        return segment

    def deliver(self, hand: Hand, *segments: bytes, at: Micros = AT) -> None:
        """Apply these segments as one batch, and verify the chain as far as it goes."""
        with unit_of_work(self.pool) as connection:
            senders = lookup(connection, {hand.name})
            examined = [
                examine(Arrived(f"qm/v1/{hand.name}/seg", body), senders, trust_domain=TRUST_DOMAIN)
                for body in segments
            ]
            service.apply(
                connection, examined, routes=self.routes, lookup=lookup, worker="w", at=at
            )
        with unit_of_work(self.pool) as connection:
            service.advance(connection, service.overdue(connection), generation=1, at=at)

    def take_back(self) -> None:
        """Take back what stands above links that broke."""
        with unit_of_work(self.pool) as connection:
            for chain in reversal.provisional(connection):
                reversal.reverse(
                    connection,
                    chain,
                    take_back=taken_back,
                    routes=self.routes,
                    worker="w",
                    at=AT,
                )

    def cases(self) -> list[tuple[str, str, str]]:
        """Code, subject and detail of what is open."""
        with unit_of_work(self.pool) as connection:
            return sorted((c.code, c.subject, c.detail) for c in open_cases(connection))

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the database."""
        with unit_of_work(self.pool) as connection:
            return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]
