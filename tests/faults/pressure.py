"""F7 and F18: a long time offline, and a cloud that is slower than its gateways."""

from __future__ import annotations

import asyncio
import time
from itertools import islice

import msgspec
from uuid_utils import uuid7

from edge.simulator.floor import Planned
from edge.simulator.scanner import Connection, scan_body
from tests.faults.fault import Fault, expect
from tests.faults.house import FLOORS
from tests.faults.trial import Trial

_BACKLOG = 50_000
_SHORT_BACKLOG = 3_000
_BATCH = 256
_DRAINS_WITHIN_S = 60.0
_LIVE_WITHIN_S = 10.0
"""What is scanned after the healing is seen by then, or before the backlog has drained."""
_MEMORY_BYTES = 256 * 1024 * 1024
"""What a gateway or an ingest worker may hold at its worst."""


def _long_offline(trial: Trial, site: str) -> int:
    """A backlog as of a day; the line heals; what is scanned now is seen long before the end."""
    house = trial.house
    trial.scan(site, 5)
    trial.settled(site)
    house.sites[site].wire.cut(silent=True)
    number = _SHORT_BACKLOG if trial.short else _BACKLOG
    asyncio.run(_pile_up(trial, site, number))
    before = trial.oracle_of(site).accepted_ids()
    house.sites[site].wire.heal()
    began = time.monotonic()
    trial.scan(site, 3)
    fresh = trial.oracle_of(site).accepted_ids() - before
    trial.wait(lambda: trial.stand(fresh), says="what is scanned now is in the ledger")
    live_s, first = time.monotonic() - began, trial.head(site) < number
    trial.wait(
        lambda: trial.head(site) >= number, says="the backlog has drained", seconds=_DRAINS_WITHIN_S
    )
    drain_s = time.monotonic() - began
    trial.note(f"{number} drained in {drain_s:.1f} s; what was scanned now, seen in {live_s:.1f} s")
    expect(first or live_s < _LIVE_WITHIN_S, f"new scans waited {live_s:.1f} s for the backlog")
    expect(house.gateway(site).peak_bytes() < _MEMORY_BYTES, "the gateway's memory")
    return 1


async def _pile_up(trial: Trial, site: str, number: int) -> None:
    """Many scans in batches, each batch until it is answered."""
    oracle = trial.oracle_of(site)
    name, door = next(iter(trial.house.sites[site].doors.items()))
    connection = Connection(door)
    plans = trial.plans(site)
    try:
        for first in range(0, number, _BATCH):
            trial.sleep(0)
            batch: dict[str, Planned] = {
                str(uuid7()): plan for plan in islice(plans, min(_BATCH, number - first))
            }
            for scan_id, plan in batch.items():
                oracle.sending(scan_id, site, plan)
            bodies = [
                msgspec.Raw(scan_body(scan_id, name, plan)) for scan_id, plan in batch.items()
            ]
            answer = await connection.request(
                "POST", "/v1/scans", msgspec.json.encode({"scans": bodies})
            )
            for each in answer.body["answers"]:
                oracle.answered(each["id"], each)
    finally:
        await connection.drop()


def _slow_ingest(trial: Trial, _site: str) -> int:
    """Each transaction takes half a second more: ten times and more of what it should."""
    house = trial.house
    house.ingest.stop()
    house.ingest.start_with(
        FAULT_PAUSE="transaction.within:0.5", FAULT_MEMORY=str(_MEMORY_BYTES >> 20)
    )
    trial.sleep(4.0 if trial.short else 15.0)
    peak = house.ingest.peak_bytes()
    house.ingest.check()
    trial.note(f"ingest held {peak >> 20} MiB at most")
    house.ingest.stop()
    house.ingest.start_with()
    expect(peak < _MEMORY_BYTES, f"ingest held {peak >> 20} MiB")
    for site in FLOORS:
        peak = house.gateway(site).peak_bytes()
        expect(peak < _MEMORY_BYTES, f"the gateway of {site} held {peak >> 20} MiB")
    return 1


FAULTS: list[Fault] = [
    Fault("a day offline, then drained", "F7", "cell", _long_offline),
    Fault("ingest ten times slower, memory bounded", "F18", "house", _slow_ingest),
]
