"""When lots expire, as the labels of receipts said: a later label may leave the day out."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from edge.db import Connection, Queries

_SQL: Final = Queries(__package__ or "edge.stock")


class LotExpiry(NamedTuple):
    """A lot and its last day, ``YYYY-MM-DD``."""

    lot: str
    expiry: str


def learn_expiry(connection: Connection, sku: str, lot: str, expiry: str) -> None:
    """Keep what a label said; of two that differ, the earlier day is believed."""
    connection.execute(_SQL["learn_expiry"], (sku, lot, expiry))


def expiry_of(connection: Connection, sku: str, lot: str) -> str | None:
    """When a lot expires, if a label has said so."""
    row = connection.execute(_SQL["expiry_of"], (sku, lot)).fetchone()
    return str(row[0]) if row is not None else None


def earlier_lot(
    connection: Connection, sku: str, location: str, than: LotExpiry, today: date
) -> LotExpiry | None:
    """The lot at this location that is to leave first: available, not expired, and earlier."""
    found = (sku, location, than.lot, than.expiry, today.isoformat())
    lot, expiry = connection.execute(_SQL["earliest_lot"], found).fetchone()
    return LotExpiry(lot, expiry) if expiry is not None else None
