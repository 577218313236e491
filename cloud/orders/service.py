"""The use cases of leases: grant, list, recall, take by force, and note what gateways say.

A lease is granted out of what is free of its item at its site, under a lock on that item. What
gateways say arrives in any order and any number of times, and is written once. Publishing the
site's document is the caller's (``cloud.app.leases``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from cloud import catalog
from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.gateways import service as registry
from cloud.gateways.model import Gateway
from cloud.orders import store
from cloud.orders.model import (
    Account,
    Commitment,
    LeaseRow,
    Part,
    Pick,
    Return,
    Undone,
    Unknown,
    fulfilled,
)
from shared.errors import QuartermasterError
from shared.ids import is_code
from shared.leases import MAX_LEASES, Lease, Leases
from shared.units import MAX_QUANTITY, Micros

__all__ = [
    "SWEPT_AT_ONCE",
    "account",
    "accounts",
    "document",
    "drift",
    "forget",
    "grant",
    "leases",
    "lock",
    "note_commitments",
    "note_picks",
    "note_returns",
    "note_undone",
    "recall",
    "sweep",
    "take",
]

SWEPT_AT_ONCE: Final = 200
"""Accounts that the sweeper locks in one transaction."""
LONGEST: Final = Micros(366 * 24 * 3600 * 1_000_000)


def grant(
    connection: Connection,
    *,
    site: str,
    sku: str,
    quantity: int,
    lifetime: Micros,
    by: str,
    code: Callable[[], str],
    now: Micros,
    channel: str = "",
    gateway: str | None = None,
) -> LeaseRow:
    """Grant a lease to a site's gateway, out of what nothing else holds.

    Args:
        connection: the caller's transaction.
        site: whose stock is promised.
        sku: of which item.
        quantity: base units.
        lifetime: how long, microseconds.
        by: who grants it.
        code: makes the name of a new lease.
        now: when.
        channel: for which kind of orders only; empty for those that name none.
        gateway: which of the site's gateways; needed where it has several.

    Raises:
        QuartermasterError: ``lease.not-free``, ``request.not-found``, ``request.invalid``.
    """
    if not 0 < quantity <= MAX_QUANTITY:
        raise QuartermasterError("request.invalid", f"1 to {MAX_QUANTITY}", where="quantity")
    if not 0 < lifetime <= LONGEST:
        raise QuartermasterError("request.invalid", "an hour to a year", where="hours")
    if channel and not is_code(channel):
        raise QuartermasterError("request.invalid", repr(channel[:64]), where="channel")
    site_id = _key(catalog.site_ids(connection, [site]), site, "site")
    item_id = _key(catalog.item_ids(connection, [sku]), sku, "sku")
    holder = _holder(connection, site, gateway)
    lock(connection, [(site_id, item_id)], now=now)
    free = store.account(connection, site_id, item_id).free()
    if quantity > free:
        what = f"{quantity} of {sku} at {site}: {max(free, 0)} are free"
        raise QuartermasterError("lease.not-free", what)
    lease = store.NewLease(
        code(),
        site_id,
        holder.gateway_id,
        holder.epoch,
        item_id,
        channel,
        quantity,
        now,
        Micros(now + lifetime),
        by,
    )
    store.insert_lease(connection, lease)
    return _lease(connection, lease.code)


def lock(connection: Connection, keys: Sequence[store.Key], *, now: Micros) -> None:
    """Lock items at sites, to give of them; what has ended or was picked holds nothing more.

    The one order of locks: whoever needs several hands them over at once, and this sorts them.
    """
    ordered = sorted(set(keys))
    if ordered:
        store.lock_items(connection, ordered)
        store.free_due(connection, ordered, now=now)
        _settle(connection, ordered)


def _settle(connection: Connection, keys: Sequence[store.Key]) -> None:
    freed: dict[store.Key, int] = {}
    written: list[tuple[int, int, int, int]] = []
    for each in store.unsettled(connection, keys):
        parts = [Part(*both) for both in zip(each.quantities, each.picked_before, strict=True)]
        found = fulfilled(each.picked, parts)
        key = (each.site_id, each.item_id)
        for reservation_id, after, before, still in zip(
            each.reservation_ids, found, each.fulfilled, each.open, strict=True
        ):
            if still and after != before:
                written.append((reservation_id, *key, after))
                freed[key] = freed.get(key, 0) + before - after
    if written:
        store.settle(connection, written)
        store.hold(connection, freed)


def sweep(connection: Connection, *, now: Micros, limit: int = SWEPT_AT_ONCE) -> int:
    """Free what has expired and settle what was picked, of so many items; returns how many."""
    keys = store.due(connection, now=now, limit=limit)
    lock(connection, keys, now=now)
    return len(keys)


def drift(connection: Connection) -> list[tuple[int, int, int, int]]:
    """Where the fold of reservations differs from their parts; must be empty.

    Each as site_id, item_id, what the fold says and what the parts say.
    """
    return store.drift(connection)


def _holder(connection: Connection, site: str, gateway: str | None) -> Gateway:
    able = [
        each
        for each in registry.page(connection, sites=[site], limit=1000)
        if each.status == "active" and each.epoch and gateway in {None, each.name}
    ]
    if len(able) == 1:
        return able[0]
    if able:
        names = ", ".join(each.name for each in able)
        raise QuartermasterError("request.invalid", f"which of {names}", where="gateway")
    what = f"no gateway {gateway} works at {site}" if gateway else f"no gateway works at {site}"
    raise QuartermasterError("request.not-found", what, where="gateway")


def _key(found: dict[str, int], name: str, where: str) -> int:
    if name not in found:
        raise QuartermasterError("request.not-found", repr(name[:64]), where=where)
    return found[name]


def _lease(connection: Connection, code: str) -> LeaseRow:
    found = store.leases(connection, code=code, limit=1)
    if not found:
        raise QuartermasterError("request.not-found", repr(code[:64]), where="lease")
    return found[0]


def account(connection: Connection, *, site: str, sku: str) -> Account:
    """What is known of one item at one site, and what of it is free.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    site_id = _key(catalog.site_ids(connection, [site]), site, "site")
    return store.account(connection, site_id, _key(catalog.item_ids(connection, [sku]), sku, "sku"))


def accounts(connection: Connection, keys: Sequence[store.Key]) -> dict[store.Key, Account]:
    """What is known of each (site_id, item_id), all of one moment."""
    return store.accounts(connection, keys) if keys else {}


def leases(connection: Connection, *, site: str | None = None, limit: int = 1000) -> list[LeaseRow]:
    """Leases, newest first, ended ones too."""
    return store.leases(connection, site=site, limit=limit)


def recall(connection: Connection, code: str, *, now: Micros) -> LeaseRow:
    """Ask for what is left of a lease; it counts as held until the gateway has given it back.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    store.recall(connection, code, at=now)
    return _lease(connection, code)


def take(connection: Connection, code: str, *, by: str, why: str, now: Micros) -> LeaseRow:
    """Take what is left of a lease without its gateway's word: a slow clock may be spending it.

    Raises:
        QuartermasterError: ``request.not-found``, or ``request.invalid`` without a reason.
    """
    if not why.strip():
        raise QuartermasterError("request.invalid", "say why", where="reason")
    item = store.lease_item(connection, code)
    if item is None:
        raise QuartermasterError("request.not-found", repr(code[:64]), where="lease")
    lock(connection, [item], now=now)
    store.force(connection, code, by=by, why=why.strip()[:200], at=now)
    return _lease(connection, code)


def document(connection: Connection, site: str, *, now: Micros) -> Leases:
    """What a site's gateways should hold: the leases in force. What is left out has ended."""
    return Leases(
        site,
        [
            Lease(
                row.code,
                row.sku,
                row.quantity,
                row.granted_at,
                row.not_after,
                row.channel,
                row.gateway,
                row.epoch,
            )
            for row in reversed(store.leases(connection, site=site, limit=MAX_LEASES))
            if row.standing() == "in force" and row.not_after >= now
        ],
    )


def note_commitments(
    connection: Connection, facts: Sequence[Commitment], *, at: Micros
) -> list[Unknown]:
    """Write what gateways promised; a promise beyond its lease is a case for a person."""
    known, unknown = _with_items(connection, facts)
    if known:
        store.insert_commitments(connection, known, at=at)
        named = {(fact.lease, fact.origin.gateway_id) for fact, _ in known}
        site_ids = {(fact.lease): fact.origin.site_id for fact, _ in known}
        for found in store.questionable(connection, sorted(named)):
            _question(connection, found, site_ids.get(found.lease), at=at)
    return unknown


def _question(
    connection: Connection, found: store.Questionable, site_id: int | None, *, at: Micros
) -> None:
    if found.known and found.committed <= found.quantity:
        detail = f"{found.gateway} promised {found.committed} within it; taken by {found.forced_by}"
    elif found.known:
        detail = f"{found.gateway} promised {found.committed} of {found.quantity}"
    else:
        detail = f"{found.gateway} promised {found.committed}; no lease of its own has this name"
    subject = f"lease {found.lease}"
    raise_exception(connection, "lease.exceeded", subject, detail, at=at, site_id=site_id)


def note_returns(connection: Connection, facts: Sequence[Return], *, at: Micros) -> None:
    """Write what gateways gave back. It counts once all before it is here."""
    if facts:
        store.insert_returns(connection, facts, at=at)


def note_picks(connection: Connection, facts: Sequence[Pick]) -> None:
    """Write what was picked for documents; unknown items were refused where stock is kept."""
    known, _ = _with_items(connection, facts)
    if known:
        store.insert_picks(connection, known)


def note_undone(connection: Connection, facts: Sequence[Undone]) -> None:
    """Write which scans were taken back."""
    if facts:
        store.insert_undone(connection, facts)


def forget(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> None:
    """Forget what events said that are taken back."""
    store.forget(connection, gateway_id, epoch, ranges)


_Fact = TypeVar("_Fact", Commitment, Pick)


def _with_items(
    connection: Connection, facts: Sequence[_Fact]
) -> tuple[list[tuple[_Fact, int]], list[Unknown]]:
    """Each fact with its item's key, in the order of event ids; and those of unknown items."""
    skus = sorted({fact.sku for fact in facts if is_code(fact.sku)})
    item_ids = catalog.item_ids(connection, skus) if skus else {}
    known = [(fact, item_ids[fact.sku]) for fact in facts if fact.sku in item_ids]
    known.sort(key=lambda pair: pair[0].origin.event_id)
    return known, [Unknown(fact.origin, fact.sku) for fact in facts if fact.sku not in item_ids]
