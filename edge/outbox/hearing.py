"""When the cloud was last heard, also before the last start."""

from __future__ import annotations

from typing import Final

from edge.db import Connection, Queries

_SQL: Final = Queries(__package__ or "edge.outbox")


def heard_at(connection: Connection) -> int:
    """When the cloud last confirmed anything, microseconds by this gateway's clock; 0 for never."""
    (at,) = connection.execute(_SQL["heard_at"]).fetchone()
    return int(at)
