"""What promises and decisions of gateways do in the cloud: from events to the rooms they feed.

Leases, commitments and picks go to ``orders``, decisions to ``decide``; each is kept as an
observation, too. The leases of a site go down as its document, through ``fleet``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg_pool import ConnectionPool

from cloud import decide, fleet, orders
from cloud.db import Connection, unit_of_work
from cloud.ingest.model import Facts, Unapplied
from cloud.ingest.service import observe
from shared.clock import Clock
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.events import (
    DecisionOverridden,
    DecisionTaken,
    Event,
    LeaseCommitted,
    LeaseReturned,
    Picked,
    ScanUndone,
    Shipped,
    StockState,
)
from shared.policy import BUILT_IN, Policy, decode_policy
from shared.units import Micros


def free_reservations(pool: ConnectionPool[Connection], clock: Clock) -> int:
    """Free what nobody confirmed and settle what was picked; returns how many accounts it touched.

    Whoever asks for an item does the same for it; this is for what nobody asks for.

    Raises:
        QuartermasterError: ``database.unreachable``.
    """
    done = 0
    while True:
        with unit_of_work(pool) as connection:
            found = orders.sweep(connection, now=clock.now())
        done += found
        if found < orders.SWEPT_AT_ONCE:
            return done


def publish_leases(connection: Connection, site: str, *, now: Micros) -> int:
    """Publish the leases of a site that are in force; returns the document's version.

    Raises:
        QuartermasterError: ``payload.too-large``, or ``request.not-found`` for an unknown site.
    """
    content = encode(orders.document(connection, site, now=now))
    return fleet.publish(connection, "leases", content, site=site, now=now)


def leases(connection: Connection, batch: Sequence[Facts], at: Micros) -> list[Unapplied]:
    """Note what gateways promised within their leases, and what they gave back."""
    unapplied = observe(connection, batch, at)
    commitments: list[orders.Commitment] = []
    returns: list[orders.Return] = []
    for facts, event in _observed(batch, unapplied):
        data = event.data
        if isinstance(data, LeaseCommitted):
            commitments.append(
                orders.Commitment(
                    _said(facts, event), data.lease, data.sku, data.quantity, data.document
                )
            )
        elif isinstance(data, LeaseReturned):
            returns.append(
                orders.Return(_said(facts, event), data.lease, data.quantity, data.reason)
            )
    unknown = orders.note_commitments(connection, commitments, at=at)
    orders.note_returns(connection, sorted(returns), at=at)
    origins = {(facts.origin.gateway_id, facts.origin.epoch): facts.origin for facts in batch}
    return [
        *unapplied,
        *(
            Unapplied(
                origins[item.origin.gateway_id, item.origin.epoch],
                item.origin.seq,
                QuartermasterError("event.unknown-item", repr(item.sku)),
            )
            for item in unknown
        ),
    ]


def decisions(connection: Connection, batch: Sequence[Facts], at: Micros) -> list[Unapplied]:
    """Take gateways' decisions again, and note what people decided instead."""
    unapplied = observe(connection, batch, at)
    policies: dict[int, Policy | None] = {0: BUILT_IN}

    def policy_of(version: int) -> Policy | None:
        if version not in policies:
            policies[version] = _policy(connection, version)
        return policies[version]

    taken: list[tuple[decide.Origin, DecisionTaken]] = []
    overridden: list[tuple[decide.Origin, DecisionOverridden, str]] = []
    for facts, event in _observed(batch, unapplied):
        origin, data = facts.origin, event.data
        said = decide.Origin(
            origin.gateway,
            origin.gateway_id,
            origin.site_id,
            origin.epoch,
            event.seq,
            event.id,
            Micros(event.occurred_at),
        )
        if isinstance(data, DecisionTaken):
            taken.append((said, data))
        elif isinstance(data, DecisionOverridden):
            overridden.append((said, data, event.operator or event.device))
    decide.note_decisions(connection, taken, policy_of=policy_of, at=at)
    decide.note_overrides(connection, overridden)
    return unapplied


def _policy(connection: Connection, version: int) -> Policy | None:
    """Every version that was ever published is kept."""
    try:
        return decode_policy(fleet.published(connection, "policy", version))
    except QuartermasterError:
        return None


def picked(connection: Connection, batch: Sequence[Facts], unapplied: Sequence[Unapplied]) -> None:
    """Note what left available stock for a document, and which scans were taken back."""
    picks: list[orders.Pick] = []
    undone: list[orders.Undone] = []
    refused = _keys(unapplied)
    for facts in batch:
        for event in facts.events:
            data = event.data
            if type(data) is not ScanUndone and (
                (type(data) is not Picked and type(data) is not Shipped) or data.document is None
            ):
                continue
            if refused and (facts.origin.gateway_id, facts.origin.epoch, event.seq) in refused:
                continue
            if isinstance(data, ScanUndone):
                undone.append(orders.Undone(_said(facts, event), data.undone))
            elif document := _served(data):
                picks.append(
                    orders.Pick(_said(facts, event), data.line.sku, data.line.quantity, document)
                )
    if picks:
        orders.note_picks(connection, picks)
    if undone:
        orders.note_undone(connection, sorted(undone, key=lambda each: each.undone))


def _served(data: Picked | Shipped) -> str | None:
    """The document for which goods leave what is available; what was picked has left it before."""
    if isinstance(data, Shipped) and data.state != StockState.AVAILABLE:
        return None
    return data.document


def taken_back(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> None:
    """Forget what events said that turned out not to link; the observations stay."""
    orders.forget(connection, gateway_id, epoch, ranges)
    decide.forget(connection, gateway_id, epoch, ranges)


def _observed(
    batch: Sequence[Facts], unapplied: Sequence[Unapplied]
) -> Iterator[tuple[Facts, Event]]:
    refused = _keys(unapplied)
    for facts in batch:
        for event in facts.events:
            if (facts.origin.gateway_id, facts.origin.epoch, event.seq) not in refused:
                yield facts, event


def _keys(unapplied: Sequence[Unapplied]) -> set[tuple[int, int, int]]:
    return {(item.origin.gateway_id, item.origin.epoch, item.seq) for item in unapplied}


def _said(facts: Facts, event: Event) -> orders.Origin:
    origin = facts.origin
    return orders.Origin(origin.gateway_id, origin.epoch, event.seq, event.id, origin.site_id)
