"""How fast the ledger proves itself: ``cloud ledger rebuild --verify`` on TimescaleDB.

Four gateways' signed segments are taken in by ingest's own code on a durable server until there
are enough events; seven of eight are one movement, the eighth is two. Then the real command
recomputes all balances from the movements, and once more from the signed segments' bodies
(signature, links and decoding included), and the balances must agree. The whole command is timed,
without its start: what it prints as ``rebuild_s``. The median of 3.

Bar: 100,000 movements/s from the movements; ``from_segments_per_s`` is told, without a bar.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import psycopg

from cloud.app.handlers import routes
from cloud.db import migrate, open_pool, unit_of_work
from cloud.gateways.service import lookup
from cloud.ingest import service
from cloud.ingest.model import Arrived
from cloud.ingest.verification import examine
from deploy.database import DURABLE, timescale
from shared.events import EventData, Line, Moved, Received, Shipped, StockState
from shared.units import Micros
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

GATEWAYS = 4
ITEMS = 1200
LOCATIONS = 25
PER_SEGMENT = 256
BATCH = 16
"""Segments in one transaction."""
RUNS = 3
START = 1_763_650_500_000_000


def fact(hand: Hand) -> EventData:
    """One fact."""
    rng = hand.rng
    item, place = rng.randrange(ITEMS), rng.randrange(LOCATIONS)
    line = Line(f"SKU-{item}", 1 + rng.randrange(20), lot=f"L{item % 97:04}", catalog=1)
    where = f"L{place}"
    kind = rng.randrange(8)
    if kind < 4:
        return Received(line, where)
    if kind < 7:
        return Shipped(line, where, StockState.AVAILABLE)
    return Moved(line, where, f"L{(place + 1) % LOCATIONS}")


def fill(url: str, events: int) -> None:
    """Take signed segments into the ledger."""
    hands = [Hand(f"gw-{number}") for number in range(GATEWAYS)]
    handlers = routes()
    with psycopg.connect(url) as connection:
        stage(connection, hands, items=ITEMS, locations=LOCATIONS)
    with open_pool(url, size=1) as pool:
        for batch in range(-(-events // (PER_SEGMENT * BATCH))):
            hand = hands[batch % GATEWAYS]
            with unit_of_work(pool) as connection:
                senders = lookup(connection, [hand.name])
                examined = [
                    examine(
                        Arrived(
                            f"qm/v1/{hand.name}/seg",
                            hand.segment(*[fact(hand) for _ in range(PER_SEGMENT)]),
                        ),
                        senders,
                        trust_domain=TRUST_DOMAIN,
                    )
                    for _ in range(BATCH)
                ]
                hand.made.clear()
                at = Micros(START + batch * 60_000_000)
                service.apply(
                    connection, examined, routes=handlers, lookup=lookup, worker="b", at=at
                )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE movement")
        connection.execute("VACUUM ANALYZE segment")


def rebuild(url: str, *words: str) -> dict[str, Any]:
    """The real command's report."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from deploy.cli import main; sys.exit(main())",
            *("cloud", "ledger", "rebuild", "--verify", "--json"),
            *words,
        ],
        env={"PATH": os.environ["PATH"], "QM_DATABASE_URL": url, "QM_TRUST_DOMAIN": TRUST_DOMAIN},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def main() -> None:
    """Run the bench; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    with timescale(settings=DURABLE) as url:
        migrate(url)
        started = time.monotonic()
        fill(url, options.events)
        print(f"filled in {time.monotonic() - started:.0f} s", flush=True)
        reports = [rebuild(url) for _ in range(options.runs)]
        for report in reports:
            print(
                f"movements: {report['movements']:,} in {report['rebuild_s']} s "
                f"({report['movements_per_s']:,}/s)",
                flush=True,
            )
        seconds = statistics.median(report["rebuild_s"] for report in reports)
        read = rebuild(url, "--from-segments")
        print(
            f"segments: {read['events']:,} events, {read['movements']:,} movements in "
            f"{read['rebuild_s']} s ({read['movements_per_s']:,}/s)",
            flush=True,
        )
    movements = reports[0]["movements"]
    result = {
        "movements": movements,
        "rebuild_s": seconds,
        "movements_per_s": round(movements / seconds),
        "positions": reports[0]["positions"],
        "differing": reports[0]["differing"],
        "from_segments_s": read["rebuild_s"],
        "from_segments_per_s": read["movements_per_s"],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
