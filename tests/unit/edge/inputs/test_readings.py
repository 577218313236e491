"""Which readings fit their sensor's declaration, and which of them become events."""

from __future__ import annotations

from uuid import UUID

import pytest

from edge.inputs.readings import (
    Declared,
    Latest,
    Memory,
    Reading,
    declared,
    decode_position,
    decode_reading,
    fact_of,
    place_of,
)
from shared.errors import QuartermasterError
from shared.events import SensorRead

COLD = Declared("cold-1", "store", "temperature", "Cel", -30, 30, change=0.5, location="A-01")
DOOR = Declared("cold-1", "door", "door", "1")
AGV = Declared("agv-1", "agv-1", "position", "m")
ONE = UUID(int=1)


def read(value: float | str, unit: str | None = None) -> Reading:
    return Reading(ONE, "store", value, unit)  # type: ignore[arg-type]


def test_a_reading_becomes_whole_digits_with_their_scale() -> None:
    fact = SensorRead("store", "temperature", -1855, 2, "Cel", "A-01")
    assert fact_of(COLD, read(-18.55)) == fact
    assert fact_of(DOOR, read("open")) == SensorRead("door", "door", 1, 0, "1")


def test_a_vehicle_is_at_a_place_or_between_places() -> None:
    there = decode_position(b'{"id": "00000000-0000-0000-0000-000000000001", "location": "A-01"}')
    away = decode_position(b'{"id": "00000000-0000-0000-0000-000000000001", "location": null}')
    assert place_of(AGV, there) == SensorRead("agv-1", "position", 1, 0, "1", "A-01")
    assert place_of(AGV, away) == SensorRead("agv-1", "position", 0, 0, "1")


@pytest.mark.parametrize(
    ("sensor", "reading", "code"),
    [
        (COLD, read(30.01), "sensor.range"),
        (COLD, read(-31), "sensor.range"),
        (COLD._replace(max=None), read(1e300), "sensor.range"),
        (COLD, read(20, "K"), "sensor.unit"),
        (COLD, read("open"), "sensor.malformed"),
        (DOOR, read(1), "sensor.malformed"),
    ],
)
def test_what_does_not_fit_is_refused(sensor: Declared, reading: Reading, code: str) -> None:
    with pytest.raises(QuartermasterError) as refused:
        fact_of(sensor, reading)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "sensor.malformed"),
        (b"\x00\xff", "sensor.malformed"),
        (b"[" * 2000, "payload.too-deep"),
        (b'{"id": "x", "sensor": "s", "value": 1}', "sensor.malformed"),
        (b'{"id": "00000000-0000-0000-0000-000000000001", "value": 1}', "sensor.malformed"),
        (
            b'{"id": "00000000-0000-0000-0000-000000000001", "sensor": "s", "value": NaN}',
            "sensor.malformed",
        ),
        (b'{"pad": "' + b"x" * 3000 + b'"}', "payload.too-large"),
    ],
)
def test_garbage_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(QuartermasterError) as refused:
        decode_reading(body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "sensors",
    [
        [COLD, COLD],
        [COLD._replace(unit="kg")],
        [COLD._replace(min=5, max=1)],
        [COLD._replace(occupies=True)],
        [COLD._replace(name="cold store")],
    ],
)
def test_a_wrong_declaration_is_named_and_left_out(sensors: list[Declared]) -> None:
    found = declared([DOOR, *sensors, AGV])
    ((number, fault),) = found.faults
    assert number == len(sensors)
    assert fault.code == "settings.invalid"
    assert sensors[0].name in fault.where
    assert {DOOR.key, AGV.key} <= set(found.sensors)
    assert len(found.sensors) == len(sensors) + 1


def test_a_vehicle_occupies_a_place_for_as_long_as_it_says_so() -> None:
    truck = AGV._replace(occupies=True)
    memory = Memory(declared([truck, AGV._replace(name="agv-2")]).sensors)
    there = SensorRead("agv-1", "position", 1, 0, "1", "DOCK-1")
    passing = SensorRead("agv-2", "position", 1, 0, "1", "DOCK-2")
    away = SensorRead("agv-1", "position", 0, 0, "1")
    memory.is_due(truck, Latest(ONE, there, 100), 0)
    memory.is_due(AGV._replace(name="agv-2"), Latest(ONE, passing, 100), 0)
    assert memory.occupied(100) == {"DOCK-1"}
    assert memory.occupied(101) == frozenset()
    memory.is_due(truck, Latest(ONE, away, 200), 1)
    assert memory.occupied(100) == frozenset()


class Recorder:
    """The rule at work, at moments that a test names."""

    def __init__(self) -> None:
        self.memory = Memory(declared([COLD]).sensors)
        self.recorded: list[float] = []

    def say(self, value: float, at: float) -> None:
        latest = Latest(ONE, fact_of(COLD, read(value)), int(at))
        if self.memory.is_due(COLD, latest, at):
            self.keep(latest, at)

    def keep(self, latest: Latest, at: float) -> None:
        self.memory.recorded(COLD, latest, at)
        self.recorded.append(latest.data.value / 100)

    def catch_up(self, at: float) -> None:
        for sensor, latest in self.memory.overdue(at):
            assert self.memory.is_due(sensor, latest, at)
            self.keep(latest, at)


def test_a_reading_that_says_nothing_new_is_no_event() -> None:
    rule = Recorder()
    for second in range(60):
        rule.say(4.0 + (second % 2) * 0.49, second)
    assert rule.recorded == [4.0]
    assert rule.memory.report()[0]["value"] == 4.49


def test_a_reading_that_stays_the_same_is_told_again_after_a_while() -> None:
    rule = Recorder()
    for minute in range(31):
        rule.say(4.0, minute * 60)
    assert rule.recorded == [4.0, 4.0, 4.0]


def test_what_changes_all_the_time_is_recorded_at_its_declared_pace() -> None:
    rule = Recorder()
    for second in range(20):
        rule.say(second, second)
    assert rule.recorded == [0, 5, 10, 15]


def test_the_last_of_what_came_too_soon_is_recorded_when_it_may() -> None:
    rule = Recorder()
    rule.say(4.0, 0)
    rule.say(9.0, 1)
    rule.say(8.0, 2)
    rule.catch_up(4)
    assert rule.recorded == [4.0]
    rule.catch_up(5)
    rule.catch_up(20)
    assert rule.recorded == [4.0, 8.0]


def test_what_went_back_before_it_could_be_recorded_is_no_event() -> None:
    rule = Recorder()
    rule.say(4.0, 0)
    rule.say(9.0, 1)
    rule.say(4.0, 2)
    rule.catch_up(10)
    assert rule.recorded == [4.0]
