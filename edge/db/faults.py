"""What SQLite's errors mean for whoever waits."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from shared.errors import QuartermasterError

_LEAST_ROOM: Final = 4096
_DAMAGED: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
    }
)


def translated(error: Exception, path: Path) -> QuartermasterError:
    """What SQLite's error means: ``disk.full``, ``store.damaged`` or ``store.failed``."""
    if isinstance(error, UnicodeDecodeError):  # even the words for what is wrong were torn
        return QuartermasterError("store.damaged", "texts that are none")
    code = getattr(error, "sqlite_errorcode", 0)
    failed = code & 0xFF == sqlite3.SQLITE_IOERR
    if code == sqlite3.SQLITE_FULL or (failed and _disk_is_full(path)):
        return QuartermasterError("disk.full")
    if code in _DAMAGED or code & 0xFF in _DAMAGED:
        return QuartermasterError("store.damaged", str(error))
    return QuartermasterError("store.failed", str(error))


def is_damage(error: Exception) -> bool:
    """Whether it means that what was written is not there to be read, and not that time will help.

    A table or a column that is not there (``SQLITE_ERROR``) was there when it was made.
    """
    if isinstance(error, sqlite3.ProgrammingError):  # ours, not the disk's
        return False
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code == sqlite3.SQLITE_ERROR or code in _DAMAGED or code & 0xFF in _DAMAGED


def _disk_is_full(path: Path) -> bool:
    """Some writes that find no room (of the log's index, at an fsync) fail as if broken."""
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize < _LEAST_ROOM
