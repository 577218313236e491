"""Tables to take away: CSV as spreadsheets open it (RFC 4180), in UTF-8 with its mark in front.

What people and labels say stands in them, so no cell can be taken for a formula (OWASP, "CSV
Injection"): one that begins like one gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from edge import fallback, tasks
from edge.db import Connection
from edge.web.console import views
from edge.web.console.feed import Feed, exported
from shared.errors import QuartermasterError
from shared.words import moment

MOST: Final = 5000
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


class Table(NamedTuple):
    """What is exported: the columns, and how their rows are read."""

    columns: Sequence[str]
    rows: Callable[[Connection, Feed], Iterable[Sequence[Any]]]


def _exceptions(reader: Connection, _feed: Feed) -> Iterable[Sequence[Any]]:
    for each in tasks.exceptions(reader, status="all", limit=MOST):
        yield [
            each.name,
            moment(each.raised_at),
            each.about,
            each.subject,
            each.sku,
            each.location,
            each.note,
            each.device,
            each.operator,
            moment(each.resolved_at),
            each.resolution,
            each.resolved_note,
            each.resolved_by,
        ]


def _decisions(reader: Connection, _feed: Feed) -> Iterable[Sequence[Any]]:
    for each in fallback.decisions(reader, limit=MOST):
        yield [
            str(UUID(bytes=each.id)),
            moment(each.taken_at),
            each.kind,
            each.subject,
            each.place,
            each.outcome,
            each.quantity,
            each.task,
            "yes" if each.carried_out else "no",
            each.away_minutes,
            each.policy,
            " ".join(each.reasons),
            "; ".join(each.alternatives),
            each.instead,
            each.why,
            each.overridden_by,
            moment(each.overridden_at),
        ]


def _tasks(reader: Connection, _feed: Feed) -> Iterable[Sequence[Any]]:
    for shown in views.tasks_shown(reader, limit=MOST):
        task = shown.task
        head = [
            task.code,
            task.kind,
            task.document,
            task.priority,
            moment(task.due_at),
            task.zone,
            task.status,
            task.note,
        ]
        for line in shown.lines or [None]:
            if line is None:
                yield [*head, *[""] * 7]
                continue
            yield [
                *head,
                line.line,
                line.sku,
                line.location,
                line.to,
                line.lot,
                "" if shown.expected is None else line.quantity,
                line.done,
            ]


def _scans(reader: Connection, feed: Feed) -> Iterable[Sequence[Any]]:
    for scan in feed.last(reader, MOST):
        yield [moment(scan.at), *exported(scan)]


TABLES: Final[dict[str, Table]] = {
    "exceptions": Table(
        (
            "exception",
            "raised_at",
            "about",
            "subject",
            "sku",
            "location",
            "note",
            "device",
            "operator",
            "resolved_at",
            "resolution",
            "resolved_note",
            "resolved_by",
        ),
        _exceptions,
    ),
    "decisions": Table(
        (
            "decision",
            "taken_at",
            "kind",
            "subject",
            "place",
            "outcome",
            "quantity",
            "task",
            "carried_out",
            "away_minutes",
            "policy",
            "reasons",
            "alternatives",
            "instead",
            "why",
            "overridden_by",
            "overridden_at",
        ),
        _decisions,
    ),
    "tasks": Table(
        (
            "task",
            "kind",
            "document",
            "priority",
            "due_at",
            "zone",
            "status",
            "note",
            "line",
            "sku",
            "location",
            "to",
            "lot",
            "quantity",
            "done",
        ),
        _tasks,
    ),
    "scans": Table(
        (
            "at",
            "outcome",
            "device",
            "step",
            "code",
            "sku",
            "name",
            "quantity",
            "location",
            "to",
            "lot",
            "on_hand",
            "task",
            "says",
        ),
        _scans,
    ),
}


def export(name: str, reader: Connection, feed: Feed) -> bytes:
    """The table of this name, at most :data:`MOST` of what it lists. Not for an event loop.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    table = TABLES.get(name)
    if table is None:
        raise QuartermasterError("request.not-found", where="table")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.rows(reader, feed):
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def cell(value: Any) -> str:
    """A value as a spreadsheet shows it."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(_FORMULAS) else text
