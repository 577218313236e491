"""What is posted beside gateways' events, and how a stock report becomes adjustments. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Final, Literal, NamedTuple

from shared.events import KIND_OF, EventData, Kind, StockState
from shared.movements import Movement, Position, movements_of
from shared.units import Micros

UNPLACED: Final = "(unplaced)"
"""Where stock lies of which nobody says where within its site. No location can be called so."""
UNDER_WAY: Final = "(under way)"
"""Where what is in transit towards a site stands."""
MAX_LEGS: Final = 30_000
"""Of one posting; a leg's number is a smallint."""
MOST: Final = 2_000_000_000
"""Base units in one movement."""


class Cause(IntEnum):
    """What moves stock in the cloud alone, beside the kinds of gateways' events."""

    DISPATCHED = 101
    """Goods are under way to a site."""
    ARRIVED = 102
    """They are not under way any more: the site has them."""
    WRITTEN_OFF = 103
    """They will not arrive."""


def cause_name(kind: int) -> str:
    """What moved stock, as people read it."""
    return Cause(kind).name if kind > max(Kind) else Kind(kind).name


class Source(NamedTuple):
    """Who said it: the feed's delivery and document, or the person."""

    kind: Literal["document", "person", "transit"]
    what: str
    reference: str
    reason: str
    feed: str = ""
    delivery_id: int | None = None
    position: int | None = None
    person: str = ""


class Fact(NamedTuple):
    """One event of a posting: what it moved, where, and when that was true.

    The two ends of a transfer are facts of one ``event``, by a number of the posting's own.
    """

    site_id: int
    kind: int
    moves: tuple[Movement, ...]
    occurred_at: Micros
    event: int | None = None


class Posted(NamedTuple):
    """A posting, and whether it is new: the same said again moves nothing."""

    posting_id: int
    new: bool


class Posting(NamedTuple):
    """A posting as it is kept; ``reverses`` is the one that it takes back."""

    posting_id: int
    key: str
    source: str
    what: str
    site: str
    site_id: int
    reference: str
    feed: str
    delivery_id: int | None
    position: int | None
    person: str
    reason: str
    reverses: int | None
    reversed_by: int | None
    movements: int
    occurred_at: int
    posted_at: int


def fact(site_id: int, data: EventData, occurred_at: int) -> Fact:
    """An event as gateways state it, folded as theirs are."""
    return Fact(site_id, int(KIND_OF[type(data)]), movements_of(data), Micros(occurred_at))


class Stated(NamedTuple):
    """One line of a stock report; empty texts where it does not say."""

    sku: str
    state: int
    quantity: int
    location: str = ""
    lot: str = ""
    serial: str = ""


class Change(NamedTuple):
    """What must be added at a position so that the ledger has what was reported."""

    position: Position
    quantity: int


def reconcile(
    lines: Iterable[Stated], held: Mapping[Position, int], *, silent_is_zero: bool
) -> list[Change]:
    """The adjustments that make ``held`` what a report says.

    Of an item whose lines name no location, lot or serial, a line is the sum over all positions of
    its state: more of it comes to no place in particular, less is taken from there first, then in
    the order of positions. Of any other item each line is one position. What the report does not
    name is zero with ``silent_is_zero``, and otherwise left alone. Goods in transit are no stock
    on hand: no report speaks of them.
    """
    stated: defaultdict[str, list[Stated]] = defaultdict(list)
    for line in lines:
        stated[line.sku].append(line)
    here: defaultdict[str, dict[Position, int]] = defaultdict(dict)
    for position, quantity in held.items():
        if position.state != StockState.IN_TRANSIT:
            here[position.sku][position] = quantity
    changes: list[Change] = []
    for sku in sorted({*stated, *(here if silent_is_zero else ())}):
        changes += _of_item(
            sku, stated.get(sku, []), here.get(sku, {}), silent_is_zero=silent_is_zero
        )
    return changes


def taken(
    sku: str, quantity: int, lot: str, serial: str, held: Mapping[Position, int]
) -> list[tuple[Position, int]]:
    """Where goods are taken from when somebody says which, but not where they stood.

    The lot that is named, or what bears none; then what else of the item is available, in the
    order of positions. What is not there at all is taken from no place in particular, below zero:
    whoever says that it left has seen more than the ledger.
    """
    state = int(StockState.AVAILABLE)
    plain = Position(sku, UNPLACED, lot, serial, state)
    mine = sorted(
        (p for p, q in held.items() if p.sku == sku and p.state == state and q > 0),
        key=lambda p: ((p.lot, p.serial) != (lot, serial), p != plain, p),
    )
    if lot or serial:
        mine = [p for p in mine if (p.lot, p.serial) == (lot, serial)]
    parts: list[tuple[Position, int]] = []
    for position in mine:
        part = min(quantity, held[position])
        if part:
            parts.append((position, part))
            quantity -= part
    if quantity:
        rest = next((n for n, (p, _) in enumerate(parts) if p == plain), None)
        if rest is None:
            parts.append((plain, quantity))
        else:
            parts[rest] = (plain, parts[rest][1] + quantity)
    return parts


def _of_item(
    sku: str, lines: Sequence[Stated], held: Mapping[Position, int], *, silent_is_zero: bool
) -> list[Change]:
    wanted: defaultdict[Position, int] = defaultdict(int)
    exact = any(line.location or line.lot or line.serial for line in lines)
    for line in lines:
        place = line.location or UNPLACED
        wanted[Position(sku, place, line.lot, line.serial, line.state)] += line.quantity
    silent = sorted(held) if silent_is_zero else []
    if exact:
        return [
            Change(position, difference)
            for position in sorted({*wanted, *silent})
            if (difference := wanted.get(position, 0) - held.get(position, 0))
        ]
    states = {position.state for position in [*wanted, *silent]}
    changes: list[Change] = []
    for state in sorted(states):
        plain = Position(sku, UNPLACED, "", "", state)
        difference = wanted.get(plain, 0) - sum(
            quantity for position, quantity in held.items() if position.state == state
        )
        changes += _spread(plain, difference, held)
    return changes


def _spread(plain: Position, difference: int, held: Mapping[Position, int]) -> list[Change]:
    """More comes to no place in particular; less is taken from there, then in order."""
    if difference >= 0:
        return [Change(plain, difference)] if difference else []
    changes: list[Change] = []
    others = sorted(p for p in held if p.state == plain.state and p != plain)
    for position in [plain, *others]:
        # All that is positive together is at least what is to go: nothing stays to be taken.
        taken = min(max(held.get(position, 0), 0), -difference)
        if taken:
            changes.append(Change(position, -taken))
            difference += taken
    return changes
