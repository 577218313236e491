"""What receipts of gateways do to our orders: from events to ``orders.purchases``.

A gateway names what goods were received for by its task's document, or by what a person scanned:
the number of an order of ours, or of a shipment for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud.db import Connection
from cloud.ingest.model import Facts, Unapplied
from cloud.orders import purchases
from shared.events import Received, ScanUndone, StockState
from shared.units import Micros

_DAMAGED: Final = StockState.DAMAGED


def received(
    connection: Connection, batch: Sequence[Facts], unapplied: Sequence[Unapplied], *, at: Micros
) -> None:
    """Note what came in against documents, and which such scans were taken back."""
    taken: list[purchases.Taken] = []
    undone: list[bytes] = []
    refused = {(item.origin.gateway_id, item.origin.epoch, item.seq) for item in unapplied}
    for origin, events in batch:
        for event in events:
            data = event.data
            kind = type(data)
            if kind is not Received and kind is not ScanUndone:
                continue
            if refused and (origin.gateway_id, origin.epoch, event.seq) in refused:
                continue
            if isinstance(data, ScanUndone):
                undone.append(data.undone)
            elif isinstance(data, Received) and data.document:
                taken.append(
                    purchases.Taken(
                        event.id,
                        origin.gateway_id,
                        origin.epoch,
                        event.seq,
                        origin.site_id,
                        data.line.sku,
                        data.document,
                        data.line.quantity,
                        data.state == _DAMAGED,
                        data.line.lot or "",
                        data.line.sscc or "",
                        Micros(event.occurred_at),
                    )
                )
    if taken:
        purchases.note_arrivals(connection, taken, at=at)
    if undone:
        purchases.note_undone(connection, undone, at=at)


def taken_back(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    *,
    at: Micros,
) -> None:
    """Forget what events said that turned out not to link."""
    purchases.forget(connection, gateway_id, epoch, ranges, at=at)
