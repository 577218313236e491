"""Replays a demand table through real gateways: each sale is received, put away, picked, shipped.

The items and sites of the table become a catalog of their own; each site gets a gateway, and the
scans of all sites are spread evenly over the given rate. In the end the ledger is compared with
what was scanned, event by event.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from deploy.clock import SystemClock
from deploy.demo.assortment import derived_assortment
from deploy.demo.crew import Crew, Post, percentile
from deploy.demo.probe import PROBE_DEVICE
from deploy.demo.reader import Reader
from deploy.demo.stack import DatabaseKind, Stack
from deploy.demo.verdict import Verdict, when_settled
from edge.simulator.demand import DemandTable
from edge.simulator.floor import Floor
from edge.simulator.oracle import Oracle


class Replayed(NamedTuple):
    """How a replay ended."""

    verdict: Verdict
    scans: int
    refused: dict[str, int]
    sales: int
    sites: tuple[str, ...]
    items: int
    seconds: float
    scan_p95_ms: float

    @property
    def good(self) -> bool:
        """Whether the ledger is what was scanned."""
        return self.verdict.clean

    def as_dict(self) -> dict[str, Any]:
        """The one JSON line."""
        verdict = self.verdict
        return {
            "ok": self.good,
            "sites": list(self.sites),
            "items": self.items,
            "sales": self.sales,
            "scans": self.scans,
            "events_made": verdict.made,
            "in_ledger": verdict.in_ledger,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "gaps": verdict.gaps,
            "quarantined": verdict.quarantined,
            "misunderstood": verdict.misunderstood,
            "stock_differences": len(verdict.stock),
            "stock_lines": verdict.stock_lines,
            "refused": self.refused,
            "seconds": round(self.seconds, 1),
            "scans_per_s": round(self.scans / self.seconds, 1) if self.seconds else 0.0,
            "scan_p95_ms": round(self.scan_p95_ms, 1),
        }


class Replay:
    """One replay.

    Args:
        folder: a fresh folder for everything.
        table: the demand, already narrowed to the wanted sites.
        rate: scans per second over all sites.
        limit: at most this many scans in all; None for the whole table.
        seed: varies lots, cover and shelves.
    """

    def __init__(
        self,
        folder: Path,
        table: DemandTable,
        *,
        rate: float,
        limit: int | None,
        seed: int,
        database: DatabaseKind,
    ) -> None:
        self._table = table
        self._rate = rate
        self._limit = limit
        self._seed = seed
        self._sites = sorted(table.sites)
        self._assortment = derived_assortment((sale.item for sale in table.sales), self._sites)
        self.stack = Stack(
            folder,
            gateways=gateway_names(self._sites),
            assortment=self._assortment,
            database_kind=database,
        )

    def run(self, *, say: Callable[[str], None], progress: Callable[[int], None]) -> Replayed:
        """Replay; ``progress`` is told how many scans have been answered, twice a second.

        Raises:
            QuartermasterError: something did not start, or stopped by itself; ``where`` is its log.
        """
        with self.stack:
            self.stack.start(say=say)
            say("floors")
            with closing(Oracle(self.stack.folder / "oracle.jsonl")) as oracle:
                crew = Crew(self._posts(), oracle)
                began = time.monotonic()
                crew.start()
                try:
                    while not crew.wait(timeout=0.5):
                        self.stack.check()
                        progress(oracle.accepted + oracle.refused)
                except KeyboardInterrupt:
                    crew.finish(timeout=30)
                finally:
                    crew.abandon()
                seconds = time.monotonic() - began
                progress(oracle.accepted + oracle.refused)
            say("comparison of the ledger with what was scanned")
            with closing(Reader(self.stack.api_door())) as cloud:
                verdict = when_settled(cloud, oracle, pause=time.sleep)
        taken = [second for answers in crew.seconds.values() for second in answers]
        return Replayed(
            verdict=verdict,
            scans=len(oracle.scans),
            refused=dict(oracle.refusals()),
            sales=len(self._table.sales),
            sites=tuple(self._sites),
            items=len(self._assortment.goods),
            seconds=seconds,
            scan_p95_ms=1000 * percentile(taken, 0.95),
        )

    def _posts(self) -> list[Post]:
        today = SystemClock().today()
        posts: list[Post] = []
        for number, code in enumerate(self._sites):
            sales = [sale for sale in self._table.sales if sale.site == code]
            floor = Floor(code, self._assortment.goods, today=today, seed=self._seed)
            share = None
            if self._limit is not None:
                share = (self._limit + number) // len(self._sites)
            doors = self.stack.sites[code].doors
            doors = {name: door for name, door in doors.items() if name != PROBE_DEVICE}
            plans = islice(floor.scans(sales), share)
            posts.append(Post(code, plans, doors, self._rate / len(self._sites)))
        return posts


def gateway_names(sites: list[str]) -> dict[str, str]:
    """A gateway's name for each site: what may stand in one, and no name twice."""
    names: dict[str, str] = {}
    for site in sites:
        slug = re.sub(r"[^a-z0-9]+", "-", site.lower()).strip("-")[:40] or "site"
        name, number = f"gw-{slug}", 1
        while name in names.values():
            number += 1
            name = f"gw-{slug}-{number}"
        names[site] = name
    return names
