"""Balances: the fold over this gateway's own events, in the transaction that records them.

Each row carries a mark (:mod:`edge.db.marks`), checked before its quantity is used. A sum is
checked by the complement that stands beside each quantity: SQLite compares them while it adds.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.db import Connection, Queries
from edge.db.marks import check, mark_of
from shared.errors import QuartermasterError
from shared.events import EventData, StockState
from shared.movements import Position, movements_of

_SQL: Final = Queries(__package__ or "edge.stock")
_TABLE: Final = "balance"


class StockLine(NamedTuple):
    """What lies at one position, in base units."""

    position: Position
    quantity: int


def apply(connection: Connection, data: EventData, occurred_at: int = 0) -> None:
    """Do to the balances what one event says; ``occurred_at`` is when, microseconds.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    for position, quantity in movements_of(data):
        now = at(connection, position) + quantity
        if now:
            proof = (~now, mark_of(_TABLE, *position, now))
            connection.execute(_SQL["put"], (*position, now, *proof, occurred_at))
        else:
            connection.execute(_SQL["remove"], position)


def at(connection: Connection, position: Position) -> int:
    """What is at one position; negative when more was taken than is on record.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(_SQL["at"], position).fetchone()
    if row is None:
        return 0
    quantity, mark = row
    check(_TABLE, mark, *position, quantity)
    return int(quantity)


def moved_at(connection: Connection, position: Position) -> int | None:
    """When goods last moved at a position; None where nothing lies now."""
    row = connection.execute(_SQL["moved_at"], position).fetchone()
    return int(row[0]) if row is not None else None


def held_at(connection: Connection, position: Position) -> int:
    """How much of these goods, at this location, is in quarantine or damaged."""
    return checked_sum(connection.execute(_SQL["held_at"], position[:4]).fetchone(), position.sku)


def on_hand(connection: Connection, sku: str) -> int:
    """What the site holds of an item, allocated, quarantined and damaged goods included."""
    return checked_sum(connection.execute(_SQL["on_hand"], (sku,)).fetchone(), sku)


def on_hand_at(connection: Connection, sku: str, location: str) -> int:
    """What one location holds of an item."""
    return checked_sum(connection.execute(_SQL["on_hand_at"], (sku, location)).fetchone(), sku)


def checked_sum(row: tuple[int, int], sku: str) -> int:
    """A sum over rows of which none has changed.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    quantity, changed = row
    if changed:
        raise QuartermasterError("store.damaged", "a row has changed", where=f"{_TABLE} {sku}")
    return int(quantity)


def lines(
    connection: Connection,
    *,
    sku: str | None = None,
    location: str | None = None,
    after: Position | None = None,
    limit: int = 200,
) -> list[StockLine]:
    """Positions in order, at most ``limit``, after a given one.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
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
    for *values, mark in rows:
        check(_TABLE, mark, *values)
    return [
        StockLine(Position(sku, place, lot, serial, StockState(state)), quantity)
        for sku, place, lot, serial, state, quantity, _ in rows
    ]
