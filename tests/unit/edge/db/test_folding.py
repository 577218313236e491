"""The log is brought into the file while the writer goes on."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from edge.db import Connection, Database
from tests.support.gateway import wait_until

KIB = 1 << 10


def keep(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO answered (id, content, answer, answered_at)"
        " VALUES (randomblob(16), randomblob(32), randomblob(20000), 0)"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.db"
    Database(path).close()
    return path


def log_of(path: Path) -> int:
    return path.with_name("gateway.db-wal").stat().st_size


def begun(path: Path) -> int:
    """How often the log has been begun anew (its header's third field, SQLite walformat §1.1)."""
    with path.with_name("gateway.db-wal").open("rb") as log:
        return int.from_bytes(log.read(16)[12:])


def test_a_log_is_begun_anew_before_it_has_reached_its_size_and_its_file_is_kept(
    path: Path,
) -> None:
    database = Database(path, log_bytes=4000 * KIB)
    sizes: list[int] = []

    def written() -> bool:
        for _ in range(4):
            database.run_blocking(keep)
        sizes.append(log_of(path))
        return begun(path) >= 4

    wait_until(written, "the log begins anew")
    folding = [each.name for each in threading.enumerate() if each.name == "store-folding"]
    database.close()
    assert max(sizes) < 5000 * KIB
    assert any(now == before for before, now in pairwise(sizes)), "what was there is written over"
    assert folding == ["store-folding"]
    assert not any(each.name == "store-folding" for each in threading.enumerate())


def test_a_command_that_writes_little_needs_no_thread_for_it(path: Path) -> None:
    database = Database(path)
    database.run_blocking(keep)
    assert not any(each.name == "store-folding" for each in threading.enumerate())
    database.close()


def test_a_reader_of_what_was_before_loses_nothing_and_the_log_is_emptied_after_it(
    path: Path,
) -> None:
    database = Database(path, log_bytes=1000 * KIB)
    for _ in range(5):
        database.run_blocking(keep)
    with closing(database.another_reader()) as reader:
        reader.execute("BEGIN")
        counted = "SELECT count(*) FROM answered"
        assert reader.execute(counted).fetchone() == (5,)
        for _ in range(200):
            database.run_blocking(keep)
        assert reader.execute(counted).fetchone() == (5,), "it reads on as it began"
        assert log_of(path) > 1000 * KIB, "what it needs stays"
        reader.execute("COMMIT")

    before = begun(path)
    wait_until(lambda: (database.run_blocking(keep), begun(path) > before)[1], "it begins anew")
    database.close()
    with closing(sqlite3.connect(path)) as closed:
        assert closed.execute(counted).fetchone()[0] > 205
        assert closed.execute("PRAGMA integrity_check").fetchone() == ("ok",)
