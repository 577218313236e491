"""How much memory a gateway and an ingest worker take under sustained work.

One real gateway (no cameras) is fed 400,000 scans over HTTPS in batches, as fast as it answers; all
of them pass the broker and one ingest worker into TimescaleDB. The figures are the **peak**
resident sizes (``VmHWM``) of the two processes once the cloud's watermark covers every event.

Bars: gateway ≤ 150 MiB, ingest worker ≤ 250 MiB.

What limits it: Python with its libraries is 80 MiB (gateway) and 98 MiB (ingest) before the first
event; 400,000 events add about 15 and 3, because everything that waits is bounded (groups of 64,
batches of 8,192 events, SQLite's cache of 8 MiB).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path

import msgspec
from uuid_utils import uuid7

from deploy.demo.assortment import demo_assortment
from deploy.demo.reader import Reader
from deploy.demo.stack import Site, Stack
from edge.simulator.floor import DOCK
from edge.simulator.goods import draw
from edge.simulator.scanner import Connection, Door

EVENTS = 400_000
BATCH = 256
CONNECTIONS = 4


def peak_mib(pid: int) -> float:
    """The process's peak resident size."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no VmHWM")


async def feed(site: Site, labels: list[str], events: int) -> int:
    """Scan until ``events`` are accepted; returns how many were."""
    left = iter(range(0, events, BATCH))
    accepted = 0

    async def work(device: str, door: Door) -> None:
        nonlocal accepted
        connection = Connection(door)
        try:
            for start in left:
                size = min(BATCH, events - start)
                scans = [
                    {
                        "id": str(uuid7()),
                        "raw": labels[draw(start, n) % len(labels)],
                        "step": "receive",
                        "device": device,
                        "location": DOCK,
                        "quantity": 1,
                    }
                    for n in range(size)
                ]
                answer = await connection.request(
                    "POST", "/v1/scans", msgspec.json.encode({"scans": scans})
                )
                accepted += sum(one["outcome"] == "accepted" for one in answer.body["answers"])
        finally:
            await connection.drop()

    await asyncio.gather(
        *(work(name, door) for name, door in islice(site.doors.items(), CONNECTIONS))
    )
    return accepted


def measure(folder: Path, events: int) -> dict[str, object]:
    """One run."""
    with Stack(
        folder,
        gateways={"AMS1": "gw-amsterdam"},
        assortment=demo_assortment(),
        database_kind="timescale",
        scanners=CONNECTIONS,
    ) as stack:
        stack.start()
        goods = stack.assortment.goods.values()
        lots = [f"L{n:05d}" for n in range(200)]
        labels = [
            good.label(case=False, lot=lot, expiry=None)
            for good, lot in zip(cycle(goods), lots * 20, strict=False)
        ]
        site = stack.sites["AMS1"]
        idle = {"gateway": peak_mib(site.process.pid)}
        idle["ingest"] = peak_mib(stack.services["ingest"].pid)
        began = time.monotonic()
        accepted = asyncio.run(feed(site, labels, events))
        fed_s = time.monotonic() - began
        with closing(Reader(stack.api_door())) as cloud:
            covered = 0
            while covered < accepted:
                stack.check()
                time.sleep(0.2)
                rows = cloud.get("/v1/sites/AMS1/completeness")["gateways"]
                covered = sum(row["contiguous_seq"] for row in rows)
        return {
            "gateway_mib": round(peak_mib(site.process.pid), 1),
            "ingest_mib": round(peak_mib(stack.services["ingest"].pid), 1),
            "gateway_idle_mib": round(idle["gateway"], 1),
            "ingest_idle_mib": round(idle["ingest"], 1),
            "events": accepted,
            "scans_per_s": round(accepted / fed_s),
            "drained_s": round(time.monotonic() - began - fed_s, 1),
        }


def main() -> int:
    """Run and print; the last line is the JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="20,000 events instead of 400,000")
    events = 20_000 if parser.parse_args().short else EVENTS
    runs = Path(".run")
    runs.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qm-memory-", dir=runs.absolute()) as folder:
        figures = measure(Path(folder), events)
    good = float(str(figures["gateway_mib"])) <= 150 and float(str(figures["ingest_mib"])) <= 250
    figures["ok"] = good and figures["events"] == events
    for name, value in figures.items():
        print(f"{name:>18}  {value}")
    print(json.dumps(figures))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
