"""The SQL of the audit trail, private to this room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cloud.access.model import AuditEntry, Link
from cloud.db import Connection, Queries

_Q: Final = Queries("cloud.access")
_AT_ONCE: Final = 2000


def insert(connection: Connection, entry: AuditEntry, *, only_after_writes: bool) -> None:
    """Add an entry; or only where this transaction has written something."""
    asked = {**entry._asdict(), "only_after_writes": only_after_writes}
    connection.execute(_Q["insert_audit"], asked)


def hold(connection: Connection) -> bool:
    """Be the one who chains until the transaction ends; false where another is."""
    row = connection.execute(_Q["hold_audit"]).fetchone()
    return row is not None and bool(row[0])


def head(connection: Connection) -> tuple[int, bytes] | None:
    """The number and hash of the last link."""
    row = connection.execute(_Q["audit_head"]).fetchone()
    return None if row is None else (row[0], bytes(row[1]))


def take_waiting(connection: Connection, limit: int) -> list[AuditEntry]:
    """Entries that wait to be chained, in their order; they wait no longer."""
    return [AuditEntry(*row) for row in connection.execute(_Q["take_audit"], {"limit": limit})]


def append(connection: Connection, links: Sequence[tuple[int, int, bytes]]) -> None:
    """Add links: number, entry, hash."""
    connection.execute(
        _Q["append_links"],
        {
            "seqs": [seq for seq, _, _ in links],
            "entries": [entry for _, entry, _ in links],
            "hashes": [digest for _, _, digest in links],
        },
    )


def links(connection: Connection) -> Iterator[Link]:
    """The whole chain in its order, a few at a time."""
    after = 0
    while True:
        rows = connection.execute(_Q["audit_links"], {"after": after, "limit": _AT_ONCE}).fetchall()
        for row in rows:
            yield Link(row[0], bytes(row[1]), AuditEntry(*row[2:]))
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1][0]


def loose(connection: Connection) -> int:
    """How many entries are neither chained nor waiting to be."""
    row = connection.execute(_Q["loose_audit"]).fetchone()
    return 0 if row is None else int(row[0])


def entries(
    connection: Connection, *, who: str | None, before: int | None, limit: int
) -> list[AuditEntry]:
    """Entries, the newest first."""
    asked = {"who": who, "before": before, "limit": limit}
    return [AuditEntry(*row) for row in connection.execute(_Q["audit_entries"], asked)]
