"""Brings a database to this version's schema, in one transaction; a newer one is refused."""

from __future__ import annotations

import sqlite3
from importlib import resources

from shared.errors import QuartermasterError


def apply_schema(connection: sqlite3.Connection) -> None:
    """Apply the files of ``schema/`` that it lacks.

    Raises:
        QuartermasterError: ``store.failed`` when a newer version has made it.
    """
    files = sorted(
        (file for file in resources.files("edge.db").joinpath("schema").iterdir()),
        key=lambda file: file.name,
    )
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        _refuse_newer(version, len(files))
        for number, file in enumerate(files[version:], start=version + 1):
            for statement in _statements(file.read_text("utf-8")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_newer(version: int, known: int) -> None:
    if version > known:
        raise QuartermasterError("store.failed", f"made by a newer version ({version})")


def _statements(text: str) -> list[str]:
    """The statements of a schema file (it holds no triggers and no semicolons in texts)."""
    code = "\n".join(line.partition("--")[0] for line in text.splitlines())
    return [part for part in code.split(";") if part.strip()]
