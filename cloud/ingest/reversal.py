"""Take back what stood above a link that broke: the third, rare transaction of ingest.

What is applied before its link is verified is provisional. When a neighbour turns out not to link,
the epoch is frozen at its verified head, and then, segment by segment, all that is stored above:

* what it did is undone by records that say the contrary (``take_back``; nothing is erased);
* the ids of its events are given up, so that the same scans count when they are stated again, and
  a scan that was set aside because one of these events had stated it before counts now;
* the segment itself, which stays as evidence, is set aside with the reason, for a person to decide
  whether its scans are taken over (:mod:`cloud.ingest.rehoming`);
* a row of ``reversal`` names both ends of the link.

Each segment is taken back once: its row is written in the same transaction, under the lock on the
epoch's head. A segment that a slower worker adds to a frozen epoch is found by the next sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.ingest import store
from cloud.ingest.chain import Head
from cloud.ingest.model import (
    Chain,
    Provisional,
    Rejected,
    Reversal,
    TakenBack,
    Tally,
)
from cloud.ingest.ports import Routes, TakeBack
from cloud.ingest.replay import recount
from cloud.ingest.service import keep
from shared.errors import QuartermasterError
from shared.events import decode_event
from shared.segment import header, parse
from shared.units import Micros

BATCH: Final = 128
"""As many segments are taken back in one transaction."""


def provisional(connection: Connection) -> list[Chain]:
    """Frozen epochs of which something above the verified head still counts."""
    return store.provisional_chains(connection)


def reverse(
    connection: Connection,
    chain: Chain,
    *,
    take_back: TakeBack,
    routes: Routes,
    worker: str,
    at: Micros,
) -> TakenBack | None:
    """Take back the oldest segments above the head of a frozen epoch; None when nothing is left.

    Args:
        connection: an open transaction that the caller commits.
        chain: the epoch; one that is not frozen is left alone.
        take_back: undoes what the events did.
        routes: what each type of event does, for scans that another event states.
        worker: whose counts these are.
        at: from when on this is known.
    """
    row = store.lock_heads(connection, [chain], at)[chain]
    head = row.head
    due = store.provisional(connection, chain, head.contiguous_seq, BATCH) if row.frozen else []
    if not due:
        return None
    name, site_id = store.gateway_names(connection, [chain.gateway_id])[chain.gateway_id]
    why = store.frozen(connection, [chain.gateway_id])[chain]
    ids = sorted(event_id for stored in due for event_id in _ids(stored.body))
    free = store.release_ids(connection, chain, head.contiguous_seq, ids)
    since = min(stored.received_at for stored in due)
    ranges = [(stored.first_seq, stored.last_seq) for stored in due]
    moved = take_back(connection, Provisional(chain, ranges, since), at)
    reversals = _reversals(connection, chain, head, due, moved, why=why, at=at)
    store.note_reversals(connection, reversals)
    keep(connection, [_set_aside(name, site_id, chain, stored, why) for stored in due], at)
    done = TakenBack(
        len(due),
        sum(reversal.events for reversal in reversals),
        sum(reversal.movements for reversal in reversals),
    )
    told = f"{why}; {done.events} events in {done.segments} segments above it are taken back"
    raise_exception(connection, "segment.link", name, told, at=at, site_id=site_id)
    aside = Tally(
        segments_applied=-done.segments,
        segments_quarantined=done.segments,
        events_applied=-done.events,
        events_quarantined=done.events,
    )
    store.count(connection, worker, name, aside)
    by = f"reversal of epoch {chain.epoch} of {name}"
    return done._replace(recounted=recount(connection, free, routes, since=since, by=by, at=at))


def _reversals(
    connection: Connection,
    chain: Chain,
    head: Head,
    due: Sequence[store.Stored],
    moved: Mapping[int, int],
    *,
    why: str,
    at: Micros,
) -> list[Reversal]:
    """The records: what of each segment counted until now, between which ends."""
    aside = store.set_aside_above(connection, chain, head.contiguous_seq)
    other = store.first_above(connection, chain, head.contiguous_seq)
    other_seq, other_hash = other or (due[0].first_seq, due[0].prev_hash)
    rows: list[Reversal] = []
    for stored in due:
        seqs = range(stored.first_seq, stored.last_seq + 1)
        rows.append(
            Reversal(
                chain.gateway_id,
                chain.epoch,
                stored.first_seq,
                stored.last_seq,
                "segment.link",
                why,
                head.contiguous_seq,
                head.head_hash,
                other_seq,
                other_hash,
                sum(seq not in aside for seq in seqs),
                sum(moved.get(seq, 0) for seq in seqs),
                at,
            )
        )
    return rows


def _set_aside(name: str, site_id: int, chain: Chain, stored: store.Stored, why: str) -> Rejected:
    return Rejected(
        name,
        chain.gateway_id,
        site_id,
        chain.epoch,
        stored.first_seq,
        stored.last_seq,
        True,
        stored.sha256,
        stored.body,
        QuartermasterError("segment.link", why),
    )


def _ids(body: bytes) -> list[bytes]:
    """The event ids in a segment that was verified when it came."""
    found: list[bytes] = []
    for event in header(parse(body)).events:
        try:
            found.append(decode_event(event).id)
        except QuartermasterError:
            continue  # it was set aside alone when it came
    return found
