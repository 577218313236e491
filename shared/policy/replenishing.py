"""Pick faces are filled from reserve: at the minimum, up to the maximum, the first to expire first.

What has expired stays in reserve. Is there less than is missing, what there is comes. A camera
that sees a face low or empty counts more than a record that says otherwise: people take without
scanning.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from shared.events import Count, Data, Name, Signed
from shared.policy.decision import (
    LONG_AGO,
    Code,
    Day,
    Lot,
    Outcome,
    Part,
    Recorded,
    narrowing,
    nothing,
    units,
)
from shared.policy.rules import Policy

MAX_RESERVES: Final = 16
_NAMED: Final = 3


class Reserve(Data, frozen=True):
    """So many base units of one lot at one reserve location."""

    location: Code
    quantity: Count
    lot: Lot = ""
    expiry: Day = ""


class Replenishment(Recorded, frozen=True):
    """A pick face, what is there, what is on the way, and what reserve holds.

    ``room`` is how many base units the face still takes, None where nobody said. ``unlisted`` are
    units in reserve positions that are not listed: they expire later than those that are. ``seen``
    is what a camera saw there since the face was last filled, ``seen_by`` which camera and slot.
    """

    sku: Name
    face: Name
    minimum: Count
    maximum: Count
    on_face: Signed
    coming: Count
    today: Day
    reserves: Annotated[list[Reserve], Meta(max_length=MAX_RESERVES)]
    unlisted: Count = 0
    room: Count | None = None
    seen: Literal["", "low", "empty"] = ""
    seen_by: Annotated[str, Meta(max_length=129)] = ""


def replenish(policy: Policy, given: Replenishment) -> Outcome:
    """How much of which lots to bring to a pick face."""
    on_face = _believed(given)
    there = on_face + given.coming
    level = f"{given.face} holds {given.on_face} of {given.sku}, {given.coming} are on the way"
    if there > given.minimum:
        return nothing(f"{level}: above its minimum of {given.minimum}.")
    narrowed = narrowing(policy, given.away_minutes)
    target = min(max(given.minimum, 1), given.maximum) if narrowed else given.maximum
    if narrowed and 0 < there < target:
        waits = f"left to a person: {given.face} still holds some of {given.sku}"
        reasons = [narrowed, *_seen(given), f"{level}; its minimum is {given.minimum}."]
        return Outcome(waits, 0, tuple(reasons), acts=False)
    missing = target - there
    if given.room is not None:
        missing = min(missing, given.room + max(given.on_face, 0) - on_face)
    if missing <= 0:
        return nothing(f"{level}: there is no room for more, of {given.maximum} at most.")
    parts, late = _chosen(given, missing)
    quantity = sum(part.quantity for part in parts)
    low = f"at or below its minimum of {given.minimum}"
    if given.seen:
        low = f"its minimum is {given.minimum}"
    reasons = [*_seen(given), f"{level}: {low}; {units(missing)} are missing up to {target}."]
    if narrowed:
        reasons.insert(0, narrowed)
    if late:
        reasons.append(f"{units(late)} in reserve expired before {given.today} and stay there.")
    if not quantity:
        reasons.append(f"Reserve has none of {given.sku} that may be used.")
        return Outcome(
            f"nothing to bring to {given.face}: reserve has no {given.sku}",
            0,
            tuple(reasons),
            ("receive or order more",),
            acts=False,
        )
    reasons.append(_first(given, parts[0], quantity, missing))
    return Outcome(
        f"bring {units(quantity)} of {given.sku} to {given.face}: {_from(parts)}",
        quantity,
        tuple(reasons),
        _others(given, quantity),
        place=given.face,
        parts=tuple(parts),
    )


def _believed(given: Replenishment) -> int:
    """What is on the face: the record, or less where a camera sees less."""
    on_record = max(given.on_face, 0)
    if given.seen == "empty":
        return 0
    return min(on_record, given.minimum) if given.seen == "low" else on_record


def _seen(given: Replenishment) -> list[str]:
    return [f"{given.seen_by} sees {given.face} {given.seen}."] if given.seen else []


def _chosen(given: Replenishment, missing: int) -> tuple[list[Part], int]:
    """What to take from where, and how much was left because it has expired."""
    parts: list[Part] = []
    late = 0
    for reserve in sorted(given.reserves, key=_by_expiry):
        if reserve.expiry and reserve.expiry < given.today:
            late += reserve.quantity
            continue
        taken = min(reserve.quantity, missing)
        if taken <= 0:
            continue
        parts.append(Part(reserve.location, reserve.lot, taken))
        missing -= taken
    return parts, late


def _by_expiry(reserve: Reserve) -> tuple[str, str, str]:
    return reserve.expiry or LONG_AGO, reserve.lot, reserve.location


def _from(parts: list[Part]) -> str:
    named = [
        f"{part.quantity} from {part.source}" + (f" (lot {part.lot})" if part.lot else "")
        for part in parts[:_NAMED]
    ]
    if more := parts[_NAMED:]:
        named.append(f"{sum(part.quantity for part in more)} from {len(more)} more")
    return ", ".join(named)


def _first(given: Replenishment, part: Part, quantity: int, missing: int) -> str:
    expiry = next(
        reserve.expiry
        for reserve in given.reserves
        if (reserve.location, reserve.lot) == (part.source, part.lot)
    )
    lot = f"lot {part.lot}" if part.lot else "what has no lot"
    order = f"it expires on {expiry}" if expiry else "no date is known of it"
    enough = "" if quantity == missing else f"; reserve has {quantity} of the {missing} missing"
    return f"First comes {lot} at {part.source}: {order}{enough}."


def _others(given: Replenishment, quantity: int) -> tuple[str, ...]:
    others = [f"wait until {given.face} is empty"]
    if given.seen and given.on_face > given.minimum:
        others.append(f"count {given.face} first: what is seen there differs from the record")
    least = given.minimum - _believed(given) - given.coming
    if 0 < least < quantity:
        others.append(f"bring only {units(least)}, up to the minimum of {given.minimum}")
    if given.unlisted:
        others.append(f"take of {units(given.unlisted)} in other positions, which expire later")
    return tuple(others)
