"""How far tasks are, from the events that tell of it: for when their own rows are lost.

Lines that are still there know what is done of them. What was done for others is kept until a plan
names them again; tasks that had ended have ended. What was counted for a task that is still open
has to be counted again: the record has it, the task does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from edge.db import Connection
from edge.tasks.book import SQL, TaskFound, lines_of
from edge.tasks.planning import line_of_work, note_work
from shared.errors import QuartermasterError
from shared.events import (
    Event,
    EventData,
    Line,
    Moved,
    Packed,
    Picked,
    PutAway,
    Received,
    Returned,
    ScanUndone,
    Shipped,
    TaskChanged,
    decode_event,
)


class _Work(NamedTuple):
    """What one event did for its task."""

    task: str
    sku: str
    quantity: int
    location: str
    to: str | None
    lot: str | None


def rebuild(connection: Connection, bodies: Iterable[bytes], *, now: int) -> None:
    """Fold the recorded events into what is known of tasks."""
    work: dict[bytes, _Work] = {}
    ended: dict[str, bool] = {}
    for event in _events(bodies):
        match event.data:
            case TaskChanged(task=task, status="done" | "short" as status):
                ended[task] = status == "done"
            case TaskChanged(task=task):
                ended.pop(task, None)
            case ScanUndone(undone=undone):
                work.pop(undone, None)
            case _ if event.task is not None:
                done = _work_of(event.task, event.data)
                if done is not None:
                    work[event.id] = done
            case _:
                pass
    for task, is_done in ended.items():
        _note_end(connection, task, is_done=is_done, now=now)
    for done in work.values():
        _note(connection, done)


def _events(bodies: Iterable[bytes]) -> Iterable[Event]:
    """Each event once; one that this version cannot read is none of a task's."""
    seen: set[bytes] = set()
    for body in bodies:
        try:
            event = decode_event(body)
        except QuartermasterError:
            continue
        if event.id not in seen:
            seen.add(event.id)
            yield event


def _work_of(task: str, data: EventData) -> _Work | None:
    match data:
        case PutAway(line, here, to) | Picked(line, here, to) | Moved(line, here, to):
            return _work(task, line, here, to)
        case Received(line, here) | Returned(line, here) | Packed(line, here) | Shipped(line, here):
            return _work(task, line, here, None)
        case _:
            return None


def _work(task: str, line: Line, location: str, to: str | None) -> _Work:
    return _Work(task, line.sku, line.quantity, location, to, line.lot)


def _note_end(connection: Connection, task: str, *, is_done: bool, now: int) -> None:
    status = "done" if is_done else "short"
    row = TaskFound(task, "pick", None, 0, 0, None, False, "", "past", status)
    connection.execute(SQL["note_end"], (*row, now))


def _note(connection: Connection, done: _Work) -> None:
    lines = lines_of(connection, done.task)
    places = {done.location, done.to or ""}
    if line_of_work(lines, done.sku, places, done.lot or "") is None:
        note_work(
            connection,
            done.task,
            done.quantity,
            sku=done.sku,
            location=done.location,
            to=done.to,
            lot=done.lot,
        )
