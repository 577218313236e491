"""Taking a scan back: stock, task, count and unit as they were, told by an event of its own.

Once, soon, by the device that made it (or an operator), and only while the goods are still where
the scan left them. What a label told about a lot stays known.
"""

from __future__ import annotations

from typing import NamedTuple

from edge import people, stock, tasks
from edge.db import Connection
from edge.outbox import Outbox
from edge.pipeline import effects
from edge.pipeline.keeping import Accepted, Moment, Refused, Request, answered, once
from edge.pipeline.requests import UndoRequest
from edge.pipeline.scan import Answer, Refusal, TaskTold
from edge.pipeline.working import Work, told
from edge.pipeline.writing import Origin, Writing
from shared.errors import Code, QuartermasterError
from shared.events import ScanUndone, StockState, Undone
from shared.units import MINUTE


class Undoing(NamedTuple):
    """The unit of work of one undo; a refusal is a result, and has changed nothing."""

    outbox: Outbox
    request: UndoRequest
    device: str
    moment: Moment
    full: bool = False

    def __call__(self, connection: Connection) -> Accepted | Refused:
        """Run it."""
        content = self.request.content_hash(self.device)
        request = Request(self.request.id, content, self.full)
        return once(connection, request, lambda versions: self._undo(connection, versions))

    def _undo(self, connection: Connection, versions: dict[str, int]) -> Answer:
        undone = self.request.undoes.bytes
        kept = effects.kept(connection, undone)
        if kept is None or kept.effect.is_undo:
            raise _refusal("undo.unknown", str(self.request.undoes))
        effect = kept.effect
        self._refuse(connection, kept)
        writing = Writing(connection, self.outbox, self._origin(connection, effect))
        for event in effect.events:
            moves = [
                Undone(place.location, place.lot, place.serial, StockState(place.state), -quantity)
                for place, quantity in event.moved
            ]
            sku = event.moved[0].position.sku if event.moved else effect.sku
            writing.write(ScanUndone(event.id, sku, moves, self.request.reason))
        task = self._take_back(connection, effect, writing)
        effects.mark_undone(connection, undone, self.request.id.bytes)
        mine = effects.Effect(
            device=self.device,
            occurred_at=self.moment.now,
            sku=effect.sku,
            events=effects.worth_keeping(writing),
            is_undo=True,
        )
        effects.keep(connection, self.request.id.bytes, mine, at=self.moment.now)
        before = answered(connection, self.request.undoes)
        understood = before.understood if before is not None else None
        here = (understood.to or understood.location or "") if understood is not None else ""
        return Answer(
            id=self.request.id,
            outcome="accepted",
            understood=understood,
            on_hand=stock.on_hand(connection, effect.sku) if not effect.counts else None,
            on_hand_here=(
                stock.on_hand_at(connection, effect.sku, here)
                if here and not effect.counts
                else None
            ),
            seq=writing.seq,
            versions=versions,
            task=task,
        )

    def _refuse(self, connection: Connection, kept: effects.Kept) -> None:
        effect = kept.effect
        if kept.undone:
            raise _refusal("undo.already", str(self.request.undoes))
        if effect.device != self.device and not _is_operator(connection, self.device):
            raise _refusal("undo.foreign", effect.device)
        minutes = stock.policy(connection).undo_minutes
        if self.moment.now - kept.at >= minutes * MINUTE:
            raise _refusal("undo.too-late", f"possible for {minutes} minutes")
        left: dict[object, int] = {}
        for event in effect.events:
            for place, quantity in event.moved:
                if quantity > 0:
                    there = left.get(place)
                    there = stock.at(connection, place) if there is None else there
                    left[place] = there - quantity
                    if left[place] < 0:
                        raise _refusal("undo.moved-on", f"{there} left at {place.location}")
        if effect.unit is not None:
            now = stock.unit(connection, effect.unit.sscc)
            if now != effect.unit.after:
                raise _refusal("undo.moved-on", effect.unit.sscc)

    def _origin(self, connection: Connection, effect: effects.Effect) -> Origin:
        return Origin(
            self.request.id.bytes,
            self.device,
            people.operator_of(connection, self.device, self.request.operator),
            effect.task,
            self.moment.now,
            self.moment.state,
        )

    def _take_back(
        self, connection: Connection, effect: effects.Effect, writing: Writing
    ) -> TaskTold | None:
        """Everything but stock: the unit, the count, the task."""
        if (unit := effect.unit) is not None:
            for content in unit.packed:
                back = content._replace(quantity=-content.quantity)
                stock.put_into(connection, unit.sscc, back)
            stock.set_unit(connection, unit.sscc, unit.unit, now=self.moment.now)
        if effect.task is None:
            return None
        for count in reversed(effect.counts):
            tasks.set_result(connection, effect.task, count.position, count.before)
        for line, quantity in effect.lines:
            tasks.advance(connection, effect.task, line, -quantity)
        task = tasks.find(connection, effect.task)
        if task is None:
            return None
        work = Work(task, tasks.lines_of(connection, task.code))
        if task.status in {"done", "short"}:
            work = self._open_again(connection, work, writing)
        return told(work, effect.lines[0][0] if effect.lines else None)

    def _open_again(self, connection: Connection, work: Work, writing: Writing) -> Work:
        code = work.task.code
        tasks.set_status(connection, code, "started", now=self.moment.now)
        if work.task.kind == "count":
            tasks.open_again(connection, code)
        writing.write(tasks.changed(code, "started", work.lines, "a scan was undone"))
        return work._replace(task=work.task._replace(status="started"))


def _is_operator(connection: Connection, device: str) -> bool:
    try:
        people.demand_operator(connection, device)
    except QuartermasterError:
        return False
    return True


def _refusal(code: Code, detail: str) -> Refusal:
    return Refusal(QuartermasterError(code, detail))
