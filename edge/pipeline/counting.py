"""What becomes of a count for a task: posted, or counted once more; and how a count task ends."""

from __future__ import annotations

from typing import Final, NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.pipeline.effects import Counted as CountedBefore
from edge.pipeline.scan import Refusal
from edge.pipeline.working import Work, begin, end, in_words
from edge.pipeline.writing import Writing
from shared.errors import QuartermasterError
from shared.events import Counted, ExceptionRaised, Line, StockState
from shared.movements import Position
from shared.policy import Notice, Policy
from shared.policy.counting import CountVerdict, judge_count
from shared.units import MAX_QUANTITY

_NOT_FOUND: Final = 0


class Settling(NamedTuple):
    """What counts are settled with."""

    connection: Connection
    writing: Writing
    policy: Policy
    now: int


class Outcome(NamedTuple):
    """What came of counting: the task after it, what it was before, what to tell."""

    work: Work
    before: list[CountedBefore]
    lines: list[tuple[int, int]]
    warnings: list[Notice]

    @property
    def is_pending(self) -> bool:
        """Whether something is to be counted again."""
        return any(notice.code in {"count.recount", "count.not-found"} for notice in self.warnings)


def count(settling: Settling, work: Work, line: int, data: Counted) -> Outcome:
    """One position was counted for a task."""
    outcome = _count(settling, Outcome(work, [], [], []), line, data)
    connection, code = settling.connection, work.task.code
    work = outcome.work
    if tasks.is_settled(connection, code, work.lines):
        work = end(connection, settling.writing, work, "done", now=settling.now)
    else:
        work = begin(connection, settling.writing, work, now=settling.now)
    return outcome._replace(work=work)


def finish(settling: Settling, work: Work) -> Outcome:
    """A person says that all there is has been counted.

    What is on record there and was not counted is asked for once; then it is not there.

    Raises:
        Refusal: ``count.recount`` while something counted has to be counted again.
    """
    connection, code = settling.connection, work.task.code
    pending = [(place, each) for place, each in tasks.results(connection, code) if each.is_pending]
    found = [_named(connection, place) for place, each in pending if each.counted != _NOT_FOUND]
    if found:
        raise Refusal(QuartermasterError("count.recount", in_words(found)))
    missing = [(each.line, place) for place, each in pending]
    missing += tasks.uncounted(connection, code, work.lines, limit=tasks.MAX_AT_ONCE - len(missing))
    outcome = Outcome(work, [], [], [])
    for line, place in missing:
        outcome = _count(settling, outcome, line, _nothing_at(connection, place))
    asked_for = [notice.detail for notice in outcome.warnings if notice.code == "count.recount"]
    if asked_for:
        warnings = [each for each in outcome.warnings if each.code != "count.recount"]
        warnings.append(Notice("count.not-found", in_words(asked_for)))
        work = begin(connection, settling.writing, outcome.work, now=settling.now)
        return outcome._replace(work=work, warnings=warnings)
    work = end(connection, settling.writing, outcome.work, "done", now=settling.now)
    return outcome._replace(work=work)


def _count(settling: Settling, so_far: Outcome, line: int, data: Counted) -> Outcome:
    connection, work = settling.connection, so_far.work
    code, place = work.task.code, _position_of(data)
    before = tasks.result(connection, code, place)
    earlier = before.differences if before is not None and before.is_pending else ()
    verdict = _verdict(settling, data, earlier)
    differences = (*earlier, data.line.quantity - data.expected)
    now = tasks.Result(line, data.line.quantity, differences, verdict)
    tasks.set_result(connection, code, place, now)
    named = _named(connection, place)
    warnings = list(so_far.warnings)
    lines = list(so_far.lines)
    if now.is_pending:
        detail = f"{named}: {data.line.quantity} counted, {data.expected} on record"
        settling.writing.write(tasks.changed(code, "recount", work.lines, detail))
        warnings.append(Notice("count.recount", named))
    else:
        settling.writing.write(data)
        at = settling.writing.origin.occurred_at
        tasks.set_counted(connection, place.sku, place.location, at)
    was_settled = before is not None and not before.is_pending
    step = int(not now.is_pending) - int(was_settled)
    if step:
        tasks.advance(connection, code, line, step)
        work = work.after(line, step)
        lines.append((line, step))
    if verdict == "unsettled":
        _raise(settling, place, named, differences)
        warnings.append(Notice("count.unsettled", named))
    return Outcome(work, [*so_far.before, CountedBefore(place, before)], lines, warnings)


def _verdict(settling: Settling, data: Counted, earlier: tuple[int, ...]) -> CountVerdict:
    item = stock.item_told(settling.connection, data.line.sku)
    return judge_count(
        settling.policy,
        item.count_class if item is not None else "C",
        expected=data.expected,
        counted=data.line.quantity,
        earlier=earlier,
    )


def _raise(settling: Settling, place: Position, named: str, differences: tuple[int, ...]) -> None:
    """Three counts do not agree: a person looks."""
    writing = settling.writing
    request = writing.next_id
    data = ExceptionRaised(
        tasks.name_of(request),
        "count.unsettled",
        named[:200],
        f"the counts differ from the record by {', '.join(map(str, differences))}",
        place.sku,
        place.location,
    )
    origin = writing.origin
    writing.write(data)
    by = tasks.By(request, origin.device, origin.operator, settling.now)
    tasks.raise_exception(settling.connection, data, by)


def _position_of(data: Counted) -> Position:
    line = data.line
    return Position(line.sku, data.location, line.lot or "", line.serial or "", int(data.state))


def _nothing_at(connection: Connection, place: Position) -> Counted:
    expected = stock.at(connection, place)
    line = Line(place.sku, _NOT_FOUND, place.lot or None, place.serial or None)
    bounded = max(-MAX_QUANTITY, min(MAX_QUANTITY, expected))
    return Counted(line, place.location, bounded, StockState(place.state))


def _named(connection: Connection, place: Position) -> str:
    """A position, for a person; never how many are on record there."""
    item = stock.item_told(connection, place.sku)
    name = f"{item.name} ({place.sku})" if item is not None else place.sku
    lot = f", lot {place.lot}" if place.lot else ""
    serial = f", serial {place.serial}" if place.serial else ""
    return f"{name}{lot}{serial} at {place.location}"
