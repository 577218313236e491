"""Fixtures over the real things; they fail where a real thing is missing, they never skip."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support import FakeClock, WallClock
from tests.support import free_port as find_free_port

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from deploy.broker import Broker

TRUST_DOMAIN = "quartermaster.local"


def _beside(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Finds a TCP port that nothing listens on."""
    return find_free_port


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of one real TimescaleDB server for the whole run."""
    from deploy.database import FAST, timescale

    with timescale(settings=FAST) as url:
        yield url


@pytest.fixture(scope="session")
def database_template(database_server: str) -> Iterator[str]:
    """The name of a database that all migrations have been applied to, for cloning."""
    from cloud.db import migrate

    name = f"qm_template_{secrets.token_hex(4)}"
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            migrate(_beside(database_server, name))
            # A template is cloned only while nobody is connected to it.
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield name
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _cloned(database_server: str, database_template: str) -> Generator[str]:
    name = f"qm_test_{secrets.token_hex(6)}"
    with psycopg.connect(database_server, autocommit=True) as server:
        # Copied as files: half the time of copying through the log, which nobody keeps here.
        server.execute(f"CREATE DATABASE {name} TEMPLATE {database_template} STRATEGY FILE_COPY")
        try:
            yield _beside(database_server, name)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(database_server: str, database_template: str) -> Iterator[str]:
    """The URL of a migrated TimescaleDB database of this test's own."""
    with _cloned(database_server, database_template) as url:
        yield url


@pytest.fixture(scope="module")
def shared_pool(
    database_server: str, database_template: str
) -> Iterator[ConnectionPool[Connection]]:
    """Connections to one migrated TimescaleDB database for all tests of a module."""
    from cloud.db import open_pool

    with (
        _cloned(database_server, database_template) as url,
        open_pool(url, size=4) as connections,
    ):
        yield connections


@pytest.fixture
def empty_database_url(database_server: str) -> Iterator[str]:
    """The URL of a TimescaleDB database in which nothing has been migrated."""
    name = f"qm_empty_{secrets.token_hex(6)}"
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield _beside(database_server, name)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[Connection]]:
    """Connections to this test's own database."""
    from cloud.db import open_pool

    with open_pool(database_url, size=4) as connections:
        yield connections


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A development PKI, valid now by the machine's clock."""
    from deploy.pki import create

    folder = tmp_path_factory.mktemp("pki") / "pki"
    create(folder, trust_domain=TRUST_DOMAIN, clock=WallClock())
    return folder


@pytest.fixture
def broker(tmp_path: Path, pki: Path) -> Iterator[Broker]:
    """A real mosquitto of this test's own, listening."""
    from deploy.broker import Broker

    with Broker(tmp_path / "broker", pki=pki) as running:
        yield running
