"""How many signed events a second one ingest worker takes into the ledger, on two cores in all.

Four gateways, each a process of its own, replay pre-signed segments over mutual-TLS MQTT through a
real mosquitto; one worker (``quartermaster cloud ingest``) verifies and applies them; TimescaleDB
commits durably (fsync and synchronous_commit on). Senders keep a window of segments above their
signed watermark and resend what stays uncovered, as a gateway does. The clock runs from the first
publish to the last watermark. Seven of eight events are one movement, the eighth is two.

``raw_copy_per_s`` is psycopg's binary COPY with write_row of the same rows into the same
hypertable, 1,000 rows a transaction, in the same run and in the same representation. ``lost`` and
``doubled`` compare the movements and the balances in the database with sums that the senders kept
themselves.

Bars: 50,000 events/s (median of 3), ratio 0.20, lost = doubled = 0.

What limits it: processor time. An event costs about 27 µs over both cores, which caps two cores at
some 74,000 events/s; each run prints its own split.

* worker, 12 µs: decode and verify 4.0 · positions and rows 2.7 (0.7 of it ``shared.movements``) ·
  writing the rows of three COPYs 2.9 · event ids and routing 0.8 · the rest threads and MQTT.
  Python runs one thread at a time, so one worker ends at about 75,000 events/s on any machine.
* database, 12 µs: balances 4.3 (a temporary table, then an upsert in the order of keys; every
  update stays on its page) · movements 3.1 (1.3 of it the two indexes) · event ids 0.9 · segments
  0.7 · the rest is 640 bytes of write-ahead log per event, its commits and its writer.
* broker 0.3 and the four senders 0.8.

Two batches are settled at a time because one alone leaves 0.8 of two cores idle (42,000 events/s):
it prepares rows while the database waits, and waits while the database works. Anything else that
runs takes its share at once: ``cores busy`` against the split tells a loaded machine from a slow
one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from cloud.db import migrate
from cloud.ledger import store
from deploy.broker import Broker
from deploy.database import DURABLE, timescale
from deploy.pki import create
from shared.downlink import Watermark, verify_message
from shared.events import EventData, Line, Moved, Received, Shipped, StockState
from shared.ids import GatewayId
from tests.support import WallClock
from tests.support.certificates import device_credentials, tls_context
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

GATEWAYS = 4
ITEMS = 1200
LOCATIONS = 25
WINDOW = 40
"""Segments that a sender has in flight above its watermark."""
RESEND_S = 5.0
RUNS = 3
Sums = dict[tuple[str, str, str, str, int], int]


class Replay:
    """One gateway: makes and signs segments beforehand, then sends them against its watermark."""

    def __init__(self, name: str, pki: Path, folder: Path, port: int, per_segment: int) -> None:
        self.hand = Hand(name)
        self.per_segment = per_segment
        self.sums: Sums = defaultdict(int)
        self.covered = 0
        self.moved = threading.Condition()
        self.done_at = 0.0
        public: Any = load_pem_private_key((pki / "downlink.key").read_bytes(), None).public_key()
        ready = threading.Event()

        def on_message(_client: object, _userdata: object, message: Any) -> None:
            mark = verify_message(
                message.payload,
                public,
                Watermark,
                trust_domain=TRUST_DOMAIN,
                gateway=GatewayId(name),
                now=0,
            )
            with self.moved:
                if mark.contiguous_seq > self.covered:
                    self.covered = mark.contiguous_seq
                    self.done_at = time.monotonic()
                    self.moved.notify()

        self.client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        self.client.tls_set_context(tls_context(pki, device_credentials(pki, folder / name, name)))
        self.client.max_inflight_messages_set(2 * WINDOW)
        self.client.on_message = on_message
        self.client.on_connect = lambda client, *_: client.subscribe(f"qm/v1/{name}/ack", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        if not ready.wait(20):
            raise RuntimeError("no broker")

    def fact(self) -> EventData:
        """One fact, added to this sender's own sums."""
        rng = self.hand.rng
        item, place = rng.randrange(ITEMS), rng.randrange(LOCATIONS)
        quantity = 1 + rng.randrange(20)
        sku, lot, where = f"SKU-{item}", f"L{item % 97:04}", f"L{place}"
        raw = f"]C10109501101{item:05}310{lot}"
        line = Line(sku, quantity, lot=lot, raw=raw, catalog=1)
        kind = rng.randrange(8)
        available = int(StockState.AVAILABLE)
        if kind < 4:
            self.sums[self.hand.name, sku, where, lot, available] += quantity
            return Received(line, where)
        self.sums[self.hand.name, sku, where, lot, available] -= quantity
        if kind < 7:
            return Shipped(line, where, StockState.AVAILABLE)
        there = f"L{(place + 1) % LOCATIONS}"
        self.sums[self.hand.name, sku, there, lot, available] += quantity
        return Moved(line, where, there)

    def prepare(self, events: int) -> list[tuple[int, bytes]]:
        """The next segments, with the last sequence number of each."""
        made: list[tuple[int, bytes]] = []
        for _ in range(events // self.per_segment):
            body = self.hand.segment(*[self.fact() for _ in range(self.per_segment)])
            self.hand.made.clear()
            made.append((self.hand.seq, body))
        return made

    def replay(self, segments: list[tuple[int, bytes]]) -> tuple[float, float, int]:
        """Send all; returns first publish, last watermark and how many were sent again."""
        topic = f"qm/v1/{self.hand.name}/seg"
        last = segments[-1][0]
        sent = resent = base = 0
        started = time.monotonic()
        while self.covered < last:
            while base < len(segments) and segments[base][0] <= self.covered:
                base += 1
            while sent < len(segments) and sent < base + WINDOW:
                self.client.publish(topic, segments[sent][1], qos=1)
                sent += 1
            with self.moved:
                before = self.covered
                if before >= segments[base][0]:
                    continue
                if not self.moved.wait(RESEND_S) and self.covered == before:
                    resent += sent - base
                    sent = base
        return started, self.done_at, resent


def sender(pipe: Pipe, *where: Any) -> None:
    """The process of one gateway: prepares and replays on command."""
    replay = Replay(*where)
    segments: list[tuple[int, bytes]] = []
    while True:
        match pipe.recv():
            case ("prepare", int(events)):
                segments = replay.prepare(events)
                pipe.send(len(segments))
            case ("replay",):
                pipe.send(replay.replay(segments))
            case ("sums",):
                pipe.send((dict(replay.sums), replay.hand.seq))
            case _:
                replay.client.disconnect()
                replay.client.loop_stop()
                return


def raw_copy(url: str, rows: list[tuple[Any, ...]]) -> float:
    """Rows a second of plain COPY: the same rows, marked by gateway 0, 1,000 a transaction."""
    started = time.monotonic()
    with psycopg.connect(url) as connection:
        for start in range(0, len(rows), 1000):
            store.copy_movements(connection, rows[start : start + 1000])
            connection.commit()
    return len(rows) / (time.monotonic() - started)


def rows_of(url: str, above: int, count: int) -> list[tuple[Any, ...]]:
    """Rows of the last run as they are copied."""
    statement = """
        SELECT (extract(epoch FROM received_at) * 1000000)::bigint - 946684800000000,
               (extract(epoch FROM occurred_at) * 1000000)::bigint - 946684800000000,
               seq, decode(replace(event_id::text, '-', ''), 'hex'), 0, epoch, site_id, item_id,
               location_id, quantity, state, kind, leg, clock_state, lot, serial, device
        FROM movement WHERE gateway_id <> 0 AND seq > %s ORDER BY received_at, seq LIMIT %s"""
    with psycopg.connect(url) as connection:
        return connection.execute(statement, [above, count]).fetchall()


def verify(url: str, sums: Sums, made: dict[str, int]) -> tuple[int, int, int]:
    """Lost and doubled events, and balance keys: the database against the senders' own sums."""
    with psycopg.connect(url) as connection:
        lost = doubled = 0
        for name, seq in made.items():
            rows, events = connection.execute(
                "SELECT count(*), count(DISTINCT seq) FROM movement JOIN gateway USING (gateway_id)"
                " WHERE name = %s",
                [name],
            ).fetchone() or (0, 0)
            distinct = connection.execute(
                "SELECT count(*) FROM (SELECT DISTINCT seq, leg FROM movement JOIN gateway "
                "USING (gateway_id) WHERE name = %s) x",
                [name],
            ).fetchone() or (0,)
            lost += seq - events
            doubled += rows - distinct[0]
        balances = {
            tuple(row[:5]): row[5]
            for row in connection.execute(
                "SELECT substr(s.code, 3), i.sku, l.code, b.lot, b.state, b.quantity FROM balance b"
                " JOIN site s USING (site_id) JOIN item i USING (item_id)"
                " JOIN location l ON l.location_id = b.location_id"
            )
        }
    for key in sums.keys() | balances.keys():
        difference = balances.get(key, 0) - sums.get(key, 0)
        if difference:
            print("differs", key, balances.get(key), sums.get(key), file=sys.stderr)
            doubled += 1
    return lost, doubled, len(balances)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Processor time of the whole machine, not idle."""
    fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


class Meter:
    """Processor time by part since it was made."""

    def __init__(self, url: str, pids: dict[str, list[int]]) -> None:
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity").fetchall()
            own = connection.info.backend_pid
        self._pids = {**pids, "database": [row[0] for row in rows if row[0] != own]}
        self._before = self._now()
        self._busy = busy_seconds()

    def _now(self) -> dict[str, float]:
        return {
            part: sum(cpu_seconds(pid) for pid in pids if Path(f"/proc/{pid}").exists())
            for part, pids in self._pids.items()
        }

    def says(self, events: int, seconds: float) -> str:
        """Microseconds per event by part, and how much of the machine was busy with anything."""
        now = self._now()
        parts = ", ".join(
            f"{part} {(now[part] - before) / events * 1e6:.1f}"
            for part, before in self._before.items()
        )
        busy = (busy_seconds() - self._busy) / seconds
        return f"us/event: {parts}; {busy:.2f} of {os.cpu_count()} cores busy"


def worker_process(url: str, pki: Path, port: int, command: list[str]) -> subprocess.Popen[bytes]:
    """The real command, with settings for this bench."""
    environment = {
        "PATH": os.environ["PATH"],
        "QM_DATABASE_URL": url,
        "QM_PKI": str(pki),
        "QM_TRUST_DOMAIN": TRUST_DOMAIN,
        "QM_BROKER_PORT": str(port),
    }
    code = "import sys; from deploy.cli import main; sys.exit(main())"
    return subprocess.Popen([*command, "-c", code, "cloud", "ingest"], env=environment)


def main() -> None:
    """Run the bench; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=409_600, help="per run, all gateways")
    parser.add_argument("--per-segment", type=int, default=256)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--profile", help="prefix of the worker's command, e.g. a profiler")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, timescale(settings=DURABLE) as url:
        folder = Path(name)
        create(folder / "pki", trust_domain=TRUST_DOMAIN, clock=WallClock())
        migrate(url)
        names = [f"gw-{number}" for number in range(GATEWAYS)]
        with psycopg.connect(url) as connection:
            stage(connection, [Hand(each) for each in names], items=ITEMS, locations=LOCATIONS)
        with Broker(folder / "broker", pki=folder / "pki") as broker:
            print(json.dumps(measure(options, url, folder, broker, names)))


def measure(
    options: argparse.Namespace, url: str, folder: Path, broker: Broker, names: list[str]
) -> dict[str, Any]:
    """All runs against a running broker and database."""
    context = get_context("spawn")
    command = [*(options.profile.split() if options.profile else []), sys.executable]
    worker = worker_process(url, folder / "pki", broker.service_port, command)
    pipes: list[Pipe] = []
    processes = []
    for name in names:
        near, far = context.Pipe()
        arguments = (far, name, folder / "pki", folder, broker.gateway_port, options.per_segment)
        process = context.Process(target=sender, args=arguments, daemon=True)
        process.start()
        pipes.append(near)
        processes.append(process)
    rates: list[float] = []
    raws: list[float] = []
    lost = doubled = keys = above = 0
    each = options.events // GATEWAYS
    for run in range(options.runs):
        for pipe in pipes:
            pipe.send(("prepare", each))
        segments = sum(pipe.recv() for pipe in pipes)
        parts = {
            "worker": [worker.pid],
            "broker": [broker.pid or 0],
            "senders": [process.pid or 0 for process in processes],
        }
        meter = Meter(url, parts)
        for pipe in pipes:
            pipe.send(("replay",))
        spans = [pipe.recv() for pipe in pipes]
        seconds = max(span[1] for span in spans) - min(span[0] for span in spans)
        spent = meter.says(segments * options.per_segment, seconds)
        rates.append(segments * options.per_segment / seconds)
        sums: Sums = {}
        made: dict[str, int] = {}
        for name, pipe in zip(names, pipes, strict=True):
            pipe.send(("sums",))
            part, made[name] = pipe.recv()
            sums |= part
        lost, doubled, keys = verify(url, sums, made)
        rows = rows_of(url, above, 200_000)
        above = min(made.values())
        raws.append(raw_copy(url, rows))
        print(
            f"run {run + 1}: {rates[-1]:,.0f} events/s in {seconds:.1f} s; raw COPY "
            f"{raws[-1]:,.0f} rows/s; {spent}; {keys:,} balance keys; resent "
            f"{sum(span[2] for span in spans)}; lost {lost}, doubled {doubled}",
            flush=True,
        )
    peak = next(
        int(line.split()[1]) / 1024
        for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )
    for pipe in pipes:
        pipe.send(("end",))
    for process in processes:
        process.join(10)
    worker.terminate()
    worker.wait(20)
    events, raw = statistics.median(rates), statistics.median(raws)
    return {
        "events_per_s": round(events),
        "raw_copy_per_s": round(raw),
        "ratio": round(events / raw, 3),
        "lost": lost,
        "doubled": doubled,
        "balance_keys": keys,
        "events_per_segment": options.per_segment,
        "worker_peak_mib": round(peak, 1),
    }


if __name__ == "__main__":
    main()
