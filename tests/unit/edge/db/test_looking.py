"""Looking into a database changes nothing, and says in words why it cannot be looked into."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from edge.db import Database
from edge.db.looking import looking
from shared.errors import QuartermasterError

COUNT = "SELECT count(*) FROM device"
ADD = "INSERT INTO device (name, token_sha256, added_at) VALUES ('sc-01', x'01', 1)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that was closed in order."""
    Database(tmp_path / "gateway.db").close()
    return tmp_path / "gateway.db"


def refused(path: Path) -> QuartermasterError:
    with pytest.raises(QuartermasterError) as error, looking(path) as reader:
        reader.execute(COUNT)
    return error.value


def test_a_database_that_nobody_has_open_is_read_without_a_trace(path: Path) -> None:
    before = sorted(each.name for each in path.parent.iterdir())
    with looking(path) as reader:
        assert reader.execute(COUNT).fetchone() == (0,)
    assert sorted(each.name for each in path.parent.iterdir()) == before


def test_beside_its_writer_what_is_committed_is_seen(path: Path) -> None:
    database = Database(path)
    try:
        database.run_blocking(lambda connection: connection.execute(ADD).rowcount)
        with looking(path) as reader:
            assert reader.execute(COUNT).fetchone() == (1,)
    finally:
        database.close()


def test_nothing_can_be_written(path: Path) -> None:
    with pytest.raises(QuartermasterError) as error, looking(path) as reader:
        reader.execute(ADD)
    assert error.value.code == "store.failed"
    assert "readonly" in error.value.detail


def test_a_file_that_is_not_there_or_closed_to_this_user_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(path.with_name("none.db")).code == "file.unreadable"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "own user" in refused(path).detail


def test_another_versions_database_is_not_misread(path: Path) -> None:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for other, says in ((version - 1, "earlier version"), (version + 1, "newer version")):
        connection.execute(f"PRAGMA user_version = {other}")
        error = refused(path)
        assert error.code == "store.failed"
        assert says in error.detail
    connection.close()


def test_what_is_no_database_is_damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    assert refused(path).code == "store.damaged"
