"""The functions of ``cloud.ingest.store`` over the in-memory database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from cloud.gateways.model import Head as KnownEpoch
from cloud.ingest.chain import Head, Link
from cloud.ingest.gaps import Piece, Tombstone
from cloud.ingest.model import (
    Chain,
    Quarantined,
    Range,
    Rejected,
    Reversal,
    Tally,
    Verified,
)
from cloud.ingest.store import HeadRow, HeldHead, Overlap, Stored
from shared.segment import GENESIS
from shared.units import Micros
from tests.simulation.memory import StoredHead, StoredReject, StoredSegment, Transaction


def _of_chain(connection: Transaction, gateway_id: int, epoch: int) -> list[StoredSegment]:
    rows = [
        row
        for (gateway, in_epoch, _), row in connection.tables.segments.items()
        if gateway == gateway_id and in_epoch == epoch
    ]
    rows.sort()
    return rows


def _overlapping(connection: Transaction, wanted: Range) -> list[StoredSegment]:
    gateway_id, epoch, first_seq, last_seq = wanted
    return [
        row
        for (gateway, in_epoch, _), row in connection.tables.segments.items()
        if gateway == gateway_id
        and in_epoch == epoch
        and row.first_seq <= last_seq
        and row.last_seq >= first_seq
    ]


def insert_segments(connection: Transaction, new: Sequence[Verified], at: int) -> set[Range]:
    stored: set[Range] = set()
    for item in new:
        if _overlapping(connection, item.range):
            continue
        claims = item.segment
        row = StoredSegment(
            claims.first_seq, claims.last_seq, claims.prev_hash, claims.last_hash, item.sha256,
            item.body, at,
        )  # fmt: skip
        key = (item.gateway_id, claims.epoch, claims.first_seq)
        connection.put(connection.tables.segments, key, row)
        stored.add(item.range)
    return stored


def stored_overlaps(
    connection: Transaction, segments: Sequence[Verified]
) -> dict[tuple[Range, bytes], Overlap]:
    found: dict[tuple[Range, bytes], Overlap] = {}
    for item in segments:
        rows = _overlapping(connection, item.range)
        if rows:
            same = any(
                (row.first_seq, row.last_seq, row.sha256)
                == (item.segment.first_seq, item.segment.last_seq, item.sha256)
                for row in rows
            )
            found[item.range, item.sha256] = Overlap(
                same, min(row.first_seq for row in rows), max(row.last_seq for row in rows)
            )
    return found


def frozen(connection: Transaction, gateway_ids: Collection[int]) -> dict[Chain, str]:
    return {
        Chain(*key): row.why
        for key, row in connection.tables.heads.items()
        if key[0] in gateway_ids and row.frozen
    }


def register_ids(
    connection: Transaction, ids: Sequence[tuple[bytes, int, int, int]]
) -> set[tuple[int, int, int]]:
    late: set[tuple[int, int, int]] = set()
    claimed = connection.tables.event_ids
    for event_id, *where in ids:
        key = (where[0], where[1], where[2])
        if event_id in claimed:
            late.add(key)
        else:
            connection.put(claimed, event_id, key)
    return late


def copy_observations(connection: Transaction, rows: Iterable[tuple[Any, ...]], at: int) -> None:
    table = connection.tables.observations
    for row in rows:
        connection.put(table, len(table), (at, *row))


def lock_heads(connection: Transaction, chains: Sequence[Chain], at: int) -> dict[Chain, HeadRow]:
    del at
    heads = connection.tables.heads
    for chain in chains:
        if tuple(chain) not in heads:
            connection.put(heads, tuple(chain), StoredHead(0, GENESIS, frozen=False))
    rows = {chain: heads[tuple(chain)] for chain in chains}
    return {
        chain: HeadRow(Head(row.contiguous_seq, row.head_hash), row.frozen)
        for chain, row in rows.items()
    }


def links_above(connection: Transaction, heads: dict[Chain, HeadRow]) -> dict[Chain, list[Link]]:
    return {
        chain: [
            Link(*segment[:4])
            for segment in _of_chain(connection, *chain)
            if segment.first_seq > row.head.contiguous_seq
        ]
        for chain, row in heads.items()
    }


def move_heads(connection: Transaction, heads: dict[Chain, Head], at: int) -> None:
    del at
    table = connection.tables.heads
    for chain, head in heads.items():
        row = table[tuple(chain)]
        moved = StoredHead(head.contiguous_seq, head.head_hash, row.frozen, row.why)
        connection.put(table, tuple(chain), moved)


def freeze(connection: Transaction, chain: Chain, why: str, at: int) -> None:
    del at
    row = connection.tables.heads[tuple(chain)]
    connection.put(connection.tables.heads, tuple(chain), row._replace(frozen=True, why=why))


def held_head(connection: Transaction, chain: Chain) -> HeldHead | None:
    row = connection.tables.heads.get(tuple(chain))
    if row is None:
        return None
    return HeldHead(Head(row.contiguous_seq, row.head_hash), row.frozen, row.why)


def _provisional(connection: Transaction, chain: Chain, seq: int) -> list[StoredSegment]:
    taken = connection.tables.reversals
    return [
        row
        for row in _of_chain(connection, *chain)
        if row.first_seq > seq and (*chain, row.first_seq) not in taken
    ]


def provisional_chains(connection: Transaction) -> list[Chain]:
    return [
        Chain(*key)
        for key, row in sorted(connection.tables.heads.items())
        if row.frozen and _provisional(connection, Chain(*key), row.contiguous_seq)
    ]


def provisional(connection: Transaction, chain: Chain, seq: int, limit: int) -> list[Stored]:
    due = _provisional(connection, chain, seq)[:limit]
    return [Stored(*row[:3], row.sha256, Micros(row.received_at), row.body) for row in due]


def first_above(connection: Transaction, chain: Chain, seq: int) -> tuple[int, bytes] | None:
    above = [row for row in _of_chain(connection, *chain) if row.first_seq > seq]
    return (above[0].first_seq, above[0].prev_hash) if above else None


def release_ids(
    connection: Transaction, chain: Chain, seq: int, ids: Sequence[bytes]
) -> set[bytes]:
    claimed = connection.tables.event_ids
    free = {
        event_id
        for event_id in ids
        if (claim := claimed.get(event_id)) and claim[:2] == tuple(chain) and claim[2] > seq
    }
    for event_id in sorted(free):
        connection.drop(claimed, event_id)
    return free


def set_aside_above(connection: Transaction, chain: Chain, seq: int) -> set[int]:
    tables = connection.tables
    return {
        row.first_seq
        for key, row in tables.quarantine.items()
        if (row.gateway_id, row.epoch) == tuple(chain)
        and not row.whole_segment
        and key not in tables.released
        and row.first_seq is not None
        and row.first_seq > seq
    }


def note_reversals(connection: Transaction, rows: Sequence[Reversal]) -> None:
    for row in rows:
        key = (row.gateway_id, row.epoch, row.first_seq)
        assert key not in connection.tables.reversals
        connection.put(connection.tables.reversals, key, row)


def late_scans(
    connection: Transaction, since: Micros
) -> list[tuple[int, Chain, int, bytes | None]]:
    del since  # asked of the real database only: it makes the answer shorter
    tables = connection.tables
    return [
        (number, Chain(row.gateway_id or 0, row.epoch or 0), row.first_seq or 0, row.body)
        for number, (key, row) in enumerate(tables.quarantine.items())
        if row.code == "event.duplicate-scan" and key not in tables.released
    ]


def locked_quarantined(connection: Transaction, quarantine_id: int) -> Quarantined | None:
    tables = connection.tables
    key, row = list(tables.quarantine.items())[quarantine_id]
    site_id = tables.gateways[row.gateway].site_id
    return Quarantined(
        quarantine_id, row.gateway, row.gateway_id, site_id, row.whole_segment, row.epoch,
        row.first_seq, row.last_seq, row.code, row.body, key in tables.released,
    )  # fmt: skip


def note_replay(
    connection: Transaction, item: Quarantined, refusal: object, *, by: str, at: int
) -> None:
    del at
    if refusal is None:
        key = list(connection.tables.quarantine)[item.quarantine_id]
        assert key not in connection.tables.released
        connection.put(connection.tables.released, key, by)


def claim_event_id(connection: Transaction, event_id: bytes, chain: Chain, seq: int) -> bool:
    claimed = connection.tables.event_ids
    if event_id not in claimed:
        connection.put(claimed, event_id, (*chain, seq))
    return claimed[event_id] == (*chain, seq)


def segment_of(connection: Transaction, chain: Chain, seq: int) -> bytes | None:
    for row in _of_chain(connection, *chain):
        if row.first_seq <= seq <= row.last_seq:
            return row.body
    return None


def overdue(connection: Transaction) -> list[Chain]:
    tables = connection.tables
    found: list[Chain] = []
    for known in tables.gateways.values():
        for epoch in known.epochs:
            row = tables.heads.get((known.gateway_id, epoch))
            reached = 0 if row is None else row.contiguous_seq
            if (row is None or not row.frozen) and (
                (known.gateway_id, epoch, reached + 1) in tables.segments
            ):
                found.append(Chain(known.gateway_id, epoch))
    return sorted(found)


def gateway_names(
    connection: Transaction, gateway_ids: Collection[int]
) -> dict[int, tuple[str, int]]:
    return {
        row.gateway_id: (name, row.site_id)
        for name, row in connection.tables.gateways.items()
        if row.gateway_id in gateway_ids
    }


def known_head(connection: Transaction, chain: Chain) -> KnownEpoch:
    tables = connection.tables
    row = tables.heads.get(tuple(chain), StoredHead(0, GENESIS, frozen=False))
    disputed = row.frozen or any(
        (aside.gateway_id, aside.epoch) == tuple(chain)
        and aside.code in {"segment.fork", "segment.link"}
        for aside in tables.quarantine.values()
    )
    return KnownEpoch(row.contiguous_seq, row.head_hash, disputed)


def kept_bytes(connection: Transaction, gateways: Collection[str]) -> dict[str, int]:
    kept: dict[str, int] = {}
    for row in connection.tables.quarantine.values():
        if row.gateway in gateways and row.body is not None:
            kept[row.gateway] = kept.get(row.gateway, 0) + len(row.body)
    return kept


def quarantine(connection: Transaction, item: Rejected, *, keep_body: bool, at: int) -> None:
    del at
    table = connection.tables.quarantine
    key = (item.gateway, item.sha256, item.error.code)
    known = table.get(key)
    row = known or StoredReject(
        item.gateway, item.gateway_id, item.whole_segment, item.epoch, item.first_seq,
        item.last_seq, item.error.code, item.body if keep_body else None, 0,
    )  # fmt: skip
    connection.put(table, key, row._replace(times=row.times + 1))


def count(connection: Transaction, worker: str, gateway: str, tally: Tally) -> None:
    table = connection.tables.tallies
    connection.put(table, (worker, gateway), table.get((worker, gateway), Tally()).plus(tally))


def tallies(connection: Transaction) -> dict[str, Tally]:
    sums: dict[str, Tally] = {}
    for (_, gateway), tally in connection.tables.tallies.items():
        sums[gateway] = sums.get(gateway, Tally()).plus(tally)
    return sums


def epochs_of_site(connection: Transaction, site_id: int) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for name, known in sorted(connection.tables.gateways.items()):
        if known.site_id != site_id:
            continue
        for epoch in sorted(known.epochs):
            stored = _of_chain(connection, known.gateway_id, epoch)
            head = connection.tables.heads.get((known.gateway_id, epoch))
            following = connection.tables.openings.get((known.gateway_id, epoch))
            rows.append(
                (
                    known.gateway_id,
                    name,
                    epoch,
                    0 if head is None else head.contiguous_seq,
                    head is not None and head.frozen,
                    stored[-1].last_seq if stored else None,
                    max((row.received_at for row in stored), default=None),
                    *(
                        (None,) * 5
                        if following is None
                        else (
                            *following,
                            (known.gateway_id, following.epoch, 1) in connection.tables.segments,
                        )
                    ),
                )
            )
    return rows


def gaps_above(connection: Transaction, chain: Chain, seq: int, limit: int) -> list[Piece]:
    return [
        Piece(row.first_seq, row.last_seq, row.received_at)
        for row in _of_chain(connection, *chain)
        if row.first_seq > seq
    ][:limit]


def insert_tombstones(connection: Transaction, rows: Sequence[tuple[Any, ...]], at: int) -> None:
    for gateway_id, stated_epoch, stated_seq, epoch, *said in rows:
        key = (gateway_id, stated_epoch, stated_seq)
        connection.put(connection.tables.tombstones, key, (epoch, Tombstone(*said, stated_at=at)))


def tombstones_of_site(
    connection: Transaction, site_id: int, limit: int
) -> list[tuple[int, str, int, Tombstone]]:
    tables = connection.tables
    names = {row.gateway_id: name for name, row in tables.gateways.items()
             if row.site_id == site_id}  # fmt: skip
    return sorted(
        (gateway_id, names[gateway_id], epoch, said)
        for (gateway_id, stated, seq), (epoch, said) in tables.tombstones.items()
        if gateway_id in names and not _taken_back(connection, Chain(gateway_id, stated), seq)
    )[:limit]


def _taken_back(connection: Transaction, chain: Chain, seq: int) -> bool:
    return any(
        key[:2] == tuple(chain) and row.first_seq <= seq <= row.last_seq
        for key, row in connection.tables.reversals.items()
    )


def taken_of_site(connection: Transaction, site_id: int) -> dict[Chain, tuple[int, int]]:
    del site_id  # the epochs of others are not looked up
    taken: Counter[Chain] = Counter()
    for key, row in connection.tables.reversals.items():
        taken[Chain(*key[:2])] += row.events
    return {chain: (number, 0) for chain, number in taken.items()}


def quarantined_of_site(connection: Transaction, site_id: int) -> dict[Chain, dict[str, int]]:
    tables = connection.tables
    ids = {row.gateway_id for row in tables.gateways.values() if row.site_id == site_id}
    counts: dict[Chain, dict[str, int]] = {}
    for row in tables.quarantine.values():
        if row.gateway_id in ids:
            reasons = counts.setdefault(Chain(row.gateway_id or 0, row.epoch or 0), {})
            reasons[row.code] = reasons.get(row.code, 0) + 1
    return counts


def raise_exception(
    connection: Transaction,
    code: str,
    subject: str,
    detail: str,
    *,
    at: int,
    site_id: int | None = None,
) -> None:
    """The exceptions room's, as ingest calls it."""
    del at, site_id
    connection.put(connection.tables.cases, (code, subject), detail)
