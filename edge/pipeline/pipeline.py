"""Answers scans and records facts: reading → event → stock → outbox → answer, one transaction.

Idempotent by the scan's id: an accepted scan makes one event with that id, and a retry gets the
same answer. A refused scan changes nothing, so it may be sent again once the reason has gone; it
is counted, and its answer names the versions it was judged by.

On a disk that is nearly full, what cameras and sensors see is dropped and counted; on a full one,
new scans are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple
from uuid import UUID

from edge import stock
from edge.db import Connection, Database, Level
from edge.outbox import Outbox
from edge.pipeline.keeping import SQL, Accepted, Moment, Refused, encode
from edge.pipeline.requests import legible
from edge.pipeline.scan import Refusal, ScanRequest, decode_scan
from edge.pipeline.sensing import Sensing
from edge.pipeline.unit import Recording, Scanning, day
from edge.ports import Ids, ScanAnswer, Sensed
from shared import gs1
from shared.bodies import id_of
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import (
    CodeSeen,
    DamageSuspected,
    EventData,
    LabelRead,
    ObjectTracked,
    SensorRead,
    SlotSeen,
)

_EVIDENCE: Final = (CodeSeen, SensorRead, ObjectTracked, SlotSeen, DamageSuspected, LabelRead)
"""What is seen but moves no stock: the first to go when room is scarce."""
NOT_RECORDED: Final = 0


class Totals(NamedTuple):
    """Scans accepted and refused since the gateway's database was made."""

    scans: int
    refused: int


class Pipeline:
    """Implements the ports ScanPoint, Recorder and SensorPoint.

    Args:
        database: the store.
        outbox: where events go.
        clock: when they happened.
        ids: for facts that bring no id.
        level: how full the disk is.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        clock: Clock,
        ids: Ids,
        *,
        level: Callable[[], Level] = lambda: Level.PLENTY,
    ) -> None:
        self._level = level
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._ids = ids
        self._unsaved_refusals = 0
        self.counts: Counter[str] = Counter()
        """Since the process started: ``accepted``, ``repeated``, and refusals by their code."""
        self.dropped_evidence = 0
        """What cameras and sensors saw and was not recorded for want of room, since then."""

    async def scan(self, request: bytes, *, device: str) -> ScanAnswer:
        """Answer one scan after the durable commit; refusals are answers, too."""
        scan_id: UUID | None = None
        try:
            scan = decode_scan(request)
            scan_id = scan.id
            unit = self._scanning(scan, device)
            answer = await self._database.run(unit)
        except QuartermasterError as error:
            versions = stock.versions(self._database.reader)
            answer = Refused(scan_id or id_of(request), Refusal(error), versions)
        if isinstance(answer, Accepted):
            self.counts["repeated" if answer.repeated else "accepted"] += 1
            return ScanAnswer(200, answer.body)
        error = answer.refusal.error
        self.counts[error.code] += 1
        self._unsaved_refusals += 1
        return ScanAnswer(error.entry.status, encode(answer.in_words()))

    def _scanning(self, scan: ScanRequest, device: str) -> Scanning:
        if scan.device is not None and scan.device != device:
            raise QuartermasterError("scan.other-device", legible(scan.device), where="device")
        moment = self._moment()
        scanned = gs1.read(scan.raw, year=day(moment.now).year)
        full = self._level() >= Level.FULL
        return Scanning(self._outbox, scan, scanned, device, moment, full)

    async def record(self, data: EventData, *, device: str, event_id: bytes | None = None) -> int:
        """Make one fact durable that is no scan; returns its sequence number.

        It is ``NOT_RECORDED`` for evidence that a nearly full disk has no room for.

        Raises:
            QuartermasterError: ``disk.full``, ``store.failed`` or ``event.malformed``.
        """
        if self._drops(data):
            return NOT_RECORDED
        return await self._database.run(self._recording(data, device, event_id))

    async def sense(self, data: SensorRead, *, device: str, reading: bytes) -> Sensed:
        """Make one reading durable, once; as :meth:`record` for what there is no room for.

        Raises:
            QuartermasterError: ``scan.id-reused``, ``disk.full`` or ``store.failed``.
        """
        if self._drops(data):
            return Sensed(NOT_RECORDED, repeated=False)
        moment = self._moment()
        return await self._database.run(Sensing(self._outbox, data, reading, device, moment))

    def record_blocking(
        self, data: EventData, *, device: str, event_id: bytes | None = None
    ) -> int:
        """As :meth:`record`, for a thread without an event loop (cameras, commands)."""
        if self._drops(data):
            return NOT_RECORDED
        return self._database.run_blocking(self._recording(data, device, event_id))

    def _drops(self, data: EventData) -> bool:
        if not isinstance(data, _EVIDENCE) or self._level() < Level.SCARCE:
            return False
        self.dropped_evidence += 1
        return True

    def _recording(self, data: EventData, device: str, event_id: bytes | None) -> Recording:
        own_id = event_id or self._ids.uuid7()
        return Recording(self._outbox, data, own_id, device, self._moment())

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), self._clock.state())

    async def totals(self) -> Totals:
        """Scans and refusals so far; the refusals counted in memory are saved by this.

        Raises:
            QuartermasterError: ``disk.full`` or ``store.failed``.
        """
        unsaved = self._unsaved_refusals

        def save(connection: Connection) -> dict[str, int]:
            if unsaved:
                connection.execute(SQL["add"], ("refused", unsaved))
            return dict(connection.execute(SQL["totals"]).fetchall())

        found = await self._database.run(save)
        self._unsaved_refusals -= unsaved
        return Totals(found.get("scans", 0), found.get("refused", 0))

    def totals_now(self) -> Totals:
        """Scans and refusals so far, as read without saving anything."""
        found = dict(self._database.reader.execute(SQL["totals"]).fetchall())
        return Totals(found.get("scans", 0), found.get("refused", 0) + self._unsaved_refusals)

    @staticmethod
    def clean(connection: Connection, before: int, *, limit: int = 1000) -> int:
        """Forget what was answered before an age of the database; returns how many, at most."""
        kept = ("forget_readings", "forget_sight_checks", "forget")
        return max(connection.execute(SQL[each], (before, limit)).rowcount for each in kept)
