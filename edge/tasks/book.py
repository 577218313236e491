"""The tasks of this site as they stand: what is asked for, what is done, what has ended."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from edge.db import Connection, Queries
from shared.events import TaskChanged
from shared.plan import TaskKind
from shared.policy.matching import Wanted
from shared.units import MAX_QUANTITY

SQL: Final = Queries(__package__ or "edge.tasks")

Status = Literal["open", "started", "done", "short", "withdrawn"]
Ended = Literal["done", "short"]
Origin = Literal["plan", "cadence", "fallback", "witness", "past"]
"""Who asks for it: the plan in force, this gateway, or a plan that has gone."""
OPEN: Final[tuple[Status, Status]] = ("open", "started")


class TaskFound(NamedTuple):
    """A task as it stands; times in microseconds."""

    code: str
    kind: TaskKind
    document: str | None
    priority: int
    due_at: int
    zone: str | None
    blind: bool
    note: str
    origin: Origin
    status: Status

    @property
    def is_open(self) -> bool:
        """Whether work on it counts."""
        return self.status in OPEN


class Announced(NamedTuple):
    """A line of a task that says what a pallet or parcel holds."""

    task: str
    wanted: Wanted


class Face(NamedTuple):
    """A location that an item is picked from, see :class:`shared.plan.PickFace`."""

    sku: str
    location: str
    minimum: int
    maximum: int
    reserve: str


def find(connection: Connection, code: str) -> TaskFound | None:
    """The task with this code."""
    row = connection.execute(SQL["task"], (code,)).fetchone()
    return task_in(row) if row is not None else None


def task_in(row: tuple[object, ...]) -> TaskFound:
    """A row as a task."""
    found = TaskFound._make(row)
    return found._replace(blind=bool(found.blind))


def lines_of(connection: Connection, code: str) -> list[Wanted]:
    """What a task asks for, line by line."""
    return [Wanted._make(row) for row in connection.execute(SQL["lines"], (code,)).fetchall()]


def open_tasks(
    connection: Connection,
    *,
    kind: str | None = None,
    zone: str | None = None,
    status: str = "open",
    limit: int = 200,
) -> list[TaskFound]:
    """Tasks by their urgency: priority, then due date, then code. ``open`` means started, too."""
    both = OPEN if status == "open" else (status, status)
    where = {
        "kind": kind,
        "zone": zone,
        "status": both[0],
        "or_status": both[1],
        "limit": limit,
    }
    return [task_in(row) for row in connection.execute(SQL["tasks"], where).fetchall()]


def announced(connection: Connection, sscc: str) -> list[Announced]:
    """What open tasks say that this pallet or parcel holds; empty where none does."""
    return [
        Announced(task, Wanted(line, sku, quantity, location, to, lot, done))
        for task, line, sku, quantity, location, to, lot, done in connection.execute(
            SQL["announced"], (sscc,)
        ).fetchall()
    ]


def advance(connection: Connection, code: str, line: int, quantity: int) -> None:
    """So much more of a line is done; a negative quantity takes it back."""
    connection.execute(SQL["advance"], (quantity, code, line))


def set_status(connection: Connection, code: str, status: Status, *, now: int) -> None:
    """A task begins, ends, or is opened again."""
    connection.execute(SQL["set_status"], (status, now, code))


def ended_at(connection: Connection, code: str) -> int | None:
    """When a task ended; None while it is open, or where there is none."""
    row = connection.execute(SQL["ended_at"], (code,)).fetchone()
    return int(row[0]) if row is not None else None


def is_complete(task: TaskFound, lines: list[Wanted]) -> bool:
    """Whether nothing is left to do.

    Blind work never is by itself, nor where a line does not say how many: a person says so.
    """
    return not task.blind and bool(lines) and all(line.left == 0 for line in lines)


def totals(lines: list[Wanted]) -> tuple[int, int]:
    """Base units done and expected, within what an event may say."""
    done, expected = sum(line.done for line in lines), sum(line.quantity for line in lines)
    return min(done, MAX_QUANTITY), min(expected, MAX_QUANTITY)


def changed(
    code: str,
    status: Literal["started", "done", "short", "recount", "withdrawn"],
    lines: list[Wanted],
    detail: str = "",
) -> TaskChanged:
    """The event that says so."""
    done, expected = totals(lines)
    return TaskChanged(code, status, done, expected, detail[:200])


def faces(connection: Connection, sku: str | None = None) -> list[Face]:
    """The pick faces in force, of one item or of all."""
    return [Face(*row) for row in connection.execute(SQL["faces"], {"sku": sku}).fetchall()]


def forget(connection: Connection, before: int, *, limit: int) -> int:
    """Forget tasks that ended before a moment and that no plan has; returns how many."""
    gone = connection.execute(SQL["forget_tasks"], {"before": before, "limit": limit}).rowcount
    if gone:
        connection.execute(SQL["forget_lines"])
        connection.execute(SQL["forget_results"])
    return gone
