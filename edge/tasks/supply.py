"""What open tasks bring where, and which places are blocked: what local decisions ask."""

from __future__ import annotations

from typing import Final

from edge.db import Connection
from edge.tasks.book import SQL

BLOCKED: Final = "blocked"
"""An exception about a location that ends with this word (``dock.blocked``) closes it."""


def coming(connection: Connection, location: str, sku: str | None = None) -> int:
    """How many base units open tasks have still to bring to a location, of one item or of all."""
    (left,) = connection.execute(SQL["coming"], {"location": location, "sku": sku}).fetchone()
    return int(left)


def arriving(connection: Connection) -> dict[str, int]:
    """How many base units open tasks have still to receive, by item."""
    return dict(connection.execute(SQL["arriving"]).fetchall())


def blocked(connection: Connection) -> frozenset[str]:
    """Locations that somebody has said to be blocked, and nobody to be free again."""
    rows = connection.execute(SQL["blocked"], (f"%{BLOCKED}",)).fetchall()
    return frozenset(str(row[0]) for row in rows)


def withdraw(connection: Connection, code: str, *, now: int) -> bool:
    """Take back a task that this gateway asked for by itself, if nobody has begun it."""
    return connection.execute(SQL["withdraw_own"], (now, code)).rowcount > 0
