"""The heads that the cloud countersigned: kept here, so that no cloud can forget what it had."""

from __future__ import annotations

from typing import Final, NamedTuple

from edge.db import Connection, Queries
from edge.outbox.history import contradicts
from shared.downlink import DailyHead, Watermark

_SQL: Final = Queries(__package__ or "edge.outbox")


class WitnessState(NamedTuple):
    """The newest countersigned head, and why one of them is in doubt (empty: none is)."""

    day: str
    generation: int
    epoch: int
    seq: int
    disagreed: str


def keep_witness(connection: Connection, head: DailyHead, message: bytes, now: int) -> str | None:
    """Keep a countersigned head with its signed bytes, agreeing with this database or not.

    Returns:
        Why this database and the cloud cannot both be true; empty when they agree; None when this
        very head was kept before.
    """
    said = Watermark(head.generation, head.epoch, head.seq, head.head_hash)
    why = contradicts(connection, said)
    kept = connection.execute(
        _SQL["keep_witness"],
        {
            "generation": head.generation,
            "epoch": head.epoch,
            "seq": head.seq,
            "day": head.day,
            "head_hash": head.head_hash,
            "message": message,
            "now": now,
            "disagreed": why or None,
        },
    )
    return why if kept.rowcount else None


def witness_state(connection: Connection) -> WitnessState | None:
    """What is kept (any connection); None before the first."""
    newest = connection.execute(_SQL["witnessed"]).fetchone()
    if newest is None:
        return None
    doubt = connection.execute(_SQL["disagreed"]).fetchone()
    day, generation, epoch, seq = newest
    return WitnessState(day, generation, epoch, seq, "" if doubt is None else doubt[0])
