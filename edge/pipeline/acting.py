"""What a person does with a task or an exception, beside scanning: each an event, once."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from edge import people, stock, tasks
from edge.db import Connection
from edge.outbox import Outbox
from edge.pipeline import counting
from edge.pipeline.keeping import Accepted, Moment, Refused, Request, once
from edge.pipeline.requests import ExceptionReport, Resolution, TaskAction, legible
from edge.pipeline.scan import Refusal, Remark, remark
from edge.pipeline.working import Work, begin, end, expected_of, in_words, work_on
from edge.pipeline.writing import Origin, Writing
from shared.errors import QuartermasterError
from shared.events import ExceptionRaised, ExceptionResolved
from shared.policy import Notice, Step

_STEP_OF: Final[dict[str, Step]] = {"receive": "receive", "return": "return"}


class TaskAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How a task stands after what was done with it."""

    id: UUID
    outcome: Literal["accepted"] = "accepted"
    task: str
    status: str
    warnings: list[Remark] = []
    seq: int | None = None
    versions: dict[str, int]


class ExceptionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that was raised or resolved; ``photo_kept`` where one came with it."""

    id: UUID
    outcome: Literal["accepted"] = "accepted"
    exception: str
    photo_kept: bool | None = None
    seq: int | None = None
    versions: dict[str, int]


class Acting(NamedTuple):
    """The unit of work of one step of a task."""

    outbox: Outbox
    request: TaskAction
    code: str
    device: str
    moment: Moment
    full: bool = False

    def __call__(self, connection: Connection) -> Accepted | Refused:
        """Run it."""
        content = self.request.content_hash(self.device, self.code)
        request = Request(self.request.id, content, self.full)
        return once(connection, request, lambda versions: self._act(connection, versions))

    def _act(self, connection: Connection, versions: dict[str, int]) -> TaskAnswer:
        work = work_on(connection, self.code)
        action, reason = self.request.action, self.request.reason.strip()
        if action == "short" and not reason:
            raise Refusal(QuartermasterError("scan.reason-missing", where="reason"))
        origin = _origin(connection, self.request, self.device, self.moment, self.code)
        writing = Writing(connection, self.outbox, origin)
        warnings: list[Notice] = []
        if action == "start":
            work = begin(connection, writing, work, now=self.moment.now)
        elif action == "short":
            work = end(connection, writing, work, "short", now=self.moment.now, detail=reason)
        else:
            work, warnings = self._finish(connection, writing, work)
        return TaskAnswer(
            id=self.request.id,
            task=self.code,
            status=work.task.status,
            warnings=[remark(notice) for notice in warnings],
            seq=writing.seq,
            versions=versions,
        )

    def _finish(
        self, connection: Connection, writing: Writing, work: Work
    ) -> tuple[Work, list[Notice]]:
        """A person says that it is done: what was asked for decides whether it is short."""
        if work.task.kind == "count":
            policy = stock.policy(connection)
            settling = counting.Settling(connection, writing, policy, self.moment.now)
            outcome = counting.finish(settling, work)
            return outcome.work, outcome.warnings
        left = [line for line in work.lines if line.left]
        says_all = all(line.quantity for line in work.lines)
        if left and says_all and not work.task.blind:
            step = _STEP_OF.get(work.task.kind, "move")
            wanted = [expected_of(connection, work, step, line) for line in left]
            raise Refusal(
                QuartermasterError(
                    "task.incomplete", in_words([each.in_words() for each in wanted if each])
                )
            )
        status = "short" if left else "done"
        return end(connection, writing, work, status, now=self.moment.now), []


class Raising(NamedTuple):
    """The unit of work of one exception; its photo, if any, is stored already."""

    outbox: Outbox
    request: ExceptionReport
    photo_sha256: bytes | None
    photo_kept: bool | None
    device: str
    moment: Moment
    full: bool = False

    def __call__(self, connection: Connection) -> Accepted | Refused:
        """Run it."""
        content = self.request.content_hash(self.device)
        request = Request(self.request.id, content, self.full)
        return once(connection, request, lambda versions: self._raise(connection, versions))

    def _raise(self, connection: Connection, versions: dict[str, int]) -> ExceptionAnswer:
        report = self.request
        if report.location is not None and not stock.has_location(connection, report.location):
            raise Refusal(
                QuartermasterError("scan.unknown-location", report.location, where="location")
            )
        origin = _origin(connection, report, self.device, self.moment, None)
        writing = Writing(connection, self.outbox, origin)
        data = ExceptionRaised(
            tasks.name_of(report.id.bytes),
            report.about,
            legible(report.subject),
            report.note,
            None,
            report.location,
            self.photo_sha256,
        )
        writing.write(data)
        by = tasks.By(report.id.bytes, self.device, origin.operator, self.moment.now)
        tasks.raise_exception(connection, data, by)
        return ExceptionAnswer(
            id=report.id,
            exception=data.exception,
            photo_kept=self.photo_kept,
            seq=writing.seq,
            versions=versions,
        )


class Resolving(NamedTuple):
    """The unit of work of closing an exception."""

    outbox: Outbox
    request: Resolution
    name: str
    device: str
    moment: Moment
    full: bool = False

    def __call__(self, connection: Connection) -> Accepted | Refused:
        """Run it.

        Raises:
            QuartermasterError: without an operator signed in at the device.
        """
        content = self.request.content_hash(self.device, self.name)
        request = Request(self.request.id, content, self.full)
        return once(connection, request, lambda versions: self._resolve(connection, versions))

    def _resolve(self, connection: Connection, versions: dict[str, int]) -> ExceptionAnswer:
        try:
            person = people.demand_operator(connection, self.device)
            found = tasks.exception(connection, self.name)
        except QuartermasterError as error:
            raise Refusal(error) from None
        if found.resolution is not None:
            raise Refusal(QuartermasterError("exception.closed", self.name))
        origin = _origin(connection, self.request, self.device, self.moment, None)
        origin = origin._replace(operator=person.person)
        writing = Writing(connection, self.outbox, origin)
        data = ExceptionResolved(self.name, self.request.resolution, self.request.note)
        writing.write(data)
        by = tasks.By(self.request.id.bytes, self.device, person.person, self.moment.now)
        tasks.resolve(connection, data, by)
        return ExceptionAnswer(
            id=self.request.id, exception=self.name, seq=writing.seq, versions=versions
        )


def _origin(
    connection: Connection,
    request: TaskAction | ExceptionReport | Resolution,
    device: str,
    moment: Moment,
    task: str | None,
) -> Origin:
    operator = people.operator_of(connection, device, request.operator)
    return Origin(request.id.bytes, device, operator, task, moment.now, moment.state)
