"""What one request writes: its events, and with each the movements of the site's stock.

The first event has the request's id: it is the one that a retry, also through another gateway, is
known by. The ids of the others follow from it, so that they are the same however often it is done.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from edge import stock
from edge.db import Connection
from edge.outbox import Outbox
from shared.clock import ClockState
from shared.events import EventData
from shared.movements import Movement, movements_of


class Origin(NamedTuple):
    """Whose request it is, and when it happened."""

    request: bytes
    device: str
    operator: str | None
    task: str | None
    occurred_at: int
    clock_state: ClockState


class Written(NamedTuple):
    """One event of a request, and what it moved."""

    event_id: bytes
    moved: tuple[Movement, ...]


class Writing:
    """Writes the events of one request, in its transaction.

    Args:
        connection: the unit's.
        outbox: where events go.
        origin: whose they are.
    """

    def __init__(self, connection: Connection, outbox: Outbox, origin: Origin) -> None:
        self._connection = connection
        self._outbox = outbox
        self.origin = origin
        self.written: list[Written] = []
        self.seq: int | None = None
        """The sequence number of the first."""

    @property
    def next_id(self) -> bytes:
        """The id that the next event will have."""
        number = len(self.written)
        return following(self.origin.request, number) if number else self.origin.request

    def write(self, data: EventData) -> None:
        """Chain one event and move what it says.

        Raises:
            QuartermasterError: ``event.malformed`` when it is larger than an event may be.
        """
        origin, event_id = self.origin, self.next_id
        seq = self._outbox.append(
            self._connection,
            data,
            event_id=event_id,
            device=origin.device,
            occurred_at=origin.occurred_at,
            clock_state=origin.clock_state,
            operator=origin.operator,
            task=origin.task,
        )
        stock.apply(self._connection, data, origin.occurred_at)
        self.written.append(Written(event_id, movements_of(data)))
        self.seq = self.seq or seq


def following(request: bytes, number: int) -> bytes:
    """The id of the request's ``number``-th further event: a UUIDv7 of the same millisecond."""
    tail = hashlib.sha256(request + number.to_bytes(2, "big")).digest()
    version, variant = 0x70 | tail[0] & 0x0F, 0x80 | tail[2] & 0x3F
    return request[:6] + bytes((version, tail[1], variant)) + tail[3:10]
