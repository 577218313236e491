"""What is there after a fault: the cloud's tables, the gateway's file, and the signed segments.

Read past the product: plain SQL and SQLite. Segments are verified here once more, each once, with
the keys of the registry, and their events are taken from the verified bytes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deploy.demo.stack import TRUST_DOMAIN
from edge.simulator.oracle import Key
from shared.errors import QuartermasterError
from shared.events import StockState, decode_event
from shared.ids import GatewayId
from shared.segment import header, parse, verify

Place = tuple[str, int, int]
"""(gateway, epoch, seq)."""


class Head(NamedTuple):
    """How far one side has an epoch, and the hash of the last event there."""

    seq: int
    hash: bytes


class Ledger(NamedTuple):
    """One site's part of the ledger."""

    rows: Counter[str]
    """Movements by event id."""
    places: dict[str, Place]
    """Where each event came from, by its id."""
    stock: dict[Key, int]
    unfolded: list[str]
    """Positions whose balance is not the fold of their movements."""


@dataclass
class Signed:
    """Events proven by a signature: what each stored segment holds, verified as it is first met."""

    events: defaultdict[str, set[Place]] = field(default_factory=lambda: defaultdict(set))
    """Where each event stands: in two places when it was sent again in a later epoch."""
    held: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    """Events per gateway and epoch."""
    forged: list[str] = field(default_factory=list[str])
    _seen: set[Place] = field(default_factory=set[Place])
    _one: threading.Lock = field(default_factory=threading.Lock)

    def look(self, connection: psycopg.Connection) -> None:
        """Verify what has been stored since the last look."""
        with self._one:
            self._look(connection)

    def _look(self, connection: psycopg.Connection) -> None:
        keys = {
            bytes(kid): (name, Ed25519PublicKey.from_public_bytes(bytes(key)))
            for kid, name, key in connection.execute(
                "SELECT kid, name, public_key FROM gateway_key JOIN gateway USING (gateway_id)"
            )
        }
        known = Counter(gateway for gateway, _, _ in self._seen)
        for (gateway,) in connection.execute("SELECT name FROM gateway ORDER BY 1").fetchall():
            total = connection.execute(
                "SELECT count(*) FROM segment JOIN gateway USING (gateway_id) WHERE name = %s",
                [gateway],
            ).fetchone()
            if total is not None and total[0] != known[gateway]:
                self._verify(connection, gateway, keys)

    def _verify(self, connection: psycopg.Connection, gateway: str, keys: dict[bytes, Any]) -> None:
        rows = connection.execute(
            "SELECT epoch, first_seq, body FROM segment JOIN gateway USING (gateway_id)"
            " WHERE name = %s ORDER BY received_at DESC",
            [gateway],
        )
        for epoch, first_seq, body in rows:
            place = (gateway, epoch, first_seq)
            if place in self._seen:
                continue
            self._seen.add(place)
            try:
                message = parse(bytes(body))
                owner, key = keys[message.kid]
                segment = verify(
                    message, key, trust_domain=TRUST_DOMAIN, gateway=GatewayId(gateway)
                )
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it was applied
                self.forged.append(f"{gateway} {epoch}/{first_seq}: {error}")
                continue
            if owner != gateway:
                self.forged.append(f"{gateway} {epoch}/{first_seq} is signed by {owner}")
            self.held[gateway, epoch] += segment.last_seq - segment.first_seq + 1
            for event in segment.events:
                self.events[str(UUID(bytes=event.id))].add((gateway, epoch, event.seq))


def ledger_of(connection: psycopg.Connection, site: str) -> Ledger:
    """Everything that the ledger holds of a site."""
    rows: Counter[str] = Counter()
    places: dict[str, Place] = {}
    for event_id, gateway, epoch, seq, number in connection.execute(
        "SELECT event_id::text, g.name, m.epoch, m.seq,"
        " sum(CASE WHEN m.reversal THEN -1 ELSE 1 END)::int FROM movement m"
        " JOIN gateway g USING (gateway_id) JOIN site s ON s.site_id = m.site_id"
        " WHERE s.code = %s GROUP BY 1, 2, 3, 4"
        " HAVING sum(CASE WHEN m.reversal THEN -1 ELSE 1 END) <> 0",
        [site],
    ):
        rows[event_id] += number
        places[event_id] = (gateway, epoch, seq)
    stock: dict[Key, int] = {}
    unfolded: list[str] = []
    for sku, location, lot, state, balance, fold in connection.execute(_POSITIONS, [site]):
        key = Key(site, sku, location, lot, StockState(state).name.lower())
        if balance != fold:
            unfolded.append(f"{' '.join(filter(None, key))}: balance {balance}, fold {fold}")
        if fold:
            stock[key] = stock.get(key, 0) + int(fold)
    return Ledger(rows, places, stock, unfolded)


def stands(connection: psycopg.Connection, events: set[str]) -> bool:
    """Whether the ledger holds all of these events."""
    found = connection.execute(
        "SELECT count(DISTINCT event_id) FROM movement WHERE event_id = ANY(%s::uuid[])",
        [list(events)],
    ).fetchone()
    return found == (len(events),)


def arrived(connection: psycopg.Connection, site: str) -> set[str]:
    """Ids of the events of a site that the ledger holds."""
    rows = connection.execute(
        "SELECT event_id::text FROM movement JOIN site USING (site_id) WHERE code = %s"
        " GROUP BY 1 HAVING sum(CASE WHEN reversal THEN -1 ELSE 1 END) > 0",
        [site],
    )
    return {event_id for (event_id,) in rows}


_POSITIONS = """
WITH fold AS (
    SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity) AS quantity
    FROM movement JOIN site USING (site_id) WHERE code = %s GROUP BY 1, 2, 3, 4, 5, 6
), held AS (
    SELECT b.* FROM balance b WHERE site_id IN (SELECT site_id FROM fold)
)
SELECT sku, location.code, lot, state,
       coalesce(held.quantity, 0)::bigint, coalesce(fold.quantity, 0)::bigint
FROM fold FULL JOIN held USING (site_id, item_id, location_id, lot, serial, state)
JOIN item USING (item_id) JOIN location USING (location_id)
"""


def cloud_heads(connection: psycopg.Connection, gateway: str) -> dict[int, Head]:
    """The verified heads of a gateway's epochs."""
    rows = connection.execute(
        "SELECT epoch, contiguous_seq, head_hash FROM gateway_head"
        " JOIN gateway USING (gateway_id) WHERE name = %s",
        [gateway],
    )
    return {epoch: Head(seq, bytes(head)) for epoch, seq, head in rows}


def tally(connection: psycopg.Connection) -> list[str]:
    """Gateways of which more or less was received than applied, repeated and set aside."""
    rows = connection.execute(
        """
        SELECT t.gateway, sum(segments_received), sum(segments_applied), sum(segments_duplicate),
               sum(segments_quarantined), sum(events_received), sum(events_applied),
               sum(events_quarantined),
               (SELECT count(*) FROM segment JOIN gateway g USING (gateway_id)
                WHERE g.name = t.gateway)
               - (SELECT count(*) FROM reversal JOIN gateway g USING (gateway_id)
                  WHERE g.name = t.gateway)
        FROM ingest_tally t GROUP BY t.gateway
        """
    )
    return [
        f"{gateway}: received {sr} = {sa} applied + {sd} duplicate + {sq} quarantined? "
        f"stored {stored}; events {er} = {ea} + {eq}?"
        for gateway, sr, sa, sd, sq, er, ea, eq, stored in rows
        if sr != sa + sd + sq or er != ea + eq or sa != stored
    ]


def quarantine_of(connection: psycopg.Connection, gateway: str) -> Counter[str]:
    """How many different messages and events of a gateway were set aside, by reason."""
    rows = connection.execute(
        "SELECT code, count(*) FROM quarantine WHERE gateway = %s GROUP BY 1", [gateway]
    )
    return Counter(dict(rows.fetchall()))


def set_aside(connection: psycopg.Connection, gateway: str) -> set[str]:
    """Ids of the events that stand in the quarantine, in segments or singly."""
    found: set[str] = set()
    for whole, body in connection.execute(
        "SELECT whole_segment, body FROM quarantine WHERE gateway = %s AND body IS NOT NULL",
        [gateway],
    ):
        with suppress(QuartermasterError):
            bodies = header(parse(bytes(body))).events if whole else [bytes(body)]
            found.update(str(UUID(bytes=decode_event(each).id)) for each in bodies)
    return found


def alarms(connection: psycopg.Connection, gateway: str) -> set[str]:
    """What was raised about a gateway for a person to see."""
    rows = connection.execute("SELECT code FROM exception WHERE subject LIKE %s", [f"%{gateway}%"])
    return {code for (code,) in rows}


class Outbox(NamedTuple):
    """A gateway's outbox, read from its file."""

    epoch: int
    head: Head
    waiting: list[int]
    watermarks: dict[int, Head]
    stored: dict[int, list[tuple[int, int]]]
    """Stored ranges by epoch, in order."""
    frozen: str

    def freed_too_early(self) -> str:
        """Which event above the watermark is no longer there; empty when none."""
        for epoch, mark in self.watermarks.items():
            seq = mark.seq
            for first, last in self.stored.get(epoch, []):
                if last <= seq:
                    continue
                if first > seq + 1:
                    return f"epoch {epoch}: {seq + 1} is gone, the watermark is at {mark.seq}"
                seq = last
        first_waiting = self.waiting[0] if self.waiting else None
        if first_waiting is not None and self.epoch and first_waiting != self.head.seq + 1:
            return f"{self.head.seq + 1} is gone: sealed to {self.head.seq}, {first_waiting} waits"
        return ""


def outbox_of(folder: Path) -> Outbox:
    """What the gateway in this folder holds."""
    with _opened(folder / "gateway.db") as file:
        file.execute("BEGIN")
        row = file.execute("SELECT epoch, seq, hash, frozen FROM head").fetchone()
        if row is None:
            raise FileNotFoundError(folder)
        epoch, seq, head_hash, frozen = row
        waiting = [seq for (seq,) in file.execute("SELECT seq FROM waiting ORDER BY seq")]
        marks = file.execute("SELECT epoch, contiguous_seq, head_hash FROM watermark").fetchall()
        stored: dict[int, list[tuple[int, int]]] = {}
        for each, first, last in file.execute(
            "SELECT epoch, first_seq, last_seq FROM segment ORDER BY epoch, first_seq"
        ):
            stored.setdefault(each, []).append((first, last))
    return Outbox(
        epoch,
        Head(seq, head_hash),
        waiting,
        {each: Head(reached, at) for each, reached, at in marks},
        stored,
        frozen or "",
    )


def segments_of(folder: Path, limit: int = 1000) -> list[bytes]:
    """The newest stored segments of the gateway in this folder, oldest of them first."""
    with _opened(folder / "gateway.db") as file:
        rows = file.execute(
            "SELECT body FROM segment ORDER BY epoch DESC, first_seq DESC LIMIT ?", [limit]
        ).fetchall()
    return [body for (body,) in reversed(rows)]


def places_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Epoch and sequence of each event that the gateway in this folder has on its disk, by id."""
    with _opened(folder / "gateway.db") as file:
        (epoch,) = file.execute("SELECT epoch FROM head").fetchone()
        bodies = [(epoch, body) for (body,) in file.execute("SELECT body FROM waiting")]
        for each, segment in file.execute("SELECT epoch, body FROM segment"):
            bodies += [(each, body) for body in header(parse(segment)).events]
    events = [(each, decode_event(body)) for each, body in bodies]
    return {str(UUID(bytes=event.id)): (each, event.seq) for each, event in events}


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(
        sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=10)
    ) as file:
        yield file
