"""Holds what was scanned for tasks against what cameras saw, and has counted what disagrees.

Movements and sights are noted in memory as they are recorded; what is lost with the process is not
checked. Once the time has passed in which a camera may have seen the goods, each movement that was
done for a task is judged (:mod:`edge.vision.witness`). A disagreement becomes, in one unit of work,
an event, an exception and a count task of the places concerned, once for an item and place; what
is unclear is only told. When that count has ended, it is told who was right: that is a label.
Nothing here moves stock; the count does, as every count.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple

import structlog

from edge import stock, tasks
from edge.db import Connection, Database, Level
from edge.outbox import Outbox
from edge.pipeline import effects
from edge.pipeline.keeping import SQL, Moment
from edge.pipeline.writing import Origin, Writing
from edge.ports import Ids
from edge.vision.witness import WINDOW, Check, Glimpse, Handled, Right, Window, judge, settled
from shared import gs1
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import (
    CodeSeen,
    EventData,
    ExceptionRaised,
    ExceptionResolved,
    Moved,
    ObjectTracked,
    Picked,
    PutAway,
    SightChecked,
)
from shared.plan import Task, TaskLine

_log: Final[Any] = structlog.get_logger("edge.witnesses")
TICK_S: Final = 1.0
_GOODS: Final = frozenset({"carton", "pallet"})
_MOST: Final = 8192
"""Sights and movements that are remembered; the oldest go first."""
MOST_COUNTS: Final = 20
"""Disputed counts that wait at a time: a camera whose zone is drawn wrongly asks for no more."""
_PRIORITY: Final = 5
"""Before counts by the cadence: while the goods are where they were seen."""
COUNTED: Final = "counted"
"""How an exception is resolved whose count has ended."""

Places = Mapping[tuple[str, str], str]
"""The location that a camera's zone shows."""


class Claim(NamedTuple):
    """A movement, by the event that told it."""

    event_id: bytes
    handled: Handled


class Dispute(NamedTuple):
    """A disagreement that waits for its count, as it was written."""

    id: bytes
    task: str
    task_line: int
    sku: str
    location: str
    by_scan: int
    by_camera: int
    by_ledger: int
    camera: str
    zone: str | None
    frame_at: int
    model: str
    model_sha256: bytes
    confidence: int
    image_sha256: bytes | None
    count_task: str
    exception: str


class Witnesses:
    """Hears of each event, judges in rounds.

    Args:
        database: the store.
        outbox: where events go.
        clock: when.
        ids: for what this gateway tells by itself.
        places: which location each camera's zones show.
        level: how full the disk is.
        window: around a scan.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        clock: Clock,
        ids: Ids,
        places: Places,
        *,
        level: Callable[[], Level] = lambda: Level.PLENTY,
        window: Window = WINDOW,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._ids = ids
        self._places = places
        self._level = level
        self._window = window
        self._lock = threading.Lock()
        self._open: list[Claim | Glimpse] = []
        self._claims: deque[Claim] = deque(maxlen=_MOST)
        self._glimpses: deque[Glimpse] = deque(maxlen=_MOST)
        self._judged: deque[Claim] = deque(maxlen=_MOST)

    # What the outbox tells

    def begin(self) -> None:
        """A transaction begins: what the one before had told and not committed never was."""
        self._open.clear()

    def heard(
        self, _connection: Connection, data: EventData, event_id: bytes, occurred_at: int
    ) -> None:
        """An event is being recorded."""
        if isinstance(data, PutAway | Picked | Moved):
            line = data.line
            places = (data.from_location, data.to_location)
            picked = isinstance(data, Picked)
            unit = line.sscc or ""
            handled = Handled(line.sku, line.quantity, *places, occurred_at, picked, unit)
            self._open.append(Claim(event_id, handled))
        elif isinstance(data, CodeSeen | ObjectTracked):
            glimpse = self._glimpse(data, occurred_at)
            if glimpse is not None:
                self._open.append(glimpse)

    def end(self, _connection: Connection) -> None:
        """The transaction is about to be committed."""
        if not self._open:
            return
        with self._lock:
            for each in self._open:
                if isinstance(each, Claim):
                    self._claims.append(each)
                else:
                    self._glimpses.append(each)

    def _glimpse(self, data: CodeSeen | ObjectTracked, now: int) -> Glimpse | None:
        location = self._places.get((data.camera, data.zone or ""))
        over = isinstance(data, ObjectTracked) and data.phase == "end"
        if location is None and not over:
            return None
        if isinstance(data, CodeSeen):
            unit = "" if data.sku is not None else _unit_of(data.raw)
            if data.sku is None and not unit:
                return None
            sku, frames, net, track, gone = data.sku, data.frames, 0, b"", False
        else:
            if data.seen not in _GOODS:
                return None
            sku, unit = None, ""
            frames, net, track, gone = 1, data.net, data.track, over
        return Glimpse(
            camera=data.camera,
            zone=data.zone or "",
            location=location or "",
            at=now,
            sku=sku,
            unit=unit,
            frames=frames,
            net=net,
            track=track,
            gone=gone,
            model=data.model or "unnamed",
            model_sha256=data.model_sha256 or bytes(32),
            confidence=data.confidence,
            image_sha256=data.image_sha256,
            frame_at=data.frame_at or now,
        )

    # Rounds

    async def run(self) -> None:
        """Judge until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            await self.once()

    async def once(self) -> None:
        """One round: what is due is judged, what has been counted is settled."""
        if self._level() >= Level.SCARCE:
            return
        due, others, glimpses = self._due()
        if due and glimpses:
            await self._judge(due, others, glimpses)
        for dispute in await asyncio.to_thread(self._counted):
            await self._database.run(
                Settling(self._outbox, dispute, self._ids.uuid7(), self._moment())
            )

    def _due(self) -> tuple[list[Claim], list[Claim], list[Glimpse]]:
        """Movements whose time is over, those around them, and what was seen."""
        now, window = self._clock.now(), self._window
        with self._lock:
            due: list[Claim] = []
            while self._claims and self._claims[0].handled.at + window.after <= now:
                due.append(self._claims.popleft())
            self._judged.extend(due)
            others = [*self._judged, *self._claims]
            glimpses = list(self._glimpses)
            past = now - 2 * (window.before + window.after)
            while self._judged and self._judged[0].handled.at < past:
                self._judged.popleft()
            while self._glimpses and self._glimpses[0].at < past:
                self._glimpses.popleft()
        return due, others, glimpses

    async def _judge(self, due: list[Claim], others: list[Claim], glimpses: list[Glimpse]) -> None:
        def look() -> list[Checking]:
            with closing(self._database.another_reader()) as reader:
                found = (self._checking(reader, each, others, glimpses) for each in due)
                return [each for each in found if each is not None]

        for checking in await asyncio.to_thread(look):
            raised = await self._database.run(checking)
            check = checking.check
            _log.info("witnesses.checked", verdict=check.verdict, why=check.why, count=raised)

    def _checking(
        self, reader: Connection, claim: Claim, others: list[Claim], glimpses: list[Glimpse]
    ) -> Checking | None:
        """What is to be told of a movement that was done for a task, and not taken back."""
        kept = effects.kept(reader, claim.event_id)
        if kept is None or kept.undone or kept.effect.task is None:
            return None
        check = judge(
            claim.handled,
            glimpses,
            [each.handled for each in others if each.event_id != claim.event_id],
            on_record=lambda sku, location: stock.on_hand_at(reader, sku, location),
            watched={each for each in self._places.values() if stock.has_location(reader, each)},
            window=self._window,
        )
        if check is None or not stock.has_location(reader, check.location):
            return None
        line = kept.effect.lines[0][0] if kept.effect.lines else 0
        return Checking(
            self._outbox,
            check,
            claim.handled,
            kept.effect.task,
            line,
            self._ids.uuid7(),
            self._moment(),
        )

    def _counted(self) -> list[Dispute]:
        rows = self._database.reader.execute(SQL["counted_disputes"]).fetchall()
        return [Dispute._make(row) for row in rows]

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), self._clock.state())


def _unit_of(raw: str) -> str:
    """The SSCC of a code; empty where it is something else."""
    try:
        return gs1.read(raw).sscc or ""
    except QuartermasterError:
        return ""


class Checking(NamedTuple):
    """The unit of work of one verdict; the count task that it asks for, if it is a new one."""

    outbox: Outbox
    check: Check
    handled: Handled
    task: str
    line: int
    request: bytes
    moment: Moment

    def __call__(self, connection: Connection) -> str | None:
        """Run it."""
        check, by, now = self.check, self.check.by, self.moment.now
        origin = Origin(self.request, by.camera, None, self.task, now, self.moment.state)
        writing = Writing(connection, self.outbox, origin)
        writing.write(
            SightChecked(
                camera=by.camera,
                zone=by.zone or None,
                frame_at=by.frame_at,
                model=by.model,
                model_sha256=by.model_sha256,
                confidence=by.confidence,
                image_sha256=by.image_sha256,
                task=self.task,
                task_line=self.line,
                verdict=check.verdict,
                location=check.location,
                sku=check.sku,
                by_scan=check.by_scan,
                by_camera=check.by_camera,
                by_ledger=check.by_ledger,
                why=check.why,
            )
        )
        if check.verdict != "disagreed":
            return None
        known = connection.execute(SQL["disputed"], (check.sku, check.location)).fetchone()
        if known is not None:
            self._keep(connection, *known)
            return None
        (waiting,) = connection.execute(SQL["disputed_counts"]).fetchone()
        if waiting >= MOST_COUNTS:
            return None
        task = self._count()
        exception = self._raise(connection, writing, task)
        tasks.add(connection, task, "witness", now)
        self._keep(connection, task.code, exception)
        return task.code

    def _count(self) -> Task:
        """A count of the place in question, and of the one that was scanned."""
        check, handled = self.check, self.handled
        place = handled.target if check.by_camera >= check.by_ledger else handled.source
        asked = dict.fromkeys(((check.sku, check.location), (handled.sku, place)))
        name = hashlib.sha256(self.request).hexdigest()[:12]
        lines = [TaskLine(sku, location=location) for sku, location in asked]
        return Task(f"SC-{name}", "count", lines, priority=_PRIORITY, blind=True, note=check.why)

    def _raise(self, connection: Connection, writing: Writing, task: Task) -> str:
        """An exception says where people see it what does not agree."""
        check, request = self.check, writing.next_id
        item = stock.item_told(connection, check.sku)
        name = f"{item.name} ({check.sku})" if item is not None else check.sku
        data = ExceptionRaised(
            tasks.name_of(request),
            "count.disputed",
            f"{name} at {check.location}"[:200],
            f"{check.why}; camera {check.by.camera}, task {self.task}, count {task.code}"[:200],
            check.sku,
            check.location,
        )
        writing.write(data)
        by = tasks.By(request, check.by.camera, None, self.moment.now)
        tasks.raise_exception(connection, data, by)
        return data.exception

    def _keep(self, connection: Connection, count_task: str, exception: str) -> None:
        check, by = self.check, self.check.by
        dispute = Dispute(
            self.request,
            self.task,
            self.line,
            check.sku,
            check.location,
            check.by_scan,
            check.by_camera,
            check.by_ledger,
            by.camera,
            by.zone or None,
            by.frame_at,
            by.model,
            by.model_sha256,
            by.confidence,
            by.image_sha256,
            count_task,
            exception,
        )
        connection.execute(SQL["put_sight_check"], (*dispute, self.moment.now))


class Settling(NamedTuple):
    """The unit of work of a count that has ended: who was right, as a label to learn from."""

    outbox: Outbox
    dispute: Dispute
    request: bytes
    moment: Moment

    def __call__(self, connection: Connection) -> Right | None:
        """Run it; None where the count says nothing."""
        dispute, now = self.dispute, self.moment.now
        difference = self._difference(connection)
        right = None
        if difference is not None:
            said = (dispute.by_scan, dispute.by_camera, dispute.by_ledger)
            right = settled(*said, difference)
        row = (now, difference, *(right if right is not None else (None, None, None)), dispute.id)
        connection.execute(SQL["settle_sight_check"], row)
        origin = Origin(
            self.request, dispute.camera, None, dispute.count_task, now, self.moment.state
        )
        writing = Writing(connection, self.outbox, origin)
        why = f"counted: {right.in_words()}" if right is not None else "it was not counted"
        writing.write(self._label(right, why))
        self._resolve(connection, writing, why)
        return right

    def _difference(self, connection: Connection) -> int | None:
        """What was counted beyond what was on record then; None where nobody counted it.

        A count that was ended says of what it did not find that it is not there.
        """
        dispute = self.dispute
        task = tasks.find(connection, dispute.count_task)
        if task is None or task.status != "done":
            return None
        return sum(
            each.differences[-1]
            for place, each in tasks.results(connection, dispute.count_task)
            if (place.sku, place.location) == (dispute.sku, dispute.location)
        )

    def _label(self, right: Right | None, why: str) -> SightChecked:
        dispute = self.dispute
        confirmed = "agreed" if right is not None and right.camera else "disagreed"
        return SightChecked(
            camera=dispute.camera,
            zone=dispute.zone,
            frame_at=dispute.frame_at,
            model=dispute.model,
            model_sha256=dispute.model_sha256,
            confidence=dispute.confidence,
            image_sha256=dispute.image_sha256,
            task=dispute.count_task,
            task_line=1,
            verdict="unsure" if right is None else confirmed,
            location=dispute.location,
            sku=dispute.sku,
            by_scan=dispute.by_scan,
            by_camera=dispute.by_camera,
            by_ledger=dispute.by_ledger,
            why=why,
        )

    def _resolve(self, connection: Connection, writing: Writing, why: str) -> None:
        """Close the exception, unless a person has, or it is forgotten."""
        dispute = self.dispute
        try:
            raised = tasks.exception(connection, dispute.exception)
        except QuartermasterError:
            return
        if raised.resolution is not None:
            return
        data = ExceptionResolved(dispute.exception, COUNTED, why)
        writing.write(data)
        by = tasks.By(writing.next_id, dispute.camera, None, self.moment.now)
        tasks.resolve(connection, data, by)
