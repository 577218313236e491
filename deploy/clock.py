"""The machine's clock, for the commands that put pieces on machines."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from shared.clock import ClockState
from shared.units import Micros


class SystemClock:
    """The wall clock as the operating system keeps it."""

    def now(self) -> Micros:
        """Microseconds since the Unix epoch, UTC."""
        return Micros(time.time_ns() // 1000)  # noqa: TID251 - this is the port

    def today(self) -> date:
        """The day in UTC."""
        return datetime.fromtimestamp(self.now() // 1_000_000, tz=UTC).date()

    def state(self) -> ClockState:
        """Taken as synchronized: administrators run these commands on servers."""
        return ClockState.SYNCHRONIZED
