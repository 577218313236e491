"""A row's own hash, for what carries no other: what was written is what is read, or is not used.

A flipped bit in a value is none of SQLite's business. Rows that answer for something and have no
hash of their own therefore carry a ``mark`` over the table's name and the columns named here.
Rules:

1. whoever writes one of these columns writes the mark, from values that were checked or are new;
2. whoever reads such a row to act upon it checks it; the daily scrub checks all;
3. a row without a mark was written by a version that knew of none.

A mark finds chance, not malice: it is keyed by nothing but the table.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from shared.errors import QuartermasterError

COVERED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "head": ("epoch", "seq", "hash", "frozen"),
        "watermark": ("epoch", "generation", "contiguous_seq", "head_hash"),
        "document": ("kind", "version", "sha256"),
        "item": ("sku", "name", "removed", "count_class"),
        "item_code": ("gtin", "sku", "quantity"),
        "location": ("code", "role", "removed", "zone", "capacity"),
        "balance": ("sku", "location", "lot", "serial", "state", "quantity"),
        "answered": ("id", "content", "answer"),
    }
)
"""What a mark is made of, by table, in this order."""
MARK: Final = "mark"
_encode: Final = msgspec.msgpack.Encoder().encode
_BYTES: Final = 8
_AT_ONCE: Final = 256
_WORDS: Final = 5
_LONGEST: Final = 40


def mark_of(table: str, *values: Any) -> int:
    """The mark of a row with these values in the covered columns."""
    digest = hashlib.blake2b(_encode((table, values)), digest_size=_BYTES).digest()
    return int.from_bytes(digest, "big", signed=True)


def verifies(table: str, values: Iterable[Any], mark: Any) -> bool:
    """Whether a row is the one that was written."""
    return mark is None or mark == mark_of(table, *values)


def check(table: str, mark: Any, *values: Any) -> None:
    """Use a row only as it was written.

    Raises:
        QuartermasterError: ``store.damaged``, naming the row.
    """
    if mark is not None and mark != mark_of(table, *values):
        raise QuartermasterError("store.damaged", "a row has changed", where=named(table, values))


def named(table: str, values: Iterable[Any]) -> str:
    """A row in words: its first values, as far as a person can read them."""
    words = [_word(value) for value in values][:_WORDS]
    return " ".join((table, *words))


def portions(connection: sqlite3.Connection, table: str) -> Iterator[list[tuple[Any, ...]]]:
    """All rows of a table: the covered columns and the mark, some at a time.

    Raises:
        sqlite3.DatabaseError: they cannot be read.
    """
    names = ", ".join((*COVERED[table], MARK))
    keys = [
        name
        for name, _ in connection.execute(
            "SELECT name, pk FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,)
        )
    ]
    key = ", ".join(keys)
    width = len(keys)
    first = f"SELECT {key}, {names} FROM {table} ORDER BY {key} LIMIT {_AT_ONCE}"
    after = f"({key}) > ({', '.join('?' * width)})"
    further = f"SELECT {key}, {names} FROM {table} WHERE {after} ORDER BY {key} LIMIT {_AT_ONCE}"
    rows = connection.execute(first).fetchall()
    while rows:
        yield [row[width:] for row in rows]
        rows = connection.execute(further, rows[-1][:width]).fetchall()


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        return value[:16].hex()
    return str(value)[:_LONGEST] or "-"
