"""What can be supplied from where, and what each place still takes: what local decisions ask.

Sums are over rows that are checked while they are added, as everywhere in this room.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.db import Connection, Queries
from edge.stock.balances import checked_sum

_SQL: Final = Queries(__package__ or "edge.stock")


class Supply(NamedTuple):
    """So many base units of a lot at a reserve location; ``expiry`` is empty where nobody said."""

    location: str
    lot: str
    quantity: int
    expiry: str


class PlaceFound(NamedTuple):
    """A location in use; ``capacity`` is in base units, 0 where nobody said."""

    location: str
    role: str
    zone: str
    capacity: int


def available(connection: Connection, sku: str) -> int:
    """What the site holds of an item and may be promised.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    return checked_sum(connection.execute(_SQL["available"], (sku,)).fetchone(), sku)


def available_at(connection: Connection, sku: str, location: str) -> int:
    """What one location holds of an item that may be picked.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(_SQL["available_at"], (sku, location)).fetchone()
    return checked_sum(row, sku)


def held_in(connection: Connection, location: str) -> int:
    """Everything that a location holds.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    return checked_sum(connection.execute(_SQL["held_in"], (location,)).fetchone(), location)


def reserves(
    connection: Connection, sku: str, *, role: str, beside: str, limit: int
) -> tuple[list[Supply], int]:
    """What reserve holds of an item: what expires first, and how much more there is.

    Args:
        connection: any.
        sku: the item.
        role: of the locations that are reserve.
        beside: a location that is none, whatever its role.
        limit: how many positions to list.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    rows = connection.execute(_SQL["reserves"], (sku, beside, role)).fetchall()
    found = [
        Supply(location, lot, checked_sum((quantity, changed), sku), expiry)
        for location, lot, quantity, expiry, changed in rows
    ]
    return found[:limit], sum(each.quantity for each in found[limit:])


def place(connection: Connection, location: str) -> PlaceFound | None:
    """A location in use."""
    row = connection.execute(_SQL["place"], (location,)).fetchone()
    return PlaceFound(*row) if row is not None else None


def places_of_role(connection: Connection, role: str, *, limit: int) -> list[PlaceFound]:
    """Locations with a role, by code."""
    rows = connection.execute(_SQL["places_of_role"], (role, limit)).fetchall()
    return [PlaceFound(*row) for row in rows]


def places_alike(connection: Connection, sku: str, *, limit: int) -> list[PlaceFound]:
    """Locations that hold an item, those with the most of it first."""
    rows = connection.execute(_SQL["places_alike"], (sku, limit)).fetchall()
    return [PlaceFound(*row) for row in rows]


def empty_places(connection: Connection, role: str, *, limit: int) -> list[PlaceFound]:
    """Locations with a role that hold nothing, by code."""
    rows = connection.execute(_SQL["empty_places"], (role, limit)).fetchall()
    return [PlaceFound(*row) for row in rows]
