"""What a site is to do: its tasks with what is expected, and the pick faces to keep filled.

A plan comes down whole, as one signed document; how far its tasks are is the gateway's to know and
to tell (``TaskChanged``). A task that a later plan leaves out is withdrawn.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from shared.cose import decode
from shared.errors import QuartermasterError
from shared.events import Count, Data, Name, Text, Whole
from shared.ids import is_code

TaskKind = Literal[
    "receive", "put_away", "pick", "pack", "ship", "transfer", "return", "count", "replenish"
]
MAX_TASKS: Final = 20_000
MAX_LINES: Final = 500
MAX_FACES: Final = 100_000


class TaskLine(Data, frozen=True):
    """What is expected: so many base units of an item, from a place, to a place.

    Goods that arrive do so at ``location``, or where that is absent at ``to``.

    For a count, ``quantity`` says nothing and ``location`` says where. ``sku`` may be empty for a
    blind receipt and for the count of a whole location: whatever is found. ``sscc`` is the pallet
    or parcel that the goods come in, where the sender has announced it: its label then stands for
    all that it holds.
    """

    sku: Annotated[str, Meta(max_length=64)]
    quantity: Count = 0
    location: Name | None = None
    to: Name | None = None
    lot: Annotated[str, Meta(max_length=20)] | None = None
    sscc: Annotated[str, Meta(pattern=r"^[0-9]{18}\Z")] | None = None


class Task(Data, frozen=True):
    """One piece of work. ``document`` is the order, ASN or transfer that it serves.

    ``priority``: higher goes first. ``due_at``: microseconds, 0 for no hurry. ``blind``: who counts
    or receives is not told how many are expected.
    """

    code: Name
    kind: TaskKind
    lines: Annotated[list[TaskLine], Meta(max_length=MAX_LINES)]
    document: Name | None = None
    priority: Count = 0
    due_at: Whole = 0
    zone: Name | None = None
    blind: bool = False
    note: Text = ""


class PickFace(Data, frozen=True):
    """A location that an item is picked from: at ``minimum`` it is filled up to ``maximum``.

    ``reserve`` is the role of the locations that it is filled from.
    """

    sku: Name
    location: Name
    minimum: Count
    maximum: Count
    reserve: Name = "reserve"


class Plan(Data, frozen=True):
    """Everything that one site is to do now."""

    site: Name
    tasks: Annotated[list[Task], Meta(max_length=MAX_TASKS)]
    faces: Annotated[list[PickFace], Meta(max_length=MAX_FACES)] = []  # noqa: RUF012 - msgspec copies it


def decode_plan(content: bytes) -> Plan:
    """Read a plan (made by :func:`shared.downlink.encode`).

    Raises:
        QuartermasterError: ``downlink.malformed``, also for two tasks with one code, two pick faces
            at one place, a face whose minimum is above its maximum, a count that says nowhere, and
            a task whose code is no code (people type and scan it).
    """
    try:
        plan = msgspec.convert(decode(content, code="downlink.malformed"), Plan)
    except msgspec.ValidationError as error:
        raise QuartermasterError("downlink.malformed", str(error)) from None
    codes = {task.code for task in plan.tasks}
    places = {(face.sku, face.location) for face in plan.faces}
    if len(codes) < len(plan.tasks) or len(places) < len(plan.faces):
        raise QuartermasterError("downlink.malformed", "a task or pick face is there twice")
    if any(face.minimum > face.maximum for face in plan.faces):
        raise QuartermasterError("downlink.malformed", "a pick face's minimum is above its maximum")
    if not all(map(is_code, codes)):
        raise QuartermasterError("downlink.malformed", "a task's code is no code")
    if any(task.kind == "count" and not _says_where(task) for task in plan.tasks):
        raise QuartermasterError("downlink.malformed", "a count does not say where")
    return plan


def _says_where(task: Task) -> bool:
    return all(line.location is not None for line in task.lines)
