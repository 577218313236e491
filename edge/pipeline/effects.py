"""What an accepted request changed, kept so that it can be taken back.

Kept beside the answers, for a shorter time: nobody undoes what happened yesterday.
"""

from __future__ import annotations

from typing import Final

import msgspec

from edge import stock
from edge.db import Connection, Queries
from edge.pipeline.writing import Writing
from edge.tasks import Result
from shared.movements import Movement, Position

_SQL: Final = Queries(__package__ or "edge.pipeline")
_LOOK_BACK: Final = 2000
"""So many requests are looked through for a position that was emptied; further back: perhaps."""


class Event(msgspec.Struct, array_like=True, frozen=True):
    """One event: its id and what it moved."""

    id: bytes
    moved: tuple[Movement, ...]


class Counted(msgspec.Struct, array_like=True, frozen=True):
    """A position that was counted for a task, and what had come of counting it before."""

    position: Position
    before: Result | None


class UnitBefore(msgspec.Struct, array_like=True, frozen=True):
    """A pallet or parcel as it was before and after, and what was put into it."""

    sscc: str
    unit: stock.Unit | None
    after: stock.Unit
    packed: list[stock.Content]


class Effect(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Everything that is to be turned round. ``lines`` are those of ``task``, with how many."""

    device: str
    occurred_at: int
    sku: str
    events: list[Event]
    task: str | None = None
    lines: list[tuple[int, int]] = []
    counts: list[Counted] = []
    unit: UnitBefore | None = None
    is_undo: bool = False


class Kept(msgspec.Struct, frozen=True):
    """A kept effect; ``at`` is the gateway's time of the request."""

    at: int
    effect: Effect
    undone: bool


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Effect)


def keep(connection: Connection, request: bytes, effect: Effect, *, at: int) -> None:
    """Keep what a request changed."""
    connection.execute(_SQL["keep_effect"], (request, at, _encode(effect)))


def kept(connection: Connection, request: bytes) -> Kept | None:
    """What a request changed, if that is still known."""
    row = connection.execute(_SQL["effect"], (request,)).fetchone()
    return Kept(row[0], _decoder.decode(row[1]), row[2] is not None) if row is not None else None


def mark_undone(connection: Connection, request: bytes, by: bytes) -> None:
    """Say that a request has been taken back."""
    connection.execute(_SQL["undone"], (by, request))


def has_moved_since(connection: Connection, position: Position, moment: int) -> bool:
    """Whether goods moved at this position after ``moment``; also where nobody knows any more."""
    at = stock.moved_at(connection, position)
    if at is not None:
        return at > moment
    looked_at = 0
    for when, body in connection.execute(_SQL["latest_effects"], (_LOOK_BACK,)):
        if when < moment:
            return False
        looked_at += 1
        effect = _decoder.decode(body)
        if effect.occurred_at > moment and any(
            place == position for event in effect.events for place, _ in event.moved
        ):
            return True
    return looked_at == _LOOK_BACK


def forget(connection: Connection, before: int, *, limit: int) -> int:
    """Forget effects of before a moment; returns how many."""
    return connection.execute(_SQL["forget_effects"], (limit, before)).rowcount


def worth_keeping(writing: Writing) -> list[Event]:
    """A request's first event, which stands for it, and all others that moved something."""
    first, *others = writing.written
    return [Event(*each) for each in (first, *(each for each in others if each.moved))]
