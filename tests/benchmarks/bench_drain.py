"""How long a site's four hours without a line take to drain, and whether anybody notices.

Four gateways each hold 180,000 events that the cloud has not (4 h × 50/s in all), written through
the real outbox: chained, sealed at 256, stored. They are cut off, started, and then all reconnected
at once. The clock runs from there until the cloud has committed and verified the last of them.
Meanwhile each site's probe pulls a trigger four times a second and asks the public API until the
new stock is shown; what it scanned before its gateway was connected again does not count, for there
was no line. Real mosquitto, real TimescaleDB, one ingest worker, every process on this
machine.

``in_ledger`` counts the backlog's movements in the database afterwards: none may be missing.

Bars on two cores: drain < 60 s, live p95 < 1 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg

from deploy.demo.assortment import Assortment, demo_assortment
from deploy.demo.crew import percentile
from deploy.demo.probe import PROBE_DEVICE, PROBE_SKU, Probe
from deploy.demo.stack import Stack
from edge.app import opened
from edge.db import MAX_GROUP, Connection
from edge.simulator.floor import places
from edge.simulator.oracle import Oracle
from shared.events import Line, Received
from shared.segment import MAX_EVENTS

GATEWAYS = {"AMS1": "gw-amsterdam", "VIE1": "gw-vienna", "RTM1": "gw-rotterdam", "GRZ1": "gw-graz"}
BACKLOG = 720_000
PATIENCE_S = 300.0
PROBE_EVERY_S = 0.25
AHEAD = 32
"""Groups handed to the writer at a time."""


def pile_up(folder: Path, events: int, skus: list[str]) -> None:
    """Write a backlog through the outbox of a gateway that does not run."""
    chance = random.Random(str(folder))
    shelves = [place.code for place in places()]
    with opened(folder) as store:
        outbox, clock = store.outbox, store.clock

        def group(connection: Connection, number: int) -> None:
            now = clock.now()
            for _ in range(min(MAX_GROUP, events - number * MAX_GROUP + MAX_GROUP)):
                line = Line(
                    chance.choice(skus), chance.randint(1, 12), None, None, None, None, "", 1
                )
                outbox.append(
                    connection,
                    Received(line, chance.choice(shelves)),
                    event_id=os.urandom(16),
                    device="sc-01",
                    occurred_at=now,
                    clock_state=1,
                )
            if number % (MAX_EVENTS // MAX_GROUP) == 0:
                outbox.seal(connection, now)

        groups = -(-events // MAX_GROUP)
        for first in range(0, groups, AHEAD):
            underway = [
                store.database.submit(lambda c, n=number + 1: group(c, n), weight=MAX_GROUP)
                for number in range(first, min(first + AHEAD, groups))
            ]
            for future in underway:
                future.result()


class Live:
    """The probes of all sites, in a thread of their own."""

    def __init__(self, stack: Stack) -> None:
        self._over = threading.Event()
        self.probes = {
            code: Probe(
                code,
                good=stack.assortment.goods[PROBE_SKU],
                gateway=site.doors[PROBE_DEVICE],
                api=stack.api_door(),
                oracle=Oracle(),
                every_s=PROBE_EVERY_S,
            )
            for code, site in stack.sites.items()
        }
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self._thread.start()

    async def _work(self) -> None:
        await asyncio.gather(*(probe.run(self._over.is_set) for probe in self.probes.values()))

    def finish(self) -> None:
        """Pull no more triggers."""
        self._over.set()
        self._thread.join()

    def visible(self, since: dict[str, float]) -> list[float]:
        """Seconds from each trigger until its stock was shown, from a moment on for each site."""
        return [
            sighting.visible_s
            for site, probe in self.probes.items()
            for sighting in probe.sightings
            if sighting.at >= since[site]
        ]


def wait(condition: Callable[[], bool], what: str, *, seconds: float = PATIENCE_S) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


class Cloud:
    """What has been committed, read beside the product."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def covered(self) -> dict[str, int]:
        """Each gateway's verified sequence number."""
        return dict(
            self._rows(
                "SELECT name, contiguous_seq FROM gateway_head JOIN gateway USING (gateway_id)"
            )
        )

    def movements(self) -> int:
        """Movements of everything but the probes."""
        ((count,),) = self._rows(
            f"SELECT count(*) FROM movement JOIN item USING (item_id) WHERE sku <> '{PROBE_SKU}'"
        )
        return count

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()  # type: ignore[arg-type]

    def close(self) -> None:
        """Let go."""
        self._connection.close()


def measure(folder: Path, backlog: int) -> dict[str, object]:
    """One run."""
    goods = demo_assortment().goods
    sites = {code: (f"Site {code}", "EU", "UTC") for code in GATEWAYS}
    articles = Assortment(goods, sites).with_article(PROBE_SKU, "Probe article")
    each = backlog // len(GATEWAYS)
    with Stack(
        folder, gateways=GATEWAYS, assortment=articles, database_kind="timescale", scanners=1
    ) as stack:
        stack.start()
        for site in stack.sites.values():
            site.process.stop()
            site.wire.cut()
        began = time.monotonic()
        with get_context("spawn").Pool(2) as pool:
            pool.starmap(
                pile_up, [(site.folder, each, list(goods)) for site in stack.sites.values()]
            )
        print(f"backlog of {each * len(GATEWAYS):,} made in {time.monotonic() - began:.1f} s")
        cloud = Cloud(stack.database_url)
        before = cloud.covered()
        for code in stack.sites:
            stack.start_gateway(code)
        live = Live(stack)
        began = time.monotonic()
        for site in stack.sites.values():
            site.wire.heal()
        target = {name: seq + each for name, seq in before.items()}

        connected: dict[str, float] = {}

        def drained() -> bool:
            covered = cloud.covered()
            for code, name in GATEWAYS.items():
                if covered[name] > before[name]:
                    connected.setdefault(code, time.monotonic())
            return all(covered[name] >= seq for name, seq in target.items())

        wait(drained, "drained")
        took = time.monotonic() - began
        live.finish()
        visible = live.visible(connected)
        found = cloud.movements()
        cloud.close()
        stack.check()
    return {
        "backlog": each * len(GATEWAYS),
        "drain_s": round(took, 1),
        "live_p50_ms": round(percentile(visible, 0.5) * 1000, 1),
        "live_p95_ms": round(percentile(visible, 0.95) * 1000, 1),
        "live_max_ms": round(max(visible) * 1000, 1),
        "live_scans": len(visible),
        "events_per_s": round(each * len(GATEWAYS) / took),
        "in_ledger": found,
    }


def main() -> int:
    """Print the figures, the last line as one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--backlog", type=int, default=BACKLOG)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=_disk(), prefix="drain-") as name:
        figures = measure(Path(name), wanted.backlog)
    met = figures["drain_s"] < 60 and figures["live_p95_ms"] < 1000  # type: ignore[operator]
    figures["ok"] = met and figures["in_ledger"] == figures["backlog"]
    for key, value in figures.items():
        print(f"{key:>14}  {value}")
    print(json.dumps(figures))
    return 0 if figures["ok"] else 1


def _disk() -> Path:
    """A folder on a real disk: the machine's temporary folder may live in memory."""
    folder = Path(".run")
    folder.mkdir(exist_ok=True)
    return folder.absolute()


if __name__ == "__main__":
    sys.exit(main())
