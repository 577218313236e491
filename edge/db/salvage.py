"""Reads what can still be read of a damaged database, table by table, from both ends.

A page that cannot be read stops a scan; what lies behind it is reached from the other end. Where
even the schema is gone, it is put back from the copy beside the file, so that the tables are found
again: into the file itself, which is never written to again, and of which there may be too much for
a copy; the page that is replaced is kept beside it. What is read is believed by its own hashes
only, wherever it was found.

Tables and columns are those of this version's own schema, as the fresh database has them.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.db.database import PAGE_BYTES, Connection
from edge.db.faults import is_damage, translated
from edge.db.layout import Layout, LayoutCopy, is_whole
from edge.db.marks import COVERED, MARK, named, verifies

_AT_ONCE: Final = 500
FIRST_PAGE: Final = ".first-page"
_HEADER_BYTES: Final = 100
_TABLE_LEAF: Final = 0x0D
_TABLES: Final = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
)
_COLUMNS: Final = "SELECT name, pk FROM pragma_table_info(?)"
_PUT_BACK: Final = (
    "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, ?, ?)"
)


def open_damaged(path: Path) -> Connection:
    """The damaged file, its log included; whether anything can be read is found by reading.

    Raises:
        QuartermasterError: ``disk.full``, where there is no room to put the layout back.
    """
    layout = LayoutCopy(path).read()
    if layout is not None and not _can_be_read(path):
        _put_back(path, layout)
    connection = _open(path)
    connection.text_factory = _text
    return connection


def _open(path: Path) -> Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _text(raw: bytes) -> str | bytes:
    """A text; its bytes where it is none, so that it spoils its own row only."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _can_be_read(path: Path) -> bool:
    if not path.exists() or not path.stat().st_size:  # opening it would throw its log away
        return False
    with contextlib.closing(_open(path)) as connection:
        try:
            return is_whole(connection)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return False


def _put_back(path: Path, layout: Layout) -> None:
    """Write a first page with this layout into a file that has none that can be used."""
    aside = Path(f"{path}{FIRST_PAGE}")
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if not aside.exists():
            with contextlib.suppress(OSError):  # it may be the very page that cannot be read
                aside.write_bytes(os.pread(descriptor, PAGE_BYTES, 0))
        _write_first_page(descriptor, layout.version)
        # The log may hold pages that are newer than the file's: they are brought in, and then
        # its own first page, which may lead to a schema that is torn further on, is replaced, too.
        with contextlib.closing(_open(path)) as connection, contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        _write_first_page(descriptor, layout.version)
    finally:
        os.close(descriptor)
    with contextlib.closing(_open(path)) as connection:
        try:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("BEGIN")
            connection.executemany(_PUT_BACK, layout.rows)
            connection.execute("COMMIT")
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise translated(error, path) from error


def _write_first_page(descriptor: int, version: int) -> None:
    """An empty schema, and nothing free, so that what SQLite adds goes to the end of the file.

    The layout of the header is in "Database File Format", 1.3, of the SQLite documentation.
    """
    pages = max(os.fstat(descriptor).st_size // PAGE_BYTES, 1)
    header = b"".join(
        (
            b"SQLite format 3\0",
            PAGE_BYTES.to_bytes(2, "big"),
            bytes((2, 2, 0, 64, 32, 32)),  # with a log; no bytes reserved; the fixed fractions
            *(
                number.to_bytes(4, "big")
                for number in (1, pages, 0, 0, 1, 4, 0, 0, 1, version, *[0] * 7, 1, 0)
            ),
        )
    )
    leaf = bytes((_TABLE_LEAF, 0, 0, 0, 0)) + PAGE_BYTES.to_bytes(2, "big") + b"\0"
    assert len(header) == _HEADER_BYTES  # noqa: S101 - as the format says
    os.pwrite(descriptor, (header + leaf).ljust(PAGE_BYTES, b"\0"), 0)
    os.fsync(descriptor)


def legible(damaged: Connection, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """All rows of a statement, or those before the first that cannot be read.

    Raises:
        sqlite3.DatabaseError: what keeps from reading is no damage (no room for the log's index,
            somebody else's lock): read now, what is whole would be taken for lost.
    """
    rows: list[tuple[Any, ...]] = []
    try:
        rows.extend(iter(damaged.execute(statement, values)))
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise
    return rows


class Copied(NamedTuple):
    """What came over of a table: whether it was legible to the end, and which rows changed."""

    whole: bool
    changed: list[str]


def tables(fresh: Connection) -> list[str]:
    """The tables of this version."""
    return [name for (name,) in fresh.execute(_TABLES).fetchall()]


def copy_rows(damaged: Connection, fresh: Connection, table: str) -> Copied:
    """Copy a table's legible rows, those with a mark as far as they verify.

    Raises:
        sqlite3.Error: of the fresh database, e.g. when the disk is full.
    """
    columns, key = _shape(fresh, table)
    there = {name for name, _ in legible(damaged, _COLUMNS, (table,))}
    columns = [column for column in columns if column in there]
    if not columns:  # one that the version which wrote the file did not have, or it is gone
        return Copied(whole=0 < _version(damaged) < _version(fresh), changed=[])
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    put = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
    changed: set[str] = set()
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{column} {direction}" for column in key)
        get = f"SELECT {names} FROM {table} ORDER BY {order}"
        ended = False
        for rows, more in _scan(damaged, get):
            for row in rows:
                if changes := _put(fresh, put, table, dict(zip(columns, row, strict=True))):
                    changed.add(changes)
            ended = not more
        if ended:
            return Copied(whole=True, changed=sorted(changed))
    return Copied(whole=False, changed=sorted(changed))


def _put(fresh: Connection, statement: str, table: str, row: dict[str, Any]) -> str:
    """Put a row into the fresh database, or name it where it is not what was written."""
    covered = [row.get(column) for column in COVERED.get(table, row)]
    if not verifies(table, covered, row.get(MARK)):
        return named(table, covered)
    try:
        fresh.execute(statement, tuple(row.values()))
    except sqlite3.IntegrityError:  # of another type than its column: SQLite read something else
        return named(table, covered)
    return ""


def _version(connection: Connection) -> int:
    rows = legible(connection, "PRAGMA user_version", ())
    return int(rows[0][0]) if rows else 0


def _scan(damaged: Connection, statement: str) -> Iterator[tuple[list[tuple[Any, ...]], bool]]:
    """The rows in portions, each with whether there may be more; a break ends with "more"."""
    rows: list[tuple[Any, ...]] = []
    try:
        for row in damaged.execute(statement):
            rows.append(row)
            if len(rows) == _AT_ONCE:
                yield rows, True
                rows = []
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise
        yield rows, True
        return
    yield rows, False


def _shape(fresh: Connection, table: str) -> tuple[list[str], list[str]]:
    """The columns of a table, and by what its own tree is ordered."""
    found = fresh.execute(_COLUMNS, (table,)).fetchall()
    row = fresh.execute("SELECT wr FROM pragma_table_list(?)", (table,)).fetchone()
    columns = [name for name, _ in found]
    key = [name for name, place in sorted(found, key=lambda each: each[1]) if place]
    return columns, key if row and row[0] else ["rowid"]
