"""Apply from the quarantine what can be applied now, exactly once, through the same handlers.

One transaction per entry. What is applied is released by a row that names when and by whom; what
still cannot be applied stays, with the new reason beside the old one. Nothing is taken on trust
from the quarantine's own copy of an event: its bytes are read from the stored segment that was
verified when it came. A whole segment is examined and applied as if it had just arrived.

An event is applied once because its identity is: (gateway, epoch, seq) is released once, and its
id belongs to one event in the whole cloud.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from cloud.db import Connection
from cloud.ingest import store
from cloud.ingest.model import (
    Arrived,
    Chain,
    Facts,
    Origin,
    Quarantined,
    Rejected,
    Replay,
    Tally,
)
from cloud.ingest.ports import Lookup, Routes
from cloud.ingest.service import apply
from cloud.ingest.verification import examine
from shared.errors import Code, QuartermasterError
from shared.events import Event, decode_event, event_hash
from shared.ids import GatewayId
from shared.segment import header, parse
from shared.units import Micros

WORKER = "replay"
"""Whose counts a replay changes."""


class Replayed(NamedTuple):
    """What became of one entry; ``code`` and ``detail`` say why it stays."""

    quarantine_id: int
    gateway: str
    epoch: int | None
    first_seq: int | None
    last_seq: int | None
    was: str
    outcome: Literal["applied", "refused"]
    code: str
    detail: str


class Bench(NamedTuple):
    """What a replay works with: handlers, the registry, and whose segments these are."""

    routes: Routes
    lookup: Lookup
    trust_domain: str


class _StillRefusedError(Exception):
    """Takes the savepoint back."""

    def __init__(self, error: QuartermasterError) -> None:
        super().__init__(str(error))
        self.error = error


def waiting(
    connection: Connection,
    *,
    ids: Collection[int] | None = None,
    code: str | None = None,
    gateway: str | None = None,
) -> list[int]:
    """The entries that were not released, oldest first: all, or those that match."""
    return store.waiting(connection, ids=ids, code=code, gateway=gateway)


def history(connection: Connection, *, limit: int = 100) -> list[Replay]:
    """What was tried again, newest first."""
    return store.replays(connection, limit)


def replay(
    connection: Connection, quarantine_id: int, bench: Bench, *, by: str, at: Micros
) -> Replayed | None:
    """Try one entry again in the caller's transaction; ``None`` when it is released already.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    item = store.locked_quarantined(connection, quarantine_id)
    if item is None:
        raise QuartermasterError("request.not-found", f"nothing is quarantined as {quarantine_id}")
    if item.released:
        return None
    refusal: QuartermasterError | None = None
    try:
        with connection.transaction():
            if item.whole_segment:
                _apply_segment(connection, item, bench, at)
            else:
                _apply_event(connection, item, bench.routes, at)
    except _StillRefusedError as refused:
        refusal = refused.error
    store.note_replay(connection, item, refusal, by=by, at=at)
    return Replayed(
        item.quarantine_id,
        item.gateway,
        item.epoch,
        item.first_seq,
        item.last_seq,
        item.code,
        "applied" if refusal is None else "refused",
        "" if refusal is None else refusal.code,
        "" if refusal is None else refusal.detail,
    )


def recount(
    connection: Connection,
    ids: Collection[bytes],
    routes: Routes,
    *,
    since: Micros,
    by: str,
    at: Micros,
) -> int:
    """Let scans count by the events that stated them later, once the first is taken back.

    Args:
        connection: the transaction of the reversal.
        ids: the scans' ids, which nobody holds now.
        routes: what each type of event does.
        since: before this moment none of them can have been set aside.
        by: what is noted as the one who released them.
        at: when.

    Returns:
        How many count now; the others were not stated twice.
    """
    counted: set[bytes] = set()
    for quarantine_id, chain, seq, body in store.late_scans(connection, since) if ids else ():
        event_id = _id_of(connection, chain, seq, body)
        if event_id not in ids or event_id in counted or _doubted(connection, chain, seq):
            continue
        item = store.locked_quarantined(connection, quarantine_id)
        if item is None or item.released:
            continue
        try:
            with connection.transaction():
                _apply_event(connection, item, routes, at)
        except _StillRefusedError:
            continue  # it stays where it is, to be replayed by a person
        store.note_replay(connection, item, None, by=by, at=at)
        counted.add(event_id)
    return len(counted)


def _id_of(connection: Connection, chain: Chain, seq: int, body: bytes | None) -> bytes:
    """The id of a quarantined event; its bytes may be past the quota."""
    try:
        return (decode_event(body) if body else _from_evidence(connection, chain, seq)).id
    except (QuartermasterError, _StillRefusedError):
        return b""


def _apply_segment(connection: Connection, item: Quarantined, bench: Bench, at: Micros) -> None:
    if item.body is None:
        raise _refused("request.not-found", "only its hash was kept: the gateway has to resend it")
    names = [GatewayId(item.gateway)]
    arrived = Arrived(f"qm/v1/{item.gateway}/seg", item.body)
    found = examine(arrived, bench.lookup(connection, names), trust_domain=bench.trust_domain)
    if isinstance(found, Rejected):
        raise _StillRefusedError(found.error)
    done = apply(
        connection, [found], routes=bench.routes, lookup=bench.lookup, worker=WORKER, at=at
    )
    tally = done.tallies.get(item.gateway, Tally())
    if not tally.segments_applied + tally.segments_duplicate:
        raise _StillRefusedError(store.why_quarantined(connection, found.sha256))


def _apply_event(connection: Connection, item: Quarantined, routes: Routes, at: Micros) -> None:
    if item.gateway_id is None or item.epoch is None or item.first_seq is None:
        raise _refused("event.malformed", "the entry does not say which event it is")
    chain = Chain(item.gateway_id, item.epoch)
    if why := _doubted(connection, chain, item.first_seq):
        raise _refused("segment.link", why)
    event = _from_evidence(connection, chain, item.first_seq)
    if not store.claim_event_id(connection, event.id, chain, event.seq):
        raise _refused("event.duplicate-scan", "another event carries this id")
    origin = Origin(GatewayId(item.gateway), item.gateway_id, item.site_id or 0, item.epoch)
    handler = routes[type(event.data)]
    for unapplied in handler(connection, [Facts(origin, [event])], at):
        raise _StillRefusedError(unapplied.error)
    moved = Tally(events_applied=1, events_quarantined=-1)
    store.count(connection, WORKER, item.gateway, moved)


def _doubted(connection: Connection, chain: Chain, seq: int) -> str:
    """Why an event is not in force: its epoch is frozen below it. True until the commit."""
    held = store.held_head(connection, chain)
    if held is None or not held.frozen or held.head.contiguous_seq >= seq:
        return ""
    return held.why or f"epoch {chain.epoch} is frozen"


def _from_evidence(connection: Connection, chain: Chain, seq: int) -> Event:
    """The event as it stands in its verified segment."""
    body = store.segment_of(connection, chain, seq)
    if body is None:
        raise _refused("request.not-found", "its segment is not stored")
    claims = header(parse(body))
    index = seq - claims.first_seq
    previous = event_hash(claims.events[index - 1]) if index else claims.prev_hash
    try:
        event = decode_event(claims.events[index])
    except QuartermasterError as error:
        raise _StillRefusedError(error) from None
    if event.seq != seq or event.prev_hash != previous:
        raise _refused("segment.chain", f"at sequence {seq}")
    return event


def _refused(code: Code, detail: str) -> _StillRefusedError:
    return _StillRefusedError(QuartermasterError(code, detail))
