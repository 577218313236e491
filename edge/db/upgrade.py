"""Brings a database to this version's schema, in one transaction; a newer one is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib import resources
from importlib.resources.abc import Traversable

from shared.errors import QuartermasterError


def pending(connection: sqlite3.Connection) -> bool:
    """Whether it lacks files of ``schema/``.

    Raises:
        QuartermasterError: ``store.failed`` when a newer version has made it.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = len(_files())
    _refuse_newer(version, known)
    return version < known


def apply_schema(
    connection: sqlite3.Connection, seal: Callable[[sqlite3.Connection], None] | None = None
) -> None:
    """Apply the files of ``schema/`` that it lacks.

    Args:
        connection: of the database.
        seal: called at the end, in the same transaction.

    Raises:
        QuartermasterError: ``store.failed`` when a newer version has made it.
    """
    files = _files()
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        _refuse_newer(version, len(files))
        for number, file in enumerate(files[version:], start=version + 1):
            for statement in _statements(file.read_text("utf-8")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        if seal is not None:
            seal(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _files() -> list[Traversable]:
    schema = resources.files("edge.db").joinpath("schema")
    return sorted(schema.iterdir(), key=lambda file: file.name)


def _refuse_newer(version: int, known: int) -> None:
    if version > known:
        raise QuartermasterError("store.failed", f"made by a newer version ({version})")


def _statements(text: str) -> list[str]:
    """The statements of a schema file (it holds no triggers and no semicolons in texts)."""
    code = "\n".join(line.partition("--")[0] for line in text.splitlines())
    return [part for part in code.split(";") if part.strip()]
