"""Which documents speak of one customer's order, and what order they make together. Pure.

Nothing here depends on the order of arrival: an order is a function of the *set* of what its feeds
said last. What one feed says again of one number replaces what it said before, by its version.

One order are all documents that share a number (one of one numbering and scope), transitively; a
number that a person has cut joins nothing. Which source is believed where several say something is
told by who gave the source's own number, its first reference:

* what was ordered: the channel, then the customer, then we, then the supplier;
* then those that speak of a part only and cannot deny the rest: the warehouse, the invoice;
* what left or came back: the warehouse, the shipper, the carrier, then we, then the channel.

A field that the better source leaves empty is taken from the next. What was believed of quantities,
prices, items and cancellation is compared with what the others say: each difference is kept with
both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec

from cloud.feeds.documents import (
    CustomerReturn,
    Fulfilment,
    Line,
    Numbering,
    OrderStatus,
    Reference,
    SalesOrder,
)

Spoken: TypeAlias = SalesOrder | Fulfilment | CustomerReturn
Number: TypeAlias = tuple[str, str, str]
"""Numbering, scope, number."""
Status = Literal["awaited", "open", "part-shipped", "shipped", "cancelled"]
"""Awaited: goods left or came back for an order that no feed has told of yet."""
Kind = Literal[
    "quantity",
    "price",
    "currency",
    "item",
    "status",
    "shipped",
    "cancelled-shipped",
    "over-shipped",
]

ORDERED: Final = (
    Numbering.CHANNEL,
    Numbering.CUSTOMER,
    Numbering.OURS,
    Numbering.SUPPLIER,
    Numbering.WAREHOUSE,
    Numbering.INVOICE,
    Numbering.SHIPMENT,
    Numbering.TRACKING,
)
"""Whose word on what was ordered counts first."""
PARTIAL: Final = frozenset(
    {Numbering.WAREHOUSE, Numbering.INVOICE, Numbering.SHIPMENT, Numbering.TRACKING}
)
"""Those who speak of a part of an order."""
MOVED: Final = (
    Numbering.WAREHOUSE,
    Numbering.SHIPMENT,
    Numbering.TRACKING,
    Numbering.OURS,
    Numbering.CUSTOMER,
    Numbering.CHANNEL,
    Numbering.SUPPLIER,
    Numbering.INVOICE,
)
"""Whose word on what left or came back counts first."""


class Said(NamedTuple):
    """What one feed said; of a person it names the pseudonym only."""

    feed: str
    document: Spoken


class Term(NamedTuple):
    """An item as a feed names it."""

    feed: str
    sku: str
    gtin: str
    theirs: str
    unit: str

    def text(self) -> str:
        """As it is called where no item of ours is known by it."""
        named = (("sku", self.sku), ("gtin", self.gtin), ("theirs", self.theirs))
        said = " ".join(f"{what}:{name}" for what, name in named if name) or "nameless"
        return said if self.unit in {"", "EA"} else f"{said} unit:{self.unit}"


class Meaning(NamedTuple):
    """An item of ours, and how many base units one of the source's is."""

    item: str
    units: int


Names: TypeAlias = Callable[[Term], Meaning | None]
"""What a source's names mean; None where the catalog does not know."""


class Claim(NamedTuple):
    """One side of a difference."""

    feed: str
    says: str


class Difference(NamedTuple):
    """Two sources that do not agree; ``ours`` is the one that is believed."""

    kind: Kind
    item: str
    ours: Claim
    theirs: Claim

    def text(self) -> str:
        """In words."""
        about = f"{self.kind} of {self.item}" if self.item else self.kind
        mine, other = (f"{claim.feed} says {claim.says}" for claim in (self.ours, self.theirs))
        return f"{about}: {mine}, {other}"


class Moved(NamedTuple):
    """Goods that left, or came back: each unit once."""

    item: str
    site: str
    at: int
    quantity: int
    feed: str
    number: Number


class OrderLine(NamedTuple):
    """An item of an order; quantities are base units, ``amount`` is for all of ``quantity``."""

    item: str
    known: bool
    quantity: int
    cancelled: int
    shipped: int
    returned: int
    amount: int | None
    wanted: str
    keeps_days: int

    @property
    def open(self) -> int:
        """What is still to be shipped."""
        return max(0, self.quantity - self.cancelled - self.shipped)


class Order(NamedTuple):
    """One order as all that speak of it make it."""

    status: Status
    title: Number
    numbers: tuple[Number, ...]
    channel: str
    placed_at: int | None
    paid_at: int | None
    cancelled_at: int | None
    currency: str
    site: str
    segment: str
    priority: int
    promotion: str
    ship_from: str
    ship_by: str
    customer: str
    ship_to: str
    lines: tuple[OrderLine, ...]
    shipments: tuple[Moved, ...]
    returns: tuple[Moved, ...]
    differences: tuple[Difference, ...]


def number(reference: Reference) -> Number:
    """A reference as a key."""
    return (reference.numbering.value, reference.scope, reference.number)


def own(document: Spoken) -> Number:
    """The source's own number of its document: the first; of one without, when and for what."""
    if document.references:
        return number(document.references[0])
    if isinstance(document, SalesOrder):
        return ("", "", "")
    at = document.shipped_at if isinstance(document, Fulfilment) else document.at
    _, scope, first = number(document.order[0]) if document.order else ("", "", "")
    return ("", scope, f"{first} {at}")


def links(document: Spoken) -> tuple[Number, ...]:
    """The numbers by which a document belongs to an order."""
    named = document.references if isinstance(document, SalesOrder) else document.order
    return tuple(number(each) for each in named)


def rank(said: Said) -> tuple[int, int, bytes]:
    """Of what one feed says of one number the greatest counts."""
    document = said.document
    if isinstance(document, SalesOrder):
        ended = document.status is OrderStatus.CANCELLED
    else:
        ended = isinstance(document, Fulfilment) and document.cancelled
    return (document.version, int(ended), msgspec.json.encode(document))


def latest(said: Iterable[Said]) -> list[Said]:
    """What each feed said last of each of its numbers, in an order of its own."""
    found: dict[tuple[type, str, Number], Said] = {}
    for each in said:
        key = (type(each.document), each.feed, own(each.document))
        if key not in found or rank(each) > rank(found[key]):
            found[key] = each
    return [found[key] for key in sorted(found, key=lambda key: (key[0].__name__, *key[1:]))]


_Thing = TypeVar("_Thing")


def joined(
    things: Sequence[_Thing], keys: Callable[[_Thing], Iterable[Number]]
) -> list[list[_Thing]]:
    """Things that share a key, transitively; in the order of their first."""
    parent = list(range(len(things)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[Number, int] = {}
    for index, thing in enumerate(things):
        for key in keys(thing):
            low, high = sorted((root(index), root(first.setdefault(key, index))))
            parent[high] = low
    found: dict[int, list[_Thing]] = {}
    for index, thing in enumerate(things):
        found.setdefault(root(index), []).append(thing)
    return list(found.values())


def own_numbers(document: Spoken) -> frozenset[Number]:
    """The numbers of an order that its source gave itself: those of its first one's numbering."""
    if not isinstance(document, SalesOrder) or not document.references:
        return frozenset()
    first = document.references[0].numbering
    return frozenset(number(each) for each in document.references if each.numbering is first)


def ambiguous(said: Iterable[Said]) -> frozenset[Number]:
    """The numbers that several orders of one feed quote and nobody owns."""
    owned: set[Number] = set()
    quoting: dict[tuple[Number, str, str], set[Number]] = {}
    for each in said:
        if isinstance(each.document, SalesOrder):
            owned |= own_numbers(each.document)
            itself = own(each.document)
            for key in links(each.document):
                quoting.setdefault((key, each.feed, itself[0]), set()).add(itself)
    return frozenset(key for (key, *_), orders in quoting.items() if len(orders) > 1) - owned


def orders(said: Iterable[Said], cuts: frozenset[Number] = frozenset()) -> list[list[Said]]:
    """What was said last, by the order it belongs to; ``cuts`` are numbers that join nothing."""
    counting = latest(said)
    loose = cuts | ambiguous(counting)

    def joining(each: Said) -> Iterable[Number]:
        return (key for key in links(each.document) if key not in loose)

    return joined(counting, joining)


def terms(said: Said) -> list[Term]:
    """The items that a document names, line by line."""
    return [
        Term(said.feed, each.goods.sku, each.goods.gtin, each.goods.theirs, each.unit)
        for each in said.document.lines
    ]


class Amount(NamedTuple):
    """How much of one item one source speaks of."""

    quantity: int = 0
    cancelled: int = 0
    amount: int | None = 0
    wanted: str = ""
    keeps_days: int = 0
    known: bool = True

    def plus(self, line: Line, meaning: Meaning | None, *, cancelled: bool) -> Amount:
        """And one line more."""
        units = line.quantity * (meaning.units if meaning else 1)
        amount = None
        if self.amount is not None and line.price is not None:
            amount = self.amount + line.price * line.quantity
        days = [day for day in (self.wanted, line.wanted or "") if day]
        return Amount(
            self.quantity + units,
            self.cancelled + (units if cancelled else 0),
            amount,
            min(days, default=""),
            max(self.keeps_days, line.keeps_days),
            meaning is not None,
        )


def amounts(said: Iterable[Said], names: Names) -> dict[str, Amount]:
    """Per item what some statements hold together."""
    found: dict[str, Amount] = {}
    for each in said:
        ended = isinstance(each.document, SalesOrder) and (
            each.document.status is OrderStatus.CANCELLED
        )
        for line, name in zip(each.document.lines, terms(each), strict=True):
            meaning = names(name)
            item = meaning.item if meaning else name.text()
            found[item] = found.get(item, Amount()).plus(line, meaning, cancelled=ended)
    return found


def units_of(said: Said, names: Names) -> Mapping[str, int]:
    """Per item the base units of one document."""
    return {item: each.quantity for item, each in amounts([said], names).items()}
