"""From a request and a label to the event that would state it. Reads the site's picture only."""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from edge import stock
from edge.db import Connection
from edge.pipeline.scan import Refusal, ScanRequest, Understood, state_of
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
from shared.movements import Position
from shared.policy import Policy, Step
from shared.units import MAX_QUANTITY


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


def understand(
    connection: Connection, request: ScanRequest, scanned: Scanned, policy: Policy, catalog: int
) -> tuple[Understood, stock.ItemFound, EventData]:
    """What the scan says, about which item, and the event that it would become.

    Raises:
        Refusal: ``scan.unknown-item``, ``scan.unknown-location``, ``scan.location-missing``,
            ``scan.quantity`` or ``scan.malformed``.
    """
    item = _item(connection, scanned)
    if item is None:
        raise Refusal(QuartermasterError("scan.unknown-item", scanned.gtin or scanned.text[:80]))
    packs = request.quantity if request.quantity is not None else (scanned.quantity or 1)
    quantity = packs * item.quantity
    places = _PLACES[request.step]
    location = _place(connection, request.location, "location", places.location, policy)
    to = _place(connection, request.to, "to", places.to, policy) if places.has_to else None
    understood = Understood(
        sku=item.sku,
        name=item.name,
        gtin=scanned.gtin,
        lot=scanned.lot,
        expiry=scanned.expiry,
        serial=scanned.serial,
        sscc=scanned.sscc,
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
        scanned.sscc,
        request.raw,
        catalog,
    )
    data = _event(connection, request, understood, line)
    return understood, item, data


def _item(connection: Connection, scanned: Scanned) -> stock.ItemFound | None:
    if scanned.gtin is not None:
        return stock.item_of_gtin(connection, scanned.gtin)
    if scanned.kind == "plain":
        return stock.item_of_sku(connection, scanned.text)
    return None


def _place(
    connection: Connection, given: str | None, where: str, role_field: str | None, policy: Policy
) -> str:
    if given is not None:
        if not stock.has_location(connection, given):
            raise Refusal(QuartermasterError("scan.unknown-location", given, where=where))
        return given
    if role_field is None:
        raise Refusal(QuartermasterError("scan.location-missing", where=where))
    role: str = getattr(policy, role_field)
    found = stock.location_of_role(connection, role)
    if found is None:
        raise Refusal(
            QuartermasterError("scan.location-missing", f"no location has the role {role}")
        )
    return found


def _event(  # noqa: C901, PLR0911 - one short case for each step of the trade
    connection: Connection,
    request: ScanRequest,
    understood: Understood,
    line: Line,
) -> EventData:
    location = understood.location or ""
    to = understood.to or ""
    available = StockState.AVAILABLE
    document = request.document
    match request.step:
        case "receive":
            return Received(line, location, state_of(request.state, available), document)
        case "put_away":
            return PutAway(line, location, to)
        case "pick":
            return Picked(line, location, to, document)
        case "pack":
            return Packed(line, location, document)
        case "ship":
            state = state_of(request.state, StockState.ALLOCATED)
            return Shipped(line, location, state, document)
        case "return":
            state = state_of(request.state, StockState.QUARANTINED)
            return Returned(line, location, state, document)
        case "count":
            state = state_of(request.state, available)
            return Counted(line, location, _expected(connection, understood, state), state)
        case "adjust":
            state = state_of(request.state, available)
            return Adjusted(line, location, understood.quantity, request.reason, state)
        case "move":
            return Moved(line, location, to, state_of(request.state, available))
        case "inspect":
            if request.state is None:
                _refuse("scan.malformed", "the new state is missing", "state", understood)
            before = state_of(request.from_state, available)
            after = state_of(request.state, available)
            return Inspected(line, location, before, after, request.reason)


def _expected(connection: Connection, understood: Understood, state: StockState) -> int:
    position = Position(
        understood.sku,
        understood.location or "",
        understood.lot or "",
        understood.serial or "",
        int(state),
    )
    expected = stock.at(connection, position)
    if abs(expected) > MAX_QUANTITY:
        _refuse("scan.quantity", f"{expected} on record", "quantity", understood)
    return expected


def _refuse(code: Code, detail: str, where: str, understood: Understood) -> NoReturn:
    raise Refusal(QuartermasterError(code, detail, where=where), understood)
