"""Balances: the fold over this gateway's own events, in the transaction that records them."""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.db import Connection, Queries
from shared.events import EventData, StockState
from shared.movements import Position, movements_of

_SQL: Final = Queries(__package__ or "edge.stock")


class StockLine(NamedTuple):
    """What lies at one position, in base units."""

    position: Position
    quantity: int


def apply(connection: Connection, data: EventData, occurred_at: int = 0) -> None:
    """Do to the balances what one event says; ``occurred_at`` is when, microseconds."""
    for position, quantity in movements_of(data):
        (now,) = connection.execute(_SQL["move"], (*position, quantity, occurred_at)).fetchone()
        if now == 0:
            connection.execute(_SQL["remove_empty"], position)


def at(connection: Connection, position: Position) -> int:
    """What is at one position; negative when more was taken than is on record."""
    row = connection.execute(_SQL["at"], position).fetchone()
    return int(row[0]) if row is not None else 0


def moved_at(connection: Connection, position: Position) -> int | None:
    """When goods last moved at a position; None where nothing lies now."""
    row = connection.execute(_SQL["moved_at"], position).fetchone()
    return int(row[0]) if row is not None else None


def held_at(connection: Connection, position: Position) -> int:
    """How much of these goods, at this location, is in quarantine or damaged."""
    (quantity,) = connection.execute(_SQL["held_at"], position[:4]).fetchone()
    return int(quantity)


def on_hand(connection: Connection, sku: str) -> int:
    """What the site holds of an item, allocated, quarantined and damaged goods included."""
    (quantity,) = connection.execute(_SQL["on_hand"], (sku,)).fetchone()
    return int(quantity)


def on_hand_at(connection: Connection, sku: str, location: str) -> int:
    """What one location holds of an item."""
    (quantity,) = connection.execute(_SQL["on_hand_at"], (sku, location)).fetchone()
    return int(quantity)


def lines(
    connection: Connection,
    *,
    sku: str | None = None,
    location: str | None = None,
    after: Position | None = None,
    limit: int = 200,
) -> list[StockLine]:
    """Positions in order, at most ``limit``, after a given one."""
    start = after or Position("", "", "", "", -1)
    by = "lines_of_item" if sku is not None else "lines" if location is None else "lines_at"
    rows = connection.execute(
        _SQL[by],
        {
            "sku": sku,
            "location": location,
            "after_sku": start.sku,
            "after_location": start.location,
            "after_lot": start.lot,
            "after_serial": start.serial,
            "after_state": start.state,
            "limit": limit,
        },
    ).fetchall()
    return [
        StockLine(Position(sku, place, lot, serial, StockState(state)), quantity)
        for sku, place, lot, serial, state, quantity in rows
    ]
