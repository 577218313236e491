"""Stock of one item everywhere, at a moment a year ago, on a ledger of millions.

1,000,000 item-locations and 20,000,000 movements over 400 days (``warehouse_of_millions``; with
``--short`` a tenth of both) on TimescaleDB. The worker's own snapshots are made first, one by one
as they would have been week by week; then the question that ``GET /v1/stock/as-of`` asks is asked
for items and moments chosen by a seed: as it was true a year ago (give or take two weeks), as it
was known then, and both. Beside it, without a bar: the first items, which are hot (a twentieth of
all movements), and yesterday. Each answer is timed from the call to its last row, all pages
included; a sample is compared with a sum over all movements.

Bar: p95 of a year ago ≤ 50 ms.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import TYPE_CHECKING

import psycopg

from cloud.db import migrate, open_pool, unit_of_work
from cloud.ledger.service import stock_as_of
from cloud.ledger.snapshots.service import make_next, wrong
from deploy.database import FAST, timescale
from shared.units import DAY, Micros
from tests.benchmarks.warehouse_of_millions import END, FULL, SHORT, Size, fill

if TYPE_CHECKING:
    from cloud.db import Connection

NAIVE = """
SELECT site_id, location_id, lot, sum(quantity)::bigint FROM movement
JOIN item USING (item_id)
WHERE sku = %(item)s
  AND (%(true_at)s::bigint IS NULL
       OR occurred_at <= to_timestamp(%(true_at)s::numeric / 1000000))
  AND (%(known_at)s::bigint IS NULL
       OR received_at <= to_timestamp(%(known_at)s::numeric / 1000000))
GROUP BY 1, 2, 3 HAVING sum(quantity) <> 0
"""


def ask(
    connection: Connection, item: str, moment: dict[str, int]
) -> tuple[float, int, set[object]]:
    """One question: how long it took, how many rows, and what they say."""
    began = time.perf_counter()
    rows = stock_as_of(connection, sites=None, item=item, limit=501, **moment)
    took = time.perf_counter() - began
    said = {(row.key[0], row.key[2], row.lot, row.quantity) for row in rows}
    return took * 1000, len(rows), said


def check(connection: Connection, item: str, moment: dict[str, int], said: set[object]) -> bool:
    """Whether a sum over all movements says the same."""
    given = {"true_at": None, "known_at": None, **moment, "item": item}
    return {tuple(row) for row in connection.execute(NAIVE, given)} == said


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    return round(sorted(values)[min(int(len(values) * share), len(values) - 1)], 2)


def questions(size: Size, count: int, *, back: int, hot: bool) -> list[tuple[str, dict[str, int]]]:
    """Items and moments, by a seed."""
    rng = random.Random(f"asof/{size.items}/{back}/{hot}")
    asked: list[tuple[str, dict[str, int]]] = []
    for number in range(count):
        item = f"SKU-{rng.randrange(size.items // 100 if hot else size.items)}"
        at = END - back * DAY + rng.randrange(-14, 15) * DAY * (back > 14) + rng.randrange(DAY)
        known = at + rng.randrange(3 * DAY)
        asked.append(
            (
                item,
                ({"true_at": at}, {"known_at": at}, {"true_at": at, "known_at": known})[number % 3],
            )
        )
    return asked


def main() -> None:
    """Run the bench; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="a tenth of everything")
    parser.add_argument("--questions", type=int, default=300)
    options = parser.parse_args()
    size = SHORT if options.short else FULL
    with timescale(settings=FAST) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection, size)
        with open_pool(url, size=1) as pool:
            began = time.monotonic()
            made = 0
            while True:
                with unit_of_work(pool) as connection:
                    if make_next(connection, now=Micros(END)) is None:
                        break
                made += 1
            seconds = time.monotonic() - began
            print(f"{made} snapshots in {seconds:.0f} s", flush=True)
            with psycopg.connect(url, autocommit=True) as connection:
                for table in ("snapshot", "snapshot_balance", "snapshot_astray"):
                    connection.execute(f"VACUUM (ANALYZE) {table}")
                sizes = connection.execute(
                    "SELECT (SELECT count(*) FROM snapshot_balance), "
                    "(SELECT count(*) FROM snapshot_astray), "
                    "pg_total_relation_size('snapshot_balance')"
                ).fetchone() or (0, 0, 0)
            result: dict[str, object] = {
                "item_locations": size.positions,
                "movements": size.movements,
                "snapshots": made,
                "snapshots_s": round(seconds, 1),
                "snapshot_rows": sizes[0],
                "astray_rows": sizes[1],
                "snapshot_bytes": sizes[2],
            }
            differing = 0
            for name, back, hot in (
                ("year", 365, False),
                ("year_hot", 365, True),
                ("yesterday", 1, False),
            ):
                took: list[float] = []
                rows = 0
                for number, (item, moment) in enumerate(
                    questions(size, options.questions, back=back, hot=hot)
                ):
                    with unit_of_work(pool) as connection:
                        ms, found, said = ask(connection, item, moment)
                        if number % 25 == 0:
                            differing += not check(connection, item, moment, said)
                    took.append(ms)
                    rows += found
                result[f"{name}_p50_ms"] = percentile(took, 0.5)
                result[f"{name}_p95_ms"] = percentile(took, 0.95)
                result[f"{name}_rows"] = round(rows / len(took), 1)
                print(name, result[f"{name}_p50_ms"], result[f"{name}_p95_ms"], flush=True)
            with unit_of_work(pool) as connection:
                result["wrong"] = len(wrong(connection))
            result["differing"] = differing
    print(json.dumps(result))


if __name__ == "__main__":
    main()
