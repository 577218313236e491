"""SQL of the orders room; private to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from cloud.db import Connection, Queries
from cloud.orders.model import (
    Account,
    Commitment,
    Held,
    LeaseRow,
    Origin,
    Pick,
    Promised,
    Return,
    Undone,
)
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


class NewLease(NamedTuple):
    """A grant, by keys; times in microseconds."""

    code: str
    site_id: int
    gateway_id: int
    epoch: int
    item_id: int
    channel: str
    quantity: int
    granted_at: Micros
    not_after: Micros
    granted_by: str


class Questionable(NamedTuple):
    """A lease that a gateway should not have promised so much of; unknown when not its own."""

    lease: str
    gateway: str
    known: bool
    quantity: int
    forced_by: str
    committed: int


def lock_item(connection: Connection, site_id: int, item_id: int) -> None:
    """Wait for other grants of this item."""
    connection.execute(_Q["lock_item"], {"site_id": site_id, "item_id": item_id})


def account(connection: Connection, site_id: int, item_id: int) -> Account:
    """What is known of one item at one site."""
    rows = connection.execute(_Q["account"], {"site_id": site_id, "item_id": item_id}).fetchall()
    of: dict[str, list[tuple[Any, ...]]] = {}
    for what, *values in rows:
        of.setdefault(str(what), []).append(tuple(values))
    return Account(
        available=sum(row[0] for row in of.get("available", [])),
        leases=[Held(row[0], row[1], row[2], row[3]) for row in of.get("lease", [])],
        loose=sum(row[0] for row in of.get("loose", [])),
        documents=[Promised(row[0], row[1]) for row in of.get("document", [])],
    )


def insert_lease(connection: Connection, lease: NewLease) -> None:
    """Write a grant."""
    connection.execute(_Q["insert_lease"], lease._asdict())


def leases(
    connection: Connection, *, site: str | None = None, code: str | None = None, limit: int
) -> list[LeaseRow]:
    """Leases, newest first."""
    rows = connection.execute(_Q["leases"], {"site": site, "code": code, "limit": limit})
    return [LeaseRow(*row) for row in rows]


def lease_item(connection: Connection, code: str) -> tuple[int, int] | None:
    """site_id and item_id of a lease."""
    row = connection.execute(_Q["lease_item"], {"code": code}).fetchone()
    return None if row is None else (row[0], row[1])


def recall(connection: Connection, code: str, *, at: Micros) -> None:
    """Leave a lease out of its site's document from now on."""
    connection.execute(_Q["recall"], {"code": code, "at": at})


def force(connection: Connection, code: str, *, by: str, why: str, at: Micros) -> bool:
    """Take what is left of a lease; whether that was done now."""
    values = {"code": code, "by": by, "why": why, "at": at}
    return connection.execute(_Q["force"], values).rowcount > 0


def insert_commitments(
    connection: Connection, facts: Sequence[tuple[Commitment, int]], *, at: Micros
) -> None:
    """Write commitments, each with its item's key."""
    connection.execute(
        _Q["insert_commitments"],
        {
            **_origins(fact.origin for fact, _ in facts),
            "site_ids": [fact.origin.site_id for fact, _ in facts],
            "item_ids": [item_id for _, item_id in facts],
            "leases": [fact.lease for fact, _ in facts],
            "documents": [fact.document for fact, _ in facts],
            "quantities": [fact.quantity for fact, _ in facts],
            "at": at,
        },
    )


def insert_returns(connection: Connection, facts: Sequence[Return], *, at: Micros) -> None:
    """Write returns."""
    connection.execute(
        _Q["insert_returns"],
        {
            **_origins(fact.origin for fact in facts),
            "leases": [fact.lease for fact in facts],
            "quantities": [fact.quantity for fact in facts],
            "reasons": [fact.reason for fact in facts],
            "at": at,
        },
    )


def insert_picks(connection: Connection, facts: Sequence[tuple[Pick, int]]) -> None:
    """Write picks, each with its item's key."""
    connection.execute(
        _Q["insert_picks"],
        {
            **_origins(fact.origin for fact, _ in facts),
            "site_ids": [fact.origin.site_id for fact, _ in facts],
            "item_ids": [item_id for _, item_id in facts],
            "documents": [fact.document for fact, _ in facts],
            "quantities": [fact.quantity for fact, _ in facts],
        },
    )


def insert_undone(connection: Connection, facts: Sequence[Undone]) -> None:
    """Write which scans were taken back."""
    values = _origins(fact.origin for fact in facts)
    undone = [UUID(bytes=fact.undone) for fact in facts]
    connection.execute(_Q["insert_undone"], {**values, "undone": undone})


def questionable(connection: Connection, leases: Sequence[tuple[str, int]]) -> list[Questionable]:
    """Of these (lease, gateway_id): those that more was promised of than may be."""
    rows = connection.execute(
        _Q["questionable"],
        {
            "leases": [lease for lease, _ in leases],
            "gateways": [gateway_id for _, gateway_id in leases],
        },
    )
    return [Questionable(*row) for row in rows]


def forget(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> None:
    """Forget what these events said."""
    values = {
        "gateway_id": gateway_id,
        "epoch": epoch,
        "firsts": [first for first, _ in ranges],
        "lasts": [last for _, last in ranges],
    }
    for name in ("forget_commitments", "forget_returns", "forget_picks", "forget_undone"):
        connection.execute(_Q[name], values)


def _origins(origins: Iterable[Origin]) -> dict[str, list[Any]]:
    rows = list(origins)
    return {
        "event_ids": [UUID(bytes=row.event_id) for row in rows],
        "gateway_ids": [row.gateway_id for row in rows],
        "epochs": [row.epoch for row in rows],
        "seqs": [row.seq for row in rows],
    }
