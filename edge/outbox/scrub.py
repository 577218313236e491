"""Reads everything once and compares it with what was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final, NamedTuple

from edge.db import Connection, Queries
from edge.db.marks import COVERED, named, portions, verifies
from edge.outbox.reading import sealed_in, waiting_in
from shared.errors import QuartermasterError
from shared.segment import header, parse

_SQL: Final = Queries(__package__ or "edge.outbox")
_MOST: Final = 50
"""Findings that are told one by one."""


class Scrubbed(NamedTuple):
    """What was read, and what of it is not what was written."""

    segments: int
    waiting: int
    damage: list[str]
    rows: int = 0
    """Those with a mark of their own, of all rooms."""


def scrub(connection: Connection, pause: Callable[[], None] = lambda: None) -> Scrubbed:
    """Check every table's pages, all rows with a mark, and the bytes and links of every event.

    Args:
        connection: of the caller's own thread; no statement holds it for long.
        pause: called between portions, so that others have their turn.
    """
    damage: list[str] = []
    for (table,) in _tables(connection, damage):
        pause()
        damage.extend(_check_pages(connection, table))
    segments = _segments(connection, damage, pause)
    waiting = _waiting(connection, damage, pause)
    rows = sum(_marks(connection, table, damage, pause) for table in COVERED)
    return Scrubbed(segments, waiting, damage[:_MOST], rows)


def _tables(connection: Connection, damage: list[str]) -> list[tuple[str]]:
    try:
        return connection.execute(_SQL["tables"]).fetchall()
    except sqlite3.DatabaseError as error:
        damage.append(f"schema: {error}")
        return []


def _check_pages(connection: Connection, table: str) -> list[str]:
    try:
        found = connection.execute(_SQL["quick_check"], (table,)).fetchall()
    except sqlite3.DatabaseError as error:
        return [f"{table}: {error}"]
    return [f"{table}: {says}" for (says,) in found if says != "ok"]


def _marks(connection: Connection, table: str, damage: list[str], pause: Callable[[], None]) -> int:
    """Compare the marks of a table, a portion at a time, so that no statement holds the log."""
    read = 0
    try:
        for rows in portions(connection, table):
            read += len(rows)
            for *values, mark in rows:
                if not verifies(table, values, mark):
                    damage.append(f"{named(table, values)}: a row has changed")
            pause()
    except sqlite3.DatabaseError as error:
        damage.append(f"{table} after {read} rows: {error}")
    return read


def _segments(connection: Connection, damage: list[str], pause: Callable[[], None]) -> int:
    after, read = (0, 0), 0
    linked: tuple[int, int, bytes] | None = None
    try:
        while keys := connection.execute(_SQL["segment_keys"], after).fetchall():
            for epoch, first_seq, last_seq in keys:
                row = connection.execute(_SQL["segment"], (epoch, first_seq)).fetchone()
                after = (epoch, first_seq)
                if row is None:  # freed meanwhile
                    continue
                read += 1
                try:
                    claims = header(parse(sealed_in(row[:5]).body))
                    if (*claims[:3], claims.last_hash) != (*row[:3], row[5]):
                        damage.append(f"epoch {epoch}: {first_seq}-{last_seq}: other numbers")
                except QuartermasterError as error:
                    damage.append(f"{error.where}: {error.detail}")
                    linked = None
                    continue
                if (
                    linked
                    and linked[:2] == (epoch, first_seq - 1)
                    and (claims.prev_hash != linked[2])
                ):
                    damage.append(f"epoch {epoch}: {first_seq} does not link to the one before")
                linked = (epoch, last_seq, claims.last_hash)
                if read % 16 == 0:
                    pause()
    except sqlite3.DatabaseError as error:
        damage.append(f"segment after {after}: {error}")
    return read


def _waiting(connection: Connection, damage: list[str], pause: Callable[[], None]) -> int:
    after, read = 0, 0
    try:
        while keys := connection.execute(_SQL["waiting_keys"], (after,)).fetchall():
            for (seq,) in keys:
                row = connection.execute(_SQL["waiting_one"], (seq,)).fetchone()
                after = seq
                if row is None:  # sealed meanwhile
                    continue
                read += 1
                try:
                    waiting_in(row)
                except QuartermasterError as error:
                    damage.append(f"{error.where}: {error.detail}")
            pause()
    except sqlite3.DatabaseError as error:
        damage.append(f"waiting after {after}: {error}")
    return read
