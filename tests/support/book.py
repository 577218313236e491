"""A ledger in one database for a whole test module: a site with a gateway and two without."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from cloud.app import floor
from cloud.app.handlers import Stock
from cloud.feeds.documents import Delivery, Goods, Line, Numbering, Reference
from cloud.ingest.model import Facts, Origin
from cloud.ledger.service import drift, stock, stock_as_of
from shared.events import KIND_OF, Event, EventData, Packed
from shared.units import Micros
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.db import Connection

NOON = 1_763_640_000_000_000
"""A moment; documents are delivered some time after it."""
GATEWAY_SITE = "S-gw-a"
THIRD = "3PL"
OTHER = "3PL-2"
STATES = ("available", "allocated", "quarantined", "damaged", "in_transit")


class Floor:
    """The gateway's events, handed to the handlers as ingest does."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.handle = Stock()
        row = connection.execute("SELECT gateway_id, site_id FROM gateway").fetchone()
        assert row is not None
        self.origin = Origin("gw-a", row[0], row[1], 1)
        self.seq = 0

    def scan(self, data: EventData, *, at: int = NOON) -> bytes:
        self.seq += 1
        event = Event(
            uuid.UUID(int=self.seq).bytes, int(KIND_OF[type(data)]), at, self.seq, bytes(32),
            "sc-1", 1, data, bytes(32),
        )  # fmt: skip
        facts = [Facts(self.origin, [event])]
        handle = floor.packed if isinstance(data, Packed) else self.handle
        assert handle(self.connection, facts, Micros(at)) == []
        return event.id


@contextmanager
def book(server: str, template: str, name: str) -> Iterator[Connection]:
    """A database of its own with three sites and five items."""
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            with psycopg.connect(f"{server.rsplit('/', 1)[0]}/{name}") as connection:
                stage(connection, [Hand("gw-a")], items=5, locations=2)
                connection.execute("INSERT INTO site (code) VALUES (%s), (%s)", [THIRD, OTHER])
                connection.execute(
                    "INSERT INTO item_code SELECT '0950000000012' || '0', item_id, 12 FROM item "
                    "WHERE sku = 'SKU-0'"
                )
                connection.commit()
                yield connection
        finally:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


def site_id(connection: Connection, code: str) -> int:
    row = connection.execute("SELECT site_id FROM site WHERE code = %s", [code]).fetchone()
    assert row is not None
    return int(row[0])


def delivery(number: int, *, hours: int = 1, feed: str = "house") -> Delivery:
    """Delivered so many hours after noon."""
    at = Micros(NOON + hours * 3_600_000_000)
    return Delivery(feed=feed, delivery_id=number, position=0, received_at=at)


def reference(number: str) -> Reference:
    return Reference(numbering=Numbering.WAREHOUSE, scope="house", number=number)


def line(sku: str, quantity: int, *, lot: str = "", sscc: str = "") -> Line:
    return Line(number="1", goods=Goods(sku=sku), quantity=quantity, lot=lot, sscc=sscc)


def held(connection: Connection, site: str, *, at: int | None = None) -> dict[str, int]:
    """What a site has, by item and state (and lot), as told now or at a moment."""
    rows = (
        stock(connection, sites=None, site=site)
        if at is None
        else stock_as_of(connection, sites=None, site=site, true_at=at)
    )
    sums: dict[str, int] = {}
    for row in rows:
        name = f"{row.sku} {STATES[row.state]}{' ' + row.lot if row.lot else ''}"
        sums[name] = sums.get(name, 0) + row.quantity
    assert drift(connection) == []
    return {name: quantity for name, quantity in sums.items() if quantity}


def cases(connection: Connection) -> list[tuple[str, str, str]]:
    """Open cases: code, subject, detail."""
    rows = connection.execute(
        "SELECT code, subject, detail FROM exception WHERE closed_at IS NULL ORDER BY 1, 2"
    )
    return [(row[0], row[1], row[2]) for row in rows]
