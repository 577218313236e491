"""How fast other systems' words come in: catalog files of 50,000 rows, and webhooks.

Files: 50,000 items with a trade item number each, and as many offers of one supplier, on a durable
TimescaleDB; each once as a dry run and once applied, committed. The slower kind counts. The same
file again must change nothing.

Webhooks: 100 signed orders a second for 20 s (:mod:`tests.benchmarks.webhook_load`) while the
ingest takes 10,000 events a second, on the same two cores.

Bars: a dry run in 10 s, applied in 20 s; webhooks accepted with p99 of 50 ms, none lost or doubled,
ingest keeping its pace.

Each part is a function of the database's URL that returns its figures; ``main`` runs them all.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from cloud.catalog import ImportKind, import_csv
from cloud.db import migrate, open_pool, unit_of_work
from deploy.database import DURABLE, timescale
from shared.gs1 import with_check_digit
from tests.benchmarks import webhook_load

ROWS = 50_000
DRY_RUN_S = 10.0
APPLY_S = 20.0

Figures = dict[str, float | int | bool]


def files(rows: int) -> list[tuple[ImportKind, str]]:
    """Items, their supplier, and what it asks for each."""
    items = "".join(
        f"SKU-{n:06},Item {n},{with_check_digit(f'{400_000_000_000 + n}')},1,no,C\n"
        for n in range(rows)
    )
    offers = "".join(
        f"MILL,SKU-{n:06},REF-{n},EUR,1,12,12,{n % 30},no,12,{n % 90 + 1}.25\n" for n in range(rows)
    )
    return [
        ("items", f"sku,name,gtin,quantity,removed,class\n{items}"),
        ("suppliers", "code,name,currency,minimum\nMILL,The Mill,EUR,250.00\n"),
        (
            "offers",
            "supplier,sku,reference,currency,per,minimum,multiple,lead_days,removed,from,cost\n"
            + offers,
        ),
    ]


def catalog_files(url: str, rows: int) -> Figures:
    """Dry run and import of each file, in seconds."""
    dry_run, apply = 0.0, 0.0
    with open_pool(url, size=1) as pool:
        for kind, text in files(rows):
            content = text.encode()
            for dry in (True, False, False):
                started = time.monotonic()
                with unit_of_work(pool) as connection:
                    report = import_csv(connection, kind=kind, content=content, dry_run=dry)
                seconds = time.monotonic() - started
                assert not report.errors, report.errors[:3]
                assert report.inserted + report.unchanged == report.rows
                print(
                    f"{kind}: {report.rows:,} rows {'dry run' if dry else 'imported'} in "
                    f"{seconds:.2f} s ({report.inserted:,} new)",
                    flush=True,
                )
                if dry:
                    dry_run = max(dry_run, seconds)
                else:
                    apply = max(apply, seconds)
            assert report.unchanged == report.rows, "the same file again changed something"
    return {
        "rows": rows,
        "dry_run_s": round(dry_run, 2),
        "apply_s": round(apply, 2),
        "files_ok": dry_run <= DRY_RUN_S and apply <= APPLY_S,
    }


def main() -> None:
    """Run the bench; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS, help="0 leaves files out")
    parser.add_argument("--seconds", type=int, default=20, help="of webhooks; 0 leaves them out")
    options = parser.parse_args()
    parts: list[Callable[[str], Figures]] = []
    if options.seconds:
        parts.append(lambda url: webhook_load.measure(url, options.seconds))
    if options.rows:
        parts.append(lambda url: catalog_files(url, options.rows))
    result: Figures = {}
    with timescale(settings=DURABLE) as url:
        migrate(url)
        for part in parts:
            result |= part(url)
    result["ok"] = all(value for name, value in result.items() if name.endswith("_ok"))
    print(json.dumps({"bench": "feeds", **result}))


if __name__ == "__main__":
    main()
