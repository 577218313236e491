"""Does what was judged: writes a scan's events, counts them for its task, keeps what it told."""

from __future__ import annotations

from typing import NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.pipeline import counting, effects
from edge.pipeline.judging import Judged, crossed
from edge.pipeline.units import Load
from edge.pipeline.working import Work, advance, begin
from edge.pipeline.writing import Writing
from shared.events import Counted, EventData, Received, Returned
from shared.policy import Notice, Policy


class Done(NamedTuple):
    """What a scan did beside its events, for its answer and to take it back."""

    work: Work | None
    line: int | None
    lines: list[tuple[int, int]]
    counts: list[effects.Counted]
    unit: effects.UnitBefore | None
    warnings: list[Notice]
    is_secret: bool = False


class Doing(NamedTuple):
    """Does what was judged, in one transaction."""

    connection: Connection
    policy: Policy
    now: int
    load: Load
    passed: list[Judged]

    def as_moved(self, writing: Writing) -> Done:
        """Write the events; count them for the task; remember what the label told."""
        connection, work = self.connection, self.load.work
        warnings: list[Notice] = []
        lines: list[tuple[int, int]] = []
        for piece, _, line in self.passed:
            overtaken = crossed(connection, piece.data, writing.origin.occurred_at, self.now)
            if overtaken is not None:
                warnings.append(overtaken)
            writing.write(piece.data)
            self._learn(piece.data, writing.origin.occurred_at)
            if line is not None:
                lines.append((line.line, piece.understood.quantity))
        unit = self.load.write(connection, self.now)
        if work is not None:
            work = advance(connection, writing, work, lines, now=self.now)
        line = lines[0][0] if lines else None
        return Done(work, line, lines, [], unit, warnings)

    def as_counted(self, writing: Writing) -> Done:
        """Settle a count for a task, or have it repeated."""
        work, ((piece, _, line),) = self.load.work, self.passed
        assert work is not None and isinstance(piece.data, Counted)  # noqa: S101, PT018 - step count
        settling = counting.Settling(self.connection, writing, self.policy, self.now)
        if line is None:  # elsewhere than the task says, and the policy lets it pass
            writing.write(piece.data)
            tasks.set_counted(
                self.connection,
                piece.data.line.sku,
                piece.data.location,
                writing.origin.occurred_at,
            )
            work = begin(self.connection, writing, work, now=self.now)
            return Done(work, None, [], [], None, [])
        outcome = counting.count(settling, work, line.line, piece.data)
        return Done(
            outcome.work,
            line.line,
            outcome.lines,
            outcome.before,
            None,
            outcome.warnings,
            outcome.is_pending,
        )

    def _learn(self, data: EventData, at: int) -> None:
        if isinstance(data, Counted):
            tasks.set_counted(self.connection, data.line.sku, data.location, at)
        elif isinstance(data, Received | Returned) and data.line.lot and data.line.expiry:
            stock.learn_expiry(self.connection, data.line.sku, data.line.lot, data.line.expiry)
