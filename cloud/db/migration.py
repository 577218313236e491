"""Numbered SQL migrations under yoyo; the same files serve TimescaleDB and plain PostgreSQL.

``0000`` creates ``make_hypertable(table, column, span)``, which makes a hypertable where the
extension is present and does nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, redirect_stdout
from importlib import resources
from io import StringIO
from typing import Final, Protocol, Self, cast

import psycopg
import yoyo

from cloud.db.connection import Connection
from cloud.db.queries import Queries
from shared.errors import QuartermasterError

_QUERIES: Final = Queries("cloud.db")


class _Migration(Protocol):
    @property
    def id(self) -> str: ...


class _Backend(Protocol):
    """The part of yoyo, which is untyped, that is used here."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
    def lock(self) -> AbstractContextManager[None]: ...
    def to_apply(self, migrations: object) -> Iterable[_Migration]: ...
    def apply_migrations(self, migrations: object) -> None: ...


def _backend(url: str) -> _Backend:
    scheme, _, rest = _of_one_host(url).partition("://")
    if scheme not in {"postgresql", "postgres"}:
        raise QuartermasterError("settings.invalid", "a postgresql:// URL is needed")
    try:
        backend: object = yoyo.get_backend(  # pyright: ignore[reportUnknownMemberType]
            f"postgresql+psycopg://{rest}"
        )
    except Exception as error:
        raise QuartermasterError("database.unreachable", type(error).__name__) from error
    return cast("_Backend", backend)


def _of_one_host(url: str) -> str:
    """The URL of the primary, where several hosts are named: yoyo knows URLs of one only."""
    head, at, tail = url.rpartition("@")
    hosts, slash, rest = tail.partition("/")
    if "," not in hosts:
        return url
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            primary = f"{connection.info.host}:{connection.info.port}"
    except psycopg.OperationalError as error:
        raise QuartermasterError("database.unreachable", type(error).__name__) from error
    return f"{head}{at}{primary}{slash}{rest}"


def _migrations() -> object:
    folder = str(resources.files("cloud.db").joinpath("migrations"))
    migrations: object = yoyo.read_migrations(folder)  # pyright: ignore[reportUnknownMemberType]
    return migrations


def migrate(url: str) -> list[str]:
    """Bring the schema up to date; returns the ids of the migrations applied now.

    Raises:
        QuartermasterError: ``database.unreachable`` or ``settings.invalid``.
    """
    with _backend(url) as backend, backend.lock():
        todo = backend.to_apply(_migrations())
        # yoyo prints what each SELECT of a migration returns; nobody asked for it.
        with redirect_stdout(StringIO()):
            backend.apply_migrations(todo)
        return [migration.id for migration in todo]


def pending(url: str) -> list[str]:
    """The ids of the migrations that this database still lacks.

    Raises:
        QuartermasterError: ``database.unreachable`` or ``settings.invalid``.
    """
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return missing(connection)
    except psycopg.OperationalError as error:
        raise QuartermasterError("database.unreachable", type(error).__name__) from error
    except psycopg.ProgrammingError as error:
        raise QuartermasterError("settings.invalid", "not a connection URL") from error


def missing(connection: Connection) -> list[str]:
    """As :func:`pending`, over an open connection and without changing anything: for readiness."""
    folder = resources.files("cloud.db").joinpath("migrations")
    wanted = {entry.name.removesuffix(".sql") for entry in folder.iterdir()}
    if connection.execute(_QUERIES["has_migration_table"]).fetchone() is None:
        return sorted(wanted)
    applied = {str(row[0]) for row in connection.execute(_QUERIES["applied_migrations"])}
    return sorted(wanted - applied)


def demand_schema(connection: Connection) -> None:
    """Refuse to work on another version's tables.

    Raises:
        QuartermasterError: ``database.schema``.
    """
    if lacking := missing(connection):
        raise QuartermasterError("database.schema", f"missing: {', '.join(lacking)}")
