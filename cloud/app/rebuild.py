"""Recompute the ledger from its evidence: rooms that feed each other meet here."""

from __future__ import annotations

from typing import Final, NamedTuple

from cloud.catalog.service import item_ids, location_ids
from cloud.db import Connection
from cloud.ingest.evidence import evidence, stored_events
from cloud.ledger.names import Names
from cloud.ledger.rebuild import Comparison, EventFold, Progress, begin_comparison

_EVERY: Final = 50_000
"""Events between two reports of progress."""
_FLAWS: Final = 100


class Flaw(NamedTuple):
    """A stored segment that proves nothing, and why."""

    gateway: str
    epoch: int
    first_seq: int
    last_seq: int
    code: str
    detail: str


class Read(NamedTuple):
    """What the segments say: how much was read, how it compares, which of them are flawed.

    ``reversed`` segments did not link and were taken back: nothing of them counts.
    """

    events: int
    comparison: Comparison
    unknown: int
    flawed: int
    flaws: list[Flaw]
    reversed: int


def from_segments(connection: Connection, *, trust_domain: str, progress: Progress) -> Read:
    """Verify and fold every stored segment, and compare with the balances at the same moment.

    Args:
        connection: a transaction in which nothing was asked yet.
        trust_domain: what the segments were signed for.
        progress: told how many events were read.
    """
    begin_comparison(connection)
    total = stored_events(connection)
    fold = EventFold(Names(item_ids, location_ids))
    done = flawed = reversed_segments = 0
    flaws: list[Flaw] = []
    told = 0
    for item in evidence(connection, trust_domain=trust_domain):
        if item.flaw is not None:
            flawed += 1
            if len(flaws) < _FLAWS:
                flaws.append(
                    Flaw(
                        item.gateway,
                        item.epoch,
                        item.first_seq,
                        item.last_seq,
                        item.flaw.code,
                        item.flaw.detail,
                    )
                )
        reversed_segments += item.taken_back
        fold.add(connection, item.site_id, item.events)
        done += item.last_seq - item.first_seq + 1
        if done - told >= _EVERY:
            told = done
            progress(done, total)
    return Read(done, fold.compare(connection), fold.unknown, flawed, flaws, reversed_segments)
