"""Logistic units: pallets and parcels by their SSCC, where they stand and what is in them.

A unit begins when something is packed into it, or when it is received and a task has told what it
holds. Its goods are stock like any other: only whole units move by their SSCC.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.db import Connection, Queries
from shared.movements import Position

_SQL: Final = Queries(__package__ or "edge.stock")


class Unit(NamedTuple):
    """Where a unit stands, the stock state of what is in it, and whether it has left the site."""

    location: str
    state: int
    gone: bool


class Content(NamedTuple):
    """Goods in a unit, in base units. Empty texts stand for "no lot" and "no serial"."""

    sku: str
    lot: str
    serial: str
    quantity: int


def unit(connection: Connection, sscc: str) -> Unit | None:
    """The unit with this SSCC."""
    row = connection.execute(_SQL["unit"], (sscc,)).fetchone()
    return Unit(row[0], row[1], bool(row[2])) if row is not None else None


def set_unit(connection: Connection, sscc: str, state: Unit | None, *, now: int) -> None:
    """Say where a unit is; None: there never was one."""
    if state is None:
        connection.execute(_SQL["remove_unit"], (sscc,))
    else:
        row = (sscc, state.location, state.state, int(state.gone), now)
        connection.execute(_SQL["set_unit"], row)


def contents(connection: Connection, sscc: str) -> list[Content]:
    """What is in a unit."""
    return [Content(*row) for row in connection.execute(_SQL["contents"], (sscc,)).fetchall()]


def put_into(connection: Connection, sscc: str, content: Content) -> None:
    """Put goods into a unit; a negative quantity takes them out."""
    connection.execute(_SQL["put_into"], (sscc, *content))
    if content.quantity < 0:
        connection.execute(_SQL["remove_empty_content"], (sscc,))


def packed_at(connection: Connection, position: Position) -> int:
    """How much of what lies at a position is in units already."""
    where = position._asdict()
    (quantity,) = connection.execute(_SQL["packed_at"], where).fetchone()
    return int(quantity)


def forget_units(connection: Connection, before: int, *, limit: int) -> int:
    """Forget units that left before a moment; returns how many."""
    gone = connection.execute(_SQL["forget_units"], (before, limit)).rowcount
    if gone:
        connection.execute(_SQL["forget_contents"])
    return gone
