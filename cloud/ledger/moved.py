"""What a batch moved, for those who follow the changes: its log entry is only a pointer to here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from cloud.db import Connection
from cloud.ledger import store
from cloud.ledger.model import Moved
from shared.units import Micros

Range = tuple[int, int, int, int]
"""gateway_id, epoch, first and last sequence number."""


def moved(
    connection: Connection, *, site_id: int, at: Micros, ranges: Sequence[Range]
) -> list[tuple[str, list[Moved]]]:
    """What these events moved when they were posted ``at`` one moment, by item; always the same."""
    found = store.moved(connection, site_id, at, ranges)
    return [(sku, list(rows)) for sku, rows in groupby(found, lambda row: row.sku)]
