"""Whether this database can be the one that sealed what the cloud has, or is a copy."""

from __future__ import annotations

from typing import Final

from edge.db import Connection, Queries
from edge.outbox.reading import sealed_in
from edge.outbox.standing import Word, head
from shared.downlink import Watermark
from shared.events import event_hash
from shared.segment import header, parse

_SQL: Final = Queries(__package__ or "edge.outbox")


def contradicts(connection: Connection, watermark: Watermark) -> str:
    """Why the cloud's word and this database cannot both be true, or an empty text.

    Of an epoch that is closed here, or of any while none is in force, nothing can be contradicted.
    """
    epoch, reached = watermark.epoch, watermark.contiguous_seq
    here = head(connection)
    if not here.epoch or epoch < here.epoch:
        return ""
    if watermark.frozen:
        return f"the cloud has two histories of epoch {epoch} and stopped at {reached}"
    end = here.seq if epoch == here.epoch else 0
    if reached > end:
        return f"the cloud has epoch {epoch} through {reached}, this database through {end}"
    ours = here.hash if reached == end else _hash_at(connection, epoch, reached)
    if reached and ours is not None and ours != watermark.head_hash:
        return f"the cloud has another event at epoch {epoch}, sequence {reached}"
    return _foreign_neighbour(connection, watermark, end)


def _foreign_neighbour(connection: Connection, watermark: Watermark, end: int) -> str:
    """What stands around a gap that is not ours: segments are sent and stored whole.

    So a gap in what we sent is made of whole segments of ours, and lies below our end.
    """
    for first, last in watermark.missing:
        where = {"epoch": watermark.epoch, "first": first, "last": last}
        if last >= end or connection.execute(_SQL["straddling"], where).fetchone():
            return f"the cloud has other events around the gap {first}-{last} of {watermark.epoch}"
    return ""


def shared_through(connection: Connection, watermark: Watermark, confirmed: Word) -> int:
    """How far this database and the cloud certainly tell the same history of an epoch.

    Args:
        connection: the unit's.
        watermark: the cloud's word.
        confirmed: its word before; of another generation it says nothing about what this cloud
            has.
    """
    reached = watermark.contiguous_seq
    here = head(connection)
    at_head = (here.epoch, here.seq) == (watermark.epoch, reached)
    ours = here.hash if at_head else _hash_at(connection, watermark.epoch, reached)
    if ours == watermark.head_hash:
        return reached
    return min(confirmed.reached, reached) if confirmed.generation == watermark.generation else 0


def _hash_at(connection: Connection, epoch: int, seq: int) -> bytes | None:
    """The hash of a sealed event, if its segment is still kept."""
    where = {"epoch": epoch, "seq": seq}
    row = connection.execute(_SQL["ending_at"], where).fetchone()
    if row is not None:
        return row[0]
    row = connection.execute(_SQL["holding"], where).fetchone()
    if row is None:
        return None
    sealed = sealed_in(row)
    events: list[bytes] = header(parse(sealed.body)).events
    return event_hash(events[seq - sealed.first_seq])
