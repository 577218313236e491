"""Quota leases: how much of an item a site may promise while it cannot ask.

The cloud grants, signs and dates them; the site commits within them, connected or not, and returns
what it did not need. What is leased is not promised by anybody else: the sum of leases and
commitments never exceeds stock, whoever is cut off.
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
    """So many base units of an item, for one site (and channel), until ``not_after`` (µs)."""

    code: Name
    sku: Name
    quantity: Count
    granted_at: Whole
    not_after: Whole
    channel: Annotated[str, Meta(max_length=64)] = ""


class Leases(Data, frozen=True):
    """All leases of one site that are in force. One that is left out has ended."""

    site: Name
    leases: Annotated[list[Lease], Meta(max_length=MAX_LEASES)]


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
