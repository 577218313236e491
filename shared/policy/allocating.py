"""Stock is promised to an order within quota leases, and never beyond what is there.

All of it or nothing: half a promise helps nobody at a counter. Leases that end first are used
first.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from shared.events import Count, Data, Name, Signed, Whole
from shared.policy.decision import Code, Outcome, Part, Recorded, narrowing, units
from shared.policy.rules import Policy

MAX_HELD: Final = 16


class Held(Data, frozen=True):
    """What is left of a lease that this gateway may use, until ``not_after`` (µs)."""

    lease: Name
    left: Count
    not_after: Whole


class Allocation(Recorded, frozen=True):
    """An order asks for goods; ``free`` is what is available here and not yet promised.

    ``now`` is the gateway's clock, which never falls below what has certainly passed.
    """

    sku: Name
    quantity: Count
    document: Name
    channel: Code
    free: Signed
    now: Whole
    leases: Annotated[list[Held], Meta(max_length=MAX_HELD)]


def may_promise(given: Allocation) -> int:
    """How much could be promised now: within the leases in force, and within what is there."""
    leased = sum(held.left for held in given.leases if held.not_after >= given.now)
    return max(min(leased, given.free), 0)


def allocate(policy: Policy, given: Allocation) -> Outcome:
    """Whether an order gets what it asks for, and out of which leases."""
    usable = [held for held in given.leases if held.not_after >= given.now and held.left]
    leased = sum(held.left for held in usable)
    most = may_promise(given)
    reasons = [
        (
            f"{given.document} asks for {units(given.quantity)} of {given.sku}; {len(usable)} "
            f"leases leave {leased}, and {max(given.free, 0)} are here and not promised."
        )
    ]
    if ended := len(given.leases) - len(usable):
        reasons.append(f"{ended} leases have ended or are used up.")
    if narrowed := narrowing(policy, given.away_minutes):
        reasons.append(f"{narrowed[:-1]}; a promise within a lease cannot wait.")
    if not 0 < given.quantity <= most:
        return Outcome(
            f"refused: {given.quantity} of {given.sku} for {given.document}; {most} can be had",
            0,
            tuple(reasons),
            (f"promise {units(most)} and ask for the rest",) if most else (),
            acts=False,
        )
    parts: list[Part] = []
    missing = given.quantity
    for held in sorted(usable, key=lambda each: (each.not_after, each.lease)):
        taken = min(held.left, missing)
        if taken:
            parts.append(Part(held.lease, "", taken))
            missing -= taken
    return Outcome(
        f"promised: {given.quantity} of {given.sku} to {given.document}",
        given.quantity,
        tuple(reasons),
        ("refuse it and keep the goods for others",),
        parts=tuple(parts),
    )
