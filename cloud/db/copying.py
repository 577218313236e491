"""Rows in bulk: PostgreSQL's binary COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString

from cloud.db.connection import Connection

PG_EPOCH: Final = 946_684_800_000_000
"""2000-01-01 in Unix microseconds: the wire format of timestamptz counts from there, as int8."""


def copy_rows(
    connection: Connection,
    statement: LiteralString,
    types: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Send rows through a ``COPY … FROM STDIN (FORMAT binary)``, of one type a column."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        write = copy.write_row
        for row in rows:
            write(row)
