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
BATCH_EVENTS: Final = 8192
"""Enough to spread a commit's cost; few enough that a batch takes a tenth of a second."""
TRICKLE_EVENTS: Final = 256
BREATH_S: Final = 0.02
"""Between two takings of fewer than ``TRICKLE_EVENTS``."""


class Work(NamedTuple):
    """A batch, its number in the order of taking, and the messages it came in."""

    number: int
    examined: list[Examined]
    deliveries: list[Delivery]


class Desk:
    """Hands batches from the examining thread to settlers, and their chains to the advancer."""

    def __init__(self, *, breath_s: float = BREATH_S) -> None:
        self._changed = threading.Condition()
        self._examined: list[Examined] = []
        self._deliveries: list[Delivery] = []
        self._events = 0
        self._taken = 0
        self._breath_s = breath_s
        self._breathed_at = 0.0
        self._settled: dict[int, frozenset[Chain]] = {}
        self._advanced = 0

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
            breath = self._breathed_at - time.monotonic()
            self._changed.wait_for(self._is_much, max(breath, 0.0))
            if not self._examined:
                return None  # another settler has it
            self._breathed_at = time.monotonic() + self._breath_s
            work = Work(self._taken, self._examined, self._deliveries)
            self._examined, self._deliveries, self._events = [], [], 0
            self._taken += 1
            self._changed.notify_all()
            return work

    def settled(self, number: int, due: frozenset[Chain]) -> None:
        """A batch is committed; its watermarks are due when all earlier ones are."""
        with self._changed:
            self._settled[number] = due
            self._changed.notify_all()

    def due(self, *, seconds: float) -> frozenset[Chain]:
        """The chains of all batches settled so far in order; none after ``seconds`` of nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._advanced in self._settled, seconds)
            chains: set[Chain] = set()
            while (found := self._settled.pop(self._advanced, None)) is not None:
                chains |= found
                self._advanced += 1
            return frozenset(chains)
