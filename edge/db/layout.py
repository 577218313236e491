"""Where each table begins, kept beside the database: without it nothing in the file can be found.

SQLite keeps its schema and the first page of each table in page 1 (and in what hangs on it). When
those few bytes are gone, a file is lost of which every row may be whole. Rules:

1. a checksum of the layout is in the file's header (``PRAGMA application_id``), set in the
   transaction that changes the schema: what is not as it was made is noticed at the opening;
2. the copy beside the file is forced to the medium, and carries a hash of its own;
3. it is removed before tables move (a migration, a file that is written anew) and made again after:
   a copy that is there is right;
4. it is put back only into a file that is never written to again (:mod:`edge.db.salvage`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
import zlib
from pathlib import Path
from typing import Final

import msgspec

from edge.db.upgrade import apply_schema, pending
from shared.errors import QuartermasterError

SUFFIX: Final = "-schema"
_NOT_YET: Final = 0
_LOOKS: Final = 20
_PAUSE_S: Final = 0.05
"""Another process may be writing the file anew: its last step is the checksum."""

Row = tuple[str, str, str, int, str | None]
"""Of ``sqlite_schema``: type, name, table, first page, text."""


class Layout(msgspec.Struct, frozen=True):
    """The schema of one database file, and where in it each table begins."""

    version: int
    rows: list[Row]

    @property
    def checksum(self) -> int:
        """What the header says of it; never 0."""
        return zlib.crc32(msgspec.json.encode(self)) & 0x7FFF_FFFF or 1


def layout_of(connection: sqlite3.Connection) -> Layout:
    """What the file itself says.

    Raises:
        sqlite3.DatabaseError: it cannot be read.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    rows = connection.execute(
        "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY rowid"
    )
    return Layout(version, rows.fetchall())


def is_whole(connection: sqlite3.Connection) -> bool:
    """Whether the schema is the one that was made, as far as the header tells.

    Raises:
        sqlite3.DatabaseError: it cannot be read.
    """
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    (moves,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    layout = layout_of(connection)
    return encoding == "UTF-8" and not moves and _stated(connection) in {_NOT_YET, layout.checksum}


class LayoutCopy:
    """The copy beside a database.

    Args:
        database: the file.
    """

    def __init__(self, database: Path) -> None:
        self._path = Path(f"{database}{SUFFIX}")

    def read(self) -> Layout | None:
        """What was kept; None where nothing legible is."""
        try:
            body, _, digest = self._path.read_bytes().rpartition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                return None
            return msgspec.json.decode(body, type=Layout)
        except (OSError, msgspec.MsgspecError):
            return None

    def keep(self, layout: Layout) -> None:
        """Keep it, if it can be: without room there is no copy until the next start."""
        if self.read() == layout:
            return
        body = msgspec.json.encode(layout)
        aside = Path(f"{self._path}.new")
        try:
            with aside.open("wb") as file:
                file.write(body + b"\n" + hashlib.sha256(body).hexdigest().encode())
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
            self._sync_folder()
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
                self.forget()

    def forget(self) -> None:
        """Hold none: tables are about to move.

        Raises:
            OSError: it may still be there.
        """
        self._path.unlink(missing_ok=True)
        self._sync_folder()

    def _sync_folder(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def settle(connection: sqlite3.Connection, copy: LayoutCopy) -> None:
    """Bring a database to this version's schema; refuse one whose schema is not what was made.

    Raises:
        QuartermasterError: ``store.damaged``, or ``store.failed`` when a newer version has made it.
        sqlite3.DatabaseError: it cannot be read or written.
        OSError: the copy cannot be removed.
    """
    _refuse_changed(connection)
    if pending(connection):
        copy.forget()
    apply_schema(connection, state)
    copy.keep(layout_of(connection))


def state(connection: sqlite3.Connection) -> None:
    """Have the header state what the layout is."""
    checksum = layout_of(connection).checksum
    if _stated(connection) != checksum:
        connection.execute(f"PRAGMA application_id = {checksum}")


def state_nothing(connection: sqlite3.Connection) -> None:
    """Have the header state nothing, while tables move."""
    connection.execute(f"PRAGMA application_id = {_NOT_YET}")


def _stated(connection: sqlite3.Connection) -> int:
    (stated,) = connection.execute("PRAGMA application_id").fetchone()
    return int(stated)


def _refuse_changed(connection: sqlite3.Connection) -> None:
    for _ in range(_LOOKS):
        try:
            if is_whole(connection):
                return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # e.g. busy, or no room for its log
                raise
        time.sleep(_PAUSE_S)
    raise QuartermasterError(
        "store.damaged", "its tables are not those that were made", where="schema"
    )
