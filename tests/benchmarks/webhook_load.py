"""Webhooks at a steady rate against the real API while the real ingest is fed at its own.

Four gateways send pre-signed segments at 2,500 events/s each through a real mosquitto to
``quartermaster cloud ingest``; ``quartermaster cloud serve`` takes a shop's signed orders over TLS.
A webhook's time runs from when it was due, so that one that waits for another is not hidden.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg

from cloud import feeds
from cloud.app.feeds import write_secret
from cloud.feeds import NewFeed
from deploy.broker import Broker
from deploy.pki import create
from deploy.processes import free_port
from shared.units import Micros
from tests.benchmarks.bench_ingest import Replay
from tests.support import WallClock
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

GATEWAYS: Final = 4
EVENTS_PER_S: Final = 10_000
WEBHOOKS_PER_S: Final = 100
PER_SEGMENT: Final = 128
P99_MS: Final = 50.0
CONNECTIONS: Final = 16
WARM_S: Final = 3.0
SECRET: Final = "the shop's secret"  # noqa: S105 - of this bench

Figures = dict[str, float | int | bool]


class Paced(Replay):
    """A gateway that sends at the pace of its scanners instead of as fast as it can."""

    def keep_pace(self, segments: list[tuple[int, bytes]], per_s: float) -> tuple[float, int]:
        """Send each segment when it is due; events/s until the last is covered, late ms."""
        topic = f"qm/v1/{self.hand.name}/seg"
        started, late = time.monotonic(), 0.0
        for number, (_, body) in enumerate(segments):
            due = started + number * self.per_segment / per_s
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            late = max(late, time.monotonic() - due)
            self.client.publish(topic, body, qos=1)
        last = segments[-1][0]
        deadline = time.monotonic() + 60
        with self.moved:
            while self.covered < last and time.monotonic() < deadline:
                self.moved.wait(1.0)
        if self.covered < last:
            raise RuntimeError(f"{self.hand.name}: covered {self.covered} of {last}")
        return len(segments) * self.per_segment / (self.done_at - started), round(late * 1000)


def sender(pipe: Pipe, *where: Any) -> None:
    """The process of one gateway."""
    paced = Paced(*where)
    segments = paced.prepare(pipe.recv())
    pipe.send(len(segments))
    pipe.recv()
    pipe.send(paced.keep_pace(segments, EVENTS_PER_S / GATEWAYS))
    paced.client.disconnect()
    paced.client.loop_stop()


class Sent(NamedTuple):
    """One webhook's answer: its status and the milliseconds since it was due."""

    status: int
    ms: float


class Where(NamedTuple):
    """What runs, and where it listens."""

    url: str
    pki: Path
    folder: Path
    broker: int
    api: int


def webhooks(count: int, host: str) -> list[bytes]:
    """Requests as a shop makes them: an order of ten lines each, signed."""
    found: list[bytes] = []
    for number in range(count):
        at = "2026-03-01T12:00:00Z"
        order = {
            "id": 10_000_000 + number,
            "name": f"#{number}",
            "created_at": at,
            "updated_at": at,
            "currency": "EUR",
            "email": f"somebody-{number}@example.com",
            "note": "x" * 1500,
            "line_items": [
                {"id": number * 10 + line, "quantity": 1, "sku": f"SKU-{line}", "price": "1.79"}
                for line in range(10)
            ],
        }
        body = json.dumps(order).encode()
        mac = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        head = (
            f"POST /v1/feeds/shop/webhooks HTTP/1.1\r\nHost: {host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Shopify-Topic: orders/create\r\nX-Shopify-Shop-Domain: oats.myshopify.com\r\n"
            f"X-Shopify-Webhook-Id: w-{number}\r\nX-Shopify-Hmac-Sha256: {mac}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


async def fire(requests: list[bytes], port: int, context: ssl.SSLContext) -> list[Sent]:
    """Send each when it is due, over kept connections; one that is busy is not waited for."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("localhost", port, ssl=context))
    started = time.monotonic() + 0.1

    async def one(number: int, request: bytes) -> Sent:
        due = started + number / WEBHOOKS_PER_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        reader, writer = await free.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-le")
        )
        await reader.readexactly(length)
        elapsed = (time.monotonic() - due) * 1000
        free.put_nowait((reader, writer))
        return Sent(int(head[9:12]), elapsed)

    return await asyncio.gather(*(one(number, each) for number, each in enumerate(requests)))


def cloud(command: str, url: str, pki: Path, **more: str) -> subprocess.Popen[bytes]:
    """One of the cloud's real processes."""
    environment = {
        "PATH": os.environ["PATH"],
        "QM_DATABASE_URL": url,
        "QM_PKI": str(pki),
        "QM_TRUST_DOMAIN": TRUST_DOMAIN,
        **more,
    }
    code = "import sys; from deploy.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", code, "cloud", command]
    return subprocess.Popen(
        arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def listening(port: int) -> None:
    """Wait until somebody answers there."""
    import socket

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the API does not listen")


def measure(url: str, seconds: int) -> Figures:
    """All of it, on a migrated database."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        pki = folder / "pki"
        create(pki, trust_domain=TRUST_DOMAIN, clock=WallClock())
        names = [f"gw-{number}" for number in range(GATEWAYS)]
        with psycopg.connect(url) as connection:
            stage(connection, [Hand(each) for each in names], items=1200, locations=25)
            settings = {"shop": "oats.myshopify.com"}
            new = NewFeed("shop", "shopify", channel="web", settings=settings)
            feeds.add(connection, new, now=Micros(WallClock().now()))
        write_secret(folder / "secrets", "shop", SECRET)
        broker = stack.enter_context(Broker(folder / "broker", pki=pki))
        port, door = free_port(), free_port()
        processes = [
            cloud("ingest", url, pki, QM_BROKER_PORT=str(broker.service_port)),
            cloud(
                "serve",
                url,
                pki,
                QM_API_PORT=str(port),
                QM_DOOR_PORT=str(door),
                QM_FEED_SECRETS=str(folder / "secrets"),
            ),
        ]
        stack.callback(lambda: [_end(process) for process in processes])
        listening(port)
        where = Where(url, pki, folder, broker.gateway_port, port)
        return _under_load(where, names, seconds)


def _under_load(where: Where, names: list[str], seconds: int) -> Figures:
    url, pki, folder, broker, port = where
    context = get_context("spawn")
    pipes = []
    for name in names:
        near, far = context.Pipe()
        arguments = (far, name, pki, folder, broker, PER_SEGMENT)
        context.Process(target=sender, args=arguments, daemon=True).start()
        near.send(
            int(EVENTS_PER_S / GATEWAYS * (seconds + 2 * WARM_S)) // PER_SEGMENT * PER_SEGMENT
        )
        pipes.append(near)
    for pipe in pipes:
        pipe.recv()
    tls = ssl.create_default_context(cafile=str(pki / "root.crt"))
    asyncio.run(fire(webhooks(150, "localhost")[:50], port, tls))  # connections, caches, plans
    for pipe in pipes:
        pipe.send("go")
    time.sleep(WARM_S)
    requests = webhooks(150 + WEBHOOKS_PER_S * seconds, "localhost")[150:]
    answers = asyncio.run(fire(requests, port, tls))
    paces = [pipe.recv() for pipe in pipes]
    times = sorted(sent.ms for sent in answers)
    taken = sum(sent.status == 200 for sent in answers)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*), sum(repeats) FROM feed_delivery").fetchone()
        events = connection.execute("SELECT count(DISTINCT (gateway_id, seq)) FROM movement")
        applied = events.fetchone()
    assert row is not None
    assert applied is not None
    p99 = times[int(len(times) * 0.99)]
    rate = sum(pace for pace, _ in paces)
    print(
        f"webhooks: {len(answers)} in {seconds} s, {taken} taken,"
        f" fastest tenth {times[len(times) // 10]:.1f} ms, p50 {statistics.median(times):.1f} ms,"
        f" p99 {p99:.1f} ms, worst {times[-1]:.1f} ms; ingest {rate:,.0f} events/s to the last"
        f" watermark, senders at most {max(late for _, late in paces)} ms late",
        flush=True,
    )
    return {
        "webhooks_per_s": WEBHOOKS_PER_S,
        "webhook_p50_ms": round(statistics.median(times), 1),
        "webhook_p99_ms": round(p99, 1),
        "webhooks_lost": len(answers) - (row[0] - 50),
        "ingest_events_per_s": round(rate),
        "ingest_events": int(applied[0]),
        "webhooks_ok": p99 <= P99_MS
        and taken == len(answers)
        and row[0] == len(answers) + 50
        and rate >= 0.97 * EVENTS_PER_S,
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)
