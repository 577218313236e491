"""The units of work of the pipeline: everything that one reading changes, or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from edge import stock
from edge.db import Connection, Queries
from edge.outbox import Outbox
from edge.pipeline.scan import (
    Answer,
    Refusal,
    ScanRequest,
    Understood,
    remark,
    remark_of,
)
from edge.pipeline.understanding import understand
from shared.clock import ClockState
from shared.errors import QuartermasterError
from shared.events import Counted, EventData
from shared.gs1 import Scanned
from shared.movements import movements_of
from shared.policy import Facts, Notice, Policy, judge
from shared.units import HOUR, MINUTE

SQL: Final = Queries(__package__ or "edge.pipeline")
encode: Final = msgspec.json.Encoder().encode
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(NamedTuple):
    """When a unit was asked for, and how far that is to be trusted."""

    now: int
    state: ClockState


class Accepted(NamedTuple):
    """A durable answer, in JSON; ``repeated`` when an earlier request had already made it."""

    body: bytes
    repeated: bool


class Refused(NamedTuple):
    """A refusal, and the versions that it was judged by."""

    scan_id: UUID | None
    refusal: Refusal
    versions: dict[str, int]

    def in_words(self) -> Answer:
        """As the scanner gets it."""
        return Answer(
            id=self.scan_id,
            outcome="refused",
            understood=self.refusal.understood,
            error=remark_of(self.refusal.error),
            versions=self.versions,
        )


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
        scan_id = self.scan.id
        content = self.scan.content_hash(self.device)
        row = connection.execute(SQL["answered"], (scan_id.bytes,)).fetchone()
        versions = stock.versions(connection)
        if row is not None:
            if row[0] == content:
                return Accepted(bytes(row[1]), repeated=True)
            reused = QuartermasterError("scan.id-reused", str(scan_id), where="id")
            return Refused(scan_id, Refusal(reused), versions)
        if self.full:
            return Refused(scan_id, Refusal(QuartermasterError("disk.full")), versions)
        try:
            answer = encode(self._accept(connection, versions))
        except Refusal as refusal:
            return Refused(scan_id, refusal, versions)
        connection.execute(SQL["remember"], (scan_id.bytes, content, answer, self.moment.now))
        connection.execute(SQL["add"], ("scans", 1))
        return Accepted(answer, repeated=False)

    def _accept(self, connection: Connection, versions: dict[str, int]) -> Answer:
        if not versions["catalog"]:
            raise Refusal(QuartermasterError("scan.no-catalog"))
        policy = stock.policy(connection)
        understood, item, data = understand(
            connection, self.scan, self.scanned, policy, versions["catalog"]
        )
        warnings = [
            *(Notice(code) for code in self.scanned.warnings),
            *self._judge(connection, policy, understood, data, removed=item.removed),
        ]
        occurred_at, clock_is_off = self._occurred_at(policy)
        if clock_is_off:
            warnings.append(Notice("scan.device-clock"))
        seq = self.outbox.append(
            connection,
            data,
            event_id=self.scan.id.bytes,
            device=self.device,
            occurred_at=occurred_at,
            clock_state=self.moment.state,
        )
        stock.apply(connection, data)
        here = understood.to or understood.location or ""
        return Answer(
            id=self.scan.id,
            outcome="accepted",
            understood=understood,
            on_hand=stock.on_hand(connection, understood.sku),
            on_hand_here=stock.on_hand_at(connection, understood.sku, here),
            warnings=[remark(notice) for notice in warnings],
            seq=seq,
            versions=versions,
        )

    def _judge(
        self,
        connection: Connection,
        policy: Policy,
        understood: Understood,
        data: EventData,
        *,
        removed: bool,
    ) -> tuple[Notice, ...]:
        facts = Facts(
            step=self.scan.step,
            quantity=understood.quantity,
            expiry=understood.expiry,
            today=day(self.moment.now),
            removed=removed,
            reason=self.scan.reason,
            left=_left(connection, data),
        )
        refusal, warnings = judge(policy, facts)
        if refusal is not None:
            raise Refusal(QuartermasterError(refusal.code, refusal.detail), understood)
        return warnings

    def _occurred_at(self, policy: Policy) -> tuple[int, bool]:
        """The device's own time where it can be right, else the gateway's; and whether it was."""
        claimed, now = self.scan.occurred_at, self.moment.now
        if claimed is None:
            return now, False
        if now - policy.max_age_hours * HOUR <= claimed <= now + MINUTE:
            return min(claimed, now), False
        return now, True


class Recording(NamedTuple):
    """The unit of work of a fact that is no scan."""

    outbox: Outbox
    data: EventData
    event_id: bytes
    device: str
    moment: Moment

    def __call__(self, connection: Connection) -> int:
        """Run it; returns the sequence number."""
        seq = self.outbox.append(
            connection,
            self.data,
            event_id=self.event_id,
            device=self.device,
            occurred_at=self.moment.now,
            clock_state=self.moment.state,
        )
        stock.apply(connection, self.data)
        return seq


def day(now: int) -> date:
    """The day (UTC) of a moment in microseconds."""
    return (_EPOCH + timedelta(microseconds=now)).date()


def _left(connection: Connection, data: EventData) -> int | None:
    """What remains at the positions that goods are taken from; the least, None without any."""
    if isinstance(data, Counted):
        return None
    return min(
        (
            stock.at(connection, movement.position) + movement.quantity
            for movement in movements_of(data)
            if movement.quantity < 0
        ),
        default=None,
    )
