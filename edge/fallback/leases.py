"""Quota leases at the site: what was granted, what was promised within it, what goes back.

The rules are those of :mod:`shared.leases`. What was promised within a lease is kept as long as the
epoch lasts in which it was granted: a lease is never met as if for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from edge.db import Connection, Queries
from shared.errors import QuartermasterError
from shared.events import LeaseReturned
from shared.leases import Lease, Leases, belongs, ended

SQL: Final = Queries(__package__ or "edge.fallback")
NO_EPOCH: Final = 0


class Whose(NamedTuple):
    """This gateway and its epoch in force; ``NO_EPOCH`` while it may be an older copy of itself."""

    gateway: str
    epoch: int


class Standing(NamedTuple):
    """A lease, and how it stands."""

    lease: Lease
    committed: int
    remaining: int

    def is_ours(self, whose: Whose) -> bool:
        """Whether this gateway, as it is now, may promise within it and give it back."""
        if whose.epoch == NO_EPOCH:
            return False
        return belongs(self.lease, gateway=whose.gateway, epoch=whose.epoch)


def _standing(row: tuple[Any, ...]) -> Standing:
    """A row, as it was written.

    Raises:
        QuartermasterError: ``store.damaged`` when what was promised and what is left are together
            not what was granted.
    """
    code, sku, channel, quantity, committed, remaining, granted_at, not_after, gateway, epoch = row
    if committed + remaining != quantity or committed < 0 or remaining < 0:
        raise QuartermasterError("store.damaged", "a row has changed", where=f"lease {code}")
    lease = Lease(code, sku, quantity, granted_at, not_after, channel, gateway, epoch)
    return Standing(lease, committed, remaining)


def enter(connection: Connection, document: Leases, *, whose: Whose) -> list[LeaseReturned]:
    """Take a document's leases; what it leaves out has ended, and what is left of it goes back."""
    for lease in document.leases:
        if lease.gateway in {"", whose.gateway} and lease.quantity:
            connection.execute(
                SQL["grant_lease"],
                (
                    lease.code,
                    lease.sku,
                    lease.channel,
                    lease.quantity,
                    lease.quantity,
                    lease.granted_at,
                    lease.not_after,
                    lease.gateway,
                    lease.epoch,
                ),
            )
    named = {lease.code for lease in document.leases}
    gone = [each for each in in_force(connection) if each.lease.code not in named]
    return _give_back(connection, gone, "withdrawn", whose)


def expire(connection: Connection, now: int, *, whose: Whose) -> list[LeaseReturned]:
    """End what is over by this gateway's clock; what is left of it goes back."""
    over = [each for each in in_force(connection) if ended(each.lease, now)]
    return _give_back(connection, over, "expired", whose)


def _give_back(
    connection: Connection, leases: Iterable[Standing], why: str, whose: Whose
) -> list[LeaseReturned]:
    """End leases. Only what this gateway, as it is now, was granted is its to give back."""
    returned: list[LeaseReturned] = []
    for each in leases:
        if each.is_ours(whose):
            connection.execute(SQL["end_lease"], (why, each.lease.code))
            returned.append(LeaseReturned(each.lease.code, each.lease.sku, each.remaining, why))
    return returned


def in_force(connection: Connection) -> list[Standing]:
    """Leases that have not ended here, by code; those of earlier epochs, too.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    return [_standing(row) for row in connection.execute(SQL["leases_in_force"]).fetchall()]


def usable(
    connection: Connection, sku: str, channel: str, *, whose: Whose, limit: int
) -> list[Standing]:
    """Leases of an item for one channel that this gateway may use, the first to end first.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    rows = connection.execute(SQL["leases_of_item"], (sku, channel)).fetchall()
    ours = [each for each in map(_standing, rows) if each.is_ours(whose) and each.remaining]
    return ours[:limit]


def commit(connection: Connection, code: str, quantity: int) -> None:
    """Promise so much within a lease.

    Raises:
        QuartermasterError: ``lease.exhausted`` when less is left; nothing has changed.
    """
    done = connection.execute(SQL["commit_lease"], {"code": code, "quantity": quantity})
    if not done.rowcount:
        raise QuartermasterError("lease.exhausted", code)


def promise(connection: Connection, sku: str, document: str, quantity: int) -> None:
    """Keep so much for a document."""
    connection.execute(SQL["promise"], (sku, document, quantity))


def outstanding(connection: Connection, sku: str) -> int:
    """How much of an item is promised and not yet picked."""
    return int(connection.execute(SQL["outstanding"], (sku,)).fetchone()[0])


def pick(connection: Connection, sku: str, document: str, quantity: int, *, scan: bytes) -> None:
    """Goods were picked for a document: they fulfil what was promised to it before."""
    row = connection.execute(SQL["promised_to"], (sku, document)).fetchone()
    fulfilled = min(quantity, row[0]) if row is not None else 0
    if fulfilled > 0:
        connection.execute(SQL["pick_promised"], (fulfilled, sku, document))
        connection.execute(SQL["note_pick"], (scan, sku, document, fulfilled))


def undo_pick(connection: Connection, scan: bytes) -> None:
    """A pick was taken back: what it fulfilled is to be kept again."""
    row = connection.execute(SQL["picked_by"], (scan,)).fetchone()
    if row is not None:
        sku, document, quantity = row
        connection.execute(SQL["pick_promised"], (-quantity, sku, document))
        connection.execute(SQL["forget_pick"], (scan,))


def forget(connection: Connection, before: int, *, epoch: int) -> None:
    """Forget what was done with before an age of the database."""
    connection.execute(SQL["forget_promises"], (before,))
    connection.execute(SQL["forget_picks"], (before,))
    if epoch != NO_EPOCH:
        connection.execute(SQL["forget_leases"], (epoch, before))
