"""What one database of a gateway has that another must not lose: for backups and their return."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec

from edge.db import Connection, Queries
from edge.outbox.reading import sealed_in, waiting_in
from edge.outbox.standing import UNOPENED, Head, freeze, head_if_any, put_head, word, words
from shared.errors import QuartermasterError
from shared.events import decode_event
from shared.segment import header, parse

_SQL: Final = Queries(__package__ or "edge.outbox")


class Chain(msgspec.Struct, frozen=True):
    """Where a database's history ends, and a digest over all of it that is there.

    ``seq`` and ``hash`` are of the last event, sealed or waiting; ``covered`` is how far the cloud
    has that epoch.
    """

    epoch: int
    seq: int
    hash: str
    covered: int
    digest: str


def chain_of(connection: Connection) -> Chain:
    """The history of a database, each waiting event linked to the one before.

    Raises:
        QuartermasterError: ``store.damaged`` where it does not hang together.
    """
    stands = head_if_any(connection) or UNOPENED
    digest = hashlib.sha256()
    for row in connection.execute(_SQL["chain_segments"]):
        digest.update(repr(tuple(row)).encode("ascii"))
    seq, last = stands.seq, stands.hash
    for row in connection.execute(_SQL["waiting"], (-1,)):
        body, found = waiting_in(row)
        event = decode_event(body)
        if (event.seq, event.prev_hash) != (seq + 1, last):
            where = f"sequence {seq + 1}"
            raise QuartermasterError("store.damaged", "the chain is broken", where=where)
        seq, last = seq + 1, found
        digest.update(found)
    said = word(connection, stands.epoch)
    covered = 0 if said is None else said.reached
    return Chain(stands.epoch, seq, last.hex(), covered, digest.hexdigest())


def uncovered(connection: Connection) -> Iterator[bytes]:
    """The events that the cloud has not confirmed, oldest first."""
    for said in words(connection):
        where = {"epoch": said.epoch, "reached": said.reached}
        for sealed in map(sealed_in, connection.execute(_SQL["uncovered"], where).fetchall()):
            skip = max(0, said.reached + 1 - sealed.first_seq)
            yield from header(parse(sealed.body)).events[skip:]
    for row in connection.execute(_SQL["waiting"], (-1,)).fetchall():
        yield waiting_in(row)[0]


def all_ids(connection: Connection) -> set[bytes]:
    """The ids of every event that is there, confirmed or not."""
    found: set[bytes] = set()
    for row in connection.execute(_SQL["all_bodies"]):
        found.update(decode_event(body).id for body in header(parse(sealed_in(row).body)).events)
    for row in connection.execute(_SQL["waiting"], (-1,)):
        found.add(decode_event(waiting_in(row)[0]).id)
    return found


def stop_here(connection: Connection, why: str) -> None:
    """Seal no more in this epoch: another database of this gateway may have gone further."""
    stands = head_if_any(connection)
    if stands is not None and stands.epoch:
        freeze(connection, why)


def leave_epochs(connection: Connection) -> list[bytes]:
    """Forget in which epochs it was, for another gateway; what was not confirmed is returned."""
    bodies = list(uncovered(connection))
    for query in ("clear_waiting", "clear_segments", "clear_watermarks", "forget_freed"):
        connection.execute(_SQL[query])
    put_head(connection, Head(0, 0, UNOPENED.hash, ""))
    return bodies
