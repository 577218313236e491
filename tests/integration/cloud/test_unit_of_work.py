"""One transaction: all of it or nothing, and an end in time."""

from __future__ import annotations

import pytest
from psycopg.errors import UniqueViolation

from cloud.db import Connection, open_pool, unit_of_work
from shared.errors import QuartermasterError

pytestmark = pytest.mark.database


def insert_twice(connection: Connection) -> None:
    for _ in range(2):
        connection.execute("INSERT INTO site (code) VALUES ('A')")


def test_what_is_raised_inside_undoes_everything(database_url: str) -> None:
    with open_pool(database_url, size=1) as pool:
        with pytest.raises(UniqueViolation), unit_of_work(pool) as connection:
            insert_twice(connection)
        with unit_of_work(pool) as connection:
            assert connection.execute("SELECT count(*) FROM site").fetchone() == (0,)


def test_a_statement_that_takes_too_long_is_ended_and_the_connection_lives(
    database_url: str,
) -> None:
    with open_pool(database_url, size=1, longest_statement_s=1) as pool:
        with pytest.raises(QuartermasterError) as refusal, unit_of_work(pool) as connection:
            connection.execute("SELECT pg_sleep(20)")
        assert refusal.value.code == "database.slow"
        with unit_of_work(pool) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_breaks_is_told_and_replaced(database_url: str) -> None:
    with open_pool(database_url, size=1) as pool:
        with pytest.raises(QuartermasterError) as refusal, unit_of_work(pool) as connection:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        assert refusal.value.code == "database.unreachable"
        with unit_of_work(pool) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
