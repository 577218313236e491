"""SQL of the promise room; private to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud.db import Connection, Queries
from cloud.promise.model import Place
from shared.units import Micros

_Q: Final = Queries(__package__ or "")
Key = tuple[int, int]


def items(connection: Connection, skus: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """item_id, and whether it is a kit, by SKU; unknown and removed ones are absent."""
    rows = connection.execute(_Q["items"], {"skus": list(skus)})
    return {row[0]: (row[1], row[2]) for row in rows}


def places(
    connection: Connection,
    *,
    region: str | None,
    site: str | None,
    allowed: frozenset[int] | None,
) -> list[Place]:
    """Sites by code."""
    values = {
        "region": region,
        "site": site,
        "allowed": None if allowed is None else sorted(allowed),
    }
    return [Place(*row) for row in connection.execute(_Q["sites"], values)]


def stocked(connection: Connection, item_ids: Sequence[int], site_ids: Sequence[int]) -> set[Key]:
    """Where any of these has ever lain, by site and item."""
    values = {"item_ids": list(item_ids), "site_ids": list(site_ids)}
    return {(row[0], row[1]) for row in connection.execute(_Q["stocked"], values)}


def waiting(connection: Connection, item_ids: Sequence[int]) -> dict[Key, int]:
    """What customers wait for, by site (0: none was asked for) and item."""
    rows = connection.execute(_Q["waiting"], {"item_ids": list(item_ids)})
    return {(row[1], row[0]): row[2] for row in rows}


def outflow(
    connection: Connection,
    item_ids: Sequence[int],
    site_ids: Sequence[int],
    *,
    since: Micros,
    until: Micros,
    kinds: Sequence[int],
) -> dict[Key, dict[int, int]]:
    """By site and item: what left for customers on each day since then."""
    values = {
        "item_ids": list(item_ids),
        "site_ids": list(site_ids),
        "since": since,
        "until": until,
        "kinds": list(kinds),
    }
    found: dict[Key, dict[int, int]] = {}
    for site_id, item_id, day, units in connection.execute(_Q["outflow"], values):
        found.setdefault((site_id, item_id), {})[day] = units
    return found
