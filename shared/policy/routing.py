"""Where a pallet goes: its own place, or, where that is blocked, full or congested, another one.

The same rule routes to docks and to storage. A place without a capacity is never full.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from shared.events import Count, Data, Name, Signed
from shared.policy.decision import Code, Outcome, Recorded, narrowing, units
from shared.policy.rules import Policy

MAX_PLACES: Final = 10
_NEVER_FULL: Final = 10**9


class Place(Data, frozen=True):
    """A place that could take the goods.

    ``holds`` is everything there, ``coming`` what has been sent there and not arrived, ``alike``
    how many base units of the same item are there. ``capacity`` 0: nobody said.
    """

    location: Name
    zone: Code
    holds: Signed
    coming: Count
    capacity: Count
    alike: Count = 0
    blocked: bool = False

    def filled(self) -> int:
        """How full it is, in thousandths of its capacity; 0 where nobody said how much it takes."""
        return self._load() * 1000 // self.capacity if self.capacity else 0

    def room(self) -> int:
        """How many base units it still takes."""
        return self.capacity - self._load() if self.capacity else _NEVER_FULL

    def congested(self, policy: Policy) -> bool:
        """Whether it is so full that another place is better."""
        return self.capacity > 0 and self._load() * 100 >= policy.congested_percent * self.capacity

    def _load(self) -> int:
        return max(self.holds, 0) + self.coming


class Routing(Recorded, frozen=True):
    """Goods that need a place. ``own`` is the one that was meant for them, if any."""

    subject: Name
    quantity: Count
    own: Code
    places: Annotated[list[Place], Meta(max_length=MAX_PLACES)]


def route_to_dock(policy: Policy, given: Routing) -> Outcome:
    """Which dock takes an arriving pallet."""
    return _routed(policy, given, "dock")


def route_to_storage(policy: Policy, given: Routing) -> Outcome:
    """Which location goods are put away to; where the same item lies is preferred."""
    return _routed(policy, given, "place")


def _routed(policy: Policy, given: Routing, noun: str) -> Outcome:
    own = next((place for place in given.places if place.location == given.own), None)
    fitting = [
        place for place in given.places if not place.blocked and place.room() >= given.quantity
    ]
    reasons = _about_own(policy, given, own, noun)
    if narrowed := narrowing(policy, given.away_minutes):
        reasons.append(f"{narrowed[:-1]}; a pallet at the door cannot wait.")
    if not fitting:
        reasons.append(f"None of {len(given.places)} {noun}s has room for {units(given.quantity)}.")
        waits = f"no {noun} takes {given.subject}: wait"
        return Outcome(waits, 0, tuple(reasons), _emptiest(given), acts=False)
    zone = own.zone if own is not None else ""
    ranked = sorted(
        fitting,
        key=lambda place: (
            place.congested(policy),
            place.location != given.own,
            -place.alike if noun == "place" else 0,
            bool(zone) and place.zone != zone,
            place.filled(),
            place.location,
        ),
    )
    chosen = ranked[0]
    reasons.append(_about(chosen, given))
    others = tuple(f"{place.location}, {_fill(place)}" for place in ranked[1:4])
    return Outcome(
        f"send {given.subject} to {chosen.location}"
        + (f" instead of {given.own}" if given.own and chosen.location != given.own else ""),
        given.quantity,
        tuple(reasons),
        others,
        place=chosen.location,
    )


def _about_own(policy: Policy, given: Routing, own: Place | None, noun: str) -> list[str]:
    if own is None:
        return [f"Its own {noun}, {given.own}, is not in use."] if given.own else []
    if own.blocked:
        return [f"Its own {noun}, {own.location}, is blocked."]
    if own.room() < given.quantity:
        return [
            (
                f"Its own {noun}, {own.location}, has room for {max(own.room(), 0)}, "
                f"not for {units(given.quantity)}."
            )
        ]
    if own.congested(policy):
        return [
            (
                f"Its own {noun}, {own.location}, is {own.filled() // 10} % full; "
                f"congested is {policy.congested_percent} %."
            )
        ]
    return []


def _about(place: Place, given: Routing) -> str:
    alike = f", {place.alike} of them of the same item" if place.alike else ""
    if not place.capacity:
        return (
            f"{place.location} holds {max(place.holds, 0)}{alike}, {place.coming} are on the way; "
            f"it takes {units(given.quantity)} more."
        )
    return (
        f"{place.location} holds {max(place.holds, 0)} of {place.capacity}{alike}, {place.coming} "
        f"are on the way: it has room for {place.room()}, {given.quantity} are coming."
    )


def _fill(place: Place) -> str:
    return f"{place.filled() // 10} % full" if place.capacity else "of unknown capacity"


def _emptiest(given: Routing) -> tuple[str, ...]:
    """Where there is some room, for a part of it."""
    some = [place for place in given.places if not place.blocked and place.room() > 0]
    some.sort(key=lambda place: (-place.room(), place.location))
    return tuple(f"{units(place.room())} to {place.location}" for place in some[:2])
