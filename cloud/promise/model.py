"""What is available to promise, with the numbers that it comes from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.replenishment import Outlook, Standing
from shared.units import DAY, HOUR, SECOND, Micros

SILENT_AFTER: Final = Micros(120 * SECOND)
"""A gateway's heartbeat is an event each minute: after two, what it says now is the past."""
RECENT: Final = 14
"""Days whose demand says how fast an item goes."""
LONGEST_HOURS: Final = 336


class Place(NamedTuple):
    """A site, and when the gateway that was silent longest last said something."""

    site_id: int
    code: str
    region: str
    timezone: str
    heard_at: Micros | None

    def silent_for(self, now: Micros) -> Micros:
        """How long nothing was heard of it; 0 while it speaks, or has nobody to speak."""
        if self.heard_at is None or now - self.heard_at <= SILENT_AFTER:
            return Micros(0)
        return Micros(now - self.heard_at)


class Receipt(NamedTuple):
    """Goods to come to a site: from which order, how much, and by when they are there."""

    order: str
    line: str
    shipment: str
    supplier: str
    site_id: int
    item_id: int
    sku: str
    quantity: int
    chances: tuple[float, ...]
    half_at: Micros
    sure_at: Micros


class Stock(NamedTuple):
    """One item at one site: where it stands, what comes, what follows from both."""

    sku: str
    standing: Standing
    receipts: tuple[Receipt, ...]
    outlook: Outlook


class SiteAnswer(NamedTuple):
    """One site's answer; ``parts`` are the components where the item is a kit."""

    place: Place
    silent: Micros
    stock: Stock
    parts: tuple[tuple[Stock, int], ...]
    outlook: Outlook


class Answer(NamedTuple):
    """What may be promised of an item, by site and together, at each moment asked for.

    ``unassigned`` is what customers wait for without having asked for a site: it is taken off the
    sum, not off a site.
    """

    sku: str
    kit: bool
    at: Micros
    moments: tuple[Micros, ...]
    sites: tuple[SiteAnswer, ...]
    unassigned: int
    outlook: Outlook


def hours(now: Micros, count: int) -> tuple[Micros, ...]:
    """Now, and each hour from now on."""
    return tuple(Micros(now + number * HOUR) for number in range(count + 1))


def days_of(found: Mapping[int, int], span: int = RECENT) -> list[int]:
    """What was demanded on each of the last days, those without any included."""
    return [max(found.get(day, 0), 0) for day in range(span)]


def recent_since(heard_at: Micros, span: int = RECENT) -> Micros:
    """From when on demand counts as recent, for a site that was last heard then."""
    return Micros(heard_at - span * DAY)
