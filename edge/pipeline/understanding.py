"""From a request and a label to the events that would state it. Reads the site's picture only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

from edge import stock
from edge.db import Connection
from edge.pipeline.scan import Refusal, ScanRequest, Understood, state_of
from edge.pipeline.working import Work
from shared.errors import Code, QuartermasterError
from shared.events import (
    Adjusted,
    Counted,
    EventData,
    Inspected,
    Line,
    Moved,
    Packed,
    Picked,
    PutAway,
    Received,
    Returned,
    Shipped,
    StockState,
)
from shared.gs1 import Scanned
from shared.gs1.digits import demand_valid
from shared.movements import Position
from shared.policy import Policy, Step
from shared.policy.matching import Wanted, expected, place_of
from shared.units import MAX_QUANTITY

AVAILABLE: Final = StockState.AVAILABLE
_DISPOSITIONS: Final = {
    "restock": StockState.AVAILABLE,
    "quarantine": StockState.QUARANTINED,
    "scrap": StockState.DAMAGED,
}


class _Places(NamedTuple):
    """Where a step happens: a policy field naming the default role, or a location to be given."""

    location: str | None
    to: str | None = None
    has_to: bool = False


_PLACES: Final[dict[Step, _Places]] = {
    "receive": _Places("arrival_role"),
    "put_away": _Places("arrival_role", has_to=True),
    "pick": _Places(None, "staging_role", has_to=True),
    "pack": _Places("staging_role"),
    "ship": _Places("staging_role"),
    "return": _Places("arrival_role"),
    "count": _Places(None),
    "adjust": _Places(None),
    "move": _Places(None, has_to=True),
    "inspect": _Places(None),
}


class Piece(NamedTuple):
    """Goods that were scanned, and the event that would state what was done with them."""

    understood: Understood
    data: EventData
    removed: bool


class Asking(NamedTuple):
    """What understanding a scan takes: the request, its label, and what is in force."""

    connection: Connection
    request: ScanRequest
    scanned: Scanned
    policy: Policy
    catalog: int
    work: Work | None


def understand(asking: Asking) -> Piece | None:
    """What the scan says about which item; None for a code that nobody knows.

    Raises:
        Refusal: ``scan.unknown-location``, ``scan.location-missing``, ``scan.quantity``,
            ``scan.malformed`` or ``gs1.check-digit``.
    """
    connection, request, scanned, _, catalog, _ = asking
    item = _item(connection, scanned)
    if item is None:
        return None
    packs = request.quantity if request.quantity is not None else (scanned.quantity or 1)
    quantity = packs * item.quantity
    location, to = _places(asking, item.sku)
    understood = Understood(
        sku=item.sku,
        name=item.name,
        gtin=scanned.gtin,
        lot=scanned.lot,
        expiry=scanned.expiry or _known_expiry(connection, item.sku, scanned.lot),
        serial=scanned.serial,
        sscc=_unit_of(request, scanned),
        quantity=quantity,
        location=location,
        to=to,
    )
    if abs(quantity) > MAX_QUANTITY:
        _refuse("scan.quantity", f"{quantity}", "quantity", understood)
    line = Line(
        item.sku,
        abs(quantity),
        scanned.lot,
        scanned.serial,
        scanned.expiry,
        understood.sscc,
        request.raw,
        catalog,
    )
    return Piece(understood, _event(asking, understood, line), item.removed)


def _item(connection: Connection, scanned: Scanned) -> stock.ItemFound | None:
    if scanned.gtin is not None:
        return stock.item_of_gtin(connection, scanned.gtin)
    if scanned.kind == "plain":
        return stock.item_of_sku(connection, scanned.text)
    return None


def _known_expiry(connection: Connection, sku: str, lot: str | None) -> str | None:
    return stock.expiry_of(connection, sku, lot) if lot else None


def _unit_of(request: ScanRequest, scanned: Scanned) -> str | None:
    if request.sscc is None:
        return scanned.sscc
    try:
        demand_valid(request.sscc, name="SSCC")
    except QuartermasterError as error:
        raise Refusal(error) from None
    return request.sscc


def _places(asking: Asking, sku: str) -> tuple[str, str | None]:
    """Where the step happens: as said, else as the task says, else where the role is.

    A place that a person has to stand at is never taken from the task: it has to be scanned.
    """
    request, work = asking.request, asking.work
    default = _PLACES[request.step]
    hint: Wanted | None = None
    if work is not None:
        hint = expected(line for line in work.lines if line.sku in {"", sku})
    here = place_of(request.step, hint) if hint is not None else None
    location = place(asking, request.location, "location", (default.location, here))
    if not default.has_to:
        return location, None
    there = hint.to if hint is not None else None
    return location, place(asking, request.to, "to", (default.to, there))


def place(
    asking: Asking, given: str | None, where: str, otherwise: tuple[str | None, str | None]
) -> str:
    """A location that a request gives, or the one that stands in for it.

    Args:
        asking: what is asked.
        given: what the request says.
        where: its field.
        otherwise: the policy's field for the role, None where the location has to be scanned; and
            what the task says.

    Raises:
        Refusal: ``scan.unknown-location`` or ``scan.location-missing``.
    """
    role_field, hinted = otherwise
    code = given if given is not None or role_field is None else hinted
    if code is not None:
        if not stock.has_location(asking.connection, code):
            raise Refusal(QuartermasterError("scan.unknown-location", code, where=where))
        return code
    if role_field is None:
        raise Refusal(QuartermasterError("scan.location-missing", where=where))
    role: str = getattr(asking.policy, role_field)
    found = stock.location_of_role(asking.connection, role)
    if found is None:
        raise Refusal(
            QuartermasterError("scan.location-missing", f"no location has the role {role}")
        )
    return found


def document_of(asking: Asking) -> str | None:
    """The order or delivery that a scan serves: as said, else the task's."""
    if asking.request.document is not None or asking.work is None:
        return asking.request.document
    return asking.work.task.document


def _event(asking: Asking, understood: Understood, line: Line) -> EventData:
    request = asking.request
    if request.disposition is not None and (request.step != "return" or request.state is not None):
        why = "a disposition is of a return, and stands instead of a state"
        _refuse("scan.malformed", why, "disposition", understood)
    return _EVENTS[request.step](asking, understood, line)


def _returned(asking: Asking, understood: Understood, line: Line) -> EventData:
    request = asking.request
    state = state_of(request.state, StockState.QUARANTINED)
    if request.disposition is not None:
        state = _DISPOSITIONS[request.disposition]
    return Returned(line, understood.location or "", state, document_of(asking))


def _counted(asking: Asking, understood: Understood, line: Line) -> EventData:
    state = state_of(asking.request.state, AVAILABLE)
    position = Position(
        understood.sku,
        understood.location or "",
        understood.lot or "",
        understood.serial or "",
        int(state),
    )
    expected_here = stock.at(asking.connection, position)
    if abs(expected_here) > MAX_QUANTITY:
        _refuse("scan.quantity", f"{expected_here} on record", "quantity", understood)
    return Counted(line, understood.location or "", expected_here, state)


def _inspected(asking: Asking, understood: Understood, line: Line) -> EventData:
    request = asking.request
    if request.state is None:
        _refuse("scan.malformed", "the new state is missing", "state", understood)
    before, after = state_of(request.from_state, AVAILABLE), state_of(request.state, AVAILABLE)
    return Inspected(line, understood.location or "", before, after, request.reason)


def _refuse(code: Code, detail: str, where: str, understood: Understood) -> NoReturn:
    raise Refusal(QuartermasterError(code, detail, where=where), understood)


_EVENTS: Final[dict[Step, Callable[[Asking, Any, Line], EventData]]] = {
    "receive": lambda asking, goods, line: Received(
        line, goods.location, state_of(asking.request.state, AVAILABLE), document_of(asking)
    ),
    "put_away": lambda _, goods, line: PutAway(line, goods.location, goods.to),
    "pick": lambda asking, goods, line: Picked(line, goods.location, goods.to, document_of(asking)),
    "pack": lambda asking, goods, line: Packed(line, goods.location, document_of(asking)),
    "ship": lambda asking, goods, line: Shipped(
        line,
        goods.location,
        state_of(asking.request.state, StockState.ALLOCATED),
        document_of(asking),
    ),
    "return": _returned,
    "count": _counted,
    "adjust": lambda asking, goods, line: Adjusted(
        line,
        goods.location,
        goods.quantity,
        asking.request.reason,
        state_of(asking.request.state, AVAILABLE),
    ),
    "move": lambda asking, goods, line: Moved(
        line, goods.location, goods.to, state_of(asking.request.state, AVAILABLE)
    ),
    "inspect": _inspected,
}
