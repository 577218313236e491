"""Countersigned heads: once a day the cloud signs what it has of each gateway, for both to keep.

The record names gateway, epoch, sequence number and hash, so it stands for every event below. The
cloud keeps it in an append-only table, the gateway in its own store: whoever changes one side's
history later is contradicted by the other side's copy. :func:`check` holds the cloud's own records
against the segments that it has now.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from cloud.db import Connection
from cloud.fleet import store
from cloud.fleet.model import Doubt, Witnessed
from shared.downlink import DailyHead
from shared.errors import QuartermasterError
from shared.events import event_hash
from shared.ids import GatewayId
from shared.segment import header, parse
from shared.units import DAY, Micros

SAID_AGAIN: Final = 7
"""Days for which a record is said again, in case that the gateway was away."""

Seal = Callable[[GatewayId, DailyHead], bytes]
"""Signs one record for one gateway."""


def day_of(now: Micros) -> str:
    """The day, in UTC."""
    return f"{datetime.fromtimestamp(now / 1_000_000, UTC):%Y-%m-%d}"


def sign_heads(
    connection: Connection,
    seal: Seal,
    *,
    generation: int,
    now: Micros,
    gateway: str | None = None,
    moved: bool = False,
) -> int:
    """Sign the heads that have no record of today; returns how many.

    Args:
        connection: the caller's transaction.
        seal: signs.
        generation: the cloud's.
        now: when.
        gateway: only this one's.
        moved: also those that have moved since today's record.
    """
    day = day_of(now)
    heads = store.heads_to_witness(
        connection, day=day, generation=generation, gateway=gateway, moved=moved
    )
    for gateway_id, name, epoch, seq, head_hash in heads:
        record = DailyHead(day, generation, epoch, seq, head_hash)
        message = seal(GatewayId(name), record)
        store.insert_witness(connection, gateway_id, record, message, now=now)
    return len(heads)


def recent(connection: Connection, *, now: Micros, after: int = 0) -> list[Witnessed]:
    """The records to say (again) to gateways in standing; those after a number only."""
    since = day_of(Micros(now - (SAID_AGAIN - 1) * DAY))
    return store.witnesses(connection, since=since, after=after)


def records(connection: Connection, *, gateway: str | None, limit: int) -> list[Witnessed]:
    """All records, oldest first."""
    return store.witnesses(
        connection, since="0001-01-01", gateway=gateway, revoked=True, limit=limit
    )


def check(connection: Connection, record: Witnessed) -> Doubt | None:
    """Why what the cloud has now is not what it once countersigned; None when it is."""
    seq, first_seq, body = store.history_at(
        connection, gateway=record.gateway, epoch=record.epoch, seq=record.seq
    )
    if body is None or first_seq is None or (seq or 0) < record.seq:
        return Doubt(record, f"the head stands at {seq or 0}")
    try:
        bodies = header(parse(body)).events
        found = event_hash(bodies[record.seq - first_seq])
    except (QuartermasterError, IndexError):
        return Doubt(record, "the segment cannot be read")
    if found != record.head_hash:
        return Doubt(record, f"the event there has the hash {found.hex()}")
    return None
