"""The ballast comes back as soon as the disk can bear it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.app import space as space_module
from edge.app.space import Space
from edge.db import Ballast, Connection, Database, Level

MIB = 1 << 20


class SmallDisk(NamedTuple):
    """A disk of so many bytes that holds nothing but one folder."""

    folder: Path
    size: int

    def statvfs(self, _path: object) -> SmallDisk.Figures:
        taken = sum(each.stat().st_blocks * 512 for each in self.folder.iterdir())
        return SmallDisk.Figures(self.size, max(self.size - taken, 0), 1)

    class Figures(NamedTuple):
        """What the file system says."""

        f_blocks: int
        f_bavail: int
        f_frsize: int


def keep(connection: Connection) -> None:
    connection.execute("INSERT INTO kept SELECT randomblob(10000) FROM json_each('[1,2,3,4,5,6]')")


def test_a_log_that_takes_the_ballasts_room_is_emptied_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gateway.db"
    database = Database(path)
    database.run_blocking(lambda connection: connection.execute("CREATE TABLE kept (data BLOB)"))
    for _ in range(60):
        database.run_blocking(keep)
    log = path.with_name("gateway.db-wal")
    assert log.stat().st_size > 3 * MIB, "what has been written is in the log, not in the file"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(PASSIVE)")
    assert path.stat().st_size > 3 * MIB, "now it is in both, and the log is no smaller"
    disk = SmallDisk(tmp_path, log.stat().st_size + path.stat().st_size + MIB)
    monkeypatch.setattr(space_module.os, "statvfs", disk.statvfs)
    ballast = Ballast(tmp_path / "gateway.ballast", 2 * MIB)
    space = Space(tmp_path, database, ballast, 100 * MIB)

    async def until_it_stands() -> None:
        looking = asyncio.create_task(space.run(lambda: None))
        for _ in range(400):
            if ballast.stands and space.level < Level.FULL:
                break
            await asyncio.sleep(0.02)
        looking.cancel()

    space.begin()
    assert space.level == Level.FULL
    asyncio.run(until_it_stands())
    assert ballast.stands
    assert space.level < Level.FULL
    database.close()
