"""The units of work of the pipeline: everything that one reading changes, or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from edge import people, stock, tasks
from edge.db import Connection
from edge.outbox import Outbox
from edge.pipeline import effects
from edge.pipeline.doing import Doing, Done
from edge.pipeline.judging import Judged, judged, refuse_unknown
from edge.pipeline.keeping import SQL, Accepted, Moment, Refused, Request, once
from edge.pipeline.scan import Answer, Contained, Refusal, ScanRequest, remark
from edge.pipeline.understanding import Asking, understand
from edge.pipeline.units import Load, is_whole_unit, packing, whole
from edge.pipeline.working import Work, told, work_on
from edge.pipeline.writing import Origin, Writing
from shared.errors import QuartermasterError
from shared.events import Counted, EventData, OperatorSigned
from shared.gs1 import Scanned
from shared.movements import Position
from shared.policy import Notice, Policy
from shared.units import HOUR, MINUTE, SECOND

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATE_COUNT: Final = 5 * SECOND
"""A count told this long after it was made may have been overtaken by movements."""


class Scanning(NamedTuple):
    """The unit of work of one scan; a refusal is a result, and has changed nothing."""

    outbox: Outbox
    scan: ScanRequest
    scanned: Scanned
    device: str
    moment: Moment
    full: bool = False
    """No room for a new scan; a retry still gets its answer."""

    def __call__(self, connection: Connection) -> Accepted | Refused:
        """Run it."""
        content = self.scan.content_hash(self.device)
        request = Request(self.scan.id, content, self.full)
        answer = once(connection, request, lambda versions: self._accept(connection, versions))
        if isinstance(answer, Accepted) and not answer.repeated:
            connection.execute(SQL["add"], ("scans", 1))
        return answer

    def _accept(self, connection: Connection, versions: dict[str, int]) -> Answer:
        if not versions["catalog"]:
            raise Refusal(QuartermasterError("scan.no-catalog"))
        policy = stock.policy(connection)
        occurred_at, clock_is_off = self._occurred_at(policy)
        work, late = self._work(connection, occurred_at)
        asking = Asking(connection, self.scan, self.scanned, policy, versions["catalog"], work)
        load = self._load(asking)
        asking = asking._replace(work=load.work)
        passed = judged(asking, load.pieces, day(self.moment.now))
        self._refuse_overtaken(connection, passed, occurred_at)
        writing = Writing(connection, self.outbox, self._origin(connection, load, occurred_at))
        doing = Doing(connection, policy, self.moment.now, load, passed)
        done = doing.as_counted(writing) if self._is_count(load) else doing.as_moved(writing)
        warnings = [
            *(Notice(code) for code in self.scanned.warnings),
            *(notice for each in passed for notice in each.warnings),
            *done.warnings,
            *late,
            *([Notice("scan.device-clock")] if clock_is_off else []),
        ]
        effects.keep(
            connection,
            self.scan.id.bytes,
            effects.Effect(
                device=self.device,
                occurred_at=occurred_at,
                sku=load.pieces[0].understood.sku,
                events=effects.worth_keeping(writing),
                task=load.work.task.code if load.work is not None else None,
                lines=done.lines,
                counts=done.counts,
                unit=done.unit,
            ),
            at=self.moment.now,
        )
        answer = self._answer(connection, load, done)
        remarks = [remark(notice) for notice in dict.fromkeys(warnings)]
        return msgspec.structs.replace(answer, warnings=remarks, seq=writing.seq, versions=versions)

    def _work(self, connection: Connection, occurred_at: int) -> tuple[Work | None, list[Notice]]:
        """The task that is worked on.

        What was done for a task before it ended, and is told only now, has been done: the goods
        move, and count for no task any more.
        """
        code = self.scan.task
        if code is None:
            return None, []
        try:
            return work_on(connection, code), []
        except Refusal as refusal:
            ended_at = tasks.ended_at(connection, code)
            if ended_at is None or occurred_at >= min(ended_at, self.moment.now):
                raise
            return None, [Notice(refusal.error.code, refusal.error.detail)]

    def _load(self, asking: Asking) -> Load:
        if is_whole_unit(asking):
            return whole(asking)
        piece = understand(asking)
        if piece is None:
            code = self.scanned.gtin or self.scanned.text[:80]
            raise refuse_unknown(asking, code, day(self.moment.now))
        return packing(asking, piece)

    def _is_count(self, load: Load) -> bool:
        return self.scan.step == "count" and load.work is not None

    def _origin(self, connection: Connection, load: Load, occurred_at: int) -> Origin:
        return Origin(
            self.scan.id.bytes,
            self.device,
            people.operator_of(connection, self.device, self.scan.operator),
            load.work.task.code if load.work is not None else self.scan.task,
            occurred_at,
            self.moment.state,
        )

    def _refuse_overtaken(
        self, connection: Connection, passed: list[Judged], occurred_at: int
    ) -> None:
        """A count that comes late is not compared with what has moved since."""
        if self.scan.step != "count" or self.moment.now - occurred_at < _LATE_COUNT:
            return
        for piece, _, _ in passed:
            if isinstance(piece.data, Counted):
                line = piece.data.line
                position = Position(
                    line.sku,
                    piece.data.location,
                    line.lot or "",
                    line.serial or "",
                    int(piece.data.state),
                )
                if effects.has_moved_since(connection, position, occurred_at):
                    error = QuartermasterError("count.moved", piece.data.location)
                    raise Refusal(error, piece.understood)

    def _answer(self, connection: Connection, load: Load, done: Done) -> Answer:
        """What was understood, and how the site and the task stand after it."""
        understood = load.pieces[0].understood
        here = understood.to or understood.location or ""
        sku = understood.sku
        return Answer(
            id=self.scan.id,
            outcome="accepted",
            understood=understood,
            on_hand=None if done.is_secret else stock.on_hand(connection, sku),
            on_hand_here=None if done.is_secret else stock.on_hand_at(connection, sku, here),
            versions={},
            task=told(done.work, done.line) if done.work is not None else None,
            contents=_contents(load) if load.is_whole else None,
        )

    def _occurred_at(self, policy: Policy) -> tuple[int, bool]:
        """The device's own time where it can be right, else the gateway's; and whether it was."""
        claimed, now = self.scan.occurred_at, self.moment.now
        if claimed is None:
            return now, False
        if now - policy.max_age_hours * HOUR <= claimed <= now + MINUTE:
            return min(claimed, now), False
        return now, True


class Recording(NamedTuple):
    """The unit of work of a fact that is no scan; the event names who is signed in at its device.

    Who signs in or out is named by the fact itself.
    """

    outbox: Outbox
    data: EventData
    event_id: bytes
    device: str
    moment: Moment

    def __call__(self, connection: Connection) -> int:
        """Run it; returns the sequence number."""
        itself = isinstance(self.data, OperatorSigned)
        seq = self.outbox.append(
            connection,
            self.data,
            event_id=self.event_id,
            device=self.device,
            occurred_at=self.moment.now,
            clock_state=self.moment.state,
            operator=None if itself else people.operator_of(connection, self.device, None),
        )
        stock.apply(connection, self.data, self.moment.now)
        return seq


def day(now: int) -> date:
    """The day (UTC) of a moment in microseconds."""
    return (_EPOCH + timedelta(microseconds=now)).date()


def _contents(load: Load) -> list[Contained]:
    goods = (each.understood for each in load.pieces)
    return [
        Contained(
            sku=each.sku, name=each.name, lot=each.lot, serial=each.serial, quantity=each.quantity
        )
        for each in goods
    ]
