"""One order from what its feeds said last: see :mod:`cloud.orders.sales.model` for the rules. Pure.

Goods that left, or came back, are counted once. Documents that share a number of their own (a
parcel, a shipment) are one passage, and its best source is believed. Passages without a common
number are told apart by their site: of one site, what two feeds say is taken as the same goods and
the larger account counts, since nothing may count twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cloud.feeds.documents import (
    CustomerReturn,
    Fulfilment,
    Numbering,
    OrderStatus,
    Reference,
    SalesOrder,
)
from cloud.orders.sales.model import (
    MOVED,
    ORDERED,
    PARTIAL,
    Amount,
    Claim,
    Difference,
    Kind,
    Moved,
    Names,
    Number,
    Order,
    OrderLine,
    Said,
    Status,
    amounts,
    joined,
    latest,
    links,
    number,
    own,
    units_of,
)

_LAST: Final = len(ORDERED)
_MOST_MONEY: Final = 2**63


class Account(NamedTuple):
    """All that one feed says was ordered, under one kind of number of its own."""

    feed: str
    numbering: str
    orders: tuple[SalesOrder, ...]
    holds: dict[str, Amount]

    @property
    def whole(self) -> bool:
        """Whether it speaks of all of the order."""
        return self.numbering not in PARTIAL

    @property
    def cancelled(self) -> bool:
        """Whether it says that nothing of the order stands."""
        return all(each.status is OrderStatus.CANCELLED for each in self.orders)

    @property
    def currency(self) -> str:
        """The currency of its prices."""
        return next((each.currency for each in self.orders if each.currency), "")


class Passage(NamedTuple):
    """What one feed says of one shipment or return."""

    feed: str
    number: Number
    numbers: tuple[Number, ...]
    site: str
    at: int
    units: dict[str, int]

    @property
    def standing(self) -> tuple[int, str]:
        """The lowest is believed."""
        return (_place(self.number[0], MOVED), self.feed)


def fold(said: Sequence[Said], names: Names, cuts: frozenset[Number] = frozenset()) -> Order:
    """The order that these statements, all of one, make together; ``cuts`` are not its numbers."""
    said = latest(said)
    known = _known(said, names)
    accounts = _accounts(said, names)
    shipments, differences = settled(_passages(said, Fulfilment, names))
    returns, disputed = settled(_passages(said, CustomerReturn, names))
    believed = accounts[0].holds if accounts else {}
    lines = _lines(believed, shipments, returns, known=known)
    differences += disputed
    if accounts:
        differences += [each for other in accounts[1:] for each in _compare(accounts[0], other)]
        differences += _against_shipments(
            accounts[0], [each for each in shipments if each.item in known]
        )
    ranked = [order for account in accounts for order in account.orders]
    named = sorted({key for each in said for key in links(each.document)})
    numbers = [key for key in named if key not in cuts]
    return Order(
        status=_status(accounts, lines),
        title=min(numbers or named, key=lambda key: (_place(key[0], ORDERED), key)),
        numbers=tuple(numbers),
        channel=_first(order.channel for order in ranked),
        placed_at=min((order.placed_at for order in _of(accounts)), default=None),
        paid_at=next((order.paid_at for order in ranked if order.paid_at is not None), None),
        cancelled_at=_cancelled_at(accounts),
        currency=_first(account.currency for account in accounts),
        site=_first(order.site for order in ranked) or _only_site(shipments),
        segment=_first(order.segment for order in ranked),
        priority=next((order.priority for order in ranked if order.priority), 0),
        promotion=_first(order.promotion for order in ranked),
        ship_from=_first(order.ship_from or "" for order in ranked),
        ship_by=_first(order.ship_by or "" for order in ranked),
        customer=_first(order.customer.reference for order in ranked),
        ship_to=_first(order.ship_to.reference for order in ranked),
        lines=tuple(lines),
        shipments=tuple(shipments),
        returns=tuple(returns),
        differences=tuple(sorted(set(differences))),
    )


def settled(passages: Sequence[Passage]) -> tuple[list[Moved], list[Difference]]:
    """Each unit that moved once, and where feeds differ on one passage."""
    found: list[Passage] = []
    speakers: list[frozenset[str]] = []
    differences: list[Difference] = []
    for cluster in joined(passages, lambda each: each.numbers):
        best, differ = _one(cluster)
        found.append(best)
        speakers.append(frozenset(each.feed for each in cluster))
        differences += differ
    moved = [
        each
        for item in sorted({item for passage in found for item in passage.units})
        for each in _item(item, list(zip(found, speakers, strict=True)))
    ]
    return moved, differences


def _one(cluster: Sequence[Passage]) -> tuple[Passage, list[Difference]]:
    """What the best source says of one passage, and who says otherwise."""
    by_feed: dict[str, list[Passage]] = {}
    for each in sorted(cluster, key=lambda each: (each.standing, each.number)):
        by_feed.setdefault(each.feed, []).append(each)
    totals = {feed: _sum(parts) for feed, parts in by_feed.items()}
    best, *others = by_feed
    differences = [
        Difference(
            "shipped",
            item,
            Claim(best, f"{totals[best].get(item, 0)} moved"),
            Claim(other, f"{totals[other].get(item, 0)} moved"),
        )
        for other in others
        for item in sorted(totals[best].keys() | totals[other].keys())
        if totals[best].get(item, 0) != totals[other].get(item, 0)
    ]
    leader = by_feed[best][0]
    site = _first(each.site for parts in by_feed.values() for each in parts)
    return leader._replace(site=site, units=totals[best]), differences


def _item(item: str, passages: Sequence[tuple[Passage, frozenset[str]]]) -> list[Moved]:
    """What moved of one item: per site the largest account, and what has no site beyond that."""
    having = [(each, by) for each, by in passages if each.units.get(item, 0)]
    having.sort(key=lambda pair: (pair[0].at, pair[0].number))
    feeds = sorted({feed for _, by in having for feed in by})
    moved: list[Moved] = []

    def of(feed: str, site: str | None) -> list[Passage]:
        return [each for each, by in having if feed in by and site in {None, each.site}]

    for site in sorted({each.site for each, _ in having if each.site}):
        best = max(feeds, key=lambda feed: _size(of(feed, site), item))
        moved += [_moved(item, each, each.units[item]) for each in of(best, site)]
    best = max(feeds, key=lambda feed: _size(of(feed, None), item), default="")
    left = _size(of(best, None), item) - sum(each.quantity for each in moved)
    for each in of(best, ""):
        taken = min(left, each.units[item])
        if taken > 0:
            moved.append(_moved(item, each, taken))
            left -= taken
    return moved


def _moved(item: str, passage: Passage, quantity: int) -> Moved:
    return Moved(item, passage.site, passage.at, quantity, passage.feed, passage.number)


def _size(passages: Iterable[Passage], item: str) -> int:
    return sum(each.units.get(item, 0) for each in passages)


def _sum(passages: Iterable[Passage]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in passages:
        for item, units in each.units.items():
            total[item] = total.get(item, 0) + units
    return total


def _passages(
    said: Iterable[Said], kind: type[Fulfilment | CustomerReturn], names: Names
) -> list[Passage]:
    found: list[Passage] = []
    for each in said:
        document = each.document
        if not isinstance(document, kind):
            continue
        void = isinstance(document, Fulfilment) and document.cancelled
        found.append(
            Passage(
                each.feed,
                own(document),
                tuple(_passage_number(reference) for reference in document.references),
                document.site,
                document.shipped_at if isinstance(document, Fulfilment) else document.at,
                {} if void else dict(units_of(each, names)),
            )
        )
    return found


def _passage_number(reference: Reference) -> Number:
    """A number by which two feeds mean one passage; each calls a parcel's carrier otherwise."""
    numbering, scope, text = number(reference)
    return (numbering, "" if numbering == Numbering.TRACKING else scope, text)


def _accounts(said: Iterable[Said], names: Names) -> list[Account]:
    """What was ordered by each feed's account, the one that is believed first."""
    parts: dict[tuple[str, str], list[Said]] = {}
    for each in said:
        if isinstance(each.document, SalesOrder):
            parts.setdefault((each.feed, own(each.document)[0]), []).append(each)
    found = [
        Account(
            feed,
            numbering,
            tuple(each.document for each in held if isinstance(each.document, SalesOrder)),
            amounts(held, names),
        )
        for (feed, numbering), held in parts.items()
    ]
    return sorted(
        found,
        key=lambda account: (
            _place(account.numbering, ORDERED),
            -max(order.version for order in account.orders),
            account.feed,
        ),
    )


def _compare(ours: Account, theirs: Account) -> list[Difference]:
    found: list[Difference] = []

    def differ(kind: Kind, item: str, mine: object, other: object) -> None:
        sides = Claim(ours.feed, str(mine)), Claim(theirs.feed, str(other))
        found.append(Difference(kind, item, *sides))

    if theirs.whole and ours.cancelled != theirs.cancelled:
        words = ("placed", "cancelled")
        differ("status", "", words[ours.cancelled], words[theirs.cancelled])
    if ours.currency and theirs.currency and ours.currency != theirs.currency:
        differ("currency", "", ours.currency, theirs.currency)
    sure = all(holds.known for side in (ours, theirs) for holds in side.holds.values())
    for item in sorted(ours.holds.keys() | theirs.holds.keys()):
        mine, other = ours.holds.get(item, Amount()), theirs.holds.get(item, Amount())
        if not other.quantity and not theirs.whole:
            continue
        if not (mine.quantity and other.quantity):
            if sure:  # what one side calls by an unknown name may be just this
                differ("item", item, mine.quantity, other.quantity)
        elif mine.quantity < other.quantity or (theirs.whole and mine.quantity != other.quantity):
            differ("quantity", item, mine.quantity, other.quantity)
        elif _unlike(mine, other) and ours.currency == theirs.currency:
            differ("price", item, _each(mine), _each(other))
    return found


def _unlike(mine: Amount, other: Amount) -> bool:
    """Whether two sources differ on what one costs."""
    if mine.amount is None or other.amount is None:
        return False
    return mine.amount * other.quantity != other.amount * mine.quantity


def _each(amount: Amount) -> str:
    return f"{amount.amount} minor units for {amount.quantity}"


def _against_shipments(account: Account, shipments: Sequence[Moved]) -> list[Difference]:
    """More left than was ordered, or than stood when it left."""
    found: list[Difference] = []
    for item in sorted({each.item for each in shipments}):
        holds = account.holds.get(item, Amount())
        shipped = sum(each.quantity for each in shipments if each.item == item)
        said = Claim(
            min(each.feed for each in shipments if each.item == item), f"{shipped} shipped"
        )
        if shipped > holds.quantity:
            ours = Claim(account.feed, f"{holds.quantity} ordered")
            found.append(Difference("over-shipped", item, ours, said))
        elif shipped > holds.quantity - holds.cancelled:
            ours = Claim(account.feed, f"{holds.cancelled} cancelled")
            found.append(Difference("cancelled-shipped", item, ours, said))
    return found


def _lines(
    believed: dict[str, Amount],
    shipments: Sequence[Moved],
    returns: Sequence[Moved],
    *,
    known: frozenset[str],
) -> list[OrderLine]:
    items = sorted({*believed, *(each.item for each in (*shipments, *returns))})
    lines: list[OrderLine] = []
    for item in items:
        holds = believed.get(item, Amount(amount=None))
        shipped = sum(each.quantity for each in shipments if each.item == item)
        lines.append(
            OrderLine(
                item=item,
                known=item in known,
                quantity=holds.quantity,
                cancelled=min(holds.cancelled, max(0, holds.quantity - shipped)),
                shipped=shipped,
                returned=sum(each.quantity for each in returns if each.item == item),
                amount=_storable(holds.amount),
                wanted=holds.wanted,
                keeps_days=holds.keeps_days,
            )
        )
    return lines


def _storable(amount: int | None) -> int | None:
    """An amount of money that a database holds; one beyond that is none."""
    return None if amount is None or abs(amount) >= _MOST_MONEY else amount


def _known(said: Iterable[Said], names: Names) -> frozenset[str]:
    """The items that the catalog knows."""
    return frozenset(
        item for each in said for item, holds in amounts([each], names).items() if holds.known
    )


def _status(accounts: Sequence[Account], lines: Sequence[OrderLine]) -> Status:
    if not accounts:
        return "awaited"
    if accounts[0].cancelled:
        return "cancelled"
    if not any(line.shipped for line in lines):
        return "open"
    return "part-shipped" if any(line.open for line in lines) else "shipped"


def _cancelled_at(accounts: Sequence[Account]) -> int | None:
    if not accounts or not accounts[0].cancelled:
        return None
    moments = [each.cancelled_at for each in accounts[0].orders if each.cancelled_at is not None]
    return max(moments, default=None)


def _of(accounts: Sequence[Account]) -> tuple[SalesOrder, ...]:
    return accounts[0].orders if accounts else ()


def _only_site(shipments: Sequence[Moved]) -> str:
    """Where all that left has left from."""
    sites = {each.site for each in shipments}
    return sites.pop() if len(sites) == 1 else ""


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


def _place(numbering: str, order: Sequence[Numbering]) -> int:
    return next((at for at, each in enumerate(order) if each == numbering), _LAST)
