"""A copy of a database in use: one moment of it, in one file, by SQLite's own online backup.

A file copied by other means tears, because what was committed last lies in the log beside it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

from edge.db.database import Connection
from edge.db.faults import translated
from edge.db.layout import is_whole
from edge.db.salvage import tables
from shared.errors import QuartermasterError

_PAGES_AT_ONCE: Final = 2048


def copy_whole(source: Connection, into: Path) -> None:
    """Copy what the source's transaction sees, forced to disk.

    Args:
        source: with an open transaction, so that all of it is of one moment.
        into: a file that is not there yet; made with mode 0600.

    Raises:
        QuartermasterError: ``disk.full``, ``store.damaged`` or ``store.failed``.
    """
    try:
        os.close(os.open(into, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with contextlib.closing(sqlite3.connect(into, isolation_level=None)) as copy:
            source.backup(copy, pages=_PAGES_AT_ONCE)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        descriptor = os.open(into, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except sqlite3.DatabaseError as error:
        raise translated(error, into) from error


def open_copy(path: Path) -> Connection:
    """A copy in which nobody writes, for reading.

    Raises:
        QuartermasterError: ``store.damaged`` when it is none, or not whole.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, isolation_level=None)
    try:
        (says,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        whole = is_whole(connection)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        connection.close()
        raise QuartermasterError("store.damaged", str(error), where=path.name) from None
    if says != "ok" or not whole:
        connection.close()
        raise QuartermasterError("store.damaged", str(says), where=path.name)
    return connection


def schema_of(connection: Connection) -> int:
    """Which version of the schema a database has."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {table: _count(connection, table) for table in tables(connection)}


def _count(connection: Connection, table: str) -> int:
    row: Any = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0])
