"""A scan's task: what it asks for in words, how far it is, when it begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.pipeline.requests import legible
from edge.pipeline.scan import Expected, Refusal, TaskTold
from edge.pipeline.writing import Writing
from shared.errors import QuartermasterError
from shared.policy import Step
from shared.policy.matching import CARRYING, Wanted, place_of


class Work(NamedTuple):
    """A task that is worked on, and its lines as they stand."""

    task: tasks.TaskFound
    lines: list[Wanted]

    def after(self, line: int, quantity: int) -> Work:
        """With so much more of a line done."""
        lines = [
            each._replace(done=max(0, each.done + quantity)) if each.line == line else each
            for each in self.lines
        ]
        return self._replace(lines=lines)


def work_on(connection: Connection, code: str) -> Work:
    """The task that a request names, if work on it counts.

    Raises:
        Refusal: ``task.unknown`` or ``task.closed``.
    """
    task = tasks.find(connection, code)
    if task is None:
        raise Refusal(QuartermasterError("task.unknown", legible(code), where="task"))
    if not task.is_open:
        raise Refusal(QuartermasterError("task.closed", f"{code}: {task.status}", where="task"))
    return Work(task, tasks.lines_of(connection, code))


def expected_of(
    connection: Connection, work: Work, step: Step, wanted: Wanted | None
) -> Expected | None:
    """What a task asks for, as a person is told; of blind work not how many."""
    if wanted is None:
        return None
    item = stock.item_told(connection, wanted.sku) if wanted.sku else None
    return Expected(
        sku=wanted.sku,
        name=item.name if item is not None else wanted.sku,
        location=place_of(step, wanted),
        to=wanted.to if wanted.location is not None or step in CARRYING else None,
        lot=wanted.lot,
        quantity=None if is_blind(work.task) else wanted.left,
    )


def told(work: Work, line: int | None, *, done: int | None = None) -> TaskTold:
    """How far a task is, for the answer."""
    task, lines = work
    one = next((each for each in lines if each.line == line), None)
    blind = is_blind(task)
    return TaskTold(
        code=task.code,
        kind=task.kind,
        line=line,
        done=done if done is not None else one.done if one is not None else 0,
        expected=None if blind or one is None else one.quantity or None,
        left=None if blind or one is None else one.left,
        complete=not task.is_open,
    )


def is_blind(task: tasks.TaskFound) -> bool:
    """Whether nobody is told how many are expected; of a count nobody ever is."""
    return task.blind or task.kind == "count"


def advance(
    connection: Connection,
    writing: Writing,
    before: Work,
    done: Iterable[tuple[int, int]],
    *,
    now: int,
) -> Work:
    """Count for the lines of a task what was done; it begins with the first, ends with the last."""
    work = before
    for line, quantity in done:
        tasks.advance(connection, work.task.code, line, quantity)
        work = work.after(line, quantity)
    if tasks.is_complete(work.task, work.lines):
        return end(connection, writing, work, "done", now=now)
    return begin(connection, writing, work, now=now)


def begin(connection: Connection, writing: Writing, work: Work, *, now: int) -> Work:
    """A task is worked on from now, if it was not before."""
    if work.task.status != "open":
        return work
    tasks.set_status(connection, work.task.code, "started", now=now)
    writing.write(tasks.changed(work.task.code, "started", work.lines))
    return work._replace(task=work.task._replace(status="started"))


def end(
    connection: Connection,
    writing: Writing,
    work: Work,
    status: tasks.Ended,
    *,
    now: int,
    detail: str = "",
) -> Work:
    """A task ends; of a count, it is told how right the record was."""
    tasks.set_status(connection, work.task.code, status, now=now)
    writing.write(tasks.changed(work.task.code, status, work.lines, detail))
    if work.task.kind == "count":
        for closed in tasks.close(connection, work.task, now=now):
            writing.write(closed)
    return work._replace(task=work.task._replace(status=status))


def in_words(wanted: Sequence[str], most: int = 5) -> str:
    """A few of many, for a person."""
    more = len(wanted) - most
    return "; ".join([*wanted[:most], *([f"and {more} more"] if more > 0 else [])])
