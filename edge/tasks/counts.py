"""Count tasks: what was found where, what is to be counted again, and how right the record was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, get_args

import msgspec

from edge import stock
from edge.db import Connection
from edge.tasks.book import SQL, TaskFound
from shared.events import CountClosed
from shared.movements import Position
from shared.plan import Task, TaskLine
from shared.policy import Policy
from shared.policy.counting import Accuracy, CountClass, CountVerdict, accuracy, is_due
from shared.policy.matching import Wanted
from shared.units import DAY, SECOND

MAX_AT_ONCE: Final = 200
"""Positions that one request settles."""
_MAX_OF_TASK: Final = 50
_LOOK_AHEAD: Final = 100
_CLASSES: Final[tuple[CountClass, ...]] = get_args(CountClass)


class Result(NamedTuple):
    """What came of counting a position so far: the last count, and every count's difference."""

    line: int
    counted: int
    differences: tuple[int, ...]
    verdict: CountVerdict

    @property
    def is_pending(self) -> bool:
        """Whether it is to be counted again, and nothing is posted yet."""
        return self.verdict == "again"


class ZoneAccuracy(NamedTuple):
    """How right the record of a zone was, over the count tasks that ended since a moment."""

    zone: str
    tasks: int
    accuracy: Accuracy
    last_at: int


def result(connection: Connection, task: str, position: Position) -> Result | None:
    """What came of counting this position for this task so far."""
    row = connection.execute(SQL["result"], (task, *position)).fetchone()
    return _result_in(row) if row is not None else None


def set_result(connection: Connection, task: str, position: Position, state: Result | None) -> None:
    """Keep what came of a count; None: it was not counted."""
    if state is None:
        connection.execute(SQL["remove_result"], (task, *position))
        return
    differences = msgspec.json.encode(state.differences).decode()
    row = (task, *position, state.line, state.counted, differences, state.verdict)
    connection.execute(SQL["set_result"], row)


def results(connection: Connection, task: str) -> list[tuple[Position, Result]]:
    """All that was counted for a task."""
    return [
        (Position(*row[:5]), _result_in(row[5:]))
        for row in connection.execute(SQL["results"], (task,)).fetchall()
    ]


def _result_in(row: Sequence[object]) -> Result:
    found = Result._make(row)
    differences = msgspec.json.decode(str(found.differences), type=tuple[int, ...])
    return found._replace(differences=differences)


def uncounted(
    connection: Connection, task: str, lines: Sequence[Wanted], *, limit: int = MAX_AT_ONCE
) -> list[tuple[int, Position]]:
    """What is on record where the task says, and has not been counted for it; with its line."""
    found: dict[Position, int] = {}
    for line in lines:
        where = {
            "task": task,
            "location": line.location,
            "sku": line.sku,
            "lot": line.lot,
            "limit": limit,
        }
        for row in connection.execute(SQL["uncounted"], where).fetchall():
            found.setdefault(Position(*row), line.line)
        if len(found) >= limit:
            break
    return [(line, position) for position, line in list(found.items())[:limit]]


def is_settled(connection: Connection, task: str, lines: Sequence[Wanted]) -> bool:
    """Whether a count is complete by itself: each line counted, nothing open, nothing left out.

    A line without an item (whatever is found at a location) is complete when a person says so.
    """
    if not lines or any(not line.sku for line in lines):
        return False
    counted = [each for _, each in results(connection, task)]
    if any(each.is_pending for each in counted):
        return False
    if {line.line for line in lines} - {each.line for each in counted}:
        return False
    return not uncounted(connection, task, lines, limit=1)


def close(connection: Connection, task: TaskFound, *, now: int) -> list[CountClosed]:
    """End a count task: the accuracy of each zone that was counted, kept and to be told."""
    zones: defaultdict[str, list[CountVerdict]] = defaultdict(list)
    for position, each in results(connection, task.code):
        if not each.is_pending:
            zone = stock.zone_of(connection, position.location) or task.zone or ""
            zones[zone].append(each.verdict)
    told: list[CountClosed] = []
    for zone, verdicts in sorted(zones.items()):
        found = accuracy(verdicts)
        connection.execute(SQL["set_accuracy"], (task.code, zone, now, *found))
        told.append(CountClosed(task.code, zone or None, *found))
    return told


def open_again(connection: Connection, task: str) -> None:
    """A count task that had ended goes on: what it said of the record is taken back."""
    connection.execute(SQL["remove_accuracy"], (task,))


def accuracy_by_zone(connection: Connection, *, since: int) -> list[ZoneAccuracy]:
    """Inventory-record accuracy, zone by zone; an empty name stands for locations without one."""
    return [
        ZoneAccuracy(zone, tasks, Accuracy(positions, exact, within), last_at)
        for zone, tasks, positions, exact, within, last_at in connection.execute(
            SQL["accuracy"], (since,)
        ).fetchall()
    ]


def counted_at(connection: Connection, sku: str, location: str) -> int | None:
    """When an item was last counted (or first seen) at a location."""
    row = connection.execute(SQL["counted"], (sku, location)).fetchone()
    return int(row[0]) if row is not None else None


def set_counted(connection: Connection, sku: str, location: str, at: int) -> None:
    """An item was counted at a location then; 0: it is to be counted as soon as may be."""
    connection.execute(SQL["set_counted"], (sku, location, at))


# Cadence


def note_places(
    connection: Connection, after: tuple[str, str], *, now: int
) -> tuple[str, str] | None:
    """Begin the time of what lies where it was never counted; where to go on, None at the end."""
    rows = connection.execute(SQL["lying"], (*after, _LOOK_AHEAD)).fetchall()
    connection.executemany(SQL["first_seen"], [(*row, now) for row in rows])
    return tuple(rows[-1]) if len(rows) == _LOOK_AHEAD else None


class Due(NamedTuple):
    """A position to be counted."""

    sku: str
    location: str
    counted_at: int
    zone: str | None


def due(connection: Connection, policy: Policy, *, now: int) -> list[Due]:
    """What is to be counted by the cadence of its class, and no open task counts yet."""
    found: list[Due] = []
    for count_class in _CLASSES:
        days = policy.count_every_days[_CLASSES.index(count_class)]
        where = {"class": count_class, "before": now - days * DAY, "limit": MAX_AT_ONCE}
        if days:
            rows = map(Due._make, connection.execute(SQL["due"], where).fetchall())
            found.extend(
                row
                for row in rows
                if is_due(policy, count_class, counted_at=row.counted_at, now=now)
            )
    return found


def tasks_due(connection: Connection, policy: Policy, *, now: int) -> list[Task]:
    """Count tasks for what is due, one for each zone that has none open; blind, as all counts."""
    busy = {zone for (zone,) in connection.execute(SQL["counted_zones"]).fetchall()}
    zones: defaultdict[str, list[Due]] = defaultdict(list)
    for each in due(connection, policy, now=now):
        if (each.zone or "") not in busy:
            zones[each.zone or ""].append(each)
    moment = datetime.fromtimestamp(now / SECOND, UTC)
    return [
        Task(
            f"cycle-{moment:%Y%m%d-%H%M%S}-{number}",
            "count",
            [TaskLine(each.sku, location=each.location) for each in some[:_MAX_OF_TASK]],
            zone=zone or None,
            blind=True,
            note="Due by the cadence of its class",
        )
        for number, (zone, some) in enumerate(sorted(zones.items()), start=1)
    ]
