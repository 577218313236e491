"""Keeps the floor of the clock over restarts, and says when the machine's clock is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from edge.clock import GatewayClock, Reading
from edge.db import Database
from edge.outbox import Outbox
from shared.errors import QuartermasterError
from shared.units import MINUTE, SECOND

_log: Final[Any] = structlog.get_logger("edge.clock")
_LOOK_S: Final = 1.0
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Timekeeping:
    """Looks each second.

    Args:
        clock: the gateway's.
        database: where the floor is kept.
        changed: told when the machine's clock went wrong, or right again.
    """

    def __init__(
        self, clock: GatewayClock, database: Database, changed: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._database = database
        self._changed = changed
        self._kept = 0
        self._fault = ""

    async def run(self) -> None:
        """Keep and tell until cancelled."""
        self._kept = Outbox.floor(self._database.reader)
        while True:
            self._tell(self._clock.read())
            floor = self._clock.floor
            if not self._kept <= floor < self._kept + MINUTE:
                await self._database.run(
                    lambda connection, f=floor: Outbox.set_floor(connection, f)
                )
                self._kept = floor
            await asyncio.sleep(_LOOK_S)

    def _tell(self, reading: Reading) -> None:
        if reading.fault == self._fault:
            return
        self._fault = reading.fault
        if reading.fault:
            _log.warning("clock.wrong", fault=reading.fault, seconds=reading.off_by // SECOND)
        else:
            _log.info("clock.right")
        self._changed()

    def notice(self) -> QuartermasterError | None:
        """What a person should know, if anything."""
        reading = self._clock.read()
        if not reading.fault:
            return None
        by = timedelta(seconds=reading.off_by // SECOND)
        code = "clock.behind" if reading.fault == "behind" else "clock.ahead"
        return QuartermasterError(code, f"by {by}")


def clock_report(clock: GatewayClock) -> dict[str, Any]:
    """For people and ``--json``."""
    reading = clock.read()
    return {
        "now": (_UNIX_EPOCH + timedelta(microseconds=reading.now)).isoformat(timespec="seconds"),
        "state": reading.state.name.lower(),
        "machine_is": reading.fault or "not known to be wrong",
        "off_by_seconds": reading.off_by // SECOND,
        "floor": clock.floor,
    }
