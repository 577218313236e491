"""SQL of persons' data; private to the room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud.db import Connection, Queries
from cloud.orders.persons.model import Customer, OrderHeld
from shared.units import Micros

_Q: Final = Queries("cloud.orders.persons")


def find(connection: Connection, asked: str) -> list[Customer]:
    """Customers by pseudonym or by what they are called."""
    return [Customer(*row) for row in connection.execute(_Q["find"], {"asked": asked})]


def hold(connection: Connection, pseudonym: str) -> bool | None:
    """Whether a customer was erased; None where there is none."""
    row = connection.execute(_Q["hold"], {"pseudonym": pseudonym}).fetchone()
    return None if row is None else bool(row[0])


def orders_of(connection: Connection, pseudonym: str) -> list[OrderHeld]:
    """The orders that name a pseudonym."""
    found = connection.execute(_Q["orders_of"], {"pseudonym": pseudonym})
    return [OrderHeld(*row) for row in found]


def deliveries_of(connection: Connection, orders: Sequence[int]) -> list[int]:
    """The deliveries that spoke of these orders."""
    return [row[0] for row in connection.execute(_Q["deliveries_of"], {"orders": list(orders)})]


def erase(connection: Connection, pseudonym: str, at: Micros) -> None:
    """Take out what identifies somebody."""
    connection.execute(_Q["erase"], {"pseudonym": pseudonym, "at": at})


def certify(
    connection: Connection,
    pseudonym: str,
    *,
    at: Micros,
    why: str,
    by: str,
    orders: int,
    deliveries: int,
) -> int:
    """Write the proof; its number."""
    values = {
        "pseudonym": pseudonym,
        "at": at,
        "why": why,
        "by": by,
        "orders": orders,
        "deliveries": deliveries,
    }
    row = connection.execute(_Q["certify"], values).fetchone()
    return 0 if row is None else int(row[0])


def unseen(connection: Connection, before: Micros, limit: int) -> list[str]:
    """Customers not heard of since, without an open order."""
    found = connection.execute(_Q["unseen"], {"before": before, "limit": limit})
    return [row[0] for row in found]


def retention(connection: Connection) -> dict[str, int]:
    """How long each kind is kept, where somebody has said so."""
    return {row[0]: row[1] for row in connection.execute(_Q["retention"])}


def set_retention(connection: Connection, kind: str, days: int) -> None:
    """How long a kind is kept from now on."""
    connection.execute(_Q["set_retention"], {"kind": kind, "days": days})
