"""``quartermaster gateway queue``: what the cloud does not have yet, oldest first."""

from __future__ import annotations

from typing import Final

from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json, Limit, reading
from edge.cli.screen import Column
from edge.db import Connection, Queries
from edge.outbox import Outbox, head_if_any
from edge.ports import SystemClock
from shared.errors import QuartermasterError
from shared.events import decode_event
from shared.words import ago, counted, many, size

_SQL: Final = Queries("edge.cli")
_SHOWN: Final = 50


def queue(data: Data = FOLDER, *, limit: Limit = _SHOWN, json: Json = False) -> None:
    """List what the cloud does not have yet: segments sealed, events waiting to be.

    Example: quartermaster gateway queue --limit 10
    """
    with reading(data) as reader:
        depth = Outbox.depth(reader)
        opened = head_if_any(reader) is not None
        segments = Outbox.unacknowledged(reader, limit=limit) if opened else []
        oldest = oldest_unsent(reader)
        sealed_at = [_sealed_at(reader, each.epoch, each.first_seq) for each in segments]
    if json:
        rows = [
            {
                "epoch": segment.epoch,
                "first_seq": segment.first_seq,
                "last_seq": segment.last_seq,
                "events": segment.events,
                "bytes": len(segment.body),
                "sealed_at": at,
            }
            for segment, at in zip(segments, sealed_at, strict=True)
        ]
        screen.show_json(
            {
                "waiting": depth.waiting,
                "unacknowledged": depth.unacknowledged_events,
                "watermark": depth.watermark,
                "oldest_at": oldest,
                "frozen": depth.frozen,
                "segments": rows,
            }
        )
        return
    now = SystemClock().now()
    screen.show_text(
        f"{many(depth.waiting, 'event')} waiting unsealed; "
        f"the cloud has through {counted(depth.watermark)} of {counted(depth.seq)}."
    )
    if depth.frozen:
        screen.show_text(f"Nothing more is sealed in this epoch: {depth.frozen}", "bold red")
    if not segments:
        screen.show_text("No segment is on its way: what was sealed, the cloud has.")
        return
    screen.show_text(
        f"{many(depth.unacknowledged_segments, 'segment')} with "
        f"{many(depth.unacknowledged_events, 'event')} sealed and not confirmed yet"
        f"{f'; the oldest {ago(oldest, now)}' if oldest else ''}."
    )
    screen.show_table(
        [
            Column("epoch", right=True),
            Column("first", right=True),
            Column("last", right=True),
            Column("events", right=True),
            Column("size", right=True),
            Column("sealed"),
        ],
        [
            (
                str(segment.epoch),
                str(segment.first_seq),
                str(segment.last_seq),
                str(segment.events),
                size(len(segment.body)),
                ago(at, now) if at else "",
            )
            for segment, at in zip(segments, sealed_at, strict=True)
        ],
        empty="",
    )
    if depth.unacknowledged_segments > limit:
        screen.show_text(screen.more_of("segments", limit))


def oldest_unsent(reader: Connection) -> int | None:
    """When the oldest event was made, or its segment sealed, that the cloud has not confirmed."""
    if head_if_any(reader) is None:
        return None
    for segment in Outbox.unacknowledged(reader, limit=1):
        return _sealed_at(reader, segment.epoch, segment.first_seq)
    row = reader.execute(_SQL["oldest_waiting"]).fetchone()
    if row is None:
        return None
    try:
        return decode_event(row[0]).occurred_at
    except QuartermasterError:
        return None


def _sealed_at(reader: Connection, epoch: int, first_seq: int) -> int | None:
    row = reader.execute(_SQL["sealed_at"], (epoch, first_seq)).fetchone()
    return int(row[0]) if row is not None else None
