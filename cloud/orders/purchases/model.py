"""A purchase order as the fold of all that was said of it. Pure.

What is said is kept as statements; where the order stands follows from the set of them, whatever
the order in which they came. Of statements that speak of one thing, the one with the highest
version counts, then the latest, then (two of one moment) the one whose bytes are greater.

Conservation, per line: ``ordered + over = received + open + cancelled``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

from msgspec import Meta, Struct

from cloud.catalog.money import major_units
from shared.units import DAY, Micros

Kind = Literal["order", "confirmation", "notice", "invoice", "advice", "tracking", "closing"]
Status = Literal[
    "open",
    "confirmed",
    "changed",
    "backordered",
    "rejected",
    "shipped",
    "received",
    "closed",
    "cancelled",
]
Flaw = Literal[
    "confirmed-less",
    "price",
    "shipped-more",
    "invoiced-more",
    "receipt-differs",
    "over",
    "short",
    "damaged",
    "wrong-item",
    "late",
]
"""What may not agree; each is the case ``purchase.<flaw>``."""

PRICE_TOLERANCE: Final = Fraction(2, 100)
"""A price may differ by as much from what was ordered before a person is asked."""
UNLOADING: Final = DAY
"""As long may the goods of a delivered shipment take until what is missing is short."""

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Ordered(Struct, frozen=True, kw_only=True):
    """A line as ordered: base units; ``per`` of them cost ``price``."""

    number: str
    sku: str
    quantity: int
    price: int | None = None
    per: int = 1
    wanted: Day | None = None


class OrderSaid(Struct, frozen=True, kw_only=True, tag="order"):
    """The whole order, as its keeper has it."""

    number: str
    supplier: str
    site: str
    cancelled: bool
    ordered_at: Micros
    lines: tuple[Ordered, ...]
    currency: str = ""
    incoterm: str = ""
    lane: str = ""
    why: str = ""
    """Why a person ordered it so, where they were asked."""


class Answered(Struct, frozen=True, kw_only=True):
    """A supplier's answer to a line, or to a part of it."""

    number: str
    sku: str
    quantity: int
    answer: Literal["accepted", "changed", "backordered", "rejected"]
    price: int | None = None
    per: int = 1
    ship_day: Day | None = None
    deliver_day: Day | None = None


class ConfirmationSaid(Struct, frozen=True, kw_only=True, tag="confirmation"):
    """What the supplier says to an order."""

    lines: tuple[Answered, ...]


class Sent(Struct, frozen=True, kw_only=True):
    """Goods in a shipment."""

    number: str
    sku: str
    quantity: int
    lot: str = ""
    serial: str = ""
    expires: Day | None = None
    sscc: str = ""


class NoticeSaid(Struct, frozen=True, kw_only=True, tag="notice"):
    """What is under way, in which packages: (SSCC, what it stands on or lies in)."""

    scope: str
    shipment: str
    site: str
    shipped_at: Micros
    lines: tuple[Sent, ...]
    packages: tuple[tuple[str, str], ...] = ()
    tracking: tuple[str, ...] = ()
    eta: Micros | None = None
    carrier: str = ""
    cancelled: bool = False


class Billed(Struct, frozen=True, kw_only=True):
    """A line of an invoice."""

    number: str
    sku: str
    quantity: int
    price: int | None = None
    per: int = 1


class InvoiceSaid(Struct, frozen=True, kw_only=True, tag="invoice"):
    """What the supplier asks for."""

    day: Day
    currency: str
    lines: tuple[Billed, ...]


class AdviceSaid(Struct, frozen=True, kw_only=True, tag="advice"):
    """What a warehouse without a gateway has taken in."""

    site: str
    received_at: Micros
    lines: tuple[Sent, ...]
    shipment: str = ""


class TrackingSaid(Struct, frozen=True, kw_only=True, tag="tracking"):
    """A carrier's word on shipments, by their numbers or its own."""

    numbers: tuple[str, ...]
    status: str
    eta: Micros | None = None
    reason: str = ""


class ClosingSaid(Struct, frozen=True, kw_only=True, tag="closing"):
    """A person wants no more of a line; an empty line means the whole order."""

    line: str
    why: str


Body: TypeAlias = (
    OrderSaid
    | ConfirmationSaid
    | NoticeSaid
    | InvoiceSaid
    | AdviceSaid
    | TrackingSaid
    | ClosingSaid
)


class Statement(NamedTuple):
    """Something that was said. ``key`` is what it speaks of among its kind."""

    key: str
    version: int
    at: Micros
    by: str
    digest: bytes
    body: Body

    @property
    def rank(self) -> tuple[int, bool, Micros, bytes]:
        """Which of two about one thing counts: the greater one."""
        final = isinstance(self.body, NoticeSaid) and self.body.cancelled
        return (self.version, final, self.at, self.digest)


class Arrived(NamedTuple):
    """Goods that came in: by a gateway's event, or a line of an advice."""

    source: str
    gateway: bool
    site: str
    sku: str
    quantity: int
    at: Micros
    document: str = ""
    damaged: bool = False
    lot: str = ""
    sscc: str = ""
    number: str = ""


class LineState(NamedTuple):
    """Where one line stands. Quantities are base units; prices are for ``per`` of them."""

    number: str
    sku: str
    ordered: int
    price: int | None
    per: int
    wanted: str | None
    confirmed: int
    backordered: int
    rejected: int
    confirmed_price: int | None
    confirmed_per: int
    ship_day: str | None
    deliver_day: str | None
    promised_day: str | None
    """The first day that was promised; what was promised later does not make it punctual."""
    shipped: int
    received: int
    damaged: int
    invoiced: int
    invoiced_minor: int
    """What the invoiced quantity was charged, in minor units, rounded half to even."""
    cancelled: int
    open: int
    coming: int
    """Of what is open: what the supplier has not rejected."""
    status: Status
    closed_by: str
    closed_why: str
    first_receipt: Micros | None
    last_receipt: Micros | None


class ShipmentLine(NamedTuple):
    """Goods of a shipment, for which line they are ("" where for none), and what of them came."""

    number: str
    line: str
    sku: str
    quantity: int
    received: int
    lot: str
    serial: str
    expires: str | None
    sscc: str


class Shipment(NamedTuple):
    """One advance ship notice as it stands, with the carrier's latest word."""

    scope: str
    number: str
    site: str
    status: Literal["under-way", "delivered", "received", "cancelled"]
    shipped_at: Micros
    eta: Micros | None
    eta_by: str
    carrier: str
    trouble: str
    delivered_at: Micros | None
    lines: tuple[ShipmentLine, ...]
    packages: tuple[tuple[str, str], ...]


class Receipt(NamedTuple):
    """Goods that came, and what they are for; those that do not ``count`` were told twice."""

    arrived: Arrived
    line: str
    shipment: str
    quantity: int
    counts: bool


class Stray(NamedTuple):
    """Somebody speaks of an item that was not ordered."""

    who: str
    sku: str
    quantity: int
    shipment: str = ""


class State(NamedTuple):
    """A whole order."""

    number: str
    supplier: str
    site: str
    keeper: str
    version: int
    cancelled: bool
    ordered_at: Micros
    currency: str
    incoterm: str
    lane: str
    lines: tuple[LineState, ...]
    shipments: tuple[Shipment, ...]
    receipts: tuple[Receipt, ...]
    strays: tuple[Stray, ...]
    advised: tuple[tuple[str, int, int], ...]
    """(SKU, as the gateways say, as the warehouse says), where both spoke of one site."""
    invoice_currencies: tuple[str, ...]

    @property
    def status(self) -> Status:
        """The least advanced of its lines' standings that is still to be done, or how it ended."""
        found = {line.status for line in self.lines}
        if not found:
            return "cancelled" if self.cancelled else "open"
        return next(status for status in _LEAST_FIRST if status in found)


_LEAST_FIRST: Final[tuple[Status, ...]] = (
    "open",
    "backordered",
    "changed",
    "confirmed",
    "rejected",
    "shipped",
    "received",
    "closed",
    "cancelled",
)


class Discrepancy(NamedTuple):
    """Two sides that do not agree."""

    kind: Flaw
    line: str
    shipment: str
    item: str
    ours: str
    theirs: str
    quantity: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is about."""
        return (self.kind, self.line, self.shipment, self.item)


def by_number(number: str) -> tuple[int, str]:
    """Sorts numbers of lines as people do: 2 before 10."""
    return (int(number), "") if number.isdecimal() and len(number) < 10 else (10**10, number)


def fold(statements: Iterable[Statement], arrivals: Iterable[Arrived] = ()) -> State | None:
    """Where an order stands; None while nobody has said what was ordered."""
    said = sorted(set(statements), key=lambda each: each.rank)
    orders = [(each, each.body) for each in said if isinstance(each.body, OrderSaid)]
    if not orders:
        return None
    winning, order = orders[-1]
    sheet = _Sheet(order, [body for _, body in orders])
    for each in said:
        if isinstance(each.body, ConfirmationSaid):
            sheet.answer(each, each.body)
        elif isinstance(each.body, ClosingSaid):
            sheet.close(each, each.body)
    for each in _newest(said, NoticeSaid):
        sheet.notice(each)
    for each in _newest(said, TrackingSaid, by_digest=True):
        sheet.track(each)
    sheet.arrive([*arrivals, *_advised(_newest(said, AdviceSaid))])
    for each in _newest(said, InvoiceSaid):
        sheet.bill(each)
    return sheet.state(winning)


def _newest(
    said: Sequence[Statement], kind: type[Body], *, by_digest: bool = False
) -> list[Statement]:
    found = [each for each in said if isinstance(each.body, kind)]
    if by_digest:
        return sorted(found, key=lambda each: (each.at, each.digest))
    newest = {each.key: each for each in found}
    return [newest[key] for key in sorted(newest)]


def _advised(advices: Iterable[Statement]) -> list[Arrived]:
    return [
        Arrived(
            f"advice {each.key}/{position}",
            False,
            body.site,
            line.sku,
            line.quantity,
            body.received_at,
            document=body.shipment,
            lot=line.lot,
            sscc=line.sscc,
            number=line.number,
        )
        for each in advices
        if isinstance(body := each.body, AdviceSaid)
        for position, line in enumerate(body.lines)
    ]


@dataclass
class _Cargo:
    """A part of a notice's line: for which line of the order, how many, how many of them came."""

    sent: Sent
    line: str
    quantity: int
    received: int = 0


class _Line:
    """A line while its order is being folded."""

    def __init__(self, ordered: Ordered, *, gone: bool) -> None:
        self.ordered = ordered
        self.gone = gone
        self.answers: tuple[Answered, ...] = ()
        self.promised: str | None = None
        self.shipped = self.received = self.damaged = self.invoiced = 0
        self.charged = Fraction(0)
        self.closed_by = self.closed_why = ""
        self.first: Micros | None = None
        self.last: Micros | None = None

    def said(self, *kinds: str) -> int:
        return sum(each.quantity for each in self.answers if each.answer in kinds)

    def state(self) -> LineState:
        ordered = self.ordered
        ended = self.gone or bool(self.closed_by)
        left = max(0, ordered.quantity - self.received)
        priced = next((each for each in self.answers if each.price is not None), None)
        rejected = self.said("rejected")
        return LineState(
            ordered.number,
            ordered.sku,
            ordered.quantity,
            ordered.price,
            ordered.per,
            ordered.wanted,
            self.said("accepted", "changed"),
            self.said("backordered"),
            rejected,
            priced.price if priced else None,
            priced.per if priced else 1,
            max((each.ship_day for each in self.answers if each.ship_day), default=None),
            max((each.deliver_day for each in self.answers if each.deliver_day), default=None),
            self.promised or ordered.wanted,
            self.shipped,
            self.received,
            self.damaged,
            self.invoiced,
            round(self.charged),
            left if ended else 0,
            0 if ended else left,
            0 if ended else max(0, left - rejected),
            self._status(left, rejected, ended=ended),
            self.closed_by,
            self.closed_why,
            self.first,
            self.last,
        )

    def _status(self, left: int, rejected: int, *, ended: bool) -> Status:
        if left == 0:
            return "received"
        if ended:
            return "closed" if self.received or self.closed_by else "cancelled"
        if rejected >= left:
            return "rejected"
        if self.shipped > self.received:
            return "shipped"
        return self._answer()

    def _answer(self) -> Status:
        if not self.answers:
            return "open"
        if self.said("backordered"):
            return "backordered"
        same = self.said("accepted", "changed") == self.ordered.quantity
        plain = all(each.answer == "accepted" for each in self.answers)
        return "confirmed" if same and plain else "changed"


class _Sheet:
    """An order while it is being folded."""

    def __init__(self, order: OrderSaid, versions: Sequence[OrderSaid]) -> None:
        self.order = order
        now = {line.number: line for line in order.lines if line.quantity}
        ever = {line.number: line for one in versions for line in one.lines if line.quantity}
        self.lines = {
            number: _Line(now.get(number, line), gone=order.cancelled or number not in now)
            for number, line in sorted(ever.items(), key=lambda each: by_number(each[0]))
        }
        self.strays: list[Stray] = []
        self.shipments: dict[tuple[str, str], _Shipment] = {}
        self.named: set[str] = set()
        self.receipts: list[Receipt] = []
        self.advised: list[tuple[str, int, int]] = []
        self.currencies: set[str] = set()

    def answer(self, said: Statement, body: ConfirmationSaid) -> None:
        """The latest answer that speaks of a line is all that is said of it."""
        parts: dict[str, list[Answered]] = defaultdict(list)
        for line in body.lines:
            found = self._of(line.number, line.sku)
            if found:
                parts[found[0]].append(line)
            else:
                self.strays.append(Stray(f"confirmation {said.key}", line.sku, line.quantity))
        for number, answers in parts.items():
            line = self.lines[number]
            line.answers = tuple(answers)
            days = [each.deliver_day for each in answers if each.deliver_day]
            line.promised = line.promised or max(days, default=None)

    def close(self, said: Statement, body: ClosingSaid) -> None:
        for number, line in self.lines.items():
            if body.line in {"", number} and not line.closed_by:
                line.closed_by, line.closed_why = said.by, body.why

    def notice(self, said: Statement) -> None:
        if not isinstance(said.body, NoticeSaid):
            return
        shipment = _Shipment(said.body, said.by)
        self.shipments[said.body.scope, said.body.shipment] = shipment
        for sent in said.body.lines:
            found = self._of(sent.number, sent.sku)
            if said.body.cancelled:
                shipment.cargo.append(_Cargo(sent, found[0] if found else "", sent.quantity))
                continue
            if not found:
                who = f"ship notice {said.body.shipment}"
                self.strays.append(Stray(who, sent.sku, sent.quantity, said.body.shipment))
                shipment.cargo.append(_Cargo(sent, "", sent.quantity))
            room = {each: self._room(each, self.lines[each].shipped) for each in found}
            for number, quantity in _poured(sent.quantity, found, room):
                self.lines[number].shipped += quantity
                shipment.cargo.append(_Cargo(sent, number, quantity))

    def track(self, said: Statement) -> None:
        if not isinstance(said.body, TrackingSaid):
            return
        for shipment in self.shipments.values():
            known = {shipment.body.shipment, *shipment.body.tracking}
            if known & set(said.body.numbers):
                shipment.track(said, said.body)

    def arrive(self, arrivals: Iterable[Arrived]) -> None:
        """What gateways saw counts; a warehouse that also tells of their site is compared."""
        self.named = {number for _, number in self.shipments}
        ordered = sorted(set(arrivals), key=lambda each: (each.at, each.source, each))
        seen = {each.site for each in ordered if each.gateway}
        by_sku: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for each in ordered:
            counts = each.gateway or each.site not in seen
            if each.site in seen:
                by_sku[each.sku][not each.gateway] += each.quantity
            if counts:
                self._arrive(each)
            else:
                self.receipts.append(Receipt(each, "", each.document, each.quantity, False))
        if any(not each.gateway and each.site in seen for each in ordered):
            self.advised = [(sku, ours, theirs) for sku, (ours, theirs) in sorted(by_sku.items())]

    def _arrive(self, each: Arrived) -> None:
        found = self._of(each.number, each.sku)
        if not found:
            who = each.source if not each.gateway else "receipt"
            self.strays.append(Stray(who, each.sku, each.quantity, self._named(each)))
            self.receipts.append(Receipt(each, "", self._named(each), each.quantity, True))
            return
        announced = [
            cargo.line
            for shipment in self.shipments.values()
            if shipment.body.shipment == each.document and not shipment.body.cancelled
            for cargo in shipment.cargo
            if cargo.line in found
        ]
        first = [*dict.fromkeys(announced), *(one for one in found if one not in announced)]
        room = {one: self._room(one, self.lines[one].received) for one in first}
        for number, quantity in _poured(each.quantity, first, room):
            line = self.lines[number]
            line.received += quantity
            line.damaged += quantity if each.damaged else 0
            line.first = each.at if line.first is None else min(line.first, each.at)
            line.last = each.at if line.last is None else max(line.last, each.at)
            left = quantity
            for shipment, taken in self._unload(each, number, quantity):
                self.receipts.append(Receipt(each, number, shipment, taken, True))
                left -= taken
            if left:
                self.receipts.append(Receipt(each, number, "", left, True))

    def _named(self, each: Arrived) -> str:
        return each.document if each.document in self.named else ""

    def _unload(self, each: Arrived, number: str, quantity: int) -> list[tuple[str, int]]:
        """From which shipments these goods are: the one that was named, else the oldest."""
        named = self._named(each)
        ways = [
            (shipment, cargo)
            for shipment in sorted(
                self.shipments.values(), key=lambda one: (one.body.shipped_at, one.body.shipment)
            )
            if not shipment.body.cancelled and named in {"", shipment.body.shipment}
            for cargo in shipment.cargo
            if cargo.line == number
        ]
        ways.sort(key=lambda way: way[1].sent.sscc != each.sscc if each.sscc else False)
        left, found = quantity, list[tuple[str, int]]()
        for position, (shipment, cargo) in enumerate(ways):
            last = position == len(ways) - 1 and bool(named)
            taken = left if last else min(left, max(0, cargo.quantity - cargo.received))
            if taken:
                cargo.received += taken
                left -= taken
                shipment.first = each.at if shipment.first is None else min(shipment.first, each.at)
                found.append((shipment.body.shipment, taken))
        return found

    def bill(self, said: Statement) -> None:
        if not isinstance(said.body, InvoiceSaid):
            return
        if said.body.currency:
            self.currencies.add(said.body.currency)
        for billed in said.body.lines:
            found = self._of(billed.number, billed.sku)
            if not found:
                self.strays.append(Stray(f"invoice {said.key}", billed.sku, billed.quantity))
                continue
            room = {one: self._room(one, self.lines[one].invoiced) for one in found}
            for number, quantity in _poured(billed.quantity, found, room):
                line = self.lines[number]
                price = billed.price if billed.price is not None else line.ordered.price or 0
                per = billed.per if billed.price is not None else line.ordered.per
                line.invoiced += quantity
                line.charged += Fraction(price * quantity, per)

    def state(self, winning: Statement) -> State:
        order = self.order
        return State(
            order.number,
            order.supplier,
            order.site,
            winning.by,
            winning.version,
            order.cancelled,
            order.ordered_at,
            order.currency,
            order.incoterm,
            order.lane,
            tuple(line.state() for line in self.lines.values()),
            tuple(self.shipments[key].state() for key in sorted(self.shipments)),
            tuple(self.receipts),
            tuple(sorted(self.strays)),
            tuple(self.advised),
            tuple(sorted(self.currencies)),
        )

    def _of(self, number: str, sku: str) -> list[str]:
        """The lines that goods may be for: the one named, then those wanted soonest."""
        fitting = [one for one, line in self.lines.items() if line.ordered.sku == sku]
        fitting.sort(
            key=lambda one: (
                one != number,
                self.lines[one].gone,
                self.lines[one].ordered.wanted or "",
                by_number(one),
            )
        )
        return fitting

    def _room(self, number: str, filled: int) -> int:
        return max(0, self.lines[number].ordered.quantity - filled)


class _Shipment:
    """A shipment while its order is being folded."""

    def __init__(self, body: NoticeSaid, by: str) -> None:
        self.body = body
        self.eta, self.eta_by = body.eta, by if body.eta is not None else ""
        self.trouble = ""
        self.delivered: Micros | None = None
        self.first: Micros | None = None
        self.cargo: list[_Cargo] = []

    def track(self, said: Statement, body: TrackingSaid) -> None:
        """Words come here by their moment: the latest of each kind stays."""
        if said.at < self.body.shipped_at:
            return
        if body.eta is not None:
            self.eta, self.eta_by = body.eta, said.by
        self.trouble = body.reason or body.status if body.status == "exception" else ""
        if body.status == "delivered":
            self.delivered = self.delivered or said.at

    def state(self) -> Shipment:
        body = self.body
        lines = tuple(
            ShipmentLine(
                cargo.sent.number,
                cargo.line,
                cargo.sent.sku,
                cargo.quantity,
                cargo.received,
                cargo.sent.lot,
                cargo.sent.serial,
                cargo.sent.expires,
                cargo.sent.sscc,
            )
            for cargo in self.cargo
        )
        arrived = self.delivered if self.delivered is not None else self.first
        return Shipment(
            body.scope,
            body.shipment,
            body.site,
            self._status(lines),
            body.shipped_at,
            self.eta,
            self.eta_by,
            body.carrier,
            self.trouble,
            arrived,
            lines,
            body.packages,
        )

    def _status(
        self, lines: Sequence[ShipmentLine]
    ) -> Literal["under-way", "delivered", "received", "cancelled"]:
        if self.body.cancelled:
            return "cancelled"
        if lines and all(line.received >= line.quantity for line in lines if line.line):
            return "received"
        return "delivered" if self.delivered is not None or self.first is not None else "under-way"


def _poured(quantity: int, into: Sequence[str], room: Mapping[str, int]) -> list[tuple[str, int]]:
    """Fill one after the other; what is left over goes to the last."""
    left, found = quantity, list[tuple[str, int]]()
    for position, number in enumerate(into):
        part = left if position == len(into) - 1 else min(left, room[number])
        if part:
            found.append((number, part))
            left -= part
    return found


def judge(
    state: State, *, now: Micros, today: str, tolerance: Fraction = PRICE_TOLERANCE
) -> list[Discrepancy]:
    """What does not agree, as of ``now``, which is the day ``today`` at the order's site."""
    found: list[Discrepancy] = []
    for line in state.lines:
        found += _line_flaws(line, today, tolerance)
    for shipment in state.shipments:
        found += _shipment_flaws(shipment, now)
    for sku in sorted({stray.sku for stray in state.strays}):
        told = [stray for stray in state.strays if stray.sku == sku]
        says = ", ".join(dict.fromkeys(f"{stray.who}: {stray.quantity}" for stray in told))[:300]
        most = max(stray.quantity for stray in told)
        found.append(
            Discrepancy("wrong-item", "", told[0].shipment, sku, "not ordered", says, most)
        )
    for sku, ours, theirs in state.advised:
        if ours != theirs:
            sides = (f"{ours} by our gateways", f"{theirs} by the warehouse")
            found.append(Discrepancy("receipt-differs", "", "", sku, *sides, abs(ours - theirs)))
    odd = [code for code in state.invoice_currencies if state.currency and code != state.currency]
    if odd:
        sides = (f"ordered in {state.currency}", f"invoiced in {', '.join(odd)}")
        found.append(Discrepancy("price", "", "", "", *sides, 0))
    return sorted(found)


def _line_flaws(line: LineState, today: str, tolerance: Fraction) -> Iterable[Discrepancy]:
    ordered, where = f"{line.ordered} ordered", (line.number, "", line.sku)
    said = line.confirmed + line.backordered
    answered = bool(said or line.rejected)
    if answered and said < line.ordered and line.open:
        theirs = f"{line.confirmed} confirmed, {line.backordered} later, {line.rejected} rejected"
        yield Discrepancy("confirmed-less", *where, ordered, theirs, line.ordered - said)
    if line.shipped > line.ordered:
        more = line.shipped - line.ordered
        yield Discrepancy("shipped-more", *where, ordered, f"{line.shipped} shipped", more)
    if line.invoiced > line.ordered:
        more = line.invoiced - line.ordered
        yield Discrepancy("invoiced-more", *where, ordered, f"{line.invoiced} invoiced", more)
    if line.received > line.ordered:
        more = line.received - line.ordered
        yield Discrepancy("over", *where, ordered, f"{line.received} received", more)
    if line.damaged:
        sides = (f"{line.received} received", f"{line.damaged} of them damaged")
        yield Discrepancy("damaged", *where, *sides, line.damaged)
    due = line.deliver_day or line.wanted
    if line.coming and due and due < today:
        sides = (f"{line.coming} due {due}", "not here yet")
        yield Discrepancy("late", *where, *sides, line.coming)
    drift = _drift(line, tolerance)
    if drift:
        yield Discrepancy("price", *where, *drift, line.ordered)


def _drift(line: LineState, tolerance: Fraction) -> tuple[str, str] | None:
    if not line.price:
        return None
    ours = Fraction(line.price, line.per)
    theirs = (
        [("confirmed", Fraction(line.confirmed_price, line.confirmed_per))]
        if (line.confirmed_price is not None)
        else []
    )
    if line.invoiced:
        theirs.append(("invoiced", Fraction(line.invoiced_minor, line.invoiced)))
    # An invoice's sum is rounded to whole minor units; that is no drift.
    rounding = Fraction(1, 2 * line.invoiced) if line.invoiced else Fraction(0)
    for word, price in theirs:
        if abs(price - ours) > tolerance * ours + rounding:
            return (
                f"ordered at {float(ours):.2f} minor units for one",
                f"{word} at {float(price):.2f}, {float(price / ours - 1):+.1%}",
            )
    return None


def _shipment_flaws(shipment: Shipment, now: Micros) -> Iterable[Discrepancy]:
    if shipment.status == "cancelled":
        return
    waited = shipment.delivered_at is not None and now - shipment.delivered_at > UNLOADING
    totals: dict[tuple[str, str], list[int]] = {}
    for line in shipment.lines:
        if line.line:
            total = totals.setdefault((line.line, line.sku), [0, 0])
            total[0] += line.quantity
            total[1] += line.received
    for (number, sku), (sent, received) in sorted(totals.items()):
        where, sides = (number, shipment.number, sku), (f"{received} received", f"{sent} announced")
        if received > sent:
            yield Discrepancy("over", *where, *sides, received - sent)
        elif received < sent and waited:
            yield Discrepancy("short", *where, *sides, sent - received)


class Change(NamedTuple):
    """What became of a line (or of the order, where ``line`` is empty)."""

    line: str
    what: str
    before: str
    after: str


_TOLD: Final = (
    "sku",
    "ordered",
    "price",
    "per",
    "wanted",
    "confirmed",
    "backordered",
    "rejected",
    "confirmed_price",
    "confirmed_per",
    "ship_day",
    "deliver_day",
    "shipped",
    "received",
    "damaged",
    "invoiced",
    "invoiced_minor",
    "cancelled",
    "status",
    "closed_why",
)


def changes(before: Sequence[LineState], after: Sequence[LineState]) -> list[Change]:
    """Line by line: what changed, from what to what."""
    was = {line.number: line for line in before}
    found: list[Change] = []
    for line in after:
        old = was.get(line.number)
        for what in _TOLD:
            new = getattr(line, what)
            held = getattr(old, what) if old else _UNSAID.get(what)
            if new != held:
                found.append(Change(line.number, what, _told(held), _told(new)))
    return found


_COUNTED: Final = (
    "confirmed",
    "backordered",
    "rejected",
    "shipped",
    "received",
    "damaged",
    "invoiced",
    "invoiced_minor",
    "cancelled",
)
_UNSAID: Final[Mapping[str, object]] = {
    **dict.fromkeys(_COUNTED, 0),
    "per": 1,
    "confirmed_per": 1,
    "closed_why": "",
}


def _told(value: object) -> str:
    return "" if value is None else str(value)


class Term(NamedTuple):
    """What a supplier asks of an order of one item, where it has said so."""

    minimum: int
    multiple: int
    currency: str
    per: int
    breaks: tuple[tuple[int, int], ...]

    def cost(self, quantity: int) -> int | None:
        """What ``per`` base units cost in an order of so many; None below the first break."""
        return next((cost for start, cost in reversed(self.breaks) if start <= quantity), None)


def breaches(
    lines: Sequence[Ordered],
    terms: Mapping[str, Term],
    *,
    minimum: int | None,
    currency: str,
) -> list[tuple[str, str]]:
    """(Line, what is wrong with it, with figures), against the supplier's terms.

    ``minimum`` is the least that an order is worth, in minor units of ``currency``; the empty line
    stands for the whole order.
    """
    found: list[tuple[str, str]] = []
    worth = Fraction(0)
    for line in lines:
        worth += Fraction((line.price or 0) * line.quantity, line.per)
        term = terms.get(line.sku)
        if term is None:
            found.append((line.number, f"{line.sku}: this supplier has no offer of it"))
            continue
        if line.quantity < term.minimum:
            says = f"{line.sku}: {line.quantity}, the least is {term.minimum}"
            found.append((line.number, says))
        if line.quantity % term.multiple:
            low = line.quantity // term.multiple * term.multiple
            says = (
                f"{line.sku}: {line.quantity} is no multiple of {term.multiple}"
                f" ({low or term.multiple} or {low + term.multiple})"
            )
            found.append((line.number, says))
    if minimum is not None and worth < minimum:
        says = (
            f"worth {major_units(round(worth), currency)} {currency}, "
            f"the least is {major_units(minimum, currency)}"
        )
        found.append(("", says))
    return found
