"""What devices ask for beside scans: undo, the steps of a task, exceptions and their end.

Implements the port FloorPoint. As a scan, each is answered after the durable commit, once for its
id, and refused in words where it cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge import stock, tasks
from edge.db import Connection, Database, Level
from edge.outbox import Outbox
from edge.pipeline import effects
from edge.pipeline.acting import Acting, Raising, Resolving
from edge.pipeline.alarms import Alarm, Ending, Sounding
from edge.pipeline.keeping import Accepted, Moment, Refused, encode
from edge.pipeline.requests import decode_action, decode_report, decode_resolution, decode_undo
from edge.pipeline.scan import Refusal
from edge.pipeline.suspecting import Suspecting, Suspicion, room_for
from edge.pipeline.undoing import Undoing
from edge.pipeline.writing import Origin, Writing
from edge.ports import Ids, ScanAnswer
from shared.bodies import id_of
from shared.clock import Clock
from shared.errors import Code, QuartermasterError
from shared.plan import Plan

_Unit = Callable[[Connection], Accepted | Refused]


class Floor:
    """The floor's requests.

    Args:
        database: the store.
        outbox: where events go.
        clock: when they happened.
        ids: for what this gateway tells by itself.
        photos: where photos of exceptions are kept.
        level: how full the disk is.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        clock: Clock,
        ids: Ids,
        photos: tasks.Photos,
        *,
        level: Callable[[], Level] = lambda: Level.PLENTY,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._ids = ids
        self._photos = photos
        self._level = level

    async def undo(self, body: bytes, *, device: str) -> ScanAnswer:
        """Take a scan back."""
        return await self._answer(
            body,
            lambda: Undoing(self._outbox, decode_undo(body), device, self._moment(), self._full()),
        )

    async def act(self, code: str, body: bytes, *, device: str) -> ScanAnswer:
        """Begin or end a task."""
        return await self._answer(
            body,
            lambda: Acting(
                self._outbox, decode_action(body), code, device, self._moment(), self._full()
            ),
        )

    async def report(self, body: bytes, *, device: str) -> ScanAnswer:
        """Raise an exception; its photo is forced to disk before its event is."""
        try:
            report = decode_report(body)
            photo = tasks.decode_photo(report.photo) if report.photo is not None else None
            kept = await self._keep(photo) if photo is not None else None
        except QuartermasterError as error:
            return self._refused(body, error)
        sha256 = photo.sha256 if photo is not None else None
        unit = Raising(self._outbox, report, sha256, kept, device, self._moment(), self._full())
        return await self._answer(body, lambda: unit)

    async def resolve(self, name: str, body: bytes, *, device: str) -> ScanAnswer:
        """Close an exception."""
        return await self._answer(
            body,
            lambda: Resolving(
                self._outbox, decode_resolution(body), name, device, self._moment(), self._full()
            ),
        )

    def enter_plan(self, connection: Connection, plan: Plan, now: int) -> None:
        """Put a plan in force, in the transaction that does; tell of the tasks it withdraws."""
        for data in tasks.enter(connection, plan, now):
            gateway = str(self._outbox.gateway)
            state = self._clock.state()
            origin = Origin(self._ids.uuid7(), gateway, None, data.task, now, state)
            Writing(connection, self._outbox, origin).write(data)

    def sound(self, alarm: Alarm) -> bool:
        """Raise an exception that a device tells of itself; False where it is open already.

        For a thread without an event loop.

        Raises:
            QuartermasterError: ``disk.full`` or ``store.failed``.
        """
        unit = Sounding(self._outbox, alarm, self._ids.uuid7(), self._moment())
        return self._database.run_blocking(unit)

    def all_clear(self, device: str, about: Code) -> int:
        """What a device told of itself has ended; how many exceptions that resolved.

        For a thread without an event loop.

        Raises:
            QuartermasterError: ``disk.full`` or ``store.failed``.
        """
        unit = Ending(self._outbox, device, about, self._ids.uuid7(), self._moment())
        return self._database.run_blocking(unit)

    def suspect(self, suspicion: Suspicion) -> bool:
        """Raise an exception with the picture of what a camera suspects; False where enough wait.

        For a thread without an event loop. The picture is forced to disk before the event is.

        Raises:
            QuartermasterError: ``disk.full`` or ``store.failed``.
        """
        wanted = self._database.run_blocking(lambda connection: room_for(connection, suspicion))
        if wanted is None:
            return False
        photo = tasks.Photo(suspicion.photo) if suspicion.photo is not None else None
        if photo is not None and self._level() < Level.SCARCE:
            self._photos.keep(photo, wanted)
        sha256 = photo.sha256 if photo is not None else None
        unit = Suspecting(self._outbox, suspicion, sha256, self._ids.uuid7(), self._moment())
        return self._database.run_blocking(unit)

    @staticmethod
    def clean(connection: Connection, before: int, *, limit: int) -> int:
        """Forget what ended before a moment; returns how many of the most."""
        return max(
            effects.forget(connection, before, limit=limit),
            tasks.forget(connection, before, limit=limit),
            tasks.forget_exceptions(connection, before, limit=limit),
            stock.forget_units(connection, before, limit=limit),
        )

    async def _keep(self, photo: tasks.Photo) -> bool:
        """Store a photo, unless room is scarce."""
        if self._level() >= Level.SCARCE:
            return False
        wanted = tasks.wanted_photos(self._database.reader)
        return await asyncio.to_thread(self._photos.keep, photo, wanted)

    async def _answer(self, body: bytes, unit: Callable[[], _Unit]) -> ScanAnswer:
        try:
            answer = await self._database.run(unit())
        except QuartermasterError as error:
            return self._refused(body, error)
        if isinstance(answer, Accepted):
            return ScanAnswer(200, answer.body)
        error = answer.refusal.error
        return ScanAnswer(error.entry.status, encode(answer.in_words()))

    def _refused(self, body: bytes, error: QuartermasterError) -> ScanAnswer:
        versions = stock.versions(self._database.reader)
        answer = Refused(id_of(body), Refusal(error), versions).in_words()
        return ScanAnswer(error.entry.status, encode(answer))

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), self._clock.state())

    def _full(self) -> bool:
        return self._level() >= Level.FULL
