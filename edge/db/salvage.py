"""Reads what can still be read of a damaged database, table by table, from both ends.

A page that cannot be read stops a scan; what lies behind it is reached from the other end. Tables
and columns are those of this version's own schema, as the fresh database has them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edge.db.database import Connection

_AT_ONCE: Final = 500


def open_damaged(path: Path) -> Connection:
    """The damaged file, its log included; whether anything can be read is found by reading."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def legible(damaged: Connection, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """All rows of a statement, or those before the first that cannot be read."""
    rows: list[tuple[Any, ...]] = []
    try:
        rows.extend(iter(damaged.execute(statement, values)))
    except sqlite3.ProgrammingError:  # ours, not the disk's
        raise
    except sqlite3.DatabaseError:
        return rows
    return rows


def copy_table(damaged: Connection, fresh: Connection, table: str) -> bool:
    """Copy a table's legible rows; whether it was legible to the end.

    Raises:
        sqlite3.Error: of the fresh database, e.g. when the disk is full.
    """
    columns, key = _shape(fresh, table)
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    put = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{column} {direction}" for column in key)
        get = f"SELECT {names} FROM {table} ORDER BY {order}"
        ended = False
        for rows, more in _scan(damaged, get):
            fresh.executemany(put, rows)
            ended = not more
        if ended:
            return True
    return False


def _scan(damaged: Connection, statement: str) -> Iterator[tuple[list[tuple[Any, ...]], bool]]:
    """The rows in portions, each with whether there may be more; a break ends with "more"."""
    rows: list[tuple[Any, ...]] = []
    try:
        for row in damaged.execute(statement):
            rows.append(row)
            if len(rows) == _AT_ONCE:
                yield rows, True
                rows = []
    except sqlite3.ProgrammingError:  # ours, not the disk's
        raise
    except sqlite3.DatabaseError:
        yield rows, True
        return
    yield rows, False


def _shape(fresh: Connection, table: str) -> tuple[list[str], list[str]]:
    """The columns of a table, and by what its own tree is ordered."""
    found = fresh.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
    row = fresh.execute("SELECT wr FROM pragma_table_list(?)", (table,)).fetchone()
    columns = [name for name, _ in found]
    key = [name for name, place in sorted(found, key=lambda each: each[1]) if place]
    return columns, key if row and row[0] else ["rowid"]
