"""How a plan becomes the tasks of this site, and how far they are stays true.

A plan is stated whole. A task that it leaves out is withdrawn; one that it keeps, keeps what is
done of each line that still asks for the same; what has ended has ended, whatever a later plan
says. Tasks that this gateway made by itself are not the plan's to withdraw.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from edge.db import Connection
from edge.tasks.book import (
    SQL,
    Origin,
    Status,
    TaskFound,
    changed,
    find,
    is_complete,
    lines_of,
    set_status,
    task_in,
)
from shared.events import TaskChanged
from shared.plan import Plan, Task, TaskLine
from shared.policy.matching import Wanted


class _Line(NamedTuple):
    """What a line asks for, without how many: while this is the same, its progress counts."""

    sku: str
    location: str | None
    to: str | None
    lot: str | None
    sscc: str | None


class _Kept(NamedTuple):
    line: _Line
    quantity: int
    done: int


def enter(connection: Connection, plan: Plan, now: int) -> list[TaskChanged]:
    """Make a plan the one in force; returns what is to be told of the tasks that it ended."""
    known = {row[0]: task_in(row) for row in connection.execute(SQL["planned"]).fetchall()}
    kept = _kept_lines(connection)
    for task in plan.tasks:
        _enter(connection, task, (known.get(task.code), kept.get(task.code, [])), now, "plan")
    connection.execute(SQL["clear_faces"])
    connection.executemany(
        SQL["put_face"],
        [
            (face.sku, face.location, face.minimum, face.maximum, face.reserve)
            for face in plan.faces
        ],
    )
    _take_up_work(connection, {task.code for task in plan.tasks}, now)
    return _withdraw(connection, plan, known.values(), now)


def add(connection: Connection, task: Task, origin: Origin, now: int) -> bool:
    """Add a task that this gateway asks for by itself; False when there is one of that code."""
    if connection.execute(SQL["task"], (task.code,)).fetchone() is not None:
        return False
    _enter(connection, task, (None, []), now, origin)
    return True


def note_work(
    connection: Connection,
    task: str,
    quantity: int,
    *,
    sku: str,
    location: str | None,
    to: str | None,
    lot: str | None,
) -> None:
    """Keep what was done for a task that is not known here, for when a plan names it again."""
    row = (task, sku, location or "", to or "", lot or "", quantity)
    connection.execute(SQL["note_work"], row)


def _kept_lines(connection: Connection) -> dict[str, list[_Kept]]:
    kept: defaultdict[str, list[_Kept]] = defaultdict(list)
    for row in connection.execute(SQL["planned_lines"]).fetchall():
        task, _, sku, quantity, location, to, lot, sscc, done = row
        kept[task].append(_Kept(_Line(sku, location, to, lot, sscc), quantity, done))
    return kept


def _enter(
    connection: Connection,
    task: Task,
    before: tuple[TaskFound | None, list[_Kept]],
    now: int,
    origin: Origin,
) -> None:
    """Write one task; where nothing about it is new, nothing is written."""
    found, kept = before
    status = _status_after(found)
    row = TaskFound(
        task.code,
        task.kind,
        task.document,
        task.priority,
        task.due_at,
        task.zone,
        task.blind,
        task.note,
        origin,
        status,
    )
    if row != found:
        connection.execute(SQL["set_task"], (*row, now))
    wanted = [_line(line) for line in task.lines]
    same = [(each.line, each.quantity) for each in kept]
    if same == [(what, line.quantity) for what, line in zip(wanted, task.lines, strict=True)]:
        return
    done = defaultdict[_Line, list[int]](list)
    for each in kept:
        done[each.line].append(each.done)
    connection.execute(SQL["remove_lines"], (task.code,))
    connection.executemany(
        SQL["put_line"],
        [
            (
                task.code,
                number,
                what.sku,
                line.quantity,
                what.location,
                what.to,
                what.lot,
                what.sscc,
                done[what].pop(0) if done[what] else 0,
            )
            for number, (what, line) in enumerate(zip(wanted, task.lines, strict=True), start=1)
        ],
    )


def _line(line: TaskLine) -> _Line:
    return _Line(line.sku, line.location, line.to, line.lot, line.sscc)


def _status_after(found: TaskFound | None) -> Status:
    return "open" if found is None or found.status == "withdrawn" else found.status


def _withdraw(
    connection: Connection, plan: Plan, known: Iterable[TaskFound], now: int
) -> list[TaskChanged]:
    """End what the plan leaves out."""
    named = {task.code for task in plan.tasks}
    told: list[TaskChanged] = []
    for found in known:
        if found.code in named or found.origin != "plan":
            continue
        if found.is_open:
            told.append(changed(found.code, "withdrawn", lines_of(connection, found.code)))
            row = found._replace(status="withdrawn", origin="past")
        else:
            row = found._replace(origin="past")
        connection.execute(SQL["set_task"], (*row, now))
    return told


def _take_up_work(connection: Connection, named: set[str], now: int) -> None:
    """Count for its lines what was done for a task before it was known here."""
    for (code,) in connection.execute(SQL["tasks_with_work"]).fetchall():
        if code not in named:
            continue
        lines = lines_of(connection, code)
        for sku, location, to, lot, quantity in connection.execute(SQL["work"], (code,)).fetchall():
            line = line_of_work(lines, sku, {location, to}, lot)
            if line is not None:
                connection.execute(SQL["advance"], (quantity, code, line.line))
        found = find(connection, code)
        if found is not None and found.is_open and is_complete(found, lines_of(connection, code)):
            set_status(connection, code, "done", now=now)
    connection.execute(SQL["forget_work"])


def line_of_work(lines: list[Wanted], sku: str, places: set[str], lot: str) -> Wanted | None:
    """The line that work on these goods, at these places, counted for."""
    fitting = [
        line
        for line in lines
        if line.sku in {"", sku}
        and (line.location is None or line.location in places)
        and (line.to is None or line.to in places)
        and line.lot in {None, lot}
    ]
    return min(fitting, key=lambda line: (line.left == 0, not line.sku, line.line), default=None)
