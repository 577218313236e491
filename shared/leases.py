"""Quota leases: how much of an item a site may promise while it cannot ask.

The cloud grants, signs and dates them; the site commits within them, connected or not, and returns
what it did not need. What is leased is not promised by anybody else: the sum of leases and
commitments never exceeds stock, whoever is cut off.

Rules:

1. a lease is one gateway's, in one epoch. A gateway whose database was lost or is an older copy
   gets a new epoch and cannot know what it had promised: it never uses the leases of before;
2. it promises within a lease at most what is left of it, and nothing after it has ended;
3. a lease ends by the gateway's own clock, which no restart takes below what has certainly passed
   (:mod:`edge.clock`). No clock is trusted beyond that: one that is slow goes on promising, one
   that is fast stops early, and neither promises more than the lease;
4. what is left goes back by the gateway's signed word only. After that it promises nothing more
   within it, whatever its clock says. Until then nobody else gets it, unless a person takes it by
   force and answers for that.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from shared.cose import decode
from shared.errors import QuartermasterError
from shared.events import Count, Data, Name, Whole

MAX_LEASES: Final = 100_000


class Lease(Data, frozen=True):
    """So many base units of an item, for one site (and channel), until ``not_after`` (µs).

    ``gateway`` and ``epoch`` say whose it is; without them it is whoever's the document was signed
    for.
    """

    code: Name
    sku: Name
    quantity: Count
    granted_at: Whole
    not_after: Whole
    channel: Annotated[str, Meta(max_length=64)] = ""
    gateway: Annotated[str, Meta(max_length=64)] = ""
    epoch: Whole = 0


class Leases(Data, frozen=True):
    """All leases of one site that are in force. One that is left out has ended."""

    site: Name
    leases: Annotated[list[Lease], Meta(max_length=MAX_LEASES)]


def belongs(lease: Lease, *, gateway: str, epoch: int) -> bool:
    """Whether this gateway, in this epoch, may promise within a lease (rule 1)."""
    return lease.gateway in {"", gateway} and lease.epoch in {0, epoch}


def remaining(lease: Lease, committed: int) -> int:
    """What is left of a lease after ``committed`` base units were promised within it."""
    return max(lease.quantity - committed, 0)


def ended(lease: Lease, now: int) -> bool:
    """Whether a lease is over; ``now`` is the gateway's clock (rule 3)."""
    return now > lease.not_after


def may_commit(lease: Lease, committed: int, *, now: int) -> int:
    """How much more may be promised within a lease now (rule 2)."""
    return 0 if ended(lease, now) else remaining(lease, committed)


def decode_leases(content: bytes) -> Leases:
    """Read a leases document (made by :func:`shared.downlink.encode`).

    Raises:
        QuartermasterError: ``downlink.malformed``, also for a lease that is there twice.
    """
    try:
        leases = msgspec.convert(decode(content, code="downlink.malformed"), Leases)
    except msgspec.ValidationError as error:
        raise QuartermasterError("downlink.malformed", str(error)) from None
    if len({lease.code for lease in leases.leases}) < len(leases.leases):
        raise QuartermasterError("downlink.malformed", "a lease is there twice")
    return leases
