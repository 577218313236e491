"""From a file to the plan of a site. Pure.

Whether its items and locations are in the catalog is asked by the caller (:func:`refuse_unknown`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from cloud.fleet.files import Faults, entries, parse
from shared.events import Count, Name, Text
from shared.ids import is_code
from shared.plan import MAX_FACES, MAX_LINES, MAX_TASKS, PickFace, Plan, Task, TaskKind, TaskLine

_KEYS: Final = ("tasks", "faces")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Sku = Annotated[str, Meta(max_length=64)]
_Lot = Annotated[str, Meta(max_length=20)]
_Sscc = Annotated[str, Meta(pattern=r"^[0-9]{18}\Z")]
_Due = Annotated[datetime, Meta(tz=True)]


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    sku: _Sku = ""
    quantity: Count = 0
    location: Name | None = None
    to: Name | None = None
    lot: _Lot | None = None
    sscc: _Sscc | None = None


class _Task(msgspec.Struct, forbid_unknown_fields=True):
    code: Name
    kind: TaskKind
    lines: Annotated[list[_Line], Meta(max_length=MAX_LINES)] = []
    document: Name | None = None
    priority: Count = 0
    due_at: _Due | None = None
    zone: Name | None = None
    blind: bool = False
    note: Text = ""


class _Face(msgspec.Struct, forbid_unknown_fields=True):
    sku: Name
    location: Name
    minimum: Count
    maximum: Count
    reserve: Name = "reserve"


class Named(NamedTuple):
    """An entry and the items and locations that it names."""

    where: str
    skus: list[str]
    locations: list[str]


def read_plan(content: bytes, *, site: str) -> tuple[Plan, list[Named], Faults]:
    """Read a plan file; with faults, the plan is not to be published.

    Raises:
        QuartermasterError: ``document.file`` or ``payload.too-large``.
    """
    table = parse(content, _KEYS, site=site)
    faults = Faults()
    tasks: list[Task] = []
    faces: list[PickFace] = []
    named: list[Named] = []
    codes: dict[str, str] = {}
    places: dict[tuple[str, str], str] = {}
    for where, row in entries(table, "tasks", _Task, "code", faults):
        if (first := codes.setdefault(row.code, where)) != where:
            faults.add(where, f"the code is that of {first}, too", "Give each task a code")
        if not is_code(row.code):
            faults.add(where, f"{row.code!r} cannot be a code", "Use letters, digits and . _ / + -")
        _judge_lines(row, where, faults)
        tasks.append(_task(row))
        named.append(_named(row, where))
    for where, face in entries(table, "faces", _Face, "location", faults):
        place = (face.sku, face.location)
        if (first := places.setdefault(place, where)) != where:
            faults.add(where, f"{face.sku} has this face as {first}, too", "Keep one of them")
        if face.minimum > face.maximum:
            faults.add(where, "minimum is above maximum", "Turn them round")
        faces.append(PickFace(face.sku, face.location, face.minimum, face.maximum, face.reserve))
        named.append(Named(where, [face.sku], [face.location]))
    for what, count, most in (("tasks", len(tasks), MAX_TASKS), ("faces", len(faces), MAX_FACES)):
        if count > most:
            faults.add(what, f"there are {count}", f"A site has at most {most}")
    return Plan(site, tasks, faces), named, faults


def refuse_unknown(
    named: list[Named], skus: frozenset[str], locations: frozenset[str], faults: Faults
) -> None:
    """Add a fault for each entry that names what the catalog does not hold."""
    for entry in named:
        for what, said, known, kind in (
            ("item", entry.skus, skus, "items"),
            ("location", entry.locations, locations, "locations"),
        ):
            missing = [name for name in dict.fromkeys(said) if name not in known]
            if missing:
                says = f"no {what} {', '.join(missing[:5])}"
                do = f"Correct it, or import it first: quartermaster cloud catalog import {kind}"
                faults.add(entry.where, says, do)


def _judge_lines(task: _Task, where: str, faults: Faults) -> None:
    """What no gateway could make sense of."""
    if not task.lines and not (task.kind == "receive" and task.blind):
        faults.add(where, "it has no lines", "Say what is to be done")
    whatever = task.kind == "count" or (task.kind == "receive" and task.blind)
    for number, line in enumerate(task.lines, start=1):
        if not line.sku and not whatever:
            faults.add(where, f"line {number} names no item", "Name its sku")
        if not line.quantity and not whatever:
            faults.add(where, f"line {number} has no quantity", "Say how many base units")
        if task.kind == "count" and line.location is None:
            faults.add(where, f"line {number} names no location", "Say where to count")


def _named(task: _Task, where: str) -> Named:
    return Named(
        where,
        [line.sku for line in task.lines if line.sku],
        [place for line in task.lines for place in (line.location, line.to) if place],
    )


def _task(row: _Task) -> Task:
    due_at = 0 if row.due_at is None else (row.due_at - _EPOCH) // timedelta(microseconds=1)
    return Task(
        row.code,
        row.kind,
        [
            TaskLine(line.sku, line.quantity, line.location, line.to, line.lot, line.sscc)
            for line in row.lines
        ],
        document=row.document,
        priority=row.priority,
        due_at=max(due_at, 0),
        zone=row.zone,
        blind=row.blind,
        note=row.note,
    )
