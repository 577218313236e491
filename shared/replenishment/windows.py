"""When what customers wait for can ship: first come of what comes first. Pure.

Claims stand in the order in which they are served (``shared.policy.serving``), supplies in that in
which they are sure to be there. Each claim takes what is left of the first supplies that may
serve it: those of its site, or of any where it named none, and only goods that keep long enough.
It ships when the last of what it takes is there: from the moment by which that is there with 10 %
to the one by which it is with 90 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from shared.units import Micros

EARLY: Final = 0.1
LATE: Final = 0.9


class Supply(NamedTuple):
    """Goods to come; ``keeps_days`` is how long they keep once they are there, None for ever."""

    name: str
    site_id: int
    quantity: int
    early: Micros
    late: Micros
    keeps_days: int | None = None


class Want(NamedTuple):
    """What is still to be found for somebody; ``site_id`` None where any site may ship."""

    name: str
    quantity: int
    site_id: int | None = None
    keeps_days: int = 0


class Window(NamedTuple):
    """From when until when it ships, and what of which supply it takes."""

    early: Micros
    late: Micros
    takes: tuple[tuple[str, int], ...]
    site_id: int


def windows(wants: Sequence[Want], supplies: Sequence[Supply]) -> dict[str, Window | None]:
    """The window of each want, in this order; None where nothing is in sight for all of it."""
    ordered = sorted(supplies, key=lambda each: (each.late, each.early, each.name))
    left = [each.quantity for each in ordered]
    found: dict[str, Window | None] = {}
    for want in wants:
        missing, takes = want.quantity, list[tuple[Supply, int]]()
        for at, supply in enumerate(ordered):
            if missing and left[at] and _may_serve(supply, want):
                units = min(missing, left[at])
                left[at] -= units
                missing -= units
                takes.append((supply, units))
        found[want.name] = None if missing or not takes else _window(takes)
    return found


def _may_serve(supply: Supply, want: Want) -> bool:
    keeps = supply.keeps_days is None or supply.keeps_days >= want.keeps_days
    return keeps and want.site_id in {None, supply.site_id}


def _window(takes: Sequence[tuple[Supply, int]]) -> Window:
    return Window(
        max(supply.early for supply, _ in takes),
        max(supply.late for supply, _ in takes),
        tuple((supply.name, units) for supply, units in takes),
        max(takes, key=lambda each: each[0].late)[0].site_id,
    )
