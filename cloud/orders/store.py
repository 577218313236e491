"""SQL of the orders room; private to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


Key = tuple[int, int]
"""site_id and item_id: what one account is of."""


class Settling(NamedTuple):
    """A document's parts at one site of one item, and what was picked for it beyond leases."""

    site_id: int
    item_id: int
    document: str
    picked: int
    reservation_ids: list[int]
    quantities: list[int]
    picked_before: list[int]
    fulfilled: list[int]
    open: list[bool]


def lock_items(connection: Connection, keys: Sequence[Key]) -> None:
    """Wait for others who give stock of these away; ``keys`` must ascend."""
    connection.execute(_Q["lock_items"], _keys(keys))


def accounts(connection: Connection, keys: Sequence[Key]) -> dict[Key, Account]:
    """What is known of each of these, all of one moment."""
    of: dict[Key, dict[str, list[tuple[Any, ...]]]] = {key: {} for key in keys}
    for what, site_id, item_id, *values in connection.execute(_Q["accounts"], _keys(keys)):
        of[site_id, item_id].setdefault(what, []).append(tuple(values))
    return {key: _account(found) for key, found in of.items()}


def _account(found: dict[str, list[tuple[Any, ...]]]) -> Account:
    return Account(
        available=sum(row[0] for row in found.get("available", [])),
        leases=[Held(row[0], row[1], row[2], row[3]) for row in found.get("lease", [])],
        loose=sum(row[0] for row in found.get("loose", [])),
        documents=[Promised(row[0], row[1]) for row in found.get("document", [])],
        reserved=sum(row[0] for row in found.get("reserved", [])),
    )


def account(connection: Connection, site_id: int, item_id: int) -> Account:
    """What is known of one item at one site."""
    return accounts(connection, [(site_id, item_id)])[site_id, item_id]


def hold(connection: Connection, quantities: Mapping[Key, int]) -> None:
    """Let reservations hold so much more or less; the items are locked."""
    for name, sign in (("hold_more", 1), ("hold_less", -1)):
        changed = sorted(
            (key, sign * units) for key, units in quantities.items() if sign * units > 0
        )
        if changed:
            values = {
                **_keys([key for key, _ in changed]),
                "quantities": [units for _, units in changed],
            }
            connection.execute(_Q[name], values)


def free_due(connection: Connection, keys: Sequence[Key], *, now: Micros) -> None:
    """Let what has expired hold nothing more; the items are locked."""
    connection.execute(_Q["free_due"], {**_keys(keys), "now": now})


def due(connection: Connection, *, now: Micros, limit: int) -> list[Key]:
    """Items with something to free or to settle, in the order of locks."""
    found = connection.execute(_Q["due"], {"now": now, "limit": limit})
    return [(row[0], row[1]) for row in found]


def unsettled(connection: Connection, keys: Sequence[Key]) -> list[Settling]:
    """Take what is to be settled of these; the items are locked."""
    taken = connection.execute(_Q["take_unsettled"], _keys(keys)).fetchall()
    if not taken:
        return []
    documents = [row[2] for row in taken]
    values = {**_keys([(row[0], row[1]) for row in taken]), "documents": documents}
    return [Settling(*row) for row in connection.execute(_Q["unsettled"], values)]


def settle(connection: Connection, parts: Sequence[tuple[int, int, int, int]]) -> None:
    """Write (reservation_id, site_id, item_id, fulfilled)."""
    names = ("reservation_ids", "site_ids", "item_ids", "fulfilled")
    columns = zip(*parts, strict=True)
    connection.execute(_Q["settle"], {n: list(c) for n, c in zip(names, columns, strict=True)})


def drift(connection: Connection) -> list[tuple[int, int, int, int]]:
    """site_id, item_id, what the fold says and what the parts say, where they differ."""
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(_Q["drift"])]


def _keys(keys: Sequence[Key]) -> dict[str, list[int]]:
    return {"site_ids": [site for site, _ in keys], "item_ids": [item for _, item in keys]}


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
    """Write picks, each with its item's key; reservations of their documents are to be settled."""
    values = {
        **_origins(fact.origin for fact, _ in facts),
        "site_ids": [fact.origin.site_id for fact, _ in facts],
        "item_ids": [item_id for _, item_id in facts],
        "documents": [fact.document for fact, _ in facts],
        "quantities": [fact.quantity for fact, _ in facts],
    }
    connection.execute(_Q["insert_picks"], values)
    connection.execute(_Q["unsettle_picks"], values)


def insert_undone(connection: Connection, facts: Sequence[Undone]) -> None:
    """Write which scans were taken back."""
    values = _origins(fact.origin for fact in facts)
    undone = [UUID(bytes=fact.undone) for fact in facts]
    connection.execute(_Q["insert_undone"], {**values, "undone": undone})
    connection.execute(_Q["unsettle_undone"], {"undone": undone})


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
    connection.execute(_Q["unsettle_forgotten"], values)
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
