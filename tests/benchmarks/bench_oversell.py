"""200 buyers at once want the same goods: how many are served a second, and is any of it not there.

100,000 attempts over 200 keep-alive connections to ``quartermaster cloud serve`` (uvicorn, TLS,
authorization, row security, TimescaleDB that syncs every commit), once all for one hot item and
once spread over 1,000. Nine attempts in ten can be served; one in a hundred is sent twice with the
same key, as buyers' systems do. Meanwhile four leases an item compete for the hot item's stock.
Server, database and buyers share this machine's two cores.

Bars on two cores: nothing oversold, no key served twice, at least 1,000 reservations a second, both
ways. What limits it: Python's share of each request (TLS, HTTP, routing, validation) on the one
core that the server gets; the database grants up to 64 waiting wishes in one transaction.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import uvloop

from cloud import access, orders
from cloud.clock import SystemClock
from cloud.db import migrate
from deploy.database import timescale
from deploy.pki import create
from shared.errors import QuartermasterError
from shared.units import HOUR
from tests.support import free_port

BUYERS = 200
ITEMS = 1_000
SITE = "S0"
TRUST_DOMAIN = "quartermaster.local"


@contextmanager
def own_database() -> Iterator[str]:
    """A migrated database of this run."""
    name = f"qm_bench_{secrets.token_hex(4)}"
    with timescale() as url, psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        try:
            own = urlsplit(url)._replace(path=f"/{name}").geturl()
            migrate(own)
            yield own
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def stock(url: str, units: int) -> str:
    """A site with a gateway, a hot item and 1,000 others; returns a buyer's key."""
    clock = SystemClock()
    with psycopg.connect(url) as connection:
        for statement in (
            "INSERT INTO site (code, name, region) VALUES ('S0', 'Site', 'EU')",
            "INSERT INTO item (sku) VALUES ('HOT')",
            "INSERT INTO item (sku) SELECT 'SKU-' || n FROM generate_series(0, 999) AS n",
            "INSERT INTO location (site_id, code) SELECT site_id, 'L0' FROM site",
            """INSERT INTO gateway (name, site_id, status, created_at)
            SELECT 'gw-s0', site_id, 'active', now() FROM site""",
            "INSERT INTO gateway_epoch SELECT gateway_id, 1, now(), 'bench' FROM gateway",
        ):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO balance SELECT s.site_id, i.item_id, l.location_id, 0, '', '',"
            " CASE i.sku WHEN 'HOT' THEN %(hot)s::int ELSE %(hot)s::int / 1000 END, now()"
            " FROM site s JOIN location l USING (site_id) CROSS JOIN item i",
            {"hot": units},
        )
        return access.add_key(
            connection,
            name="shop",
            scopes=["reservations:write"],
            environment="bench",
            now=clock.now(),
            random_bytes=secrets.token_bytes,
        ).text


@contextmanager
def serving(url: str, pki: Path) -> Iterator[int]:
    """The API as operators start it; yields its port."""
    port = free_port()
    given = {
        "QM_DATABASE_URL": url,
        "QM_PKI": str(pki),
        "QM_API_PORT": str(port),
        "QM_DOOR_PORT": str(free_port()),
        "QM_API_RATE": "100000",
    }
    program = [sys.executable, "-m", "deploy.cli", "cloud", "serve"]
    with subprocess.Popen(program, env={**os.environ, **given}, stdout=subprocess.DEVNULL) as run:
        try:
            yield port
        finally:
            run.terminate()
            run.wait(10)


@dataclass
class Crowd:
    """The buyers, and what they were told."""

    port: int
    key: str
    context: ssl.SSLContext
    statuses: Counter[int] = field(default_factory=Counter)
    ids: dict[str, str] = field(default_factory=dict)
    differing: int = 0
    seconds: list[float] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection, once there is somebody who listens."""
        for _ in range(600):
            try:
                return await asyncio.open_connection(
                    "127.0.0.1", self.port, ssl=self.context, server_hostname="localhost"
                )
            except OSError:
                await asyncio.sleep(0.1)
        raise TimeoutError

    async def buy(self, attempts: Iterator[tuple[str, str]]) -> None:
        """One buyer's connection: attempt after attempt."""
        reader, writer = await self.connect()
        for name, sku in attempts:
            body = json.dumps({"item": sku, "quantity": 1, "site": SITE, "order": name}).encode()
            writer.write(
                b"POST /v1/reservations HTTP/1.1\r\nhost: localhost\r\n"
                b"content-type: application/json\r\nauthorization: Bearer %b\r\n"
                b"idempotency-key: %b\r\ncontent-length: %d\r\n\r\n%b"
                % (self.key.encode(), name.encode(), len(body), body)
            )
            began = time.perf_counter()
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            content = await reader.readexactly(length)
            self.seconds.append(time.perf_counter() - began)
            status = int(head[9:12])
            self.statuses[status] += 1
            if status == 201:
                found = content[7 : content.index(b'"', 7)].decode()
                if self.ids.setdefault(name, found) != found:
                    self.differing += 1
        writer.close()

    async def run(self, attempts: Iterator[tuple[str, str]]) -> float:
        """All of them at once; returns the seconds it took."""
        await self.connect()
        began = time.perf_counter()
        await asyncio.gather(*(self.buy(attempts) for _ in range(BUYERS)))
        return time.perf_counter() - began


def wishes(way: str, count: int) -> Iterator[tuple[str, str]]:
    """Names and items; one in a hundred comes twice."""
    for number in range(count):
        sku = "HOT" if way == "hot" else f"SKU-{number % ITEMS}"
        again = number - 50 if number % 100 == 99 else number
        sku = sku if way == "hot" else f"SKU-{again % ITEMS}"
        yield f"{way}-{again}", sku


def lease(url: str) -> int:
    """Leases that compete for the hot item; how much they got."""
    got = 0
    with psycopg.connect(url) as connection:
        for number in range(4):
            try:
                orders.grant(
                    connection,
                    site=SITE,
                    sku="HOT",
                    quantity=25,
                    lifetime=HOUR,
                    by="bench",
                    code=lambda number=number: f"LE-{number}",
                    now=SystemClock().now(),
                )
                got += 25
            except QuartermasterError:
                break
            connection.commit()
    return got


def oversold(url: str) -> tuple[int, int, int]:
    """Units promised beyond what there is, reservations made, and positions where folds differ."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT sum(greatest(held - available, 0)) FROM ("
            " SELECT b.quantity AS available, coalesce((SELECT sum(p.quantity)"
            "  FROM reservation_part p WHERE p.item_id = b.item_id AND p.open), 0)"
            " + coalesce((SELECT sum(l.quantity) FROM lease l WHERE l.item_id = b.item_id), 0)"
            " AS held FROM balance b) AS each"
        ).fetchone()
        made = connection.execute("SELECT count(*) FROM reservation").fetchone()
        return (
            int(rows[0] if rows else 0),
            int(made[0] if made else 0),
            len(orders.drift(connection)),
        )


def measure(way: str, attempts: int, url: str, pki: Path) -> dict[str, Any]:
    """One way, from an empty database."""
    key = stock(url, attempts * 9 // 10)
    context = ssl.create_default_context(cafile=str(pki / "root.crt"))
    with serving(url, pki) as port:
        crowd = Crowd(port, key, context)

        async def all_of_it() -> tuple[float, int]:
            buying = asyncio.create_task(crowd.run(wishes(way, attempts)))
            leased = await asyncio.to_thread(lease, url)
            return await buying, leased

        seconds, leased = uvloop.run(all_of_it())
    beyond, made, drifting = oversold(url)
    times = sorted(crowd.seconds)
    return {
        f"{way}_reserved": made,
        f"{way}_refused": crowd.statuses[409],
        f"{way}_failed": sum(n for status, n in crowd.statuses.items() if status not in {201, 409}),
        f"{way}_leased": leased,
        f"{way}_oversold": beyond,
        f"{way}_served_twice": crowd.differing + made - len(set(crowd.ids.values())),
        f"{way}_drift": drifting,
        f"{way}_per_s": round(made / seconds),
        f"{way}_attempts_per_s": round(attempts / seconds),
        f"{way}_p50_ms": round(times[len(times) // 2] * 1000, 1),
        f"{way}_p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
    }


def main() -> None:
    """Measure, print one JSON line, fail below the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of the attempts")
    attempts = 10_000 if parser.parse_args().short else 100_000
    result: dict[str, Any] = {"bench": "oversell", "buyers": BUYERS, "attempts": attempts}
    with tempfile.TemporaryDirectory() as folder:
        pki = Path(folder) / "pki"
        create(pki, trust_domain=TRUST_DOMAIN, clock=SystemClock())
        for way in ("hot", "spread"):
            with own_database() as url:
                result |= measure(way, attempts, url, pki)
    result["ok"] = (
        all(
            result[f"{way}_{what}"] == 0
            for way in ("hot", "spread")
            for what in ("oversold", "served_twice", "drift", "failed")
        )
        and min(result["hot_per_s"], result["spread_per_s"]) >= 1000
    )
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
