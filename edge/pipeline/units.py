"""Whole pallets and parcels: their SSCC stands for all that they hold.

What a unit holds is known when it was packed here, or when a task has announced it. It is received,
put away, picked, moved and shipped as a whole; everything else is done with the goods themselves.
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from edge import stock, tasks
from edge.db import Connection
from edge.pipeline.effects import UnitBefore
from edge.pipeline.scan import Refusal, Understood, state_of
from edge.pipeline.understanding import AVAILABLE, Asking, Piece, document_of, place
from edge.pipeline.working import Work, work_on
from shared.errors import Code, QuartermasterError
from shared.events import (
    EventData,
    Line,
    Moved,
    Packed,
    Picked,
    PutAway,
    Received,
    Shipped,
    StockState,
)
from shared.policy import Step

_STEPS: Final[frozenset[Step]] = frozenset({"receive", "put_away", "pick", "move", "ship"})
_OF_AVAILABLE: Final[frozenset[Step]] = frozenset({"put_away", "pick"})
_MOST: Final = 100
"""Different goods in one unit: each is an event of its own."""


class Load(NamedTuple):
    """What one scan stands for, and the pallet or parcel that it concerns."""

    pieces: list[Piece]
    work: Work | None
    sscc: str | None = None
    before: stock.Unit | None = None
    after: stock.Unit | None = None
    put_in: tuple[stock.Content, ...] = ()
    is_whole: bool = False

    def write(self, connection: Connection, now: int) -> UnitBefore | None:
        """Say where the unit is now and what is in it; returns how to take it back."""
        if self.sscc is None or self.after is None:
            return None
        stock.set_unit(connection, self.sscc, self.after, now=now)
        for content in self.put_in:
            stock.put_into(connection, self.sscc, content)
        return UnitBefore(self.sscc, self.before, self.after, list(self.put_in))


def is_whole_unit(asking: Asking) -> bool:
    """Whether a label names a unit and nothing of what is in it."""
    return asking.scanned.sscc is not None and asking.scanned.gtin is None


def packing(asking: Asking, piece: Piece) -> Load:
    """Goods by themselves; where they are packed into a unit, that unit.

    Raises:
        Refusal: ``scan.unit-elsewhere``.
    """
    goods, sscc = piece.understood, piece.understood.sscc
    if not isinstance(piece.data, Packed) or sscc is None:
        return Load([piece], asking.work)
    here = goods.location or ""
    before = stock.unit(asking.connection, sscc)
    if before is not None and (before.gone or before.location != here):
        _refuse("scan.unit-elsewhere", _where(sscc, before), goods)
    content = stock.Content(goods.sku, goods.lot or "", goods.serial or "", goods.quantity)
    after = before or stock.Unit(here, int(StockState.ALLOCATED), gone=False)
    return Load([piece], asking.work, sscc, before, after, (content,))


def whole(asking: Asking) -> Load:
    """A whole unit.

    Raises:
        Refusal: ``scan.unit-step``, ``scan.unknown-unit``, ``scan.unit-elsewhere``,
            ``scan.quantity``, or what places and tasks are refused for.
    """
    request = asking.request
    sscc = asking.scanned.sscc or ""
    if request.step not in _STEPS:
        _refuse("scan.unit-step", request.step)
    if request.quantity not in {None, 1}:
        _refuse("scan.quantity", "one label is one pallet or parcel")
    unit = stock.unit(asking.connection, sscc)
    if request.step == "receive":
        return _arriving(asking, sscc, unit)
    if unit is None or unit.gone:
        _refuse("scan.unknown-unit", sscc)
    if request.location not in {None, unit.location}:
        _refuse("scan.unit-elsewhere", _where(sscc, unit))
    if request.step in _OF_AVAILABLE and unit.state != AVAILABLE:
        state = StockState(unit.state).name.lower().replace("_", " ")
        _refuse("scan.unit-step", f"what it holds is {state}")
    to = _destination(asking)
    contents = stock.contents(asking.connection, sscc)
    pieces = [_piece(asking, content, sscc, unit, to) for content in _bounded(contents, sscc)]
    return Load(pieces, asking.work, sscc, unit, _after(request.step, unit, to), is_whole=True)


def _arriving(asking: Asking, sscc: str, unit: stock.Unit | None) -> Load:
    if unit is not None and not unit.gone:
        _refuse("scan.unit-elsewhere", _where(sscc, unit))
    work, contents = _announced(asking, sscc)
    put_in = tuple(contents)
    if not contents and unit is not None:  # it left from here, and has come back
        contents, put_in = stock.contents(asking.connection, sscc), ()
    if work is not None:
        asking = asking._replace(work=work)
    hint = next((line.to or line.location for line in work.lines), None) if work else None
    location = place(asking, asking.request.location, "location", ("arrival_role", hint))
    state = int(state_of(asking.request.state, AVAILABLE))
    here = stock.Unit(location, state, gone=False)
    pieces = [_piece(asking, content, sscc, here, None) for content in _bounded(contents, sscc)]
    return Load(pieces, asking.work, sscc, unit, here, put_in, is_whole=True)


def _announced(asking: Asking, sscc: str) -> tuple[Work | None, list[stock.Content]]:
    """The task that has announced a unit, and what is still to come of what it holds."""
    named = asking.request.task
    lines = [
        each for each in tasks.announced(asking.connection, sscc) if named in {None, each.task}
    ]
    if not lines:
        return asking.work, []
    task = lines[0].task
    contents = [
        stock.Content(line.sku, line.lot or "", "", line.left)
        for each, line in lines
        if each == task and line.sku and line.left
    ]
    work = asking.work if asking.work is not None else work_on(asking.connection, task)
    return work, contents


def _bounded(contents: list[stock.Content], sscc: str) -> list[stock.Content]:
    if not contents:
        _refuse("scan.unknown-unit", sscc)
    if len(contents) > _MOST:
        _refuse("scan.unit-step", f"it holds {len(contents)} different goods")
    return contents


def _destination(asking: Asking) -> str | None:
    step, request = asking.request.step, asking.request
    if step == "ship":
        return None
    hint = next((line.to for line in asking.work.lines), None) if asking.work else None
    return place(asking, request.to, "to", ("staging_role" if step == "pick" else None, hint))


def _after(step: Step, unit: stock.Unit, to: str | None) -> stock.Unit:
    if step == "ship":
        return unit._replace(gone=True)
    state = int(StockState.ALLOCATED) if step == "pick" else unit.state
    return stock.Unit(to or unit.location, state, gone=False)


def _piece(
    asking: Asking, content: stock.Content, sscc: str, unit: stock.Unit, to: str | None
) -> Piece:
    item = stock.item_told(asking.connection, content.sku)
    if item is None:
        _refuse("scan.unknown-item", content.sku)
    lot, serial = content.lot or None, content.serial or None
    understood = Understood(
        sku=content.sku,
        name=item.name,
        gtin=None,
        lot=lot,
        expiry=stock.expiry_of(asking.connection, content.sku, lot) if lot else None,
        serial=serial,
        sscc=sscc,
        quantity=content.quantity,
        location=unit.location,
        to=to,
    )
    line = Line(
        content.sku, content.quantity, lot, serial, None, sscc, asking.request.raw, asking.catalog
    )
    return Piece(understood, _event(asking, line, unit, to or ""), item.removed)


def _event(asking: Asking, line: Line, unit: stock.Unit, to: str) -> EventData:
    here, state = unit.location, StockState(unit.state)
    match asking.request.step:
        case "receive":
            return Received(line, here, state, document_of(asking))
        case "put_away":
            return PutAway(line, here, to)
        case "pick":
            return Picked(line, here, to, document_of(asking))
        case "ship":
            return Shipped(line, here, state, document_of(asking))
        case _:
            return Moved(line, here, to, state)


def _where(sscc: str, unit: stock.Unit) -> str:
    return f"{sscc} has left" if unit.gone else f"{sscc} is on record at {unit.location}"


def _refuse(code: Code, detail: str, understood: Understood | None = None) -> NoReturn:
    raise Refusal(QuartermasterError(code, detail), understood)
