"""What each event does to stock. The gateway's own picture and the cloud's ledger both fold this.

A movement is a signed quantity at one position (item, location, lot, serial, state). A transfer
inside the site is two movements that sum to zero; receiving, shipping, returning, counting and
adjusting exchange with the outside. Movements commute: any order gives the same balances.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from shared.events import (
    Adjusted,
    Counted,
    EventData,
    Inspected,
    Line,
    Moved,
    Picked,
    PutAway,
    Received,
    Returned,
    ScanUndone,
    Shipped,
    StockState,
)

_make: Final[Callable[..., Any]] = cast("Callable[..., Any]", tuple.__new__)


class Position(NamedTuple):
    """Where stock is kept apart. Empty texts stand for "no lot" and "no serial"."""

    sku: str
    location: str
    lot: str
    serial: str
    state: int


class Movement(NamedTuple):
    """A signed quantity, in base units, at one position."""

    position: Position
    quantity: int


def movements_of(data: EventData) -> tuple[Movement, ...]:
    """The movements of one event; none where nothing moves; zero quantities are left out."""
    rule = _RULES.get(type(data))
    return rule(data) if rule is not None else ()


def _within(
    line: Line, from_location: str, from_state: int, to_location: str, to_state: int
) -> tuple[Movement, ...]:
    """Goods change place or state inside the site: two movements that sum to zero."""
    if not line.quantity:
        return ()
    return (
        _movement(line, from_location, from_state, -line.quantity),
        _movement(line, to_location, to_state, line.quantity),
    )


def _exchanged(line: Line, location: str, state: int, quantity: int) -> tuple[Movement, ...]:
    """Goods come from outside the site, or go there."""
    return (_movement(line, location, state, quantity),) if quantity else ()


def _movement(line: Line, location: str, state: int, quantity: int) -> Movement:
    # As Movement(Position(…), quantity), in half the time: ingest makes one for every event.
    at = _make(Position, (line.sku, location, line.lot or "", line.serial or "", int(state)))
    return _make(Movement, (at, quantity))


# A table, because ingest asks for every event: half the time of matching the classes in turn.
_RULES: Final[dict[type[EventData], Callable[[Any], tuple[Movement, ...]]]] = {
    Received: lambda e: _exchanged(e.line, e.location, e.state, e.line.quantity),
    Returned: lambda e: _exchanged(e.line, e.location, e.state, e.line.quantity),
    Shipped: lambda e: _exchanged(e.line, e.location, e.state, -e.line.quantity),
    Counted: lambda e: _exchanged(e.line, e.location, e.state, e.line.quantity - e.expected),
    Adjusted: lambda e: _exchanged(e.line, e.location, e.state, e.difference),
    Picked: lambda e: _within(
        e.line, e.from_location, StockState.AVAILABLE, e.to_location, StockState.ALLOCATED
    ),
    PutAway: lambda e: _within(
        e.line, e.from_location, StockState.AVAILABLE, e.to_location, StockState.AVAILABLE
    ),
    Moved: lambda e: _within(e.line, e.from_location, e.state, e.to_location, e.state),
    ScanUndone: lambda e: tuple(
        Movement(Position(e.sku, move.location, move.lot, move.serial, int(move.state)), quantity)
        for move in e.moves
        if (quantity := move.quantity)
    ),
    Inspected: lambda e: _within(e.line, e.location, e.from_state, e.location, e.to_state),
}
