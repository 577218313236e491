"""One writer: units share transactions, fail alone, and are answered after the commit."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.db import MAX_GROUP, Connection, Database
from edge.db.layout import state
from shared.errors import QuartermasterError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "gateway.db")
    yield database
    database.close()


def add(name: str, amount: int = 1) -> object:
    def unit(connection: Connection) -> str:
        connection.execute(
            "INSERT INTO tally (name, total) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET total = total + excluded.total",
            (name, amount),
        )
        return name

    return unit


def totals(database: Database) -> dict[str, int]:
    return dict(database.reader.execute("SELECT name, total FROM tally").fetchall())


def fails(connection: Connection) -> None:
    add("failed")(connection)  # type: ignore[operator]
    raise QuartermasterError("scan.quantity", "on purpose")


@pytest.mark.usefixtures("database")
def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "gateway.db").stat().st_mode) == 0o600


def test_the_writer_runs_with_full_synchronous_and_wal(database: Database) -> None:
    def pragmas(connection: Connection) -> tuple[str, int]:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        (level,) = connection.execute("PRAGMA synchronous").fetchone()
        return mode, level

    assert database.run_blocking(pragmas) == ("wal", 2)


def test_the_reader_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database.reader.execute("DELETE FROM tally")


def test_a_failing_unit_fails_alone_and_its_neighbours_are_durable(
    tmp_path: Path, database: Database
) -> None:
    hold = threading.Event()
    first = database.submit(lambda _: hold.wait(10))
    units = [database.submit(add(f"n{number}")) for number in range(5)]  # type: ignore[arg-type]
    bad = database.submit(fails)
    late = database.submit(add("late"))  # type: ignore[arg-type]
    hold.set()
    first.result(10)
    assert [unit.result(10) for unit in units] == ["n0", "n1", "n2", "n3", "n4"]
    assert late.result(10) == "late"
    with pytest.raises(QuartermasterError, match=r"scan\.quantity"):
        bad.result(10)
    with sqlite3.connect(tmp_path / "gateway.db") as other:
        names = {name for (name,) in other.execute("SELECT name FROM tally")}
    other.close()
    assert names == {"n0", "n1", "n2", "n3", "n4", "late"}


def test_what_waits_shares_one_transaction_of_at_most_64_units(database: Database) -> None:
    begun: list[int] = []
    database.around(lambda: begun.append(0), lambda _: None)

    def unit(_: Connection) -> None:
        begun[-1] += 1

    hold, held = threading.Event(), threading.Event()
    database.submit(lambda _: (held.set(), hold.wait(10)))
    assert held.wait(10)
    units = [database.submit(unit) for _ in range(3 * MAX_GROUP)]
    hold.set()
    for future in units:
        future.result(10)
    assert begun[1:] == [MAX_GROUP] * 3


def test_an_answer_is_given_only_after_the_commit(tmp_path: Path) -> None:
    database = Database(tmp_path / "gateway.db")
    asyncio.run(database.run(add("a")))  # type: ignore[arg-type]
    with sqlite3.connect(tmp_path / "gateway.db") as other:
        assert other.execute("SELECT total FROM tally").fetchall() == [(1,)]
    other.close()
    database.close()


def test_a_full_disk_is_told_and_nothing_is_half_applied_and_it_recovers(tmp_path: Path) -> None:
    database = Database(tmp_path / "gateway.db", max_bytes=200 * 1024)

    def large(connection: Connection) -> None:
        add("started")(connection)  # type: ignore[operator]
        connection.execute("INSERT INTO waiting (seq, body) VALUES (1, zeroblob(400000))")

    with pytest.raises(QuartermasterError) as refused:
        database.run_blocking(large)
    assert refused.value.code == "disk.full"
    assert totals(database) == {}
    database.run_blocking(add("small"))  # type: ignore[arg-type]
    assert totals(database) == {"small": 1}
    database.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    file.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(QuartermasterError) as refused:
        Database(file)
    assert refused.value.code == "store.damaged"
    assert file.read_bytes() == b"not a database at all" * 1000


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Database(tmp_path / "gateway.db").close()
    with sqlite3.connect(tmp_path / "gateway.db") as connection:
        connection.execute("PRAGMA user_version = 99")
        state(connection)
    connection.close()
    with pytest.raises(QuartermasterError, match="newer version"):
        Database(tmp_path / "gateway.db")


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    database = Database(tmp_path / "gateway.db")
    database.run_blocking(add("kept"))  # type: ignore[arg-type]
    database.close()
    again = Database(tmp_path / "gateway.db")
    assert totals(again) == {"kept": 1}
    again.close()


async def _ride(database: Database) -> None:
    boarded: list[dict[str, int]] = []

    def rider(connection: Connection) -> str | None:
        seen = dict(connection.execute("SELECT name, total FROM tally").fetchall())
        boarded.append(seen)
        return "arrived" if "scan" in seen else None

    ride = asyncio.create_task(database.ride(rider, now=True))
    await asyncio.sleep(0)
    await database.run(add("other"))  # type: ignore[arg-type]
    assert not ride.done()
    await database.run(add("scan"))  # type: ignore[arg-type]
    assert await asyncio.wait_for(ride, 5) == "arrived"
    count = len(boarded)
    await database.run(add("after"))  # type: ignore[arg-type]
    assert len(boarded) == count, "it has left"


def test_a_rider_stays_aboard_until_it_has_a_result(database: Database) -> None:
    asyncio.run(_ride(database))


async def _failing_rider(database: Database) -> None:
    def rider(connection: Connection) -> None:
        add("rider")(connection)  # type: ignore[operator]
        raise QuartermasterError("segment.too-large")

    ride = asyncio.create_task(database.ride(rider))
    await asyncio.sleep(0)
    assert await database.run(add("scan")) == "scan"  # type: ignore[arg-type]
    with pytest.raises(QuartermasterError, match=r"segment\.too-large"):
        await asyncio.wait_for(ride, 5)
    assert totals(database) == {"scan": 1}


def test_a_failing_rider_does_not_spoil_the_scans_it_rode_with(database: Database) -> None:
    asyncio.run(_failing_rider(database))
