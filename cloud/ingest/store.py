"""SQL of ingest; private to it. Knows how rows travel, not what they mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud.db import PG_EPOCH, Connection, Queries, copy_rows
from cloud.gateways.model import Head as KnownEpoch
from cloud.ingest.chain import Head, Link
from cloud.ingest.gaps import Piece, Tombstone
from cloud.ingest.model import (
    Chain,
    Quarantined,
    Range,
    Rejected,
    Replay,
    Reversal,
    Tally,
    Verified,
)
from shared.errors import QuartermasterError
from shared.segment import GENESIS
from shared.units import Micros

_Q = Queries(__package__ or "")
_EVENT_ID_TYPES: Final = ("bytea", "int4", "int4", "int8")
_OBSERVATION_TYPES: Final = (
    "int8", "int8", "int8", "bytea", "int4", "int4", "int2", "int2", "text", "bytea",
)  # fmt: skip

EventId = tuple[bytes, int, int, int]
"""id, gateway_id, epoch, seq."""


class Overlap(NamedTuple):
    """What stands where a segment could not be stored."""

    duplicate: bool
    first_seq: int
    last_seq: int


class HeadRow(NamedTuple):
    """A locked head."""

    head: Head
    frozen: bool


class HeldHead(NamedTuple):
    """A head that others may look at, but not move; ``why`` it is frozen."""

    head: Head
    frozen: bool
    why: str


class Stored(NamedTuple):
    """A stored segment."""

    first_seq: int
    last_seq: int
    prev_hash: bytes
    sha256: bytes
    received_at: Micros
    body: bytes


def insert_segments(connection: Connection, new: Sequence[Verified], at: Micros) -> set[Range]:
    """Store these (sorted, each range once); returns the ranges that were new."""
    rows = connection.execute(
        _Q["insert_segments"],
        {
            "gateway_ids": [s.gateway_id for s in new],
            "epochs": [s.segment.epoch for s in new],
            "firsts": [s.segment.first_seq for s in new],
            "lasts": [s.segment.last_seq for s in new],
            "prevs": [s.segment.prev_hash for s in new],
            "heads": [s.segment.last_hash for s in new],
            "sha256s": [s.sha256 for s in new],
            "bodies": [s.body for s in new],
            "at": at,
        },
    )
    return {Range(*row) for row in rows}


def stored_overlaps(
    connection: Connection, segments: Sequence[Verified]
) -> dict[tuple[Range, bytes], Overlap]:
    """What stands in the way of each, by range and hash."""
    rows = connection.execute(
        _Q["stored_overlaps"],
        {
            "gateway_ids": [s.gateway_id for s in segments],
            "epochs": [s.segment.epoch for s in segments],
            "firsts": [s.segment.first_seq for s in segments],
            "lasts": [s.segment.last_seq for s in segments],
            "sha256s": [s.sha256 for s in segments],
        },
    )
    return {(Range(*row[:4]), bytes(row[4])): Overlap(bool(row[5]), row[6], row[7]) for row in rows}


def frozen(connection: Connection, gateway_ids: Collection[int]) -> dict[Chain, str]:
    """The frozen epochs of these gateways, and what broke."""
    rows = connection.execute(_Q["frozen"], {"gateway_ids": sorted(gateway_ids)})
    return {Chain(row[0], row[1]): row[2] for row in rows}


def register_ids(connection: Connection, ids: Sequence[EventId]) -> set[tuple[int, int, int]]:
    """Claim these event ids (sorted); returns the (gateway_id, epoch, seq) that came too late.

    All new, the usual case, is one binary COPY. Otherwise the savepoint takes it back and the
    rows go in one by one, each id once.
    """
    try:
        with connection.transaction():
            copy_rows(connection, _Q["copy_event_ids"], _EVENT_ID_TYPES, ids)
    except psycopg.errors.UniqueViolation:
        rows = connection.execute(
            _Q["insert_event_ids"],
            {
                "ids": [UUID(bytes=row[0]) for row in ids],
                "gateway_ids": [row[1] for row in ids],
                "epochs": [row[2] for row in ids],
                "seqs": [row[3] for row in ids],
            },
        )
        new = {(row[0], row[1], row[2]) for row in rows}
        return {row[1:] for row in ids} - new
    return set()


def copy_observations(connection: Connection, rows: Iterable[tuple[Any, ...]], at: Micros) -> None:
    """Append observations: occurred_at, seq, id, gateway_id, epoch, kind, clock, device, data."""
    received = at - PG_EPOCH
    copy_rows(
        connection,
        _Q["copy_observations"],
        _OBSERVATION_TYPES,
        ((received, row[0] - PG_EPOCH, *row[1:]) for row in rows),
    )


def observations(connection: Connection, kind: int, limit: int) -> list[tuple[Any, ...]]:
    """event_id, site, gateway, seq, received_at and data of the newest ones of each gateway."""
    values = {"kind": kind, "limit": limit}
    return connection.execute(_Q["observations"], values).fetchall()


def lock_heads(connection: Connection, chains: Sequence[Chain], at: Micros) -> dict[Chain, HeadRow]:
    """The heads of these chains (sorted), locked until the commit."""
    due = {"gateway_ids": [c.gateway_id for c in chains], "epochs": [c.epoch for c in chains]}
    connection.execute(_Q["make_heads"], {**due, "genesis": GENESIS, "at": at})
    rows = connection.execute(_Q["lock_heads"], due)
    return {Chain(row[0], row[1]): HeadRow(Head(row[2], bytes(row[3])), row[4]) for row in rows}


def links_above(connection: Connection, heads: dict[Chain, HeadRow]) -> dict[Chain, list[Link]]:
    """The stored segments above each head, ascending."""
    rows = connection.execute(
        _Q["links_above"],
        {
            "gateway_ids": [chain.gateway_id for chain in heads],
            "epochs": [chain.epoch for chain in heads],
            "seqs": [row.head.contiguous_seq for row in heads.values()],
        },
    )
    links: dict[Chain, list[Link]] = {chain: [] for chain in heads}
    for gateway_id, epoch, first, last, prev_hash, last_hash in rows:
        links[Chain(gateway_id, epoch)].append(
            Link(first, last, bytes(prev_hash), bytes(last_hash))
        )
    return links


def move_heads(connection: Connection, heads: dict[Chain, Head], at: Micros) -> None:
    """Write these heads."""
    connection.execute(
        _Q["move_heads"],
        {
            "gateway_ids": [chain.gateway_id for chain in heads],
            "epochs": [chain.epoch for chain in heads],
            "seqs": [head.contiguous_seq for head in heads.values()],
            "hashes": [head.head_hash for head in heads.values()],
            "at": at,
        },
    )


def freeze(connection: Connection, chain: Chain, why: str, at: Micros) -> None:
    """Stop this epoch; ``why`` names both ends."""
    connection.execute(
        _Q["freeze"], {"gateway_id": chain.gateway_id, "epoch": chain.epoch, "why": why, "at": at}
    )


def held_head(connection: Connection, chain: Chain) -> HeldHead | None:
    """This epoch's head, which neither moves nor freezes until the commit."""
    row = connection.execute(_Q["held_head"], chain._asdict()).fetchone()
    return None if row is None else HeldHead(Head(row[0], bytes(row[1])), row[2], row[3])


def provisional_chains(connection: Connection) -> list[Chain]:
    """Frozen epochs of which something above the verified head still stands in the ledger."""
    return [Chain(*row) for row in connection.execute(_Q["provisional_chains"])]


def provisional(connection: Connection, chain: Chain, seq: int, limit: int) -> list[Stored]:
    """The oldest segments above ``seq`` that were not taken back."""
    rows = connection.execute(
        _Q["provisional"], {**chain._asdict(), "seq": seq, "limit": limit}
    ).fetchall()
    return [
        Stored(row[0], row[1], bytes(row[2]), bytes(row[3]), Micros(row[4]), bytes(row[5]))
        for row in rows
    ]


def first_above(connection: Connection, chain: Chain, seq: int) -> tuple[int, bytes] | None:
    """Where the lowest stored segment above ``seq`` starts, and from which hash."""
    row = connection.execute(_Q["first_above"], {**chain._asdict(), "seq": seq}).fetchone()
    return None if row is None else (row[0], bytes(row[1]))


def release_ids(connection: Connection, chain: Chain, seq: int, ids: Sequence[bytes]) -> set[bytes]:
    """Give up those of these ids that events of the chain above ``seq`` hold."""
    rows = connection.execute(
        _Q["release_ids"],
        {**chain._asdict(), "seq": seq, "ids": [UUID(bytes=event_id) for event_id in ids]},
    )
    return {row[0].bytes for row in rows}


def set_aside_above(connection: Connection, chain: Chain, seq: int) -> set[int]:
    """Sequence numbers above ``seq`` of single events in quarantine."""
    rows = connection.execute(_Q["set_aside_above"], {**chain._asdict(), "seq": seq})
    return {row[0] for row in rows}


def note_reversals(connection: Connection, rows: Sequence[Reversal]) -> None:
    """Record segments as taken back."""
    with connection.cursor() as cursor:
        cursor.executemany(_Q["note_reversal"], [row._asdict() for row in rows])


def late_scans(connection: Connection, since: Micros) -> list[tuple[int, Chain, int, bytes | None]]:
    """Quarantine id, chain, sequence and bytes of events whose scan counted elsewhere."""
    return [
        (row[0], Chain(row[1], row[2]), row[3], None if row[4] is None else bytes(row[4]))
        for row in connection.execute(_Q["late_scans"], {"since": since})
    ]


def overdue(connection: Connection) -> list[Chain]:
    """Chains whose next segment is stored but whose head has not followed."""
    return [Chain(*row) for row in connection.execute(_Q["overdue"])]


def gateway_names(
    connection: Connection, gateway_ids: Collection[int]
) -> dict[int, tuple[str, int]]:
    """Name and site of each."""
    rows = connection.execute(_Q["gateway_names"], {"gateway_ids": sorted(gateway_ids)})
    return {row[0]: (row[1], row[2]) for row in rows}


def known_head(connection: Connection, chain: Chain) -> KnownEpoch:
    """How far this epoch is verified."""
    row: Any = connection.execute(
        _Q["known_head"], {"gateway_id": chain.gateway_id, "epoch": chain.epoch}
    ).fetchone()
    return KnownEpoch(row[0], GENESIS if row[1] is None else bytes(row[1]), row[2])


def kept_bytes(connection: Connection, gateways: Collection[str]) -> dict[str, int]:
    """The quarantined bytes per gateway."""
    rows = connection.execute(_Q["kept_bytes"], {"gateways": sorted(gateways)})
    return {row[0]: row[1] for row in rows}


def quarantine(connection: Connection, item: Rejected, *, keep_body: bool, at: Micros) -> None:
    """Keep one, or count it once more."""
    connection.execute(
        _Q["quarantine"],
        {
            "gateway": item.gateway,
            "gateway_id": item.gateway_id,
            "whole_segment": item.whole_segment,
            "epoch": item.epoch,
            "first_seq": item.first_seq,
            "last_seq": item.last_seq,
            "code": item.error.code,
            "detail": item.error.detail.replace("\0", "\\0"),
            "sha256": item.sha256,
            "size": len(item.body),
            "body": item.body if keep_body else None,
            "at": at,
        },
    )


def count(connection: Connection, worker: str, gateway: str, tally: Tally) -> None:
    """Add to one worker's counts."""
    connection.execute(
        _Q["count"],
        {
            "worker": worker,
            "gateway": gateway,
            "sr": tally.segments_received,
            "sa": tally.segments_applied,
            "sd": tally.segments_duplicate,
            "sq": tally.segments_quarantined,
            "er": tally.events_received,
            "ea": tally.events_applied,
            "eq": tally.events_quarantined,
        },
    )


def tallies(connection: Connection) -> dict[str, Tally]:
    """Counts per gateway over all workers."""
    return {row[0]: Tally(*row[1:]) for row in connection.execute(_Q["tallies"])}


def epochs_of_site(connection: Connection, site_id: int) -> list[tuple[Any, ...]]:
    """gateway_id, name, epoch, contiguous_seq, frozen, last_seq, last received_at.

    Then of the epoch that follows, all None where none does: epoch, previous_seq, reason,
    granted_at, opened.
    """
    return connection.execute(_Q["epochs_of_site"], {"site_id": site_id}).fetchall()


def taken_of_site(connection: Connection, site_id: int) -> dict[Chain, tuple[int, int]]:
    """Events by chain that were taken back, and that a person took over."""
    rows = connection.execute(_Q["taken_of_site"], {"site_id": site_id})
    return {Chain(row[0], row[1]): (row[2], row[3]) for row in rows}


def gaps_above(connection: Connection, chain: Chain, seq: int, limit: int) -> list[Piece]:
    """Stored ranges above ``seq`` with their arrival, the lowest ones."""
    given = {"gateway_id": chain.gateway_id, "epoch": chain.epoch, "seq": seq, "limit": limit}
    return [Piece(*row) for row in connection.execute(_Q["gaps_above"], given)]


def insert_tombstones(connection: Connection, rows: Sequence[tuple[Any, ...]], at: Micros) -> None:
    """Keep statements.

    Args:
        connection: the caller's transaction.
        rows: gateway_id, epoch and seq of the event; epoch, first_seq, last_seq, outcome, reason
            and detail of what it says.
        at: when they were received.
    """
    columns = ("gateway_ids", "stated_epochs", "stated_seqs", "epochs", "firsts", "lasts",
               "outcomes", "reasons", "details")  # fmt: skip
    given = dict(zip(columns, (list(values) for values in zip(*rows, strict=True)), strict=True))
    connection.execute(_Q["insert_tombstones"], {**given, "at": at})


def tombstones_of_site(
    connection: Connection, site_id: int, limit: int
) -> list[tuple[int, str, int, Tombstone]]:
    """gateway_id, name and epoch, and what was said of it."""
    rows = connection.execute(_Q["tombstones_of_site"], {"site_id": site_id, "limit": limit})
    return [(row[0], row[1], row[2], Tombstone(*row[3:])) for row in rows]


def quarantined_of_site(connection: Connection, site_id: int) -> dict[Chain, dict[str, int]]:
    """Counts of quarantined things by chain and code; epoch 0 where none is known."""
    counts: dict[Chain, dict[str, int]] = {}
    for gateway_id, epoch, code, number in connection.execute(
        _Q["quarantined_of_site"], {"site_id": site_id}
    ):
        counts.setdefault(Chain(gateway_id, epoch), {})[code] = number
    return counts


def quarantined(connection: Connection, filters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of the quarantine, newest first."""
    return connection.execute(_Q["quarantined"], filters).fetchall()


def quarantined_body(connection: Connection, quarantine_id: int) -> bytes | None:
    """One body, if kept."""
    row = connection.execute(_Q["quarantined_body"], {"quarantine_id": quarantine_id}).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def stored_events(connection: Connection) -> int:
    """How many events the stored segments hold."""
    row = connection.execute(_Q["stored_events"]).fetchone()
    return 0 if row is None else int(row[0])


def event_keys(connection: Connection) -> dict[tuple[int, bytes], Ed25519PublicKey]:
    """Every event key ever registered, by gateway and key id."""
    return {
        (row[0], bytes(row[1])): Ed25519PublicKey.from_public_bytes(bytes(row[2]))
        for row in connection.execute(_Q["event_keys"])
    }


def set_aside(connection: Connection) -> set[tuple[int, int, int]]:
    """Single events in quarantine: (gateway_id, epoch, seq)."""
    return {(row[0], row[1], row[2]) for row in connection.execute(_Q["set_aside"])}


def segments(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """gateway_id, name, site_id, epoch, first_seq, last_seq, body, whether it was taken back."""
    with connection.cursor("stored_segments") as cursor:
        cursor.itersize = 64
        cursor.execute(_Q["segments"])
        yield from cursor


def waiting(
    connection: Connection, *, ids: Collection[int] | None, code: str | None, gateway: str | None
) -> list[int]:
    """Entries of the quarantine that were not released, oldest first."""
    given = {"ids": None if ids is None else sorted(ids), "code": code, "gateway": gateway}
    return [row[0] for row in connection.execute(_Q["waiting"], given)]


def locked_quarantined(connection: Connection, quarantine_id: int) -> Quarantined | None:
    """One entry, locked until the commit."""
    row = connection.execute(_Q["locked_quarantined"], {"quarantine_id": quarantine_id}).fetchone()
    if row is None:
        return None
    return Quarantined(*row)


def why_quarantined(connection: Connection, sha256: bytes) -> QuartermasterError:
    """The newest reason for which these bytes are in quarantine."""
    row = connection.execute(_Q["why_quarantined"], {"sha256": sha256}).fetchone()
    if row is None:
        return QuartermasterError("internal.unexpected", "neither applied nor set aside")
    return QuartermasterError(row[0], row[1])


def note_replay(
    connection: Connection,
    item: Quarantined,
    refusal: QuartermasterError | None,
    *,
    by: str,
    at: Micros,
) -> None:
    """Append what came of a replay."""
    connection.execute(
        _Q["note_replay"],
        {
            "quarantine_id": item.quarantine_id,
            "gateway_id": item.gateway_id,
            "epoch": item.epoch,
            "seq": None if item.whole_segment else item.first_seq,
            "outcome": "applied" if refusal is None else "refused",
            "code": "" if refusal is None else refusal.code,
            "detail": "" if refusal is None else refusal.detail.replace("\0", "\\0")[:500],
            "by": by,
            "at": at,
        },
    )


def replays(connection: Connection, limit: int) -> list[Replay]:
    """What was tried again, newest first."""
    return [Replay(*row) for row in connection.execute(_Q["replays"], {"limit": limit})]


def claim_event_id(connection: Connection, event_id: bytes, chain: Chain, seq: int) -> bool:
    """Claim an event's id; false when it is another event's."""
    event = UUID(bytes=event_id)
    new = connection.execute(
        _Q["insert_event_ids"],
        {"ids": [event], "gateway_ids": [chain[0]], "epochs": [chain[1]], "seqs": [seq]},
    )
    if new.fetchone() is not None:
        return True
    row = connection.execute(_Q["claimant"], {"id": event}).fetchone()
    return row == (*chain, seq)


def segment_of(connection: Connection, chain: Chain, seq: int) -> bytes | None:
    """The stored segment that holds one event."""
    row = connection.execute(
        _Q["segment_of"], {"gateway_id": chain.gateway_id, "epoch": chain.epoch, "seq": seq}
    ).fetchone()
    return None if row is None else bytes(row[0])
