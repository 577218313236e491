"""Measures how long a scan takes to become truth: from the trigger until the public API shows it.

A probe scans one unit of an article of its own into the dock and asks ``GET /v1/stock`` over a
connection that stays open until the new quantity is there, a few times a second. Its scans are
scans like all others: the oracle notes them and the ledger must hold them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from edge.simulator.floor import DOCK, Planned
from edge.simulator.goods import Good
from edge.simulator.oracle import Oracle
from edge.simulator.scanner import Connection, Door, Scanner

PROBE_SKU: Final = "PROBE-1"
PROBE_DEVICE: Final = "probe"
_LOOK_AGAIN_S: Final = 0.005
_LONGEST_LOOK_S: Final = 0.25


class Sighting(NamedTuple):
    """One measurement: the loop's time at the trigger, seconds until answer and until visible."""

    at: float
    answered_s: float
    visible_s: float


class Probe:
    """Measures one site's path. Run :meth:`run` in the loop of the scanners."""

    def __init__(
        self,
        site: str,
        *,
        good: Good,
        gateway: Door,
        api: Door,
        oracle: Oracle,
        every_s: float,
    ) -> None:
        self.sightings: list[Sighting] = []
        self._site = site
        self._scanner = Scanner(PROBE_DEVICE, site, gateway, oracle)
        self._api = Connection(api)
        self._every_s = every_s
        label = good.label(case=False, lot="", expiry=None)
        self._planned = Planned("receive", label, DOCK, None, 1, good.sku, "", 1)

    async def run(self, finished: Callable[[], bool]) -> None:
        """Measure until told that it is finished; no scan is left without its answer."""
        loop = asyncio.get_running_loop()
        expected = 0
        try:
            while not finished():
                started = loop.time()
                answer = await self._scanner.scan(self._planned)
                answered = loop.time()
                if answer.get("outcome") == "accepted":
                    expected += 1
                    if await self._shown(expected, finished):
                        seen = loop.time() - started
                        self.sightings.append(Sighting(started, answered - started, seen))
                await asyncio.sleep(max(0.0, started + self._every_s - loop.time()))
        finally:
            await self._scanner.close()
            await self._api.drop()

    async def _shown(self, expected: int, finished: Callable[[], bool]) -> bool:
        wait = _LOOK_AGAIN_S
        path = f"/v1/stock?site={self._site}&item={self._planned.sku}"
        while not finished():
            try:
                answer = await self._api.request("GET", path)
                if answer.status == 200 and _on_hand(answer.body) >= expected:
                    return True
            except (OSError, EOFError, TimeoutError):
                await self._api.drop()
            await asyncio.sleep(wait)
            wait = min(wait * 1.1, _LONGEST_LOOK_S)
        return False


def _on_hand(body: dict[str, Any]) -> int:
    return sum(int(row["quantity"]) for row in body.get("items", []))
