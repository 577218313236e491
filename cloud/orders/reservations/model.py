"""Reservations: asked for once, held until confirmed or over. Pure.

Which stock a reservation is made of is decided here: all of it at one site where one has enough
(the one with the most that is free, so that none runs dry), else at as few as possible. What is put
together of components lies at one site whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from shared.units import DAY, SECOND, Micros

Status = Literal["pending", "confirmed", "released", "expired"]

LONGEST: Final = Micros(30 * DAY)
SHORTEST: Final = SECOND
MAX_SITES: Final = 8
"""Sites that one reservation may lie at; the stock of more is not locked for one buyer."""

Key = tuple[int, int]
"""site_id and item_id."""


class Ask(NamedTuple):
    """A wish to reserve; ``asked_by`` and ``key`` together are asked once.

    ``site`` or ``region`` says where; with neither, anywhere. ``sites`` are the keys of the sites
    that the asker may touch, None all.
    """

    asked_by: str
    key: str
    sku: str
    quantity: int
    site: str
    region: str
    channel: str
    document: str
    lifetime: Micros
    sites: frozenset[int] | None = None

    def text(self) -> str:
        """All that is asked for: the same key with another text is a mistake of the asker."""
        return "\n".join(
            (
                self.sku,
                str(self.quantity),
                self.site,
                self.region,
                self.channel,
                self.document,
                str(self.lifetime),
            )
        )


class PartRow(NamedTuple):
    """What is held of one item at one site; ``free_before`` was free there when it was reserved."""

    site: str
    sku: str
    quantity: int
    fulfilled: int
    free_before: int


class Reservation(NamedTuple):
    """A reservation as it stands; times in microseconds."""

    reservation_id: int
    code: str
    sku: str
    quantity: int
    channel: str
    document: str
    status: Status
    reserved_at: Micros
    expires_at: Micros
    changed_at: Micros
    site_ids: frozenset[int]
    parts: tuple[PartRow, ...]

    def at(self, now: Micros) -> Reservation:
        """As it is at a moment: what is pending is over when its time has come."""
        over = self.status == "pending" and self.expires_at <= now
        return self._replace(status="expired") if over else self

    def seen_by(self, sites: frozenset[int] | None) -> bool:
        """Whether all of it lies at these sites."""
        return sites is None or self.site_ids <= sites


class Portion(NamedTuple):
    """So much of an item at a site."""

    site_id: int
    item_id: int
    quantity: int


def apportion(
    free: Mapping[Key, int], sites: Sequence[int], needs: Sequence[tuple[int, int]]
) -> list[Portion]:
    """Where to take (item_id, quantity) from; nothing where it cannot be had whole.

    Several needs are components of one thing: they lie at one site.
    """
    for site_id in sorted(sites, key=lambda site: (-_least(free, site, needs), site)):
        if all(free.get((site_id, item_id), 0) >= quantity for item_id, quantity in needs):
            return [Portion(site_id, item_id, quantity) for item_id, quantity in needs]
    if len(needs) != 1:
        return []
    ((item_id, quantity),) = needs
    found: list[Portion] = []
    for site_id in sorted(sites, key=lambda site: (-free.get((site, item_id), 0), site)):
        taken = min(quantity, free.get((site_id, item_id), 0))
        if taken > 0:
            found.append(Portion(site_id, item_id, taken))
            quantity -= taken
    return found if quantity == 0 else []


def _least(free: Mapping[Key, int], site_id: int, needs: Sequence[tuple[int, int]]) -> int:
    return min(free.get((site_id, item_id), 0) for item_id, _ in needs)
