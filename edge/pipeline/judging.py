"""The facts that a verdict is based on, gathered from the site's picture; and the refusal it makes.

What is true is asked here, what follows from it is said by :mod:`shared.policy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.pipeline.scan import Refusal
from edge.pipeline.understanding import Asking, Piece
from edge.pipeline.working import Work, expected_of, is_blind
from shared.errors import QuartermasterError
from shared.events import Counted, EventData, Packed, Picked, Shipped, StockState
from shared.movements import Position, movements_of
from shared.policy import Facts, Notice, judge
from shared.policy.matching import STEPS_OF, Goods, Match, Wanted, expected, match
from shared.policy.verdict import Asked, Lot, Verdict
from shared.units import MINUTE

_LATE: Final = MINUTE
"""A scan that is told this long after it happened may have been crossed by a count."""


class Judged(NamedTuple):
    """Goods that may pass: what to warn of, and the line of the task that they count for."""

    piece: Piece
    warnings: tuple[Notice, ...]
    line: Wanted | None


def judged(asking: Asking, pieces: Sequence[Piece], today: date) -> list[Judged]:
    """Judge all that one scan stands for; one that is refused refuses them all.

    Raises:
        Refusal: what the policy refuses, with what a task asks for instead.
    """
    passed: list[Judged] = []
    work = asking.work
    for piece in pieces:
        asked = _asked(asking, work, piece)
        facts = _facts(asking, piece, asked, today)
        warnings = _passing(asking, piece, judge(asking.policy, facts))
        line = asked.match.line if asked is not None else None
        passed.append(Judged(piece, warnings, line))
        if work is not None and line is not None:
            work = work.after(line.line, piece.understood.quantity)
    return passed


def refuse_unknown(asking: Asking, code: str, today: date) -> Refusal:
    """The refusal of a code that nobody knows, with what a task asks for."""
    work = asking.work
    asked = None
    if work is not None:
        asked = Asked(_may(asking, work), Match(None, "item", expected(work.lines)))
    facts = Facts(
        step=asking.request.step,
        quantity=1,
        expiry=None,
        today=today,
        removed=False,
        reason="",
        left=None,
        known=False,
        code=code,
        asked=asked,
    )
    try:
        _passing(asking, None, judge(asking.policy, facts))
    except Refusal as refusal:
        return refusal
    raise AssertionError(code)  # pragma: no cover - an unknown code is never let pass


def _passing(asking: Asking, piece: Piece | None, verdict: Verdict) -> tuple[Notice, ...]:
    refusal, warnings, wanted = verdict
    if refusal is None:
        return warnings
    detail, told = refusal.detail, None
    if asking.work is not None and (refusal.code.startswith("task.") or piece is None):
        told = expected_of(asking.connection, asking.work, asking.request.step, wanted)
        if told is not None:
            detail = "; ".join(part for part in (detail, told.in_words()) if part)
    error = QuartermasterError(refusal.code, detail)
    raise Refusal(error, piece.understood if piece is not None else None, told)


def _may(asking: Asking, work: Work) -> bool:
    return asking.request.step in STEPS_OF[work.task.kind]


def _asked(asking: Asking, work: Work | None, piece: Piece) -> Asked | None:
    if work is None:
        return None
    goods = piece.understood
    step = asking.request.step
    found = match(
        step, work.lines, Goods(goods.sku, goods.quantity, goods.location, goods.to, goods.lot)
    )
    return Asked(_may(asking, work), found, is_blind(work.task), step in {"receive", "return"})


def _facts(asking: Asking, piece: Piece, asked: Asked | None, today: date) -> Facts:
    connection, goods = asking.connection, piece.understood
    taken = _taken_from(piece.data)
    return Facts(
        step=asking.request.step,
        quantity=goods.quantity,
        expiry=goods.expiry,
        today=today,
        removed=piece.removed,
        reason=asking.request.reason,
        left=_left(connection, piece),
        asked=asked,
        differs=_differs(asking, piece),
        held=_held(connection, taken, goods.quantity),
        sooner=_sooner(connection, piece, taken, asked, today),
    )


def _taken_from(data: EventData) -> Position | None:
    """Where goods are taken from that leave: a person's hand, or a lorry."""
    if not isinstance(data, Picked | Shipped):
        return None
    return next((place for place, quantity in movements_of(data) if quantity < 0), None)


def _left(connection: Connection, piece: Piece) -> int | None:
    """What remains at the positions that goods are taken from; the least, None without any."""
    data = piece.data
    if isinstance(data, Counted):
        return None
    if isinstance(data, Packed):
        return _left_to_pack(connection, piece) if piece.understood.sscc is not None else None
    return min(
        (
            stock.at(connection, movement.position) + movement.quantity
            for movement in movements_of(data)
            if movement.quantity < 0
        ),
        default=None,
    )


def _left_to_pack(connection: Connection, piece: Piece) -> int:
    """What is allocated at the packing place and in no pallet or parcel yet."""
    goods = piece.understood
    position = Position(
        goods.sku,
        goods.location or "",
        goods.lot or "",
        goods.serial or "",
        int(StockState.ALLOCATED),
    )
    packed = stock.packed_at(connection, position)
    return stock.at(connection, position) - packed - goods.quantity


def _differs(asking: Asking, piece: Piece) -> str | None:
    """The day that an earlier label of this lot said, where this one says another."""
    goods, on_label = piece.understood, asking.scanned.expiry
    if on_label is None or not goods.lot:
        return None
    known = stock.expiry_of(asking.connection, goods.sku, goods.lot)
    return known if known != on_label else None


def _held(connection: Connection, taken: Position | None, quantity: int) -> int:
    """How many of the goods that are to leave are held back."""
    if taken is None:
        return 0
    if taken.state in {StockState.QUARANTINED, StockState.DAMAGED}:
        return quantity
    if taken.state != StockState.AVAILABLE or stock.at(connection, taken) >= quantity:
        return 0
    return stock.held_at(connection, taken)


def _sooner(
    connection: Connection,
    piece: Piece,
    taken: Position | None,
    asked: Asked | None,
    today: date,
) -> Lot | None:
    """The lot that is to leave before this one; none where the task names this very lot."""
    goods = piece.understood
    if taken is None or taken.state != StockState.AVAILABLE or goods.expiry is None:
        return None
    line = asked.match.line if asked is not None else None
    if line is not None and line.lot is not None:
        return None
    than = stock.LotExpiry(goods.lot or "", goods.expiry)
    found = stock.earlier_lot(connection, goods.sku, taken.location, than, today)
    return Lot(*found) if found is not None else None


def crossed(connection: Connection, data: EventData, occurred_at: int, now: int) -> Notice | None:
    """Whether a place was counted between a movement and its telling; it is then due again."""
    if isinstance(data, Counted) or now - occurred_at < _LATE:
        return None
    for (sku, location, *_), _ in movements_of(data):
        counted_at = tasks.counted_at(connection, sku, location)
        if counted_at is not None and counted_at > occurred_at:
            tasks.set_counted(connection, sku, location, 0)
            return Notice("count.crossed", location)
    return None
