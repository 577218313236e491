"""What a logistic unit holds, as a fold of what is known of it. Pure.

What the floor saw stands before what was announced: a notice of a pallet counts until somebody
packs it or receives it here. A receipt states what the pallet holds of an item, so that an earlier
one is replaced, not added to; packing and unpacking add and take.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

What = Literal["announced", "packed", "unpacked", "received", "moved", "shipped", "taken-back"]


class UnitFact(NamedTuple):
    """One thing that is known of a unit; ``sku`` or ``inside`` (another unit) or neither."""

    number: int
    sscc: str
    what: What
    takes_back: int | None
    inside: str
    sku: str
    lot: str
    serial: str
    quantity: int
    site: str
    site_id: int
    location: str
    event_id: str | None
    occurred_at: int
    received_at: int


class Content(NamedTuple):
    """So much of an item, or another unit, lies in a unit."""

    inside: str
    sku: str
    lot: str
    serial: str
    quantity: int


class Unit(NamedTuple):
    """A unit at a moment: where it was last seen, and what it holds."""

    sscc: str
    site: str
    location: str
    has_left: bool
    is_announced_only: bool
    seen_at: int
    contents: tuple[Content, ...]


def counting(
    facts: Iterable[UnitFact], true_at: int | None = None, known_at: int | None = None
) -> list[UnitFact]:
    """The facts that count at a moment, in the order in which they were true."""
    told = [
        fact
        for fact in facts
        if (true_at is None or fact.occurred_at <= true_at)
        and (known_at is None or fact.received_at <= known_at)
    ]
    undone = {fact.takes_back for fact in told if fact.takes_back is not None}
    return sorted(
        (fact for fact in told if fact.takes_back is None and fact.number not in undone),
        key=lambda fact: (fact.occurred_at, fact.number),
    )


def unit_of(sscc: str, facts: Sequence[UnitFact]) -> Unit | None:
    """A unit as the facts that count tell it; None where none does."""
    if not facts:
        return None
    of_floor = [fact for fact in facts if fact.what != "announced"]
    has_content = any(fact.what in {"packed", "received"} for fact in of_floor)
    sums: dict[tuple[str, str, str, str], int] = {}
    for fact in of_floor if has_content else facts:
        key = (fact.inside, fact.sku, fact.lot, fact.serial)
        match fact.what:
            case "announced" | "packed":
                sums[key] = sums.get(key, 0) + fact.quantity
            case "unpacked":
                sums[key] = sums.get(key, 0) - fact.quantity
            case "received":
                sums[key] = fact.quantity
            case "moved" | "shipped" | "taken-back":
                pass
    seen = (of_floor or list(facts))[-1]
    return Unit(
        sscc,
        seen.site,
        seen.location,
        seen.what == "shipped",
        not of_floor,
        seen.occurred_at,
        tuple(Content(*key, quantity) for key, quantity in sorted(sums.items()) if quantity > 0),
    )
