"""What the pages list, read from the store and put into records for their templates."""

from __future__ import annotations

from typing import Final, NamedTuple

from edge import tasks
from edge.db import Connection, Queries
from edge.web import devices
from edge.web.console.sessions import DEVICE
from shared.policy.matching import Wanted
from shared.units import DAY

_SQL: Final = Queries(__package__ or "edge.web.console")
_TASKS: Final = 100
_EXCEPTIONS: Final = 100
_ACCURACY_DAYS: Final = 90


class Session(NamedTuple):
    """Who is signed in at a device."""

    name: str
    role: str
    since: int
    proven: bool


class Glance(NamedTuple):
    """What waits for somebody: numbers for the overview and the tabs."""

    exceptions: int
    tasks: int
    late: int
    people: int
    devices: int


class DeviceShown(NamedTuple):
    """A paired device, and who is there."""

    device: devices.Device
    person: Session | None


class TaskShown(NamedTuple):
    """A task; ``expected`` is None where it is not told."""

    task: tasks.TaskFound
    lines: list[Wanted]
    done: int
    expected: int | None


def glance(reader: Connection, now: int) -> Glance:
    """How much there is of each."""
    return Glance(*reader.execute(_SQL["glance"], {"now": now, "console": f"{DEVICE}%"}).fetchone())


def devices_shown(reader: Connection) -> tuple[list[DeviceShown], list[Session]]:
    """Paired devices, those at which somebody is first, and who has a console open."""
    there = {
        str(device): Session(name, role, since, bool(proven))
        for device, name, role, since, proven in reader.execute(_SQL["signed_in"]).fetchall()
    }
    shown = [DeviceShown(each, there.get(each.name)) for each in devices.known(reader)]
    shown.sort(key=lambda each: (each.device.revoked_at is not None, each.person is None))
    return shown, [person for device, person in there.items() if device.startswith(DEVICE)]


def tasks_shown(reader: Connection, limit: int = _TASKS) -> list[TaskShown]:
    """Open tasks, the most urgent first."""
    return [
        _task(task, tasks.lines_of(reader, task.code))
        for task in tasks.open_tasks(reader, limit=limit)
    ]


def accuracy(reader: Connection, now: int) -> list[tasks.ZoneAccuracy]:
    """How right the record was, by zone."""
    return tasks.accuracy_by_zone(reader, since=now - _ACCURACY_DAYS * DAY)


def exceptions_shown(reader: Connection, limit: int = _EXCEPTIONS) -> list[tasks.Raised]:
    """Open exceptions, the newest first."""
    return tasks.exceptions(reader, limit=limit)


def _task(task: tasks.TaskFound, lines: list[Wanted]) -> TaskShown:
    done, expected = tasks.totals(lines)
    blind = task.blind or task.kind == "count" or not expected
    return TaskShown(task, lines, done, None if blind else expected)
