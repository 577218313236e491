"""What each type of event does in the cloud: the one table between ingest and the rooms it feeds.

Handlers run inside the batch's transaction and return the events that they could not apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloud import fleet
from cloud.app import floor, promises, receipts
from cloud.app.changes import ranges_of, stock_changed
from cloud.catalog.service import item_ids, location_ids
from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.gateways.service import site_of
from cloud.ingest.model import Facts, Provisional, Unapplied
from cloud.ingest.ports import Routes
from cloud.ingest.service import observe
from cloud.ingest.tombstones import explain
from cloud.ledger.model import Entry
from cloud.ledger.names import Names
from cloud.ledger.service import check_counts, post, reverse
from shared.events import (
    Adjusted,
    CodeSeen,
    CountClosed,
    Counted,
    CropLabelled,
    DamageSuspected,
    DecisionOverridden,
    DecisionTaken,
    DeviceHealth,
    EpochOpened,
    EventsCarried,
    EventsLost,
    ExceptionRaised,
    ExceptionResolved,
    GatewayHealth,
    Inspected,
    LabelRead,
    LeaseCommitted,
    LeaseReturned,
    Moved,
    ObjectTracked,
    OperatorSigned,
    Packed,
    Picked,
    PutAway,
    Received,
    Returned,
    ScanUndone,
    SensorRead,
    SettingChanged,
    ShadowCompared,
    Shipped,
    SightChecked,
    SlotSeen,
    TaskChanged,
)
from shared.units import Micros


class Stock:
    """Posts what moves stock. Remembers the names it has met."""

    def __init__(self) -> None:
        self._names = Names(item_ids, location_ids)

    def __call__(
        self, connection: Connection, batch: Sequence[Facts], at: Micros
    ) -> list[Unapplied]:
        """Post a batch to the ledger."""
        entries = [
            Entry(origin.gateway_id, origin.site_id, origin.epoch, events)
            for origin, events in batch
        ]
        unapplied = [
            Unapplied(batch[item.entry].origin, item.seq, item.error)
            for item in post(connection, entries, names=self._names, at=at)
        ]
        promises.picked(connection, batch, unapplied)
        receipts.received(connection, batch, unapplied, at=at)
        floor.scanned(connection, batch, unapplied, at)
        stock_changed(connection, ranges_of(batch), at=at)
        return unapplied


def heartbeat(connection: Connection, batch: Sequence[Facts], at: Micros) -> list[Unapplied]:
    """Keep heartbeats; each gateway's newest one tells which versions it holds.

    A gateway that has a head of ours which is not in its history is told to a person.
    """
    unapplied = observe(connection, batch, at)
    newest: dict[int, tuple[int, int, GatewayHealth]] = {}
    contradicted: dict[str, tuple[str, int]] = {}
    for origin, events in batch:
        last = events[-1]
        if not isinstance(last.data, GatewayHealth):
            continue
        known = newest.get(origin.gateway_id)
        if known is None or (origin.epoch, last.seq) > known[:2]:
            newest[origin.gateway_id] = (origin.epoch, last.seq, last.data)
            contradicted[origin.gateway] = (last.data.contradicted, origin.site_id)
    for gateway_id, (_, _, health) in sorted(newest.items()):
        fleet.reported(
            connection,
            gateway_id,
            catalog=health.catalog,
            policy=health.policy,
            people=health.people,
            plan=health.plan,
            leases=health.leases,
            heads=health.heads,
            at=at,
        )
    for gateway, (why, site_id) in sorted(contradicted.items()):
        if why:
            raise_exception(connection, "epoch.contradicted", gateway, why, at=at, site_id=site_id)
    return unapplied


def signed(connection: Connection, batch: Sequence[Facts], at: Micros) -> list[Unapplied]:
    """Keep who signed in and out; a break-glass account that was used is a case for a person."""
    unapplied = observe(connection, batch, at)
    used = {
        (f"{origin.gateway}: {event.device}", origin.site_id, event.seq)
        for origin, events in batch
        for event in events
        if isinstance(event.data, OperatorSigned) and event.data.signed == "break-glass"
    }
    for subject, site_id, seq in sorted(used):
        raise_exception(
            connection, "people.break-glass", subject, f"seq {seq}", at=at, site_id=site_id
        )
    return unapplied


def routes() -> Routes:
    """The table of one worker."""
    stock = Stock()
    return {
        Received: stock,
        PutAway: stock,
        Picked: stock,
        Packed: floor.packed,
        Shipped: stock,
        Returned: stock,
        Counted: stock,
        Adjusted: stock,
        Moved: stock,
        Inspected: stock,
        CodeSeen: observe,
        SensorRead: observe,
        DeviceHealth: observe,
        GatewayHealth: heartbeat,
        DecisionTaken: promises.decisions,
        EpochOpened: observe,
        EventsLost: explain,
        EventsCarried: explain,
        ExceptionRaised: observe,
        ExceptionResolved: observe,
        TaskChanged: observe,
        CountClosed: observe,
        ScanUndone: stock,
        OperatorSigned: signed,
        DecisionOverridden: promises.decisions,
        LeaseCommitted: promises.leases,
        LeaseReturned: promises.leases,
        SettingChanged: observe,
        ObjectTracked: observe,
        SlotSeen: observe,
        DamageSuspected: observe,
        LabelRead: observe,
        SightChecked: observe,
        CropLabelled: observe,
        ShadowCompared: observe,
    }


def taken_back(connection: Connection, provisional: Provisional, at: Micros) -> Mapping[int, int]:
    """Undo what events did that turned out not to link; observations stay as their own record."""
    chain, ranges, since = provisional
    promises.taken_back(connection, *chain, ranges)
    receipts.taken_back(connection, *chain, ranges, at=at)
    floor.taken_back(connection, provisional, at)
    reversed_ = reverse(connection, *chain, ranges, since=since, at=at)
    if reversed_:
        site_id = site_of(connection, chain[0])
        stock_changed(
            connection,
            {site_id: [(chain.gateway_id, chain.epoch, *each) for each in ranges]},
            at=at,
        )
    return reversed_


def covered(connection: Connection, through: Sequence[tuple[int, int, int]], at: Micros) -> None:
    """Raise a case for each count whose expectation differs from the fold below it."""
    for item in sorted(check_counts(connection, through)):
        raise_exception(
            connection,
            "count.mismatch",
            f"{item.gateway}: {item.sku} at {item.location}",
            f"epoch {item.epoch} seq {item.seq}: the gateway expected {item.expected}, "
            f"the ledger had {item.folded} (lot {item.lot!r}, serial {item.serial!r})",
            at=at,
            site_id=item.site_id,
        )
