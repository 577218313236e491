"""SQL of the export; private to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cloud.db import Connection, Queries
from cloud.ledger.epcis.model import Row
from cloud.ledger.units.model import UnitFact

_Q: Final = Queries(__package__ or "")


class UnitRow(NamedTuple):
    """A fact of a unit; ``declared_at`` where it is taken back."""

    key: int
    fact: UnitFact
    timezone: str
    gtin: str | None
    declared_at: int | None


def movements(connection: Connection, filters: Mapping[str, Any]) -> list[Row]:
    """Movements, oldest received first."""
    return [Row(*row) for row in connection.execute(_Q["movements"], filters, prepare=False)]


def units(connection: Connection, filters: Mapping[str, Any]) -> list[UnitRow]:
    """What was seen of units."""
    rows = connection.execute(_Q["units"], filters, prepare=False)
    return [UnitRow(row[0], UnitFact(*row[1:16]), row[16], row[17], row[18]) for row in rows]
