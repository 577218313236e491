"""Records of the ledger, and the fold that balances are. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from shared.errors import QuartermasterError
from shared.events import Event


class Entry(NamedTuple):
    """Stock events of one gateway, as they are posted."""

    gateway_id: int
    site_id: int
    epoch: int
    events: list[Event]


class Unposted(NamedTuple):
    """An event that could not be posted: the index of its entry, its sequence number, and why."""

    entry: int
    seq: int
    error: QuartermasterError


Position = tuple[int, int, int, str, str, int]
"""site_id, item_id, location_id, lot, serial, state: the balance's key, and its lock order."""


class CountCheck(NamedTuple):
    """A count whose ``expected`` is to be compared with the fold below it."""

    gateway_id: int
    epoch: int
    seq: int
    position: Position
    expected: int


class Mismatch(NamedTuple):
    """A count where gateway and cloud disagreed before anybody counted."""

    gateway: str
    site_id: int
    epoch: int
    seq: int
    sku: str
    location: str
    lot: str
    serial: str
    expected: int
    folded: int


STOCK_KEY: Final = (int, int, int, str, str, int)
"""The types of a stock row's ``key``."""
MOVEMENT_KEY: Final = (int, int, int, int, int)
"""The types of a movement row's ``key``."""


class StockRow(NamedTuple):
    """A balance; ``key`` continues a listing after it."""

    site: str
    sku: str
    name: str
    location: str
    lot: str
    serial: str
    state: int
    quantity: int
    updated_at: int | None
    key: tuple[int | str, ...]


class SummaryRow(NamedTuple):
    """What a site has of an item. On hand is all but what is in transit towards it."""

    site: str
    sku: str
    name: str
    on_hand: int
    available: int
    allocated: int
    quarantined: int
    damaged: int
    in_transit: int
    site_id: int
    item_id: int

    @property
    def key(self) -> tuple[int, int]:
        """Continues a listing after it."""
        return (self.site_id, self.item_id)


class Said(NamedTuple):
    """Which posting a movement belongs to that no gateway states, and who said so."""

    posting_id: int
    source: str
    what: str
    reference: str
    feed: str
    delivery_id: int | None
    person: str
    reason: str


class MovementRow(NamedTuple):
    """A movement; a ``reversal`` takes one back. ``key`` continues a listing after it.

    ``gateway`` is None where none states it: then ``said`` tells who does.
    """

    site: str
    sku: str
    location: str
    lot: str
    serial: str
    state: int
    quantity: int
    kind: int
    gateway: str | None
    epoch: int
    seq: int
    event_id: str
    device: str
    occurred_at: int
    received_at: int
    reversal: bool
    key: tuple[int | str, ...]
    said: Said | None = None


class Moved(NamedTuple):
    """By how much one position of an item changed."""

    sku: str
    location: str
    state: int
    lot: str
    serial: str
    quantity: int


class Drift(NamedTuple):
    """A position whose balance is not the fold of its movements. There must be none."""

    position: Position
    balance: int
    folded: int


class NamedDrift(NamedTuple):
    """A :class:`Drift`, as a person knows the position."""

    site: str
    sku: str
    location: str
    lot: str
    serial: str
    state: int
    balance: int
    folded: int


def fold(movements: Iterable[tuple[Position, int]]) -> dict[Position, int]:
    """Sum movements per position."""
    sums: dict[Position, int] = {}
    for position, quantity in movements:
        sums[position] = sums.get(position, 0) + quantity
    return sums
