"""Look-ups in the catalog in force, and how a catalog document enters its tables."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from edge.db import Connection, Queries
from shared.downlink import Catalog

_SQL: Final = Queries(__package__ or "edge.stock")

CountClass = Literal["A", "B", "C"]


class ItemFound(NamedTuple):
    """The item behind a code; ``quantity`` base units are in one of what the code names."""

    sku: str
    name: str
    removed: bool
    quantity: int


def item_of_gtin(connection: Connection, gtin: str) -> ItemFound | None:
    """The item that carries this trade item number (14 digits)."""
    return _found(connection.execute(_SQL["item_of_gtin"], (gtin,)).fetchone())


def item_of_sku(connection: Connection, sku: str) -> ItemFound | None:
    """The item with this SKU."""
    return _found(connection.execute(_SQL["item_of_sku"], (sku,)).fetchone())


def _found(row: tuple[str, str, int, int] | None) -> ItemFound | None:
    return ItemFound(row[0], row[1], bool(row[2]), row[3]) if row is not None else None


class ItemTold(NamedTuple):
    """What the catalog tells of an item; ``gtin`` is that of one piece."""

    name: str
    count_class: CountClass
    removed: bool
    gtin: str | None


def item_told(connection: Connection, sku: str) -> ItemTold | None:
    """What the catalog tells of an item."""
    row = connection.execute(_SQL["item"], (sku,)).fetchone()
    return ItemTold(row[0], row[1], bool(row[2]), row[3]) if row is not None else None


def zone_of(connection: Connection, location: str) -> str | None:
    """The zone that a location is in, where the catalog says it."""
    row = connection.execute(_SQL["zone_of"], (location,)).fetchone()
    return row[0] if row is not None else None


def has_location(connection: Connection, code: str) -> bool:
    """Whether this site has the location, and still uses it."""
    row = connection.execute(_SQL["location"], (code,)).fetchone()
    return row is not None and not row[1]


def locations(connection: Connection) -> list[tuple[str, str]]:
    """Code and role of every location in use, by code."""
    return connection.execute(_SQL["locations"]).fetchall()


def location_of_role(connection: Connection, role: str) -> str | None:
    """The first location with this role."""
    row = connection.execute(_SQL["location_of_role"], (role,)).fetchone()
    return str(row[0]) if row is not None else None


def clear(connection: Connection) -> None:
    """Forget all items, codes and locations."""
    connection.execute(_SQL["clear_codes"])
    connection.execute(_SQL["clear_items"])
    connection.execute(_SQL["clear_locations"])


def enter(connection: Connection, catalog: Catalog, *, snapshot: bool) -> None:
    """Write a catalog document: a snapshot replaces everything, a delta what it names."""
    if snapshot:
        clear(connection)
    else:
        connection.executemany(_SQL["clear_codes_of"], [(item.sku,) for item in catalog.items])
    connection.executemany(
        _SQL["put_item"],
        [(item.sku, item.name, int(item.removed), item.count_class) for item in catalog.items],
    )
    connection.executemany(
        _SQL["put_code"],
        [(code.gtin, item.sku, code.quantity) for item in catalog.items for code in item.codes],
    )
    connection.executemany(
        _SQL["put_location"],
        [
            (place.code, place.role, int(place.removed), place.zone, place.capacity)
            for place in catalog.locations
        ],
    )
