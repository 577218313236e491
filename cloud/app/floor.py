"""What gateways' scans say beside moving stock: of pallets, and of goods that were on their way.

Most scans name neither a pallet nor a document, and cost one look each.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from cloud.db import Connection
from cloud.ingest.model import Facts, Provisional, Unapplied
from cloud.ingest.service import observe
from cloud.ledger.transit import service as transit
from cloud.ledger.transit.model import Goods
from cloud.ledger.units import service as units
from cloud.ledger.units.model import What
from cloud.ledger.units.service import New
from shared.events import (
    Event,
    Line,
    Moved,
    Packed,
    Picked,
    PutAway,
    Received,
    Returned,
    ScanUndone,
    Shipped,
)
from shared.units import Micros

_Lined = Received | PutAway | Picked | Packed | Shipped | Returned | Moved
_SAYS: Final[dict[type, What]] = {
    Received: "received",
    Returned: "received",
    PutAway: "moved",
    Picked: "moved",
    Moved: "moved",
    Shipped: "shipped",
    Packed: "packed",
}
_Found = list[tuple[Facts, Event, _Lined]]


def scanned(
    connection: Connection, batch: Sequence[Facts], unapplied: Sequence[Unapplied], at: Micros
) -> None:
    """Note what stock events say of pallets and of consignments, and what is undone of that."""
    named: _Found = []
    undone: list[tuple[str, int, int, int, int]] = []
    for facts in batch:
        for event in facts.events:
            data: Any = event.data  # its type is asked for once: this is ingest's hot path
            if type(data) is ScanUndone:
                origin = facts.origin
                row = (_uuid(data.undone), origin.gateway_id, origin.epoch, event.seq)
                undone.append((*row, event.occurred_at))
            elif type(data) in _SAYS and (
                data.line.sscc is not None or getattr(data, "document", None) is not None
            ):
                named.append((facts, event, data))
    if undone:
        units.take_back(connection, sorted(undone), at=at)
        transit.take_back(connection, [row[0] for row in undone], at=at)
    if named:
        refused = {(u.origin.gateway_id, u.origin.epoch, u.seq) for u in unapplied}
        _note(connection, [each for each in named if _key(*each[:2]) not in refused], at)


def packed(connection: Connection, batch: Sequence[Facts], at: Micros) -> list[Unapplied]:
    """Keep what was packed, and note what is in which unit."""
    unapplied = observe(connection, batch, at)
    scanned(connection, batch, unapplied, at)
    return unapplied


def taken_back(connection: Connection, provisional: Provisional, at: Micros) -> None:
    """What events said of pallets and consignments that turned out not to link never was."""
    gateway_id, epoch = provisional.chain
    units.take_back_ranges(connection, gateway_id, epoch, provisional.ranges, at=at)
    transit.take_back_ranges(connection, gateway_id, epoch, provisional.ranges, at=at)


def _note(connection: Connection, named: _Found, at: Micros) -> None:
    told = [_told(*each) for each in named if each[2].line.sscc is not None]
    units.note(connection, told, at=at)
    coming = transit.expected(
        connection,
        {
            (facts.origin.site_id, name)
            for facts, _, data in named
            for name in (getattr(data, "document", None), data.line.sscc)
            if name and isinstance(data, Received | Shipped)
        },
    )
    if not coming:
        return
    for facts, event, data in sorted(named, key=lambda each: _key(*each[:2])):
        if not isinstance(data, Received | Shipped):
            continue
        site_id, document = facts.origin.site_id, data.document or ""
        if not coming & {(site_id, document), (site_id, data.line.sscc or "")}:
            continue
        tell = transit.received if isinstance(data, Received) else transit.shipped
        tell(
            connection,
            site_id,
            _goods(data.line),
            document=document,
            key=f"event:{_uuid(event.id)}",
            origin=transit.Origin(
                _uuid(event.id), facts.origin.gateway_id, facts.origin.epoch, event.seq
            ),
            occurred_at=Micros(event.occurred_at),
            at=at,
        )


def _told(facts: Facts, event: Event, data: _Lined) -> New:
    line, says = data.line, _SAYS[type(data)]
    holds = says in {"received", "packed"}
    return New(
        key=f"event:{_uuid(event.id)}",
        sscc=line.sscc or "",
        what=says,
        inside="",
        sku=line.sku if holds else "",
        lot=(line.lot or "") if holds else "",
        serial=(line.serial or "") if holds else "",
        quantity=line.quantity if holds else 0,
        site_id=facts.origin.site_id,
        location=data.to_location if isinstance(data, PutAway | Picked | Moved) else data.location,
        event_id=_uuid(event.id),
        gateway_id=facts.origin.gateway_id,
        epoch=facts.origin.epoch,
        seq=event.seq,
        occurred_at=event.occurred_at,
    )


def _goods(line: Line) -> Goods:
    return Goods(line.sku, line.quantity, line.lot or "", line.serial or "", line.sscc or "")


def _key(facts: Facts, event: Event) -> tuple[int, int, int]:
    return (facts.origin.gateway_id, facts.origin.epoch, event.seq)


def _uuid(event_id: bytes) -> str:
    return str(uuid.UUID(bytes=event_id))
