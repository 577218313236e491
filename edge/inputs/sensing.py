"""Readings of declared sensors: checked, remembered, and recorded where the rules say so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog

from edge.inputs.readings import (
    Declared,
    Latest,
    Memory,
    Position,
    Reading,
    declared,
    decode_position,
    decode_reading,
    fact_of,
    place_of,
)
from edge.ports import SensorPoint
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.units import MINUTE, SECOND

_log: Final[Any] = structlog.get_logger("edge.inputs.sensing")
_encode: Final = msgspec.json.Encoder().encode
_STANDS: Final = 10 * MINUTE
"""So long a vehicle is believed to stand where it said it does."""
_STALE: Final = 24 * 3600 * SECOND
"""A device's own time is believed when it is not older, nor ahead."""


class Sensing:
    """Answers readings, in JSON.

    Args:
        sensors: as they are declared.
        point: where readings become events.
        clock: the gateway's.
        is_place: whether the site has a location of this code.
        steady: seconds that never jump.
    """

    def __init__(
        self,
        sensors: Sequence[Declared],
        point: SensorPoint,
        clock: Clock,
        is_place: Callable[[str], bool],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        declarations = declared(sensors)
        self._memory = Memory(declarations.sensors)
        self.faults = [fault for _, fault in declarations.faults]
        """Declarations that are left out, and why."""
        self._point = point
        self._clock = clock
        self._is_place = is_place
        self._steady = steady

    def report(self) -> list[dict[str, Any]]:
        """Every declared sensor with its latest reading."""
        return self._memory.report()

    def occupied(self) -> frozenset[str]:
        """Places where a vehicle stands in the way."""
        return self._memory.occupied(self._clock.now() - _STANDS)

    async def read(self, body: bytes, device: str) -> bytes:
        """Take a reading.

        Raises:
            QuartermasterError: ``sensor.…``, ``payload.too-large``, ``scan.id-reused`` or
                ``disk.full``.
        """
        reading = decode_reading(body)
        sensor = self._memory.sensors.get((device, reading.sensor))
        if sensor is None or sensor.kind == "position":
            raise QuartermasterError("sensor.undeclared", f"{reading.sensor} of {device}")
        fact = fact_of(sensor, reading)
        return await self._take(sensor, Latest(reading.id, fact, self._time_of(reading)))

    async def place(self, body: bytes, device: str) -> bytes:
        """Take a vehicle's place.

        Raises:
            QuartermasterError: ``sensor.…``, ``scan.unknown-location``, ``payload.too-large``,
                ``scan.id-reused`` or ``disk.full``.
        """
        position = decode_position(body)
        sensor = next(
            (
                each
                for each in self._memory.sensors.values()
                if each.device == device and each.kind == "position"
            ),
            None,
        )
        if sensor is None:
            raise QuartermasterError("sensor.undeclared", f"a position of {device}")
        if position.location is not None and not self._is_place(position.location):
            raise QuartermasterError("scan.unknown-location", position.location, where="location")
        fact = place_of(sensor, position)
        at = self._time_of(position)
        return await self._take(sensor, Latest(position.id, fact, at, position.x, position.y))

    async def catch_up(self) -> None:
        """Record what came too soon.

        Raises:
            QuartermasterError: ``disk.full`` or ``store.failed``.
        """
        for sensor, latest in self._memory.overdue(self._steady()):
            if self._memory.is_due(sensor, latest, self._steady()):
                await self._record(sensor, latest)

    async def _take(self, sensor: Declared, latest: Latest) -> bytes:
        before = self._memory.latest.get(sensor.key)
        late = before is not None and latest.at < before.at
        again = self._memory.was_recorded(sensor, latest.id)
        now = self._steady()
        seq = 0
        if again or (not late and self._memory.is_due(sensor, latest, now)):
            seq = await self._record(sensor, latest)
        told = {"id": latest.id, "outcome": "accepted", "recorded": seq > 0, "seq": seq or None}
        return _encode(told)

    async def _record(self, sensor: Declared, latest: Latest) -> int:
        told = await self._point.sense(latest.data, device=sensor.device, reading=latest.id.bytes)
        if told.seq and not told.repeated:
            self._memory.recorded(sensor, latest, self._steady())
        return told.seq

    def _time_of(self, reading: Reading | Position) -> int:
        """The device's own time where it can be right, else the gateway's."""
        now = self._clock.now()
        at = reading.at
        return at if at is not None and now - _STALE <= at <= now else now
