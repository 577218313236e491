"""Where examined messages wait for a settler, and settled batches for their watermark. Bounded.

A settler that is free takes all that waits: one message at once when it is quiet, thousands of
events under load. In between, a trickle is gathered for a breath: a commit for each single scan
costs a small machine more than the scans themselves. Watermarks follow in the order in which
batches were taken, so that no gateway hears of a gap that another settler is just filling; what is
due of several batches is told at once.
"""

from __future__ import annotations

import threading
import time
from typing import Final, NamedTuple

from cloud.bus import Delivery
from cloud.ingest.model import Chain, Examined, Verified

BATCH_MESSAGES: Final = 128
BATCH_EVENTS: Final = 16_384
"""Enough to spread a commit's cost; few enough that a batch takes a third of a second."""
TRICKLE_EVENTS: Final = 256
"""Fewer than these are left to become more, for a breath."""


class Breath(NamedTuple):
    """Seconds between two commits, and between two rounds of watermarks, of a trickle.

    What waits for a commit is not seen yet; what waits for a watermark is seen, and only its room
    at the gateway is freed that much later.
    """

    commits: float = 0.03
    watermarks: float = 0.1


_BREATH: Final = Breath()


class _Settled(NamedTuple):
    due: frozenset[Chain]
    events: int


class Work(NamedTuple):
    """A batch, its number in the order of taking, and the messages it came in."""

    number: int
    examined: list[Examined]
    deliveries: list[Delivery]


class Desk:
    """Hands batches from the examining thread to settlers, and their chains to the advancer."""

    def __init__(self, breath: Breath = _BREATH) -> None:
        self._changed = threading.Condition()
        self._examined: list[Examined] = []
        self._deliveries: list[Delivery] = []
        self._events = 0
        self._taken = 0
        self._taken_events: dict[int, int] = {}
        self._settled: dict[int, _Settled] = {}
        self._advanced = 0
        self._breath = breath
        self._take_at = 0.0
        self._tell_at = 0.0

    def add(self, item: Examined, delivery: Delivery, *, seconds: float) -> bool:
        """Add a message to the batch in hand; false when it stayed full for ``seconds``."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, seconds):
                return False
            self._examined.append(item)
            self._deliveries.append(delivery)
            if isinstance(item, Verified):
                self._events += item.segment.last_seq - item.segment.first_seq + 1
            self._changed.notify_all()
            return True

    def _has_room(self) -> bool:
        return self._events < BATCH_EVENTS and len(self._examined) < BATCH_MESSAGES

    def _is_much(self) -> bool:
        return self._events >= TRICKLE_EVENTS or not self._has_room()

    def take(self, *, seconds: float) -> Work | None:
        """All that waits, as soon as anything does; None after ``seconds`` of nothing.

        Soon after another batch, a little that waits is left to become more.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._examined, seconds):
                return None
            self._changed.wait_for(self._is_much, max(self._take_at - time.monotonic(), 0.0))
            if not self._examined:
                return None  # another settler has it
            self._take_at = time.monotonic() + self._breath.commits
            work = Work(self._taken, self._examined, self._deliveries)
            self._taken_events[self._taken] = self._events
            self._examined, self._deliveries, self._events = [], [], 0
            self._taken += 1
            self._changed.notify_all()
            return work

    def settled(self, number: int, due: frozenset[Chain]) -> None:
        """A batch is committed; its watermarks are due when all earlier ones are."""
        with self._changed:
            self._settled[number] = _Settled(due, self._taken_events.pop(number))
            self._changed.notify_all()

    def due(self, *, seconds: float) -> frozenset[Chain]:
        """The chains of all batches settled so far in order; none after ``seconds`` of nothing.

        Soon after another round, those of a little are left to become more.
        """
        with self._changed:
            if not self._changed.wait_for(self._in_order, seconds):
                return frozenset()
            self._changed.wait_for(self._much_is_due, max(self._tell_at - time.monotonic(), 0.0))
            self._tell_at = time.monotonic() + self._breath.watermarks
            batches = self._in_order()
            for number in range(self._advanced, self._advanced + len(batches)):
                del self._settled[number]
            self._advanced += len(batches)
            return frozenset[Chain]().union(*(batch.due for batch in batches))

    def _in_order(self) -> list[_Settled]:
        found: list[_Settled] = []
        while (batch := self._settled.get(self._advanced + len(found))) is not None:
            found.append(batch)
        return found

    def _much_is_due(self) -> bool:
        return sum(batch.events for batch in self._in_order()) >= TRICKLE_EVENTS
