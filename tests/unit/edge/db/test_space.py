"""The room: levels, the ballast, and a store that has reached its quota."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path

import pytest

from edge.db import Ballast, Connection, Database, Level, Measure, level_after
from shared.errors import QuartermasterError

GIB = 1 << 30


def measure(held: int = 0, free: int = 100, *, disk: int = 100, ballast: bool = True) -> Measure:
    """Figures in GiB, of a quota of 100 GiB."""
    return Measure(held * GIB, 100 * GIB, disk * GIB, free * GIB, ballast)


@pytest.mark.parametrize(
    ("held", "level"),
    [(0, "PLENTY"), (69, "PLENTY"), (70, "LOW"), (85, "SCARCE"), (95, "FULL"), (100, "FULL")],
)
def test_the_quota_has_three_marks(held: int, level: str) -> None:
    assert level_after(Level.PLENTY, measure(held)) == Level[level]


@pytest.mark.parametrize(
    ("free", "level"), [(31, "PLENTY"), (30, "LOW"), (15, "SCARCE"), (5, "FULL")]
)
def test_so_has_the_file_system(free: int, level: str) -> None:
    assert level_after(Level.PLENTY, measure(free=free)) == Level[level]


def test_what_others_do_with_a_large_disk_does_not_matter_while_a_quota_is_free() -> None:
    assert level_after(Level.PLENTY, measure(free=100, disk=10_000)) == Level.PLENTY
    assert level_after(Level.PLENTY, measure(free=4, disk=10_000)) == Level.FULL


def test_a_level_is_left_only_a_little_below_its_mark() -> None:
    assert level_after(Level.FULL, measure(94)) == Level.FULL
    assert level_after(Level.FULL, measure(92)) == Level.SCARCE
    assert level_after(Level.SCARCE, measure(10)) == Level.PLENTY


def test_without_its_ballast_the_disk_is_full() -> None:
    assert level_after(Level.PLENTY, measure(ballast=False)) == Level.FULL


def test_the_ballast_is_really_allocated_and_given_back(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 1 << 20)
    assert not ballast.stands
    assert ballast.make()
    found = (tmp_path / "ballast").stat()
    assert found.st_blocks * 512 >= 1 << 20
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert ballast.stands
    ballast.drop()
    ballast.drop()
    assert not ballast.stands
    assert list(tmp_path.iterdir()) == []


def test_a_ballast_that_finds_no_room_takes_none(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 1 << 60)
    assert not ballast.make()
    assert list(tmp_path.iterdir()) == []


def test_no_ballast_may_be_wanted(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 0)
    assert ballast.stands
    assert ballast.make()
    assert list(tmp_path.iterdir()) == []


def fill(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO answered (id, content, answer, answered_at) "
        "VALUES (randomblob(16), randomblob(32), randomblob(20000), 0)"
    )


def test_a_full_quota_refuses_tells_so_and_has_room_again_after_a_delete(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "gateway.db", max_bytes=1 << 20)
    told: list[int] = []
    database.when_full(lambda: told.append(1))
    units = [database.submit(fill) for _ in range(100)]
    errors = [error for unit in units if (error := unit.exception(20))]
    assert {str(error)[:9] for error in errors} == {"disk.full"}
    kept = len(units) - len(errors)
    (count,) = database.reader.execute("SELECT count(*) FROM answered").fetchone()
    assert count == kept, "what was answered is there, what was refused is not"
    assert len(told) == len(errors)
    held = database.held_bytes
    database.run_blocking(lambda connection: connection.execute("DELETE FROM answered"))
    assert database.held_bytes < held
    assert database.spare_bytes > 0
    database.run_blocking(fill)
    database.close()


def test_the_log_never_grows_far_beyond_its_bound(tmp_path: Path) -> None:
    database = Database(tmp_path / "gateway.db", log_bytes=1 << 20)
    largest = 0
    for _ in range(400):
        database.run_blocking(fill)
        largest = max(largest, (tmp_path / "gateway.db-wal").stat().st_size)
    database.close()
    assert largest < 2 << 20


def test_a_file_gives_back_what_it_no_longer_holds(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    database = Database(path)
    for _ in range(200):
        database.run_blocking(fill)
    database.run_blocking(lambda connection: connection.execute("DELETE FROM answered"))
    spare = database.spare_bytes
    database.give_back()
    database.run_blocking(fill)
    database.run_blocking(fill)
    assert database.spare_bytes < spare // 2
    (count,) = database.reader.execute("SELECT count(*) FROM answered").fetchone()
    database.close()
    assert count == 2
    assert path.stat().st_size < spare // 2


def test_a_table_that_nobody_here_knows_counts_like_any_other(tmp_path: Path) -> None:
    """The file is measured, not a list of tables."""
    quota = 1 << 20
    database = Database(tmp_path / "gateway.db", max_bytes=quota)
    database.run_blocking(lambda c: c.execute("CREATE TABLE another_rooms (body BLOB)"))
    database.run_blocking(fill)
    disk = 1 << 40
    levels = [Level.PLENTY]
    while levels[-1] < Level.FULL:
        measure = Measure(database.held_bytes, quota, disk, disk)
        levels.append(level_after(levels[-1], measure))
        with contextlib.suppress(QuartermasterError):
            database.run_blocking(
                lambda c: c.execute("INSERT INTO another_rooms VALUES (randomblob(9000))")
            )
    assert sorted(set(levels)) == [Level.PLENTY, Level.LOW, Level.SCARCE, Level.FULL]
    (kept,) = database.reader.execute("SELECT count(*) FROM answered").fetchone()
    assert kept == 1
    database.close()
