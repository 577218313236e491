"""Requests are answered once: a retry gets the same answer, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from edge import stock
from edge.db import Connection, Queries
from edge.db.marks import check, mark_of
from edge.pipeline.scan import Answer, Refusal, remark_of
from shared.clock import ClockState
from shared.errors import QuartermasterError

SQL: Final = Queries(__package__ or "edge.pipeline")
encode: Final = msgspec.json.Encoder().encode
_TABLE: Final = "answered"
_answers: Final = msgspec.json.Decoder(Answer)


class Moment(NamedTuple):
    """When a unit was asked for, and how far that is to be trusted."""

    now: int
    state: ClockState


class Accepted(NamedTuple):
    """A durable answer, in JSON; ``repeated`` when an earlier request had already made it."""

    body: bytes
    repeated: bool


class Refused(NamedTuple):
    """A refusal, and the versions that it was judged by."""

    scan_id: UUID | None
    refusal: Refusal
    versions: dict[str, int]

    def in_words(self) -> Answer:
        """As the scanner gets it."""
        return Answer(
            id=self.scan_id,
            outcome="refused",
            understood=self.refusal.understood,
            error=remark_of(self.refusal.error),
            versions=self.versions,
            expected=self.refusal.expected,
        )


class Request(NamedTuple):
    """A request that is answered once: its id, and what tells it from another.

    ``full``: there is no room for a new one; a retry still gets its answer.
    """

    id: UUID
    content: bytes
    full: bool = False


def once(
    connection: Connection, request: Request, make: Callable[[dict[str, int]], msgspec.Struct]
) -> Accepted | Refused:
    """Answer a request, or say again what was answered; a refusal has changed nothing.

    Args:
        connection: the unit's.
        request: which one.
        make: does what it asks for, given the versions in force; may raise :class:`Refusal`
            before it has written anything.
    """
    known = _answered(connection, request.id)
    versions = stock.versions(connection)
    if known is not None:
        content, answer = known
        if content == request.content:
            return Accepted(answer, repeated=True)
        reused = QuartermasterError("scan.id-reused", str(request.id), where="id")
        return Refused(request.id, Refusal(reused), versions)
    if request.full:
        return Refused(request.id, Refusal(QuartermasterError("disk.full")), versions)
    try:
        answer = encode(make(versions))
    except Refusal as refusal:
        return Refused(request.id, refusal, versions)
    values = (request.id.bytes, request.content, answer)
    connection.execute(SQL["remember"], (*values, mark_of(_TABLE, *values)))
    return Accepted(answer, repeated=False)


def answered(connection: Connection, request: UUID) -> Answer | None:
    """What a scan was answered, where that is still known."""
    known = _answered(connection, request)
    try:
        return _answers.decode(known[1]) if known is not None else None
    except msgspec.MsgspecError:  # the answer to something else than a scan
        return None


def _answered(connection: Connection, request: UUID) -> tuple[bytes, bytes] | None:
    """What a request was told from others by, and its answer, as they were written.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(SQL["answered"], (request.bytes,)).fetchone()
    if row is None:
        return None
    content, answer, mark = row
    check(_TABLE, mark, request.bytes, content, answer)
    return bytes(content), bytes(answer)
