"""Leases, commitments, reservations and what they hold of stock: one account. Pure.

The rule: ``held + free = available``, and a lease or a reservation is granted out of what is free
only. What each holds depends on what is certain, not on what is likely:

==========================  ==================================================================
a lease in force            all of it; what was promised within it is inside
given back                  what was promised: all but what came back, or more, if more arrived
taken by force              what was promised, as far as it has arrived: somebody answered for it
a promise without a lease   itself (a restored cloud may have forgotten a lease that it granted)
a pending reservation       all of it until its time has come
a confirmed reservation     what was not yet picked for its document
==========================  ==================================================================

A commitment holds until the goods are picked for its document, which takes them out of what is
available. Of leases nothing here depends on a clock, nor on the order in which facts arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from shared.units import Micros

Standing = Literal["in force", "recalled", "in doubt", "given back", "taken"]
"""In doubt: its gateway works in a later epoch and may have forgotten what it had promised."""


class Held(NamedTuple):
    """One lease of an item; ``returned`` is None until its gateway's word was verified."""

    quantity: int
    committed: int
    returned: int | None
    forced: bool

    def units(self) -> int:
        """How much of stock it holds, what was promised within it included."""
        if self.returned is not None:
            return max(self.quantity - self.returned, self.committed)
        return self.committed if self.forced else max(self.quantity, self.committed)


class Promised(NamedTuple):
    """All that one gateway promised to one document, and how much of it has still to be kept.

    A pick fulfils what was promised before it, and nothing that is promised later.
    """

    committed: int
    outstanding: int

    def fulfilled(self) -> int:
        """As much of the commitments as nothing has to be kept for any more."""
        return self.committed - self.outstanding


class Account(NamedTuple):
    """What is known of one item at one site, all at one moment.

    ``loose`` are commitments within no lease that is known here; ``reserved`` is what reservations
    and the orders made of them hold.
    """

    available: int
    leases: Sequence[Held]
    loose: int
    documents: Sequence[Promised]
    reserved: int = 0

    def leased(self) -> int:
        """What leases and the commitments of gateways hold."""
        return (
            sum(lease.units() for lease in self.leases)
            + self.loose
            - sum(document.fulfilled() for document in self.documents)
        )

    def held(self) -> int:
        """What leases, commitments and reservations hold."""
        return self.leased() + self.reserved

    def free(self) -> int:
        """What may still be leased; below zero when more has left than was free."""
        return self.available - self.held()


class Part(NamedTuple):
    """What one reservation holds of one item at one site for a document.

    ``picked_before`` had left for the document before it was reserved.
    """

    quantity: int
    picked_before: int


def fulfilled(picked: int, parts: Sequence[Part]) -> list[int]:
    """How much of each part, the oldest first, was picked, when so much was for its document.

    No unit fulfils two parts, and none a part that was reserved after it had left.
    """
    found: list[int] = []
    end = 0
    for part in parts:
        start = max(end, part.picked_before)
        end = start + part.quantity
        found.append(min(max(picked - start, 0), part.quantity))
    return found


class LeaseRow(NamedTuple):
    """A lease, and what its gateway has said of it; times in microseconds.

    ``committed`` and ``returned`` are base units; ``returned`` is None until it is certain.
    """

    code: str
    site: str
    gateway: str
    epoch: int
    sku: str
    channel: str
    quantity: int
    committed: int
    returned: int | None
    granted_at: Micros
    not_after: Micros
    granted_by: str
    recalled: bool
    superseded: bool
    forced_by: str
    forced_why: str

    def standing(self) -> Standing:
        """In a word."""
        if self.forced_by:
            return "taken"
        if self.returned is not None:
            return "given back"
        if self.superseded:
            return "in doubt"
        return "recalled" if self.recalled else "in force"


class Origin(NamedTuple):
    """Which event says it; ``site_id`` is the gateway's."""

    gateway_id: int
    epoch: int
    seq: int
    event_id: bytes
    site_id: int


class Commitment(NamedTuple):
    """A gateway promised goods to a document within a lease."""

    origin: Origin
    lease: str
    sku: str
    quantity: int
    document: str


class Return(NamedTuple):
    """A gateway gave back what it had not promised."""

    origin: Origin
    lease: str
    quantity: int
    reason: str


class Pick(NamedTuple):
    """Goods left available stock for a document."""

    origin: Origin
    sku: str
    quantity: int
    document: str


class Undone(NamedTuple):
    """A scan was taken back."""

    origin: Origin
    undone: bytes


class Unknown(NamedTuple):
    """A fact that names an item which the catalog does not hold."""

    origin: Origin
    sku: str
