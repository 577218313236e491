"""What the pages show, read from the store and put into records for their templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from edge import tasks
from edge.db import Connection, Queries
from edge.web import devices
from edge.web.console.sessions import DEVICE
from edge.web.console.trend import Look, filling
from shared.policy.matching import Wanted
from shared.units import DAY, SECOND
from shared.words import counted, lasting, size, when

_SQL: Final = Queries(__package__ or "edge.web.console")
_SOON: Final = 2 * DAY
"""Certificates last a week and are renewed well before: then something is in the way."""
_ANSWERS: Final = 60
_TASKS: Final = 100
_EXCEPTIONS: Final = 100
_ACCURACY_DAYS: Final = 90


class Fact(NamedTuple):
    """A line of the overview; ``look`` is ``good``, ``warned``, ``refused`` or nothing."""

    name: str
    says: str
    more: str = ""
    look: str = ""


class Session(NamedTuple):
    """Who is signed in at a device."""

    name: str
    role: str
    since: int
    proven: bool


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


class Scan(msgspec.Struct, frozen=True):
    """What is shown of an accepted scan."""

    name: str
    sku: str
    quantity: int
    location: str | None = None
    to: str | None = None
    lot: str | None = None


class _Remark(msgspec.Struct, frozen=True):
    says: str


class _Task(msgspec.Struct, frozen=True):
    code: str


class _Answer(msgspec.Struct, frozen=True):
    understood: Scan | None = None
    on_hand: int | None = None
    warnings: list[_Remark] = []
    task: _Task | None = None


class ScanShown(NamedTuple):
    """An accepted scan; ``at`` is when its device says that it was (microseconds)."""

    at: int
    scan: Scan
    on_hand: int | None
    warnings: list[str]
    task: str | None


_answers: Final = msgspec.json.Decoder(_Answer)


def link_facts(report: dict[str, Any]) -> list[Fact]:
    """How far the cloud has what happened here."""
    link = report["link"]
    missing = report["waiting"] + report["unacknowledged"]
    up = Fact("Cloud", "Connected", "", "good")
    if not link["up"]:
        more = link["last_error"]
        up = Fact("Cloud", "Cut off", more, "warned")
    complete = Fact("Completeness", "The cloud has everything", "", "good")
    if missing:
        complete = Fact(
            "Completeness", f"{counted(missing)} events to go", "", "" if link["up"] else "warned"
        )
    if report["frozen"]:
        complete = Fact("Completeness", "Stopped", report["frozen"], "refused")
    return [
        up,
        complete,
        Fact(
            "Watermark",
            f"{counted(report['watermark'])} of {counted(report['seq'])} sealed",
            f"epoch {report['epoch']}",
        ),
        Fact(
            "Outbox",
            f"{counted(report['waiting'])} not sealed",
            f"{counted(report['unacknowledged'])} sealed and not confirmed",
        ),
    ]


def room_facts(report: dict[str, Any], looks: tuple[Look, ...]) -> list[Fact]:
    """How long it can go on like this."""
    disk = report["disk"]
    look = {"plenty": "good", "full": "refused"}.get(disk["level"], "warned")
    return [
        Fact(
            "Disk",
            f"{disk['used_percent']} % used",
            f"{size(disk['store_bytes'])} of {size(disk['quota_bytes'])} for the store, "
            f"{size(disk['free_bytes'])} free on the disk",
            look,
        ),
        Fact("Full", filling(looks)),
    ]


def machine_facts(report: dict[str, Any], now: int) -> list[Fact]:
    """The machine, its clock and its certificate."""
    clock, ends = report["clock"], report["certificate_not_after"]
    wrong = clock["machine_is"] in {"behind", "ahead"}
    off_by = lasting(abs(clock["off_by_seconds"]) * SECOND)
    left = ends - now
    return [
        Fact("Software", report["software"]),
        Fact(
            "Clock",
            f"{clock['machine_is'].capitalize()} by {off_by}"
            if wrong
            else "Right, as far as known",
            f"{when(now)}, {clock['state']}",
            "warned" if wrong else "good" if clock["state"] == "synchronized" else "",
        ),
        Fact(
            "Certificate",
            f"Valid for {lasting(left)}" if left > 0 else "Expired",
            f"until {when(ends)}; it is renewed by itself while the cloud is there",
            "good" if left > _SOON else "warned" if left > 0 else "refused",
        ),
        Fact(
            "Scans",
            f"{counted(report['scans'])} accepted",
            f"{counted(report['refused'])} refused",
        ),
    ]


def document_facts(report: dict[str, Any]) -> list[Fact]:
    """The documents in force."""
    return [
        Fact(
            name.capitalize(),
            f"Version {version}" if version else "None yet",
            "",
            "" if version else "absent",
        )
        for name, version in report["versions"].items()
    ]


def camera_facts(report: dict[str, Any]) -> list[Fact]:
    """What the cameras do; a gateway may have none."""
    return [
        Fact(
            camera["name"],
            camera["state"].capitalize(),
            f"{counted(camera['codes_seen'])} codes seen",
            "warned" if camera["state"] in {"unreadable", "failed"} else "",
        )
        for camera in report["cameras"]
    ]


def devices_shown(reader: Connection) -> tuple[list[DeviceShown], list[Session]]:
    """Paired devices, those in force first, and who has a console open."""
    there = {
        str(device): Session(name, role, since, bool(proven))
        for device, name, role, since, proven in reader.execute(_SQL["signed_in"]).fetchall()
    }
    shown = [DeviceShown(each, there.get(each.name)) for each in devices.known(reader)]
    shown.sort(key=lambda each: each.device.revoked_at is not None)
    return shown, [person for device, person in there.items() if device.startswith(DEVICE)]


def tasks_shown(reader: Connection) -> list[TaskShown]:
    """Open tasks, the most urgent first."""
    return [
        _task(task, tasks.lines_of(reader, task.code))
        for task in tasks.open_tasks(reader, limit=_TASKS)
    ]


def accuracy(reader: Connection, now: int) -> list[tasks.ZoneAccuracy]:
    """How right the record was, by zone."""
    return tasks.accuracy_by_zone(reader, since=now - _ACCURACY_DAYS * DAY)


def exceptions_shown(reader: Connection) -> list[tasks.Raised]:
    """Open exceptions, the newest first."""
    return tasks.exceptions(reader, limit=_EXCEPTIONS)


def scans_shown(reader: Connection) -> list[ScanShown]:
    """The last accepted scans, the newest first."""
    rows = reader.execute(_SQL["last_answers"], (_ANSWERS,)).fetchall()
    return list(_scans(rows))


def _scans(rows: list[tuple[bytes, bytes]]) -> Iterator[ScanShown]:
    for request, answer in rows:
        try:
            told = _answers.decode(answer)
        except msgspec.MsgspecError:  # the answer to something else than a scan
            continue
        if told.understood is not None:
            yield ScanShown(
                _made_at(request),
                told.understood,
                told.on_hand,
                [remark.says for remark in told.warnings],
                told.task.code if told.task is not None else None,
            )


def _made_at(request: bytes) -> int:
    """The moment in a UUIDv7 (RFC 9562 5.7); 0 where it is none."""
    made = UUID(bytes=bytes(request))
    return (made.int >> 80) * 1000 if made.version == 7 else 0


def _task(task: tasks.TaskFound, lines: list[Wanted]) -> TaskShown:
    done, expected = tasks.totals(lines)
    blind = task.blind or task.kind == "count" or not expected
    return TaskShown(task, lines, done, None if blind else expected)
