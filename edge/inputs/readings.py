"""Sensors as they are declared, and which of their readings are worth an event.

Rules:

1. a reading belongs to a sensor that ``gateway.toml`` declares for the device that sends it, in the
   declared unit and within its bounds; everything else is refused, by its code;
2. it is recorded when it differs from the last one recorded by ``change`` (at least one digit),
   and ``every_seconds`` have passed since; what came too soon is recorded when they have;
3. one that does not change is recorded again after ``at_least_minutes``;
4. the latest reading is always known, recorded or not.

A vehicle's place is recorded when it changes; its coordinates are only known. Where one that was
declared with ``occupies`` said within ten minutes that it stands, no pallet is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.bodies import decoded
from shared.errors import QuartermasterError
from shared.events import SensorRead
from shared.ids import is_code

Kind = Literal["weight", "door", "temperature", "position"]
MAX_BYTES: Final = 2048

UNITS: Final[dict[str, tuple[str, ...]]] = {
    "weight": ("g", "kg", "t"),
    "temperature": ("Cel", "K", "[degF]"),
    "door": ("1",),
    "position": ("m",),
}
"""UCUM codes; the first is taken where none is declared."""
_DOOR: Final = {"closed": 0.0, "open": 1.0}


class Declared(NamedTuple):
    """A sensor as ``gateway.toml`` declares it."""

    device: str
    name: str
    kind: Kind
    unit: str = ""
    min: float | None = None
    max: float | None = None
    decimals: int = 2
    change: float = 0.0
    every_seconds: float = 5.0
    at_least_minutes: float = 15.0
    location: str | None = None
    occupies: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return (self.device, self.name)


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``devices/<device>/reading``: one value of one sensor; a door is ``open`` or ``closed``."""

    id: UUID
    sensor: Annotated[str, Meta(min_length=1, max_length=64)]
    value: float | Literal["open", "closed"]
    unit: str | None = None
    at: Annotated[int, Meta(ge=0, lt=2**53)] | None = None


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``devices/<device>/position``: a location of the site, or none; coordinates in metres."""

    id: UUID
    location: Annotated[str, Meta(min_length=1, max_length=64)] | None
    x: float | None = None
    y: float | None = None
    at: Annotated[int, Meta(ge=0, lt=2**53)] | None = None


class Latest(NamedTuple):
    """What a sensor said last. ``at`` are the gateway's microseconds."""

    id: UUID
    data: SensorRead
    at: int
    x: float | None = None
    y: float | None = None


_reading: Final = msgspec.json.Decoder(Reading)
_position: Final = msgspec.json.Decoder(Position)


class Declarations(NamedTuple):
    """The sensors that can be used, by device and name; and what is wrong with others."""

    sensors: dict[tuple[str, str], Declared]
    faults: list[tuple[int, QuartermasterError]]
    """With the number of the declaration; ``settings.invalid``."""


def declared(sensors: Sequence[Declared]) -> Declarations:
    """The declarations, checked: a wrong one is left out, and said."""
    found = Declarations({}, [])
    for number, each in enumerate(sensors):
        sensor = each._replace(unit=each.unit or UNITS[each.kind][0])
        if wrong := _wrong(sensor, twice=sensor.key in found.sensors):
            where = f"sensor {sensor.name}"
            fault = QuartermasterError("settings.invalid", wrong, where=where)
            found.faults.append((number, fault))
        else:
            found.sensors[sensor.key] = sensor
    return found


def _wrong(sensor: Declared, *, twice: bool) -> str:
    units, low, high = UNITS[sensor.kind], sensor.min, sensor.max
    if twice:
        return "declared twice"
    if sensor.unit not in units:
        return f"{sensor.kind} is in {' or '.join(units)}"
    if low is not None and high is not None and low > high:
        return "min is above max"
    if sensor.occupies and sensor.kind != "position":
        return "only a vehicle occupies a place"
    return "" if is_code(sensor.name) else "a name is letters, digits, . _ / + -"


def decode_reading(body: bytes) -> Reading:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``sensor.malformed``.
    """
    return decoded(body, _reading, most=MAX_BYTES, code="sensor.malformed")


def decode_position(body: bytes) -> Position:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``sensor.malformed``.
    """
    return decoded(body, _position, most=MAX_BYTES, code="sensor.malformed")


def fact_of(sensor: Declared, reading: Reading) -> SensorRead:
    """A reading as the fact that it states.

    Raises:
        QuartermasterError: ``sensor.unit``, ``sensor.range`` or ``sensor.malformed``.
    """
    if reading.unit is not None and reading.unit != sensor.unit:
        raise QuartermasterError("sensor.unit", f"{reading.unit[:16]}, not {sensor.unit}")
    value = reading.value
    if isinstance(value, str) != (sensor.kind == "door"):
        wants = "open or closed" if sensor.kind == "door" else "a number"
        raise QuartermasterError("sensor.malformed", wants, where="value")
    number = _DOOR[value] if isinstance(value, str) else value
    too_low = sensor.min is not None and number < sensor.min
    if too_low or (sensor.max is not None and number > sensor.max) or abs(number) > 1e9:
        bounds = f"{sensor.min} to {sensor.max}"
        raise QuartermasterError("sensor.range", f"{number:g} {sensor.unit}, declared is {bounds}")
    scale = 0 if sensor.kind == "door" else sensor.decimals
    whole = round(number * 10**scale)
    return SensorRead(sensor.name, sensor.kind, whole, scale, sensor.unit, sensor.location)


def place_of(sensor: Declared, position: Position) -> SensorRead:
    """Where a vehicle is, as the fact that it states."""
    there = position.location is not None
    return SensorRead(sensor.name, sensor.kind, int(there), 0, "1", position.location)


class Memory:
    """What was read last, and what of it has been recorded; nothing here is durable."""

    def __init__(self, sensors: dict[tuple[str, str], Declared]) -> None:
        self.sensors = sensors
        self.latest: dict[tuple[str, str], Latest] = {}
        self._recorded: dict[tuple[str, str], tuple[Latest, float]] = {}
        self._waiting: set[tuple[str, str]] = set()

    def is_due(self, sensor: Declared, latest: Latest, now: float) -> bool:
        """Take a reading; whether it is to be recorded at ``now`` (seconds that never jump)."""
        self.latest[sensor.key] = latest
        self._waiting.discard(sensor.key)
        before = self._recorded.get(sensor.key)
        if before is None:
            return True
        passed = now - before[1]
        if not _differs(sensor, before[0].data, latest.data):
            return passed >= sensor.at_least_minutes * 60
        if passed >= sensor.every_seconds:
            return True
        self._waiting.add(sensor.key)
        return False

    def recorded(self, sensor: Declared, latest: Latest, now: float) -> None:
        """It is in the outbox."""
        self._recorded[sensor.key] = (latest, now)

    def was_recorded(self, sensor: Declared, reading: UUID) -> bool:
        """Whether the last one recorded is this one: it was sent again."""
        before = self._recorded.get(sensor.key)
        return before is not None and before[0].id == reading

    def overdue(self, now: float) -> list[tuple[Declared, Latest]]:
        """What came too soon and may be recorded by now."""
        return [
            (self.sensors[key], self.latest[key])
            for key in list(self._waiting)
            if now - self._recorded[key][1] >= self.sensors[key].every_seconds
        ]

    def occupied(self, since: int) -> frozenset[str]:
        """Where vehicles stand in the way, of which was heard since then (microseconds)."""
        return frozenset(
            latest.data.location
            for key, latest in self.latest.items()
            if self.sensors[key].occupies and latest.data.location and latest.at >= since
        )

    def report(self) -> list[dict[str, Any]]:
        """Every declared sensor with its latest reading, for people and ``--json``."""
        return [_told(sensor, self.latest.get(key)) for key, sensor in self.sensors.items()]


def _differs(sensor: Declared, before: SensorRead, now: SensorRead) -> bool:
    digits = max(sensor.change * 10**now.scale, 1)
    return before.location != now.location or abs(now.value - before.value) >= digits


def _told(sensor: Declared, latest: Latest | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "device": sensor.device,
        "sensor": sensor.name,
        "kind": sensor.kind,
        "unit": sensor.unit,
        "location": sensor.location,
        "value": None,
        "at": None,
    }
    if latest is None:
        return told
    told["at"] = latest.at
    if sensor.kind == "position":
        return told | {"location": latest.data.location, "x": latest.x, "y": latest.y}
    if sensor.kind == "door":
        return told | {"value": "open" if latest.data.value else "closed"}
    return told | {"value": latest.data.value / 10**latest.data.scale}
