"""Brings the log into the file beside the writer, so that no scan waits for it.

What a second of scans has written lies all over the file; copying it there takes ten milliseconds
and more. SQLite lets this be done by another connection while the writer goes on (a passive
checkpoint blocks nobody). Only what was written meanwhile is left for the writer, who alone can
begin the log anew: hardly anything.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable


class Folding:
    """A thread with a connection of its own, begun when it is first asked.

    Args:
        connect: opens the connection.
        noticed: is told, in this thread, of an error that is not for want of room.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        noticed: Callable[[sqlite3.Error], object],
    ) -> None:
        self._connect = connect
        self._noticed = noticed
        self._wanted = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None
        self.busy = False
        """Whether it was asked and has not finished."""
        self.done = False
        """Whether the log was brought in and the writer has not begun it anew."""

    def ask(self) -> None:
        """Have it done, soon."""
        if self.busy or self.done:
            return
        self.busy = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="store-folding", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        """End, and let go of the file."""
        if self._thread is not None:
            self._over = True
            self._wanted.set()
            self._thread.join()

    def _work(self) -> None:
        try:
            with contextlib.closing(self._connect()) as connection:
                while self._wanted.wait() and not self._over:
                    self._wanted.clear()
                    self._fold(connection)
        except sqlite3.Error as error:  # it cannot even be opened: the writer does it by itself
            self._noticed(error)

    def _fold(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.OperationalError:  # a full disk: the log keeps everything
            pass
        except sqlite3.DatabaseError as error:
            self._noticed(error)
        self.done = True
        self.busy = False
