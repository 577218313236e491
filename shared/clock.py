"""Time as a port. Ordering never depends on it; sequence numbers order events."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from shared.units import Micros


class ClockState(IntEnum):
    """How far an event's ``occurred_at`` can be trusted."""

    UNTRUSTED = 0
    """No reference since boot: order by sequence, bound by neighbours."""
    SYNCHRONIZED = 1
    """Within the policy's tolerance of a time reference."""
    FLOORED = 2
    """The wall clock stood below the persisted floor and was lifted to it."""


class Clock(Protocol):
    """Reads the wall clock and says how far it can be trusted."""

    def now(self) -> Micros:
        """Microseconds since the Unix epoch, UTC."""
        ...

    def state(self) -> ClockState:
        """The trust in the last reading."""
        ...
