"""The SQL of what the catalog holds by revision, private to this room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from cloud.catalog.cells import Value
from cloud.catalog.checks import Pack
from cloud.catalog.facts import Fact
from cloud.catalog.kinds import SHAPES
from cloud.catalog.model import ImportKind, TradeKind
from cloud.catalog.planning import Noun
from cloud.db import Connection, Queries

_Q: Final = Queries("cloud.catalog")
_KEY_PARTS: Final = 5
"""Of the longest key."""
_KNOWN: Final[dict[Noun, str]] = {
    "item": "known_items",
    "supplier": "known_suppliers",
    "site": "known_sites",
    "channel": "known_channels",
    "lane": "known_lanes",
}


def revision_at(connection: Connection, at: datetime) -> int | None:
    """The catalog's revision at a moment; None before its first."""
    row = connection.execute(_Q["revision_at"], {"at": at}).fetchone()
    return None if row is None else int(row[0])


def page(
    connection: Connection,
    kind: ImportKind,
    *,
    revision: int,
    firsts: Sequence[str] | None = None,
    seconds: Sequence[str] | None = None,
    after: Sequence[str] = (),
    limit: int | None = None,
) -> list[Fact]:
    """Facts as of a revision in the order of their keys, after a key.

    ``firsts`` and ``seconds`` are the first and second parts that a key may have; None is any.
    """
    values: dict[str, Any] = {
        "revision": revision,
        "firsts": firsts,
        "seconds": seconds,
        "limit": limit,
    }
    for index in range(_KEY_PARTS):
        values[f"a{index}"] = after[index] if index < len(after) else None
    shape = SHAPES[kind]
    keys, terms = len(shape.key), len(shape.key) + len(shape.terms)
    return [
        Fact(
            tuple(row[:keys]),
            tuple(row[keys:terms]),
            tuple(zip(*row[terms:], strict=True)) if shape.lines else (),
        )
        for row in connection.execute(_Q[f"page_{kind}"], values)
    ]


def write(
    connection: Connection,
    kind: TradeKind,
    rows: Iterable[tuple[tuple[int | str, ...], Fact]],
    *,
    at: int,
) -> None:
    """Facts, each with the keys that its names stand for, from revision ``at`` on.

    A bill's components are expected as keys already.
    """
    written = list(rows)
    values: dict[str, Any] = {"revision": at}
    for index in range(len(SHAPES[kind].key)):
        values[f"k{index}"] = [keys[index] for keys, _ in written]
    connection.execute(_Q[f"close_{kind}"], values)
    with connection.cursor() as cursor, cursor.copy(_Q[f"copy_{kind}"]) as copy:
        for keys, fact in written:
            copy.write_row((*keys, at, *fact.terms, *_arrays(kind, fact.lines)))


def _arrays(kind: TradeKind, lines: Sequence[tuple[Value, ...]]) -> Iterable[list[Value]]:
    return ([line[index] for line in lines] for index in range(len(SHAPES[kind].lines)))


def known(connection: Connection, noun: Noun, codes: Iterable[str]) -> set[str]:
    """Which of these codes there are."""
    return {str(row[0]) for row in connection.execute(_Q[_KNOWN[noun]], {"codes": list(codes)})}


def insert_suppliers(connection: Connection, codes: Iterable[str]) -> None:
    """Suppliers by codes that nobody may have named before."""
    connection.execute(_Q["insert_suppliers"], {"codes": list(codes)})


def supplier_ids(connection: Connection, codes: Iterable[str]) -> dict[str, int]:
    """Keys of suppliers by code; unknown ones are absent."""
    found = connection.execute(_Q["supplier_ids"], {"codes": list(codes)})
    return {str(code): int(key) for code, key in found}


def packs_of(connection: Connection, gtins: Sequence[str]) -> list[Pack]:
    """Every trade item number of the items that hold one of ``gtins``."""
    return [Pack(*row) for row in connection.execute(_Q["packs_of"], {"gtins": gtins})]
