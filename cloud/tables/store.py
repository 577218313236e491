"""The SQL of saved mappings, private to this room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from cloud.db import Connection, Queries
from cloud.tables.model import ColumnMapping

_Q: Final = Queries("cloud.tables")


class Kept(NamedTuple):
    """One version of a mapping; None where it was taken out of use."""

    name: str
    version: int
    mapping: ColumnMapping | None
    saved_at: datetime
    saved_by: str


def lock(connection: Connection) -> None:
    """Let other savers wait until this transaction ends."""
    connection.execute(_Q["lock_mappings"])


def find(connection: Connection, name: str, version: int | None) -> Kept | None:
    """A mapping as it stands, or as a version had it."""
    values = {"name": name, "version": version}
    row = connection.execute(_Q["mapping"], values).fetchone()
    return None if row is None else _kept(row)


def listed(
    connection: Connection, *, kind: str | None, after: str | None, limit: int
) -> list[Kept]:
    """A page of the mappings that stand."""
    values = {"kind": kind, "after": after, "limit": limit}
    return [_kept(row) for row in connection.execute(_Q["mappings"], values)]


def insert(
    connection: Connection, name: str, mapping: ColumnMapping | None, *, by: str, at: datetime
) -> int:
    """The next version of a mapping."""
    definition = None if mapping is None else msgspec.json.encode(mapping).decode()
    values = {"name": name, "definition": definition, "by": by, "at": at}
    row = connection.execute(_Q["insert_mapping"], values).fetchone()
    if row is None:
        raise LookupError("insert_mapping")
    return int(row[0])


def _kept(row: Sequence[Any]) -> Kept:
    name, version, definition, saved_at, saved_by = row
    mapping = None if definition is None else msgspec.convert(definition, ColumnMapping)
    return Kept(name, version, mapping, saved_at, saved_by)
