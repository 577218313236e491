"""Say what is held about somebody, erase it, and let go what is kept long enough."""

from __future__ import annotations

from cloud import feeds
from cloud.access import audit
from cloud.db import Connection
from cloud.orders.persons import store
from cloud.orders.persons.model import (
    DEFAULT_DAYS,
    KINDS,
    MOST_DAYS,
    Certificate,
    Customer,
    Held,
    Kind,
)
from shared.errors import QuartermasterError
from shared.units import DAY, Micros

_AT_ONCE = 200
BY_RETENTION = "retention"


def find(connection: Connection, asked: str) -> list[Customer]:
    """Customers by pseudonym, e-mail address, telephone, or a source's number of them."""
    return store.find(connection, asked.replace("\0", "").strip())


def held(connection: Connection, pseudonym: str) -> Held:
    """What is held about somebody.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    found = [each for each in store.find(connection, pseudonym) if each.pseudonym == pseudonym]
    if not found:
        raise QuartermasterError("request.not-found", "no customer has this pseudonym")
    orders = store.orders_of(connection, pseudonym)
    spoken = store.deliveries_of(connection, [order.order_id for order in orders])
    return Held(found[0], orders, len(spoken))


def erase(
    connection: Connection, pseudonym: str, *, why: str, by: str, at: Micros, dry_run: bool = False
) -> Certificate:
    """Take out what identifies somebody: here, and in what was delivered and is still kept.

    Orders, the ledger and the audit trail name the pseudonym and stay as they are.

    Raises:
        QuartermasterError: ``request.not-found``; ``request.conflict`` where it was done before;
            ``request.invalid`` without a reason.
    """
    if not why.strip():
        raise QuartermasterError("request.invalid", "say why", where="why")
    erased = store.hold(connection, pseudonym)
    if erased is None:
        raise QuartermasterError("request.not-found", "no customer has this pseudonym")
    if erased:
        raise QuartermasterError("request.conflict", "was erased before")
    orders = [order.order_id for order in store.orders_of(connection, pseudonym)]
    spoken = store.deliveries_of(connection, orders)
    if dry_run:
        return Certificate(0, pseudonym, len(orders), len(spoken), 0)
    forgotten = feeds.forget_contents(connection, spoken)
    store.erase(connection, pseudonym, at)
    number = store.certify(
        connection,
        pseudonym,
        at=at,
        why=why.strip()[:500],
        by=by,
        orders=len(orders),
        deliveries=forgotten,
    )
    audit.about(f"customer {pseudonym} certificate {number}")
    waiting = feeds.contents_kept(connection, spoken)
    return Certificate(number, pseudonym, len(orders), forgotten, waiting)


def retention(connection: Connection) -> dict[Kind, int]:
    """How many days each kind is kept."""
    said = store.retention(connection)
    return {kind: said.get(kind, DEFAULT_DAYS[kind]) for kind in KINDS}


def set_retention(connection: Connection, kind: str, days: int) -> None:
    """Keep a kind for so many days from now on.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    most = {str(each): MOST_DAYS[each] for each in KINDS}
    if not 1 <= days <= most.get(kind, 0):
        allowed = ", ".join(f"{each} 1 to {days}" for each, days in most.items())
        raise QuartermasterError("request.invalid", allowed, where="kind")
    store.set_retention(connection, kind, days)
    audit.about(f"{kind} {days} days")


def sweep(connection: Connection, *, at: Micros) -> dict[Kind, int]:
    """Let go what is kept long enough, some hundred at a time; how many of each kind."""
    days = retention(connection)
    gone = store.unseen(connection, Micros(at - days["customers"] * DAY), _AT_ONCE)
    for pseudonym in gone:
        erase(connection, pseudonym, why=BY_RETENTION, by=BY_RETENTION, at=at)
    forgotten = feeds.forget_settled(connection, Micros(at - days["deliveries"] * DAY))
    return {"customers": len(gone), "deliveries": forgotten}
