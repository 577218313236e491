"""SQL of the change log; private to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from psycopg.types.json import Jsonb

from cloud.changes.model import Change, Wanted
from cloud.db import Connection, Queries
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


def note(
    connection: Connection,
    *,
    kind: str,
    subject: str,
    site_id: int | None,
    body: Mapping[str, Any],
    at: Micros,
) -> None:
    """Write one change down."""
    connection.execute(
        _Q["note"],
        {"at": at, "kind": kind, "subject": subject, "site_id": site_id, "body": Jsonb(dict(body))},
    )


def try_turn(connection: Connection) -> bool:
    """Whether it is this transaction's turn to give positions."""
    row = connection.execute(_Q["try_turn"]).fetchone()
    return row is not None and bool(row[0])


def order_waiting(connection: Connection, limit: int) -> int:
    """Give committed changes their positions; returns how many."""
    row = connection.execute(_Q["order_waiting"], {"limit": limit}).fetchone()
    return 0 if row is None else int(row[0])


def ends(connection: Connection) -> tuple[int, int]:
    """The first position that is kept, and one that no change has yet."""
    row = connection.execute(_Q["ends"]).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def since(connection: Connection, position: int, wanted: Wanted, limit: int) -> list[Change]:
    """Changes from a position on."""
    rows = connection.execute(
        _Q["since"],
        {
            "position": position,
            "kinds": None if wanted.kinds is None else sorted(wanted.kinds),
            "sites": None if wanted.sites is None else sorted(wanted.sites),
            "limit": limit,
        },
    )
    return [Change(*row) for row in rows]


def give_up(connection: Connection, before: Micros, limit: int) -> int:
    """Forget what is older; returns how many changes."""
    row = connection.execute(_Q["give_up"], {"before": before, "limit": limit}).fetchone()
    return 0 if row is None else int(row[0])


def hold_reader(connection: Connection, name: str) -> tuple[int, int] | None:
    """Where a reader of ours stands; None where another worker moves it on just now."""
    row = connection.execute(_Q["hold_reader"], {"name": name}).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def has_reader(connection: Connection, name: str) -> bool:
    """Whether a reader of ours has ever been here."""
    row = connection.execute(_Q["has_reader"], {"name": name}).fetchone()
    return row is not None and bool(row[0])


def move_reader(connection: Connection, name: str, position: int, part: int) -> None:
    """Note where a reader of ours stands."""
    connection.execute(_Q["move_reader"], {"name": name, "position": position, "part": part})
