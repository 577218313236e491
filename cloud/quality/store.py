"""SQL of the quality room; private to it. It reads other rooms' tables and writes its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cloud.db import Connection, Queries
from cloud.quality.model import MOST, Finding, FindingRow
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


def rows(connection: Connection, name: str, **values: Any) -> list[tuple[Any, ...]]:
    """What one of the looks shows."""
    return connection.execute(_Q[name], {"most": MOST, **values}).fetchall()


def hold(connection: Connection) -> None:
    """Be the one who looks until the commit."""
    connection.execute(_Q["hold"])


def looked(connection: Connection, now: Micros) -> None:
    """Note when somebody looked."""
    connection.execute(_Q["looked"], {"now": now})


def looked_at(connection: Connection) -> Micros | None:
    """When somebody last looked; None where nobody ever has."""
    row = connection.execute(_Q["looked_at"]).fetchone()
    return None if row is None else Micros(int(row[0]))


def current(connection: Connection) -> dict[tuple[str, str], tuple[str, bool]]:
    """What was found and has not gone: detail and whether it blocks, by check and subject."""
    return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(_Q["current"])}


def end(connection: Connection, keys: Iterable[tuple[str, str]], now: Micros) -> None:
    """Note findings as gone."""
    gone = sorted(keys)
    connection.execute(
        _Q["gone"],
        {"checks": [key[0] for key in gone], "subjects": [key[1] for key in gone], "now": now},
    )


def seen(connection: Connection, now: Micros) -> None:
    """Note all that has not gone as found again."""
    connection.execute(_Q["seen"], {"now": now})


def add(connection: Connection, found: Iterable[Finding], now: Micros) -> None:
    """Keep findings."""
    with connection.cursor() as cursor:
        cursor.executemany(_Q["found"], [one._asdict() | {"now": now} for one in found])


def findings(connection: Connection, filters: Mapping[str, Any]) -> list[FindingRow]:
    """Findings, the newest first."""
    return [FindingRow(*row) for row in connection.execute(_Q["findings"], filters)]
