"""SQL of the snapshots; private to them."""

from __future__ import annotations

from typing import Final

from cloud.db import Connection, Queries
from cloud.ledger.model import Drift
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


def snapshots(connection: Connection) -> list[int]:
    """All of them, in order."""
    return [int(row[0]) for row in connection.execute(_Q["snapshots"])]


def last(connection: Connection) -> int | None:
    """The newest."""
    row = connection.execute(_Q["last"]).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def first_received(connection: Connection) -> int | None:
    """When the first movement was received."""
    row = connection.execute(_Q["first_received"]).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def keep(connection: Connection, at: int, *, since: int, now: Micros) -> bool:
    """Make one snapshot of what was received before ``at``; False where another worker has."""
    given = {"at": at, "since": since, "now": now}
    if connection.execute(_Q["begin"], given).fetchone() is None:
        return False
    connection.execute(_Q["room"])
    connection.execute(_Q["keep_balances"], given, prepare=False)
    connection.execute(_Q["keep_astray"], given, prepare=False)
    return True


def forget(connection: Connection) -> None:
    """Forget them all."""
    connection.execute(_Q["forget"])


def wrong(connection: Connection, limit: int) -> list[Drift]:
    """Positions where the newest snapshot does not lead to the balance."""
    rows = connection.execute(_Q["wrong"], {"limit": limit})
    return [Drift(tuple(row[:6]), row[6], row[7]) for row in rows]
