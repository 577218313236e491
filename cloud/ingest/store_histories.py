"""SQL of the histories that are not in force, and of what a person took over; private to ingest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from cloud.db import Connection, Queries
from cloud.ingest.model import Chain, Rehoming, ReversalRow

_Q = Queries(__package__ or "")


class AsideRow(NamedTuple):
    """An entry of the quarantine whose segment verified; no body where it was past the quota."""

    quarantine_id: int
    epoch: int
    sha256: bytes
    body: bytes | None
    taken_back: bool
    received_at: int
    last_at: int


class RehomedSegment(NamedTuple):
    """Evidence: which of a segment's numbers were taken over, numbered from ``first_seq`` on."""

    first_seq: int
    from_seqs: list[int]
    sha256: bytes
    body: bytes


def reversals(connection: Connection, filters: dict[str, Any]) -> list[ReversalRow]:
    """What was taken back, newest first."""
    return [
        ReversalRow(*row[:14], key=(row[13], row[14], row[2], row[3]))
        for row in connection.execute(_Q["reversals"], filters)
    ]


def rehomed_segments(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """gateway_id, name, site_id, epoch, first_seq, from_epoch, from_seqs, sha256, body of each."""
    with connection.cursor("rehomed_segments") as cursor:
        cursor.itersize = 64
        cursor.execute(_Q["rehomed_segments"])
        yield from cursor


def held_gateway(connection: Connection, name: str) -> tuple[int, int, str] | None:
    """gateway_id, site_id and status; no other decision about it is made until the commit."""
    row = connection.execute(_Q["held_gateway"], {"name": name}).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def aside_segments(connection: Connection, gateway_id: int) -> list[AsideRow]:
    """A gateway's segments that verified and are not in force."""
    rows = connection.execute(_Q["aside_segments"], {"gateway_id": gateway_id}).fetchall()
    return [
        AsideRow(row[0], row[1], bytes(row[2]), None if row[3] is None else bytes(row[3]), *row[4:])
        for row in rows
    ]


def bodies_in_force(connection: Connection, chain: Chain, seq: int) -> Iterator[bytes]:
    """Stored segments that were not taken back, from the one that holds ``seq`` on."""
    with connection.cursor("bodies_in_force") as cursor:
        cursor.itersize = 64
        cursor.execute(_Q["bodies_in_force"], {**chain._asdict(), "seq": seq})
        for (body,) in cursor:
            yield bytes(body)


def claimed(connection: Connection, ids: Collection[bytes]) -> set[bytes]:
    """Those of these ids that belong to an event that counts."""
    wanted = [UUID(bytes=event_id) for event_id in sorted(ids)]
    return {row[0].bytes for row in connection.execute(_Q["claimed"], {"ids": wanted})}


def next_home(connection: Connection, gateway_id: int, first: int) -> int:
    """The number of the gateway's next epoch of the cloud's own, ``first`` being its first."""
    given = {"gateway_id": gateway_id, "first": first}
    row: Any = connection.execute(_Q["next_home"], given).fetchone()
    return int(row[0])


def note_rehoming(
    connection: Connection, gateway_id: int, row: Rehoming, segments: Sequence[RehomedSegment]
) -> None:
    """Record a decision and its evidence."""
    connection.execute(
        _Q["note_rehoming"], {"gateway_id": gateway_id, **row._asdict(), "at": row.decided_at}
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            _Q["note_rehomed_segment"],
            [
                {"gateway_id": gateway_id, "epoch": row.epoch, **segment._asdict()}
                for segment in segments
            ],
        )


def rehomings(connection: Connection, name: str, limit: int) -> list[Rehoming]:
    """What was decided about a gateway's histories, newest first."""
    rows = connection.execute(_Q["rehomings"], {"name": name, "limit": limit})
    return [Rehoming(*row) for row in rows]


def single_entries(connection: Connection, chain: Chain, sha256s: Collection[bytes]) -> list[int]:
    """Single events with these hashes that are in quarantine."""
    rows = connection.execute(_Q["single_entries"], {**chain._asdict(), "sha256s": sorted(sha256s)})
    return [row[0] for row in rows]
