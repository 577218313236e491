"""Looks into a database without changing anything, whether or not its gateway runs.

Beside a running gateway its log is there and is read, too. A database that was closed in order has
none: then the file alone is the whole of it, and is read as it lies, so that a look leaves no trace
and works on a disk that is full or read-only.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edge.db.database import Connection
from edge.db.faults import translated
from edge.db.upgrade import pending
from shared.errors import QuartermasterError

_BUSY_SECONDS: Final = 2.0
_CLOSED: Final = "only the gateway's own user (or root) may read it"


@contextmanager
def looking(path: Path) -> Generator[Connection]:
    """A connection that can only read.

    Raises:
        QuartermasterError: ``file.unreadable`` where there is no such file, ``store.damaged``, or
            ``store.failed`` when another version of the software has made it.
    """
    _demand_readable(path)
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?{mode}",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
        )
    except sqlite3.Error as error:
        raise translated(error, path) from error
    try:
        if pending(connection):
            says = "made by an earlier version, which the gateway brings up to date when it starts"
            raise QuartermasterError("store.failed", says, where=path.name)
        yield connection
    except sqlite3.DatabaseError as error:
        raise translated(error, path) from error
    finally:
        connection.close()


def _demand_readable(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise QuartermasterError("file.unreadable", "no such file", where=str(path)) from None
    except PermissionError:
        raise QuartermasterError("file.unreadable", _CLOSED, where=str(path)) from None
    except OSError as error:
        raise QuartermasterError("file.unreadable", error.strerror or "", where=str(path)) from None
    if not os.access(path, os.R_OK):
        raise QuartermasterError("file.unreadable", _CLOSED, where=str(path))
