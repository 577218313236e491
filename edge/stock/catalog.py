"""Look-ups in the catalog in force, and how a catalog document enters its tables.

Every row carries a mark (:mod:`edge.db.marks`): a changed line of the catalog would make true scans
into false events. All look-ups raise ``store.damaged`` for one.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from edge.db import Connection, Queries
from edge.db.marks import check, mark_of
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
    row = connection.execute(_SQL["item_of_gtin"], (gtin,)).fetchone()
    if row is None:
        return None
    *item, quantity, mark = row
    sku, name, removed, _ = _checked("item", item)
    check("item_code", mark, gtin, sku, quantity)
    return ItemFound(sku, name, bool(removed), quantity)


def item_of_sku(connection: Connection, sku: str) -> ItemFound | None:
    """The item with this SKU."""
    told = item_told(connection, sku)
    return ItemFound(sku, told.name, told.removed, 1) if told is not None else None


def _checked(table: str, row: tuple[Any, ...] | list[Any]) -> list[Any]:
    """The values of a row that ends with its mark."""
    *values, mark = row
    check(table, mark, *values)
    return values


class ItemTold(NamedTuple):
    """What the catalog tells of an item; ``gtin`` is that of one piece."""

    name: str
    count_class: CountClass
    removed: bool
    gtin: str | None


def item_told(connection: Connection, sku: str) -> ItemTold | None:
    """What the catalog tells of an item."""
    row = connection.execute(_SQL["item"], (sku,)).fetchone()
    if row is None:
        return None
    *item, gtin = row
    _, name, removed, count_class = _checked("item", item)
    return ItemTold(name, count_class, bool(removed), gtin)


def zone_of(connection: Connection, location: str) -> str | None:
    """The zone that a location is in, where the catalog says it."""
    row = connection.execute(_SQL["location"], (location,)).fetchone()
    return _checked("location", row)[3] if row is not None else None


def has_location(connection: Connection, code: str) -> bool:
    """Whether this site has the location, and still uses it."""
    row = connection.execute(_SQL["location"], (code,)).fetchone()
    return row is not None and not _checked("location", row)[2]


def locations(connection: Connection) -> list[tuple[str, str]]:
    """Code and role of every location in use, by code."""
    rows = connection.execute(_SQL["locations"]).fetchall()
    return [(code, role) for code, role, *_ in (_checked("location", row) for row in rows)]


def location_of_role(connection: Connection, role: str) -> str | None:
    """The first location with this role."""
    row = connection.execute(_SQL["location_of_role"], (role,)).fetchone()
    return str(_checked("location", row)[0]) if row is not None else None


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
        [
            _marked("item", item.sku, item.name, int(item.removed), item.count_class)
            for item in catalog.items
        ],
    )
    connection.executemany(
        _SQL["put_code"],
        [
            _marked("item_code", code.gtin, item.sku, code.quantity)
            for item in catalog.items
            for code in item.codes
        ],
    )
    connection.executemany(
        _SQL["put_location"],
        [
            _marked(
                "location", place.code, place.role, int(place.removed), place.zone, place.capacity
            )
            for place in catalog.locations
        ],
    )


def _marked(table: str, *values: Any) -> tuple[Any, ...]:
    """A row to be written, with its mark at the end."""
    return (*values, mark_of(table, *values))
