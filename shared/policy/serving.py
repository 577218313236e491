"""Who is served first when there is not enough for all. Pure.

In this order, each only where all before it are equal:

1. who has paid before who has not: that money is owed goods;
2. the order's own priority, as its source names it (1 first; 0, none, last);
3. the customer's segment, as the house ranks its segments;
4. the margin of a unit, the larger first; an unknown one counts as none;
5. who paid earlier, who ordered earlier;
6. the order's name, so that two runs never differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from shared.units import Micros

_UNRANKED: Final = 2**31


class Claim(NamedTuple):
    """A customer's claim to so many units; ``margin`` of one in minor units, None where unknown."""

    name: str
    quantity: int
    placed_at: Micros
    paid_at: Micros | None = None
    priority: int = 0
    segment: str = ""
    margin: int | None = None


def in_order(claims: Iterable[Claim], segments: Sequence[str] = ()) -> list[Claim]:
    """Claims as they are served; ``segments`` by rank, those that it does not name come last."""
    rank = {segment: number for number, segment in enumerate(segments)}

    def key(claim: Claim) -> tuple[bool, int, int, int, int, int, str]:
        return (
            claim.paid_at is None,
            claim.priority or _UNRANKED,
            rank.get(claim.segment, len(rank)),
            -(claim.margin or 0),
            claim.paid_at if claim.paid_at is not None else claim.placed_at,
            claim.placed_at,
            claim.name,
        )

    return sorted(claims, key=key)
