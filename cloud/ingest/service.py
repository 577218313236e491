"""Apply a batch, advance watermarks: the two transactions of ingest.

:func:`apply` is the first: segment records, event ids, handlers, quarantine and counts commit
together or not at all. Running it again with the same batch changes nothing, so a commit whose
answer was lost is simply repeated. :func:`advance` is the second and short: under the lock on an
epoch's head it follows the hash links and says what may be freed.

All workers take locks in one order: segments by range, event ids by id, then what the handlers
lock (sorted by them), quarantine, exceptions and counts by name.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Final

from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.gateways.model import Head as KnownEpoch
from cloud.ingest import store
from cloud.ingest.chain import Head, received_through, walk
from cloud.ingest.completeness import completeness, quarantined, quarantined_body
from cloud.ingest.model import (
    QUARANTINE_KEY,
    Applied,
    Chain,
    Examined,
    Facts,
    Origin,
    Range,
    Rejected,
    Tally,
    Unapplied,
    Verified,
)
from cloud.ingest.observations import observe
from cloud.ingest.ports import Handler, Lookup, Routes
from cloud.ingest.verification import standing
from shared.cose import parse1
from shared.downlink import Watermark
from shared.errors import Code, QuartermasterError
from shared.events import Event
from shared.ids import GatewayId
from shared.segment import header
from shared.units import Micros

__all__ = [
    "BODY_QUOTA",
    "QUARANTINE_KEY",
    "advance",
    "apply",
    "completeness",
    "hand_over",
    "keep",
    "known_head",
    "observe",
    "overdue",
    "quarantined",
    "quarantined_body",
]

BODY_QUOTA: Final = 64 * 1024 * 1024
"""Quarantined bytes kept per gateway; beyond it only hashes."""
_ALARMS: Final[frozenset[Code]] = frozenset(
    {
        "segment.fork",
        "segment.link",
        "segment.signature",
        "segment.foreign",
        "segment.chain",
        "segment.epoch",
        "segment.malformed",
        "segment.too-large",
        "gateway.unknown",
        "gateway.revoked",
        "internal.unexpected",
    }
)

_CONTRADICTIONS: Final[frozenset[Code]] = frozenset({"segment.fork", "segment.link"})
"""Answered with the watermark, which the sender's own history then contradicts: it stops there."""


class _Batch:
    """What is known of one batch while it is being applied."""

    def __init__(self) -> None:
        self.rejected: list[Rejected] = []
        self.due: set[Chain] = set()
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)

    def reject(self, segment: Verified, error: QuartermasterError) -> None:
        """Set a verified segment aside as a whole; of a contradiction its sender hears."""
        claims = segment.segment
        if error.code in _CONTRADICTIONS:
            self.due.add(Chain(segment.gateway_id, claims.epoch))
        self.rejected.append(
            Rejected(
                segment.gateway,
                segment.gateway_id,
                segment.site_id,
                claims.epoch,
                claims.first_seq,
                claims.last_seq,
                True,
                segment.sha256,
                segment.body,
                error,
            )
        )

    def duplicate(self, segment: Verified) -> None:
        """Count a repetition; its watermark is due again."""
        self.due.add(Chain(segment.gateway_id, segment.segment.epoch))
        tally = self.tallies[segment.gateway]
        self.tallies[segment.gateway] = tally.plus(Tally(segments_received=1, segments_duplicate=1))

    def applied(self, segment: Verified, unapplied: int) -> None:
        """Count what was applied, and the events of it that were set aside."""
        claims = segment.segment
        self.due.add(Chain(segment.gateway_id, claims.epoch))
        events = claims.last_seq - claims.first_seq + 1
        self.tallies[segment.gateway] = self.tallies[segment.gateway].plus(
            Tally(
                segments_received=1,
                segments_applied=1,
                events_received=events,
                events_applied=events - unapplied,
                events_quarantined=unapplied,
            )
        )


def apply(
    connection: Connection,
    examined: Sequence[Examined],
    *,
    routes: Routes,
    lookup: Lookup,
    worker: str,
    at: Micros,
) -> Applied:
    """Apply a batch inside the caller's transaction; everything of it is settled afterwards.

    Args:
        connection: an open transaction that the caller commits.
        examined: verified and rejected messages, in any order.
        routes: what each type of event does.
        lookup: the registry, asked again here: a gateway revoked since is refused.
        worker: whose counts these are.
        at: ``received_at`` of the batch.
    """
    batch = _Batch()
    batch.rejected.extend(item for item in examined if isinstance(item, Rejected))
    verified = [item for item in examined if isinstance(item, Verified)]
    if verified:
        admitted = _admit(connection, verified, lookup, batch)
        new = _store(connection, admitted, batch, at)
        unapplied = _dispatch(connection, new, routes, at)
        for segment in new:
            batch.applied(segment, _set_aside(segment, unapplied, batch))
    _quarantine(connection, batch, at)
    for gateway in sorted(batch.tallies):
        store.count(connection, worker, gateway, batch.tallies[gateway])
    return Applied(frozenset(batch.due), dict(batch.tallies))


def _admit(
    connection: Connection, verified: Sequence[Verified], lookup: Lookup, batch: _Batch
) -> list[Verified]:
    """Those whose sender still stands and whose epoch is not frozen, sorted, each bytes once."""
    senders = lookup(connection, {segment.gateway for segment in verified})
    frozen = store.frozen(connection, {segment.gateway_id for segment in verified})
    admitted: dict[tuple[Range, bytes], Verified] = {}
    late: list[Verified] = []
    for segment in verified:
        claims = segment.segment
        sender = senders.get(segment.gateway)
        refusal = standing(sender, claims.kid, claims.epoch)
        why = frozen.get(Chain(segment.gateway_id, claims.epoch))
        if refusal is None and why is not None:
            refusal = QuartermasterError("segment.link", why)
        if refusal is not None:
            batch.reject(segment, refusal)
        elif (segment.range, segment.sha256) in admitted:
            batch.duplicate(segment)
        elif sender is not None and claims.epoch in sender.closed:
            late.append(segment)
        else:
            admitted[segment.range, segment.sha256] = segment
    if late:
        _repeat_or_refuse(connection, late, batch)
    return sorted(admitted.values(), key=attrgetter("range"))


def _repeat_or_refuse(connection: Connection, late: Sequence[Verified], batch: _Batch) -> None:
    """Of an epoch after which another has begun, only what is stored already may come again."""
    stored = store.stored_overlaps(connection, late)
    for segment in late:
        overlap = stored.get((segment.range, segment.sha256))
        if overlap is not None and overlap.duplicate:
            batch.duplicate(segment)
        else:
            what = f"epoch {segment.range.epoch} is closed: another has begun"
            batch.reject(segment, QuartermasterError("segment.epoch", what))


def _store(
    connection: Connection, segments: Sequence[Verified], batch: _Batch, at: Micros
) -> list[Verified]:
    """Those that are new. The others are duplicates or forks."""
    once: dict[Range, Verified] = {}
    for segment in segments:
        once.setdefault(segment.range, segment)
    stored = store.insert_segments(connection, list(once.values()), at) if once else set[Range]()
    new = [segment for segment in once.values() if segment.range in stored]
    if len(new) == len(segments):
        return new
    accepted = {(segment.range, segment.sha256) for segment in new}
    others = [s for s in segments if (s.range, s.sha256) not in accepted]
    overlaps = store.stored_overlaps(connection, others)
    for segment in others:
        overlap = overlaps[segment.range, segment.sha256]
        if overlap.duplicate:
            batch.duplicate(segment)
        else:
            what = f"{segment.range.first_seq}-{segment.range.last_seq}"
            stands = f"{overlap.first_seq}-{overlap.last_seq}"
            batch.reject(
                segment,
                QuartermasterError(
                    "segment.fork", f"epoch {segment.range.epoch}: {what} against stored {stands}"
                ),
            )
    return new


def _dispatch(
    connection: Connection, new: Sequence[Verified], routes: Routes, at: Micros
) -> dict[tuple[int, int, int], QuartermasterError]:
    """Claim the event ids, hand each event to its handler; what could not be applied, and why."""
    refused: dict[tuple[int, int, int], QuartermasterError] = {}
    ids = [
        (event.id, segment.gateway_id, segment.segment.epoch, event.seq)
        for segment in new
        for event in segment.segment.events
    ]
    ids.sort()
    late = store.register_ids(connection, ids) if ids else set[tuple[int, int, int]]()
    for key in late:
        refused[key] = QuartermasterError("event.duplicate-scan")
    facts: list[Facts] = []
    for segment in new:
        claims = segment.segment
        origin = Origin(segment.gateway, segment.gateway_id, segment.site_id, claims.epoch)
        events = claims.events
        if late:
            own = (segment.gateway_id, claims.epoch)
            events = [event for event in events if (*own, event.seq) not in late]
        facts.append(Facts(origin, events))
    return refused | hand_over(connection, facts, routes, at)


def hand_over(
    connection: Connection, facts: Sequence[Facts], routes: Routes, at: Micros
) -> dict[tuple[int, int, int], QuartermasterError]:
    """Give each event, whose id is claimed, to its handler; what could not be applied, and why."""
    refused: dict[tuple[int, int, int], QuartermasterError] = {}
    work: dict[Handler, list[Facts]] = {}
    for origin, events in facts:
        for handler, some in _sorted_out(origin, events, routes):
            work.setdefault(handler, []).append(some)
    for handler in routes.values():
        if facts_list := work.pop(handler, None):
            for item in handler(connection, facts_list, at):
                refused[_key(item)] = item.error
    return refused


def _sorted_out(origin: Origin, events: list[Event], routes: Routes) -> list[tuple[Handler, Facts]]:
    """The events by handler; most segments have only one."""
    handlers = {routes[kind] for kind in {type(event.data) for event in events}}
    if len(handlers) == 1:
        return [(handlers.pop(), Facts(origin, events))]
    return [
        (handler, Facts(origin, [event for event in events if routes[type(event.data)] is handler]))
        for handler in handlers
    ]


def _key(item: Unapplied) -> tuple[int, int, int]:
    return item.origin.gateway_id, item.origin.epoch, item.seq


def _set_aside(
    segment: Verified, unapplied: dict[tuple[int, int, int], QuartermasterError], batch: _Batch
) -> int:
    """Quarantine the single events of a segment that could not be applied; how many."""
    claims = segment.segment
    refused = {item.seq: item.error for item in claims.refused}
    if unapplied:
        for event in claims.events:
            error = unapplied.get((segment.gateway_id, claims.epoch, event.seq))
            if error is not None:
                refused[event.seq] = error
    if refused:
        bodies = header(parse1(segment.body, code="segment.malformed")).events
        for seq in sorted(refused):
            body = bodies[seq - claims.first_seq]
            batch.rejected.append(
                Rejected(
                    segment.gateway,
                    segment.gateway_id,
                    segment.site_id,
                    claims.epoch,
                    seq,
                    seq,
                    False,
                    hashlib.sha256(body).digest(),
                    body,
                    refused[seq],
                )
            )
    return len(refused)


def _quarantine(connection: Connection, batch: _Batch, at: Micros) -> None:
    """Keep what was set aside, bodies within the quota, and raise what a person must see."""
    if not batch.rejected:
        return
    alarms: dict[tuple[Code, str], Rejected] = {}
    for item in keep(connection, batch.rejected, at):
        if item.whole_segment:
            batch.tallies[item.gateway] = batch.tallies[item.gateway].plus(
                Tally(segments_received=1, segments_quarantined=1)
            )
            if item.error.code in _ALARMS:
                alarms[item.error.code, item.gateway] = item
    for (code, gateway), item in sorted(alarms.items(), key=lambda entry: entry[0]):
        raise_exception(connection, code, gateway, item.error.detail, at=at, site_id=item.site_id)


def keep(connection: Connection, rejected: Sequence[Rejected], at: Micros) -> list[Rejected]:
    """Put these into the quarantine, in the order of locks, which is returned."""
    ordered = sorted(rejected, key=lambda item: (item.gateway, item.sha256, item.error.code))
    kept = defaultdict(int, store.kept_bytes(connection, {item.gateway for item in ordered}))
    for item in ordered:
        fits = kept[item.gateway] + len(item.body) <= BODY_QUOTA
        kept[item.gateway] += len(item.body) if fits else 0
        store.quarantine(connection, item, keep_body=fits, at=at)
    return ordered


def advance(
    connection: Connection, chains: Collection[Chain], *, generation: int, at: Micros
) -> list[tuple[Chain, GatewayId, Watermark]]:
    """Move the heads of these chains as far as their hashes link; their watermarks.

    A neighbour that does not link freezes its epoch and raises ``segment.link``; what was applied
    above it is taken back next (:mod:`cloud.ingest.reversal`).
    """
    if not chains:
        return []
    heads = store.lock_heads(connection, sorted(chains), at)
    links = store.links_above(connection, heads)
    names = store.gateway_names(connection, {chain.gateway_id for chain in heads})
    moved: dict[Chain, Head] = {}
    watermarks: list[tuple[Chain, GatewayId, Watermark]] = []
    for chain, row in heads.items():
        name, site_id = names[chain.gateway_id]
        above = [] if row.frozen else links[chain]
        head, missing, broken = walk(row.head, above)
        if head != row.head:
            moved[chain] = head
        if broken is not None:
            detail = (
                f"epoch {chain.epoch}: {broken.first_seq}-{broken.last_seq} starts from "
                f"{broken.prev_hash.hex()}, not from the head {head.contiguous_seq} "
                f"{head.head_hash.hex()}"
            )
            store.freeze(connection, chain, detail, at)
            raise_exception(connection, "segment.link", name, detail, at=at, site_id=site_id)
        watermarks.append(
            (
                chain,
                GatewayId(name),
                Watermark(
                    generation,
                    chain.epoch,
                    head.contiguous_seq,
                    head.head_hash,
                    missing,
                    frozen=row.frozen or broken is not None,
                    received_through=received_through(head, above, missing),
                ),
            )
        )
    if moved:
        store.move_heads(connection, moved, at)
    return watermarks


def known_head(connection: Connection, gateway_id: int, epoch: int) -> KnownEpoch:
    """How far the cloud has one epoch: what a following one points to."""
    return store.known_head(connection, Chain(gateway_id, epoch))


def overdue(connection: Connection) -> list[Chain]:
    """What the sweeper hands to :func:`advance`: chains whose head has not followed."""
    return store.overdue(connection)
