"""A ledger of millions, made set-wise in SQL: what the benches ``asof`` and ``atp`` stand on.

Ten sites with a gateway each; every item lies at five locations of each site, every fourth with a
lot. Every location of an item is visited in turn, and one item in a hundred (the first ones) is
hot: it gets a twentieth of all movements beside. A visit brings 60, the next three take 1 to 20
each. One movement in fifty is late by up to three days, one in ten thousand by two months, one in
a thousand is of a clock that runs ahead. No randomness: the same numbers make the same rows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import psycopg

    from cloud.db import Connection

SITES: Final = 10
PLACES: Final = 5
"""Locations of one item at one site."""
SHELVES: Final = 1000
"""Locations of one site."""
DAY: Final = 86_400_000_000
END: Final = 1_795_305_600_000_000
"""The last movement is received then (2026-11-22); the first ``days`` earlier."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large the ledger is."""

    items: int = 20_000
    movements: int = 20_000_000
    days: int = 400

    @property
    def positions(self) -> int:
        """Item-locations."""
        return self.items * SITES * PLACES

    @property
    def start(self) -> int:
        """When the first movement is received, microseconds UTC."""
        return END - self.days * DAY


FULL: Final = Size()
SHORT: Final = Size(items=2_000, movements=2_000_000)

_CATALOG: Final = (
    """INSERT INTO site (code, name, region) SELECT 'S' || n, 'Site ' || n, 'R' || n %% 3
    FROM generate_series(0, %(sites)s - 1) AS n""",
    """INSERT INTO item (sku, name) SELECT 'SKU-' || n, 'Item ' || n
    FROM generate_series(0, %(items)s - 1) AS n""",
    """INSERT INTO location (site_id, code) SELECT site_id, 'L' || n
    FROM site, generate_series(0, %(shelves)s - 1) AS n ORDER BY site_id, n""",
    """INSERT INTO gateway (name, site_id, status, created_at)
    SELECT 'gw-' || lower(code), site_id, 'active', to_timestamp(%(start)s / 1000000.0)
    FROM site ORDER BY site_id""",
    """INSERT INTO gateway_epoch
    SELECT gateway_id, 1, to_timestamp(%(start)s / 1000000.0), 'bench' FROM gateway""",
)
_MOVEMENTS: Final = """
WITH numbered AS (
    SELECT n, %(start)s + (n * (%(span)s::numeric / %(movements)s))::bigint AS received,
           CASE WHEN n %% 20 = 19 THEN n / 20 ELSE n - n / 20 END AS visits,
           CASE WHEN n %% 20 = 19 THEN %(positions)s / 100 ELSE %(positions)s END AS among
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
), visit AS (
    SELECT n, received, (visits * 736877) %% among AS p, visits / among AS turn FROM numbered
), placed AS (
    SELECT n, received, p, (p / 50)::int AS item, (p %% 50 / 5)::int AS site,
           (p %% 5)::int AS place,
           CASE WHEN turn %% 4 = 0 THEN 60 ELSE -(1 + (n * 31 + p) %% 20)::int END AS quantity,
           received - CASE WHEN n %% 10007 = 3 THEN 60 * %(day)s
                           WHEN n %% 50 = 7 THEN (n * 104729) %% (3 * %(day)s)
                           WHEN n %% 1000 = 11 THEN -30000000
                           ELSE (n * 7919) %% 5000000 END AS occurred
    FROM visit
)
INSERT INTO movement (received_at, occurred_at, seq, event_id, gateway_id, epoch, site_id, item_id,
                      location_id, quantity, state, kind, leg, clock_state, lot, serial, device)
SELECT to_timestamp(received / 1000000.0), to_timestamp(occurred / 1000000.0), n + 1,
       lpad(to_hex(n + 1), 32, '0')::uuid, %(gateway)s + site, 1, %(site)s + site, %(item)s + item,
       %(location)s + site * %(shelves)s + (item * 5 + place) %% %(shelves)s, quantity, 0,
       CASE WHEN quantity > 0 THEN 1 ELSE 5 END, 0, 1,
       CASE WHEN item %% 4 = 0 THEN 'B' || p %% 9 ELSE '' END, '', 'sc-1'
FROM placed
"""
_BALANCES: Final = """
INSERT INTO balance (site_id, item_id, location_id, lot, serial, state, quantity, updated_at)
SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity),
       to_timestamp(%(end)s / 1000000.0)
FROM movement GROUP BY site_id, item_id, location_id, lot, serial, state
ORDER BY site_id, item_id, location_id, lot, serial, state
"""


def fill(connection: psycopg.Connection[Any] | Connection, size: Size) -> None:
    """Fill a migrated, empty database; the connection must commit by itself."""
    began = time.monotonic()
    given: dict[str, Any] = {
        "sites": SITES,
        "shelves": SHELVES,
        "items": size.items,
        "positions": size.positions,
        "movements": size.movements,
        "start": size.start,
        "span": size.days * DAY,
        "day": DAY,
        "end": END,
    }
    for statement in _CATALOG:
        connection.execute(statement, given)
    first = connection.execute(
        "SELECT (SELECT min(site_id) FROM site), (SELECT min(item_id) FROM item), "
        "(SELECT min(location_id) FROM location), (SELECT min(gateway_id) FROM gateway)"
    ).fetchone()
    if first is None:
        raise RuntimeError
    given |= dict(zip(("site", "item", "location", "gateway"), first, strict=True))
    step = max(size.movements // 50, 1)
    for number in range(0, size.movements, step):
        last = min(number + step, size.movements) - 1
        connection.execute(_MOVEMENTS, {**given, "first": number, "last": last})
    print(f"{size.movements:,} movements in {time.monotonic() - began:.0f} s", flush=True)
    connection.execute("SET work_mem = '256MB'")
    connection.execute(_BALANCES, given)
    for table in ("site", "item", "location", "gateway", "movement", "balance"):
        connection.execute(f"VACUUM (ANALYZE) {table}")
    print(f"{size.positions:,} item-locations, {time.monotonic() - began:.0f} s", flush=True)
