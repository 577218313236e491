"""Outbox: durable, chained, signed events per second against bare SQLite inserts.

Both sides write the same number of bytes per event into a SQLite file on the same disk, WAL,
``synchronous=FULL``, 64 events a transaction, in turns, three times; the medians count. Ours is the
gateway's real path: units of work handed to the store's writer, each event encoded and
hash-chained, and, as with an open send window, sealed into a signed, stored segment in the very
transaction that makes it durable. The bare side inserts ready-made blobs. The line before the last
tells the same with a full window: three groups wait in their table, with the fourth all 256 are
sealed (each event is then written twice).

What limits it, on a 2-core machine with an fdatasync of 0.25 ms, per event: 3.3 µs of CBOR, 0.4 µs
of SHA-256, 1 µs of bookkeeping, 2 µs of sealing (the signature is 0.4 µs of it), 3.5 µs share of
the commit; 64 bare inserts and their commit cost 4.5 µs. A slower disk brings the two closer; a
busy one makes both numbers jump, hence the turns and medians.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.db import MAX_GROUP, Connection, Database
from edge.outbox import Outbox, Signer
from shared.cose import key_id
from shared.events import Line, Received
from shared.ids import GatewayId
from shared.segment import MAX_EVENTS

EVENTS = 65_536
ROUNDS = 3
AHEAD = 64
"""Groups handed to the writer at a time, as under load."""
OPEN, FULL = 1, MAX_EVENTS // MAX_GROUP
"""Groups to a segment, with an open and with a full send window."""
NOW = 1_763_650_000_000_000


def ours(folder: Path, events: int, *, groups: int = OPEN) -> tuple[float, int]:
    """Events per second through the outbox, and the bytes of one event."""
    key = Ed25519PrivateKey.generate()
    gateway = GatewayId("gw-bench")
    kid = key_id(key.public_key())
    outbox = Outbox(Signer(key.sign, kid, "quartermaster.local", gateway, 1))
    database = Database(folder / "gateway.db")
    database.around(outbox.begin, outbox.end)
    database.run_blocking(lambda connection: outbox.open(connection, NOW))
    line = Line(
        "SKU-004711", 12, "L2025A", None, "2027-01-31", None, "]C1019506000134359310L2025A", 7
    )
    data = Received(line, "DOCK-1")
    ids = [os.urandom(16) for _ in range(MAX_GROUP)]

    def group(connection: Connection) -> None:
        for event_id in ids:
            outbox.append(
                connection, data, event_id=event_id, device="sc-01", occurred_at=NOW, clock_state=1
            )

    def last_group(connection: Connection) -> None:
        group(connection)
        outbox.seal(connection, NOW)

    def write(number: int) -> None:
        units = [*[group] * (groups - 1), last_group] * (AHEAD // groups)
        for _ in range(number // MAX_GROUP // AHEAD):
            underway = [database.submit(unit, weight=MAX_GROUP) for unit in units]
            for future in reversed(underway):
                future.result()

    write(events // 4)  # the log file reaches its size, the pages are in the cache
    began = time.perf_counter()
    write(events)
    seconds = time.perf_counter() - began
    depth = outbox.depth(database.reader)
    if depth.waiting or depth.unacknowledged_events != events + events // 4:
        raise AssertionError(depth)
    (segment_bytes,) = database.reader.execute("SELECT sum(length(body)) FROM segment").fetchone()
    database.close()
    return events / seconds, segment_bytes // (events + events // 4)


def bare(folder: Path, events: int, size: int) -> float:
    """Bare inserts of blobs of the same size per second."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    bodies = [(os.urandom(size),) for _ in range(MAX_GROUP)]

    def write(number: int) -> None:
        for _ in range(number // MAX_GROUP):
            connection.execute("BEGIN IMMEDIATE")
            for body in bodies:
                connection.execute("INSERT INTO event (body) VALUES (?)", body)
            connection.execute("COMMIT")

    write(events // 4)
    began = time.perf_counter()
    write(events)
    seconds = time.perf_counter() - began
    connection.close()
    return events / seconds


def main() -> None:
    """Run in turns and print one JSON object as the last line."""
    rates: list[float] = []
    raws: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=os.environ.get("QM_BENCH_DIR")) as name:
            rate, size = ours(Path(name), EVENTS)
            raw = bare(Path(name), EVENTS, size)
        rates.append(rate)
        raws.append(raw)
        print(f"outbox {rate:,.0f}/s  bare {raw:,.0f}/s  ({size} bytes an event)")
    rate, raw = statistics.median(rates), statistics.median(raws)
    with tempfile.TemporaryDirectory(dir=os.environ.get("QM_BENCH_DIR")) as name:
        full, _ = ours(Path(name), EVENTS, groups=FULL)
    print(f"with a full window {full:,.0f}/s, ratio {full / raw:.3f}")
    result = {"events_per_s": round(rate), "raw_sqlite_per_s": round(raw)}
    print(json.dumps({**result, "ratio": round(rate / raw, 3)}))


if __name__ == "__main__":
    main()
