"""``quartermaster gateway tasks`` and ``exceptions``: what is to be done here, and what went wrong.

Both only look; tasks are worked on with a scanner, exceptions are closed at the console by an
operator who has signed in, so that it is known who did.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import typer

from edge import tasks as floor
from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json, Limit, names, reading
from edge.cli.screen import Column, Fact
from edge.ports import SystemClock
from shared.errors import QuartermasterError
from shared.plan import TaskKind
from shared.policy.matching import Wanted
from shared.words import ago, counted, plain, when

_SHOWN: Final = 50
_NOTE: Final = 60

TaskStatus = Literal["open", "started", "done", "short", "withdrawn"]
Which = Literal["open", "resolved", "all"]


def tasks(
    code: Annotated[
        str | None,
        typer.Argument(help="One task, line by line.", autocompletion=names("task_names")),
    ] = None,
    data: Data = FOLDER,
    *,
    status: Annotated[TaskStatus, typer.Option(help="Tasks that stand so.")] = "open",
    kind: Annotated[TaskKind | None, typer.Option(help="One kind, e.g. pick.")] = None,
    zone: Annotated[str | None, typer.Option(help="One zone.")] = None,
    limit: Limit = _SHOWN,
    json: Json = False,
) -> None:
    """List what is to be done at this site, the most urgent first; or one task, line by line.

    Example: quartermaster gateway tasks --kind pick
    """
    with reading(data) as reader:
        if code is not None:
            task = floor.find(reader, code)
            if task is None:
                raise QuartermasterError("request.not-found", code[:80], where="task")
            lines = floor.lines_of(reader, code)
            if json:
                screen.show_json(_as_dict(task, lines) | {"lines": [_line(each) for each in lines]})
            else:
                _show_task(task, lines)
            return
        found = floor.open_tasks(reader, kind=kind, zone=zone, status=status, limit=limit + 1)
        shown = [(task, floor.lines_of(reader, task.code)) for task in found[:limit]]
    if json:
        records = [_as_dict(task, lines) for task, lines in shown]
        screen.show_json({"tasks": records, "more": len(found) > limit})
        return
    now = SystemClock().now()
    screen.show_table(
        [
            Column("task"),
            Column("kind"),
            Column("status"),
            Column("done", right=True),
            Column("due"),
            Column("note", wide=True),
        ],
        [
            (
                task.code,
                plain(task.kind).lower(),
                task.status,
                _done(task, lines),
                _due(task, now),
                " · ".join(part for part in (task.document or "", task.note) if part),
            )
            for task, lines in shown
        ],
        empty=f"No task is {status}." if status != "open" else "Nothing is to be done.",
    )
    if len(found) > limit:
        screen.show_text(screen.more_of("tasks", limit))


def _show_task(task: floor.TaskFound, lines: list[Wanted]) -> None:
    screen.show_text(f"{task.code}: {plain(task.kind).lower()}, {task.status}", "bold")
    facts = [
        Fact("Document", task.document or "none"),
        Fact("Priority", str(task.priority)),
        Fact("Due", when(task.due_at) if task.due_at else "no moment is set"),
        Fact("Zone", task.zone or "any"),
        Fact("Asked for by", _ORIGINS[task.origin]),
        Fact("Note", task.note or "none"),
    ]
    screen.show_facts(facts)
    screen.show_text("")
    screen.show_table(
        [
            Column("item"),
            Column("from"),
            Column("to"),
            Column("lot"),
            Column("done", right=True),
            Column("expected", right=True),
        ],
        [
            (
                line.sku or "any",
                line.location or "",
                line.to or "",
                line.lot or "",
                counted(line.done),
                "blind" if task.blind else counted(line.quantity) if line.quantity else "open",
            )
            for line in lines
        ],
        empty="It has no lines: what is found is what counts.",
    )


_ORIGINS: Final[dict[str, str]] = {
    "plan": "the plan in force",
    "cadence": "this gateway: a count was due",
    "fallback": "this gateway: decided here",
    "witness": "this gateway: a camera saw it otherwise",
    "past": "a plan that has gone",
}


def _done(task: floor.TaskFound, lines: list[Wanted]) -> str:
    done, expected = floor.totals(lines)
    return counted(done) if task.blind or not expected else f"{counted(done)}/{counted(expected)}"


def _due(task: floor.TaskFound, now: int) -> str:
    if not task.due_at:
        return ""
    overdue = task.is_open and task.due_at < now
    return f"{ago(task.due_at, now)}!" if overdue else when(task.due_at)


def _as_dict(task: floor.TaskFound, lines: list[Wanted]) -> dict[str, Any]:
    done, expected = floor.totals(lines)
    return task._asdict() | {"done": done, "expected": expected}


def _line(line: Wanted) -> dict[str, Any]:
    return line._asdict() | {"left": line.left}


def exceptions(
    name: Annotated[
        str | None,
        typer.Argument(help="One exception, whole.", autocompletion=names("exception_names")),
    ] = None,
    data: Data = FOLDER,
    *,
    status: Annotated[Which, typer.Option(help="Which ones.")] = "open",
    limit: Limit = _SHOWN,
    json: Json = False,
) -> None:
    """List what a person should look at, the newest first: unknown codes, unsettled counts.

    An operator closes them at the console.

    Example: quartermaster gateway exceptions
    """
    with reading(data) as reader:
        if name is not None:
            raised = floor.exception(reader, name)
            _show_exception(raised, json=json)
            return
        found = floor.exceptions(reader, status=status, limit=limit + 1)
    shown, now = found[:limit], SystemClock().now()
    if json:
        records = [_raised(each) for each in shown]
        screen.show_json({"exceptions": records, "more": len(found) > limit})
        return
    screen.show_table(
        [Column("exception"), Column("since"), Column("about"), Column("what", wide=True)],
        [
            (
                each.name,
                ago(each.raised_at, now),
                plain(each.about).lower(),
                screen.shortened(" · ".join(part for part in _what(each) if part), _NOTE * 3),
            )
            for each in shown
        ],
        empty={
            "open": "Nothing waits for a person.",
            "resolved": "None has been closed yet.",
            "all": "There has been none.",
        }[status],
    )
    if len(found) > limit:
        screen.show_text(screen.more_of("exceptions", limit))


def _what(raised: floor.Raised) -> tuple[str, ...]:
    subject = screen.shortened(raised.subject, _NOTE)
    closed = f"closed: {raised.resolution}" if raised.resolution is not None else ""
    return (subject, raised.location or "", raised.note, closed)


def _show_exception(raised: floor.Raised, *, json: bool) -> None:
    if json:
        screen.show_json(_raised(raised))
        return
    screen.show_text(f"{raised.name}: {plain(raised.about).lower()}", "bold")
    by = raised.device if raised.operator is None else f"{raised.operator} at {raised.device}"
    facts = [
        Fact("Subject", raised.subject or "none"),
        Fact("Item", raised.sku or "not known"),
        Fact("Location", raised.location or "not said"),
        Fact("Note", raised.note or "none"),
        Fact("Raised", f"{when(raised.raised_at)} by {by}"),
        Fact("Photo", "kept; see the console" if raised.photo_sha256 else "none"),
    ]
    if raised.resolved_at is None:
        facts.append(Fact("Open", "An operator closes it at /console/exceptions.", "note"))
    else:
        note = f": {raised.resolved_note}" if raised.resolved_note else ""
        says = f"{when(raised.resolved_at)} by {raised.resolved_by}, {raised.resolution}{note}"
        facts.append(Fact("Closed", says))
    screen.show_facts(facts)


def _raised(raised: floor.Raised) -> dict[str, Any]:
    photo = raised.photo_sha256.hex() if raised.photo_sha256 is not None else None
    return raised._asdict() | {"photo_sha256": photo}
