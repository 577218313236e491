"""How long it takes to say what may be promised, and that it does not depend on the history.

A million item-locations with 20 million movements behind them (``warehouse_of_millions``), 20,000
open customer orders of two lines, 5,000 reservations, 5,000 purchase order lines on their way, 100
leases; one of the ten sites silent for an hour, so that each answer of it also looks at recent
demand. ``GET /v1/atp?item=…&horizon=24h`` for all sites, by ``quartermaster cloud serve`` over TLS
with an API key and row security, open-loop at 100 a second over 20 connections: an answer's time
counts from when its question was due. One question in ten is about a hot item.

Then the history is doubled (as many movements again, a year older) and both databases are asked in
turns; the ratio of the medians says whether anything is scanned.

Bars on two cores: p50 ≤ 5 ms, p99 ≤ 15 ms; the ratio within 0.75 to 1.25.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import ssl
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from cloud import access
from cloud.clock import SystemClock
from deploy.pki import create
from tests.benchmarks.bench_oversell import TRUST_DOMAIN, own_database, serving
from tests.benchmarks.warehouse_of_millions import FULL, SHORT, Size, fill

RATE = 100.0
CONNECTIONS = 20

_OPEN_ORDERS = (
    """INSERT INTO sales_order (status, numbering, scope, number, channel, placed_at, currency,
        site, site_id, segment, priority, promotion, looked_at, first_at, changed_at)
    SELECT 'open', 'channel', 'web', 'SO-' || n, 'web', now(), 'EUR', '',
           CASE WHEN n %% 3 = 0 THEN NULL ELSE (SELECT min(site_id) FROM site) + n %% 10 END,
           '', 0, '', now(), now(), now() FROM generate_series(1, 20000) AS n""",
    """INSERT INTO sales_reference (numbering, scope, number, order_id)
    SELECT numbering, scope, number, order_id FROM sales_order""",
    """INSERT INTO sales_line (order_id, item, item_id, quantity, cancelled, shipped, returned,
        keeps_days)
    SELECT o.order_id, i.sku, i.item_id, 2, 0, 0, 0, 0
    FROM sales_order o CROSS JOIN generate_series(0, 1) AS l
    JOIN item i ON i.item_id = (SELECT min(item_id) FROM item)
                               + (o.order_id * 7919 + l * 13) %% %(items)s""",
    """INSERT INTO reservation (code, asked_by, idempotency_key, asked, item_id, quantity, channel,
        document, site_ids, status, reserved_at, expires_at, changed_at)
    SELECT 'RS-' || o.order_id, 'bench', o.order_id::text, '', l.item_id, 2, '', o.number,
           ARRAY[o.site_id], 'confirmed', now(), now(), now()
    FROM sales_order o JOIN sales_line l USING (order_id)
    WHERE o.site_id IS NOT NULL AND o.order_id %% 4 = 0
    ON CONFLICT DO NOTHING""",
    """INSERT INTO reservation_part (reservation_id, site_id, item_id, quantity, free_before,
        document)
    SELECT reservation_id, site_ids[1], item_id, quantity, 100, document FROM reservation""",
    """INSERT INTO stock_hold SELECT site_id, item_id, sum(quantity) FROM reservation_part
    GROUP BY site_id, item_id""",
    "INSERT INTO supplier (code) VALUES ('MILL')",
    """INSERT INTO purchase_order (number, site_id, supplier_id, ordered_at, changed_at)
    SELECT 'PO-' || n, (SELECT min(site_id) FROM site) + n %% 10, supplier_id,
           now() - interval '10 days', now() FROM generate_series(1, 5000) AS n, supplier""",
    """INSERT INTO purchase_line (purchase_id, number, site_id, item_id, ordered, per, confirmed,
        backordered, rejected, confirmed_per, deliver_day, shipped, received, damaged, invoiced,
        invoiced_minor, cancelled, open, coming, status, closed_by, closed_why)
    SELECT purchase_id, '1', site_id,
           (SELECT min(item_id) FROM item) + purchase_id * 3 %% %(items)s,
           100, 1, 100, 0, 0, 1, current_date + 2, 0, 0, 0, 0, 0, 0, 100, 100, 'open', '', ''
    FROM purchase_order""",
    """INSERT INTO lease (code, site_id, gateway_id, epoch, item_id, channel, quantity, granted_at,
        not_after, granted_by)
    SELECT 'LE-' || n || '-' || g.gateway_id, g.site_id, g.gateway_id, 1,
           (SELECT min(item_id) FROM item) + n, '', 5,
           now(), now() + interval '1 day', 'bench'
    FROM generate_series(0, 9) AS n CROSS JOIN gateway g""",
    """INSERT INTO gateway_head
    SELECT gateway_id, 1, 1, decode(repeat('00', 32), 'hex'),
           CASE WHEN gateway_id %% 10 = 3 THEN now() - interval '1 hour'
                ELSE now() + interval '1 day' END FROM gateway""",
)
_OLDER = """
INSERT INTO movement (received_at, occurred_at, seq, event_id, gateway_id, epoch, site_id, item_id,
                      location_id, quantity, state, kind, leg, clock_state, lot, serial, device)
SELECT received_at - %(span)s * interval '1 day', occurred_at - %(span)s * interval '1 day', -seq,
       gen_random_uuid(), gateway_id, epoch, site_id, item_id, location_id, quantity, state, kind,
       leg, clock_state, lot, serial, device
FROM movement
WHERE received_at >= to_timestamp(%(first)s / 1000000.0)
  AND received_at < to_timestamp(%(last)s / 1000000.0)
"""


def prepare(url: str, size: Size, *, doubled: bool) -> str:
    """Fill a database; returns an asker's key."""
    clock = SystemClock()
    with psycopg.connect(url, autocommit=True) as connection:
        fill(connection, size)
        for statement in _OPEN_ORDERS:
            connection.execute(statement, {"items": size.items})  # type: ignore[arg-type]
        if doubled:
            step = size.days * 86_400_000_000 // 20
            for number in range(20):
                first = size.start + number * step
                given = {"span": size.days + 1, "first": first, "last": first + step}
                connection.execute(_OLDER, given)
        connection.execute("VACUUM ANALYZE")
        return access.add_key(
            connection,
            name="planner",
            scopes=["read"],
            environment="bench",
            now=clock.now(),
            random_bytes=secrets.token_bytes,
        ).text


@dataclass
class Askers:
    """Questions that fall due at their rate, and how long each answer took."""

    port: int
    key: str
    context: ssl.SSLContext
    items: int
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    async def ask(self, queue: asyncio.Queue[tuple[float, int]]) -> None:
        """One connection: question after question."""
        for _ in range(600):
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, ssl=self.context, server_hostname="localhost"
                )
                break
            except OSError:
                await asyncio.sleep(0.1)
        else:
            raise TimeoutError
        while True:
            due, number = await queue.get()
            hot = number % 10 == 0
            item = number % (self.items // 100) if hot else number * 7919 % self.items
            writer.write(
                b"GET /v1/atp?item=SKU-%d&horizon=24h HTTP/1.1\r\nhost: localhost\r\n"
                b"authorization: Bearer %b\r\n\r\n" % (item, self.key.encode())
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            self.seconds.append(time.perf_counter() - due)
            self.failed += head[9:12] != b"200"
            queue.task_done()

    async def run(self, seconds: float) -> None:
        """Ask at the rate for so long."""
        queue: asyncio.Queue[tuple[float, int]] = asyncio.Queue()
        tasks = [asyncio.create_task(self.ask(queue)) for _ in range(CONNECTIONS)]
        began = time.perf_counter()
        for number in range(int(seconds * RATE)):
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            queue.put_nowait((due, number))
        await queue.join()
        for task in tasks:
            task.cancel()


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds."""
    found = sorted(seconds)
    return tuple(round(found[int(len(found) * share)] * 1000, 2) for share in (0.5, 0.99))  # type: ignore[return-value]


def main() -> None:
    """Measure, print one JSON line, fail above the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of the data, 10 s")
    short = parser.parse_args().short
    size, seconds = (SHORT, 10.0) if short else (FULL, 60.0)
    result: dict[str, Any] = {"bench": "atp", "movements": size.movements}
    with (
        tempfile.TemporaryDirectory() as folder,
        own_database() as url,
        own_database() as older,
    ):
        pki = Path(folder) / "pki"
        create(pki, trust_domain=TRUST_DOMAIN, clock=SystemClock())
        context = ssl.create_default_context(cafile=str(pki / "root.crt"))
        keys = {url: prepare(url, size, doubled=False), older: prepare(older, size, doubled=True)}
        with serving(url, pki) as port, serving(older, pki) as beside:

            def askers(which: str, at: int) -> Askers:
                return Askers(at, keys[which], context, size.items)

            for which, at in ((url, port), (older, beside)):
                uvloop.run(askers(which, at).run(3.0))
            main_run = askers(url, port)
            uvloop.run(main_run.run(seconds))
            medians: dict[str, list[float]] = {url: [], older: []}
            failed = main_run.failed
            for _ in range(3 if short else 6):
                for which, at in ((url, port), (older, beside)):
                    turn = askers(which, at)
                    uvloop.run(turn.run(3.0))
                    failed += turn.failed
                    medians[which].append(statistics.median(turn.seconds))
    result["p50_ms"], result["p99_ms"] = percentiles(main_run.seconds)
    result["asked"], result["failed"] = len(main_run.seconds), failed
    result["doubled_ratio"] = round(
        statistics.median(medians[older]) / statistics.median(medians[url]), 2
    )
    result["ok"] = (
        failed == 0
        and result["p50_ms"] <= 5
        and result["p99_ms"] <= 15
        and 0.75 <= result["doubled_ratio"] <= 1.25
    )
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
