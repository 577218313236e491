"""How long what the cloud has is kept here, for a cloud that must be filled again.

Rules:

1. time is the *age* of this database: how long it has been in use, by a clock that never jumps.
   No time of day is asked, so none can be wrong; while the machine is off nothing grows older;
2. a segment may go when the cloud had covered it a whole term ago (not: when it was sealed a term
   ago; after days without a line it has only just arrived) and covers it still;
3. when a newer generation of the cloud speaks, all terms begin anew: it is the one to be filled;
4. what the cloud does not have never goes.
"""

from __future__ import annotations

from typing import Final

from edge.db import Connection, Queries
from edge.outbox.standing import words
from shared.units import HOUR

_SQL: Final = Queries(__package__ or "edge.outbox")


def age(connection: Connection) -> int:
    """How long this database has been in use, microseconds."""
    return int(connection.execute(_SQL["age"]).fetchone()[0])


def grow_older(connection: Connection, by: int) -> int:
    """Add to the age, and note each hour how far the cloud has come; returns the age."""
    now = age(connection) + by
    connection.execute(_SQL["set_age"], (now,))
    (noted,) = connection.execute(_SQL["last_noted"]).fetchone()
    if noted is None or now - noted >= HOUR:
        for said in words(connection):
            if said.reached and connection.execute(_SQL["end_of_epoch"], (said.epoch,)).fetchone():
                connection.execute(_SQL["note_freed"], (now, said.epoch, said.reached))
    return now


def remove_kept(connection: Connection, term: int, *, limit: int) -> int:
    """Delete what the cloud has had for a whole term, microseconds; returns how many segments."""
    before = age(connection) - term
    had = dict(connection.execute(_SQL["freed_before"], (before,)).fetchall())
    connection.execute(_SQL["forget_noted"], (before,))
    return _remove(connection, had, limit)


def remove_early(connection: Connection, *, limit: int) -> int:
    """Delete what the cloud has, for want of room, the oldest first; returns how many segments."""
    return _remove(connection, {said.epoch: said.reached for said in words(connection)}, limit)


def begin_anew(connection: Connection) -> None:
    """Keep everything for a whole term again."""
    connection.execute(_SQL["forget_freed"])


def _remove(connection: Connection, had: dict[int, int], limit: int) -> int:
    removed = 0
    for said in words(connection):
        where = {
            "epoch": said.epoch,
            "reached": min(had.get(said.epoch, 0), said.reached),
            "limit": limit - removed,
        }
        removed += connection.execute(_SQL["remove_covered"], where).rowcount
    return removed
