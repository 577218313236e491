"""A gateway's disk: what survives a power cut, and what a cut takes away.

SQLite in memory under the gateway's real commit logic. How much a power cut loses follows from
``PRAGMA synchronous`` as the product's own ``Database`` sets it: with FULL each commit has been
forced to the medium, with less the last few may be gone.
"""

from __future__ import annotations

import queue
import random
import sqlite3
import threading
from collections import deque
from pathlib import Path

from edge.db.database import MAX_GROUP, Connection, Database, _Work
from edge.db.upgrade import apply_schema

_FULL = 2
_UNFORCED = 4
"""So many of the last commits may be lost when commits are not forced to the medium."""


def new_image(prepare: object = None) -> bytes:
    """The bytes of a fresh database with the product's schema; ``prepare`` may fill it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    apply_schema(connection)
    if callable(prepare):
        connection.execute("BEGIN")
        prepare(connection)
        connection.execute("COMMIT")
    image = connection.serialize()
    connection.close()
    return image


class Disk:
    """The medium of one gateway."""

    def __init__(self, image: bytes) -> None:
        self.image = image
        self.full = False
        self._recent: deque[bytes] = deque(maxlen=_UNFORCED)
        self._forced = True
        self._mounted: Connection | None = None

    def mount(self, connection: Connection) -> None:
        """Put what is on the medium behind an open connection."""
        (level,) = connection.execute("PRAGMA synchronous").fetchone()
        self._forced = level >= _FULL
        self._recent.clear()
        connection.deserialize(self.image)
        self._mounted = connection
        self.limit()

    def limit(self) -> None:
        """Let the medium be full, or not."""
        if self._mounted is not None:
            (pages,) = self._mounted.execute("PRAGMA page_count").fetchone()
            room = pages if self.full else 1 << 20
            self._mounted.execute(f"PRAGMA max_page_count = {room}")

    def committed(self) -> None:
        """A transaction has just been committed."""
        if not self._forced and self._mounted is not None:
            self._recent.append(self._mounted.serialize())

    def unmount(self) -> None:
        """The process has ended; the system has still written everything."""
        if self._mounted is not None:
            if self._mounted.in_transaction:
                self._mounted.execute("ROLLBACK")
            self.image = self._mounted.serialize()
            self._mounted.close()
            self._mounted = None

    def cut_power(self, rng: random.Random) -> None:
        """The machine has stopped: commits that were not forced may be missing."""
        candidates = list(self._recent)
        self.unmount()
        if candidates and not self._forced:
            self.image = rng.choice(candidates)

    def contents(self) -> Connection:
        """What is on it, for looking only: the live database or a copy."""
        if self._mounted is not None:
            return self._mounted
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.deserialize(self.image)
        return connection

    def copy(self) -> bytes:
        """A backup."""
        return self.image if self._mounted is None else self._mounted.serialize()


class SteppedDatabase(Database):
    """The gateway's database with its real group commit, run when the simulation says so."""

    def __init__(self, disk: Disk, *, synchronous: str | None = None) -> None:
        self._path = Path(":memory:")
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._seat = threading.Lock()
        self._rider = None
        self._begins = []
        self._ends = []
        self._commits = 0
        self._disk = disk
        self.alive = True
        self._connection = self._reader = self._connect()
        if synchronous is not None:  # a mutant's
            self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        disk.mount(self._connection)

    def pump(self) -> bool:
        """Commit what waits, group by group; whether anything did."""
        if self._queue.empty():
            return False
        worked = False
        while self.alive and not self._queue.empty():
            group: list[_Work] = []
            while len(group) < MAX_GROUP and not self._queue.empty():
                work = self._queue.get_nowait()
                if work is not None:
                    group.append(work)
            self._commit(group)
            self._disk.committed()
            worked = True
        return worked
