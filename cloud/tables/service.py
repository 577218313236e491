"""Saved mappings: kept by name in versions, so that an import of last year can be understood."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cloud.db import Connection
from cloud.tables import store
from cloud.tables.model import ColumnMapping
from shared.errors import QuartermasterError
from shared.ids import is_code


class Saved(NamedTuple):
    """A mapping as it stands, or stood."""

    name: str
    version: int
    mapping: ColumnMapping
    saved_at: datetime
    saved_by: str


def save(
    connection: Connection, name: str, mapping: ColumnMapping, *, by: str, at: datetime
) -> Saved:
    """Keep a mapping under a name; what stands already is no new version.

    Raises:
        QuartermasterError: ``request.invalid`` for a name that cannot be one.
    """
    if not is_code(name):
        raise QuartermasterError("request.invalid", f"{name[:80]!r} cannot be a name", where="name")
    store.lock(connection)
    held = store.find(connection, name, None)
    if held is not None and held.mapping == mapping:
        return Saved(name, held.version, mapping, held.saved_at, held.saved_by)
    version = store.insert(connection, name, mapping, by=by, at=at)
    return Saved(name, version, mapping, at, by)


def saved(connection: Connection, name: str, *, version: int | None = None) -> Saved:
    """A mapping as it stands, or one version of it.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    held = store.find(connection, name, version)
    if held is None or held.mapping is None:
        raise QuartermasterError("request.not-found", f"mapping {name[:80]}", where="mapping")
    return Saved(held.name, held.version, held.mapping, held.saved_at, held.saved_by)


def all_saved(
    connection: Connection, *, kind: str | None = None, after: str | None = None, limit: int = 100
) -> list[Saved]:
    """A page of the mappings that stand, by name after a name."""
    return [
        Saved(held.name, held.version, held.mapping, held.saved_at, held.saved_by)
        for held in store.listed(connection, kind=kind, after=after, limit=limit)
        if held.mapping is not None
    ]


def remove(connection: Connection, name: str, *, by: str, at: datetime) -> None:
    """Take a mapping out of use; its versions stay.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    store.lock(connection)
    saved(connection, name)
    store.insert(connection, name, None, by=by, at=at)
