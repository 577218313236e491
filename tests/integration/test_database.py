"""The real TimescaleDB that the other tests stand on."""

from __future__ import annotations

import os
import signal
import time

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from cloud.db import Connection, migrate, pending, unit_of_work
from deploy.database import FAST, Running, embedded, own_timescale

pytestmark = pytest.mark.database


def test_a_test_gets_a_migrated_database_of_its_own(
    pool: ConnectionPool[Connection], database_url: str
) -> None:
    with unit_of_work(pool) as connection:
        connection.execute("CREATE TABLE scratch (n int)")
    assert pending(database_url) == []


def test_the_next_test_sees_nothing_of_the_last(pool: ConnectionPool[Connection]) -> None:
    with unit_of_work(pool) as connection:
        row = connection.execute("SELECT to_regclass('scratch')").fetchone()
    assert row == (None,)


def test_hypertables_are_real_and_no_background_worker_holds_the_template(
    pool: ConnectionPool[Connection],
) -> None:
    with unit_of_work(pool) as connection:
        connection.execute("CREATE TABLE readings (at timestamptz NOT NULL, n int)")
        connection.execute("SELECT make_hypertable('readings', 'at', interval '1 day')")
        connection.execute(
            "INSERT INTO readings SELECT timestamptz '2025-01-01' + make_interval(days => n), n"
            " FROM generate_series(1, 40) AS n"
        )
        chunks = connection.execute("SELECT count(*) FROM show_chunks('readings')").fetchone()
        workers = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type ILIKE '%timescale%'"
        ).fetchone()
    assert chunks == (40,)
    assert workers == (0,)


def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    first = migrate(empty_database_url)
    assert first
    assert migrate(empty_database_url) == []


def test_the_embedded_server_takes_the_same_migrations_and_keeps_its_data(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("embedded")
    with embedded(folder, settings=FAST) as url:
        assert migrate(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
    with embedded(folder, settings=FAST) as url:
        assert pending(url) == []
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def _killed(running: Running) -> None:
    """End the server as a killed machine would: what stays is its written process id."""
    first = running.server.run(f"head -n 1 {running.server.data}/postmaster.pid")
    os.kill(int(first), signal.SIGKILL)
    deadline = time.monotonic() + 10.0
    while running.server.running():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_that_was_killed_is_no_obstacle_to_its_removal() -> None:
    with own_timescale(settings=FAST) as running:
        assert running.server.running()
        _killed(running)
        running.server.stop()
    assert not running.server.running()


def test_a_process_id_taken_over_by_another_process_is_left_in_peace() -> None:
    with own_timescale(settings=FAST) as running:
        _killed(running)
        pid_file = f"{running.server.data}/postmaster.pid"
        running.server.run(f"sed -i '1s/.*/{os.getpid()}/' {pid_file}")
        running.server.stop()
        running.server.run(f"rm {pid_file}")
