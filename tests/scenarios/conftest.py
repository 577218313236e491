"""A whole Quartermaster per test: real mosquitto, real TimescaleDB, real processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.assortment import demo_assortment
from deploy.demo.reader import Reader
from deploy.demo.stack import Stack
from edge.simulator.floor import DOCK, Planned
from edge.simulator.oracle import Oracle
from edge.simulator.scanner import Scanner

PATIENCE_S = 60.0


class Floor:
    """One stack, and people who scan on its floors one scan at a time."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.oracle = Oracle()
        self.cloud = Reader(stack.api_door())
        """The public API."""

    def scan(self, *planned: Planned, site: str = "AMS1") -> list[dict[str, Any]]:
        """Scan one after the other; returns the answers."""

        async def work() -> list[dict[str, Any]]:
            name, door = next(iter(self.stack.sites[site].doors.items()))
            scanner = Scanner(name, site, door, self.oracle)
            try:
                return [await scanner.scan(plan) for plan in planned]
            finally:
                await scanner.close()

        return asyncio.run(work())

    def status(self, site: str = "AMS1") -> dict[str, Any]:
        """What a gateway says of itself."""
        door = next(iter(self.stack.sites[site].doors.values()))
        with closing(Reader(door)) as reader:
            return reader.get("/v1/status")

    def on_hand(self, sku: str, site: str = "AMS1") -> int:
        """What the cloud's API says is there, in all states."""
        rows = self.cloud.rows("/v1/stock", site=site, item=sku)
        return sum(int(row["quantity"]) for row in rows)


def received(stack: Stack, sku: str = "COF-500", cases: int = 1) -> Planned:
    """Cases of an article arriving at the dock."""
    good = stack.assortment.goods[sku]._replace(has_lots=False)
    label = good.label(case=True, lot="", expiry=None)
    units = cases * good.case_size
    return Planned("receive", label, DOCK, None, cases, sku, "", units)


def eventually(what: Callable[[], bool], *, says: str, seconds: float = PATIENCE_S) -> None:
    """Wait until ``what`` holds; fail with ``says`` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:.0f} s: {says}")
        time.sleep(0.05)


@pytest.fixture
def idle_stack(tmp_path: Path, database_url: str) -> Iterator[Stack]:
    """A stack of which nothing runs yet but its database."""
    with Stack(
        tmp_path / "stack",
        gateways={"AMS1": "gw-amsterdam"},
        assortment=demo_assortment(),
        database_url=database_url,
        scanners=2,
    ) as stack:
        stack.start_database()
        yield stack


@pytest.fixture
def floor(idle_stack: Stack) -> Iterator[Floor]:
    """A running stack with one gateway."""
    idle_stack.start()
    running = Floor(idle_stack)
    yield running
    running.cloud.close()
