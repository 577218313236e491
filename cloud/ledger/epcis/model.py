"""Ledger rows as EPCIS 2.0 events. Pure.

Sources: GS1 EPCIS 2.0 §7 (events), §10 (JSON-LD); CBV 2.0 §7 (bizStep, disposition, business
transaction types, error reasons); GS1 Digital Link URI syntax.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloud.ledger.postings.model import Cause
from cloud.ledger.units.model import UnitFact
from shared.events import Kind, StockState

CONTEXT: Final[tuple[Any, ...]] = (
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    {"qm": "urn:quartermaster:ns:"},
)
_LINK: Final = "https://id.gs1.org"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_DISPOSITION: Final[dict[int, str]] = {
    StockState.AVAILABLE: "available",
    StockState.ALLOCATED: "reserved",
    StockState.QUARANTINED: "non_sellable_other",
    StockState.DAMAGED: "damaged",
    StockState.IN_TRANSIT: "in_transit",
}
_STEP: Final[dict[int, str]] = {
    Kind.RECEIVED: "receiving",
    Kind.RETURNED: "receiving",
    Kind.PUT_AWAY: "storing",
    Kind.MOVED: "storing",
    Kind.PICKED: "picking",
    Kind.SHIPPED: "shipping",
    Kind.COUNTED: "cycle_counting",
    Kind.ADJUSTED: "stock_taking",
    Kind.INSPECTED: "inspecting",
    Cause.DISPATCHED: "shipping",
    Cause.ARRIVED: "arriving",
    Cause.WRITTEN_OFF: "other",
}
_OWN_DISPOSITION: Final[dict[int, str]] = {
    Kind.RETURNED: "returned",
    Kind.PICKED: "reserved",
    Kind.SHIPPED: "in_transit",
    Cause.DISPATCHED: "in_transit",
    Cause.ARRIVED: "in_progress",
    Cause.WRITTEN_OFF: "unknown",
}
_DIFFERENCES: Final = frozenset({Kind.COUNTED, Kind.ADJUSTED, Cause.WRITTEN_OFF})
"""What finds or loses goods: objects begin or end to be here."""
_TRANSACTION: Final = {"ship-notice": "desadv", "receipt-advice": "recadv", "fulfilment": "desadv"}


class Row(NamedTuple):
    """A movement with all that an event says of it.

    ``told`` is the event that it belongs to: for a scan that undoes another, that one.
    """

    received_at: int
    gateway_id: int
    epoch: int
    seq: int
    leg: int
    told: str
    kind: int
    occurred_at: int
    taken_back: bool
    site: str
    timezone: str
    location: str
    sku: str
    gtin: str | None
    lot: str
    serial: str
    state: int
    quantity: int
    gateway: str | None
    what: str | None
    reference: str | None
    feed: str | None

    @property
    def key(self) -> tuple[int, int, int, int, int]:
        """Continues a slice after it."""
        return self[:5]


def events(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Events of movements that come in the order of their keys."""
    for _, legs in groupby(rows, key=lambda row: (*row.key[:4], row.told, row.taken_back)):
        yield from _events_of(list(legs))


def aggregation(fact: UnitFact, gtin: str | None, timezone: str) -> dict[str, Any]:
    """The event of one fact of a unit: packed, received on it, or unpacked."""
    action, step = {
        "packed": ("ADD", "packing"),
        "unpacked": ("DELETE", "unpacking"),
    }.get(fact.what, ("OBSERVE", "receiving"))
    event: dict[str, Any] = {
        "type": "AggregationEvent",
        "eventID": f"urn:uuid:{unit_event_id(fact.number)}",
        **_times(fact.occurred_at, fact.received_at, timezone),
        "action": action,
        "bizStep": step,
        "parentID": f"{_LINK}/00/{fact.sscc}",
        **_place("readPoint", fact.site, fact.location),
        **_place("bizLocation", fact.site, fact.location),
    }
    if fact.inside:
        event["childEPCs"] = [f"{_LINK}/00/{fact.inside}"]
    elif fact.serial:
        event["childEPCs"] = [_item(fact.sku, gtin, "", fact.serial)]
    else:
        what = {"epcClass": _item(fact.sku, gtin, fact.lot, ""), "quantity": fact.quantity}
        event["childQuantityList"] = [what]
    return event


def mistaken(event: dict[str, Any], declared_at: int) -> dict[str, Any]:
    """The same event, declared never to have happened (EPCIS 2.0 §7.4.1.3)."""
    return {
        **event,
        "errorDeclaration": {"declarationTime": _time(declared_at), "reason": "did_not_occur"},
    }


def unit_event_id(number: int) -> str:
    """An id for what is known of a unit: version 8 of RFC 9562."""
    digest = bytearray(hashlib.sha256(f"unit\0{number}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def head(created_at: int) -> dict[str, Any]:
    """An EPCIS document without its body."""
    return {
        "@context": list(CONTEXT),
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": _time(created_at),
    }


def document(told: Sequence[dict[str, Any]], created_at: int) -> dict[str, Any]:
    """An EPCIS document."""
    return {**head(created_at), "epcisBody": {"eventList": list(told)}}


def _events_of(legs: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """One event; where goods are found and lost in one (another lot was there), one of each."""
    # A row that takes another back holds its contrary: the event is the one that is taken back.
    told = [leg._replace(quantity=-leg.quantity) if leg.taken_back else leg for leg in legs]
    kind = told[0].kind
    gains = [leg for leg in told if leg.quantity > 0]
    losses = [leg for leg in told if leg.quantity < 0]
    if kind in _DIFFERENCES or kind not in _STEP:
        parts = [("ADD", gains), ("DELETE", losses)]
    else:
        parts = [("OBSERVE", gains or losses)]
    parts = [(action, part) for action, part in parts if part]
    for number, (action, part) in enumerate(parts):
        event = _event(part, losses if gains else [], action)
        if number:  # its id is its own, and the same each time it is told
            event["eventID"] = f"urn:uuid:{uuid.uuid5(uuid.UUID(part[0].told), action)}"
        yield mistaken(event, part[0].received_at) if part[0].taken_back else event


def _event(legs: Sequence[Row], left: Sequence[Row], action: str) -> dict[str, Any]:
    first = legs[0]
    kind = first.kind
    event: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{first.told}",
        **_times(first.occurred_at, first.received_at, first.timezone),
        "action": action,
        "bizStep": _STEP.get(kind, "other"),
        "disposition": _OWN_DISPOSITION.get(kind, _DISPOSITION[first.state]),
    }
    serials = [leg for leg in legs if leg.serial]
    if serials:
        event["epcList"] = sorted({_item(r.sku, r.gtin, "", r.serial) for r in serials})
    quantities = [leg for leg in legs if not leg.serial]
    if quantities:
        event["quantityList"] = [
            {"epcClass": _item(leg.sku, leg.gtin, leg.lot, ""), "quantity": abs(leg.quantity)}
            for leg in quantities
        ]
    event |= _where(kind, first, left[0] if left else None)
    if first.reference:
        reference = f"{first.feed or 'cloud'}:{quote(first.reference, safe='')}"
        transaction = {"bizTransaction": f"urn:quartermaster:document:{reference}"}
        if (word := _TRANSACTION.get(first.what or "")) is not None:
            transaction["type"] = word
        event["bizTransactionList"] = [transaction]
    if first.gateway is not None:
        event |= {"qm:gateway": first.gateway, "qm:epoch": first.epoch, "qm:seq": first.seq}
    else:
        event["qm:posting"] = first.seq
    return event


def _where(kind: int, at: Row, before: Row | None) -> dict[str, Any]:
    """Where it was seen, and where the goods are afterwards; of what left that is not known."""
    if kind in {Cause.DISPATCHED, Cause.ARRIVED, Cause.WRITTEN_OFF}:
        ends: dict[str, Any] = {
            "destinationList": [{"type": "location", "destination": _site(at.site)}]
        }
        if before is not None:
            ends["sourceList"] = [{"type": "location", "source": _site(before.site)}]
        return ends
    seen = _place("readPoint", at.site, (before or at).location)
    if kind == Kind.SHIPPED:
        return seen
    return seen | _place("bizLocation", at.site, at.location)


def _times(occurred_at: int, received_at: int, timezone: str) -> dict[str, str]:
    return {
        "eventTime": _time(occurred_at),
        "recordTime": _time(received_at),
        "eventTimeZoneOffset": _offset(occurred_at, timezone),
    }


def _time(micros: int) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _offset(micros: int, timezone: str) -> str:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return "+00:00"
    away = (_EPOCH + timedelta(microseconds=micros)).astimezone(zone).utcoffset() or timedelta()
    minutes = round(away.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _item(sku: str, gtin: str | None, lot: str, serial: str) -> str:
    """An item, of a lot, or a single one, as a GS1 Digital Link; without a GTIN a URN of ours."""
    if gtin is None:
        named = [sku, *([f"lot:{lot}"] if lot else []), *([f"serial:{serial}"] if serial else [])]
        return "urn:quartermaster:item:" + ":".join(quote(part, safe=":") for part in named)
    link = f"{_LINK}/01/{gtin}"
    if lot:
        link += f"/10/{quote(lot, safe='')}"
    return f"{link}/21/{quote(serial, safe='')}" if serial else link


def _place(name: str, site: str, location: str) -> dict[str, Any]:
    known = location and not location.startswith("(")
    if not known:
        return {name: {"id": _site(site)}}
    if is_gln(site):
        return {name: {"id": f"{_site(site)}/254/{quote(location, safe='')}"}}
    return {name: {"id": f"urn:quartermaster:place:{quote(site)}:{quote(location, safe='')}"}}


def _site(site: str) -> str:
    return f"{_LINK}/414/{site}" if is_gln(site) else f"urn:quartermaster:site:{quote(site)}"


def is_gln(code: str) -> bool:
    """Whether a code is a Global Location Number: 13 digits, the last one a check digit."""
    if len(code) != 13 or not (code.isascii() and code.isdigit()):
        return False
    weighed = sum(int(digit) * (3 if n % 2 else 1) for n, digit in enumerate(code[:12]))
    return (10 - weighed % 10) % 10 == int(code[12])
