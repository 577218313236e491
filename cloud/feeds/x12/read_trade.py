"""What suppliers answer to our orders, and what retailers order of us. Pure.

As buyer: 855 and 865 (confirmations), 856 (ship notices), 810 (invoices), 846 (stock).
As seller: 850 and 860 (orders and their changes), 852 (what was sold).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from cloud.feeds.documents import (
    Answer,
    Charge,
    Confirmation,
    ConfirmedLine,
    Document,
    Invoice,
    Line,
    Numbering,
    OrderStatus,
    Reference,
    Sale,
    SalesOrder,
    ShipNotice,
    StockLine,
    StockReport,
)
from cloud.feeds.x12.envelope import Segment
from cloud.feeds.x12.partner import Role
from cloud.feeds.x12.values import (
    Context,
    amount,
    dated,
    day,
    first,
    goods,
    heading,
    loops,
    meaning,
    moment,
    needed,
    party,
    price,
    refuse,
    serial_code,
    signed,
    whole,
)
from shared.units import DAY, Micros

Known = Callable[[str], SalesOrder | None]
"""A retailer's order by its number, as it stands."""

_ANSWERS: Final = {
    "IA": Answer.ACCEPTED, "AA": Answer.ACCEPTED, "AC": Answer.ACCEPTED, "AR": Answer.ACCEPTED,
    "IE": Answer.ACCEPTED, "SP": Answer.ACCEPTED,
    "IB": Answer.BACKORDERED, "BP": Answer.BACKORDERED, "IF": Answer.BACKORDERED,
    "IH": Answer.BACKORDERED, "IW": Answer.BACKORDERED,
    "IC": Answer.CHANGED, "IQ": Answer.CHANGED, "IP": Answer.CHANGED, "DR": Answer.CHANGED,
    "IS": Answer.CHANGED,
    "IR": Answer.REJECTED, "ID": Answer.REJECTED, "R1": Answer.REJECTED, "R2": Answer.REJECTED,
    "R3": Answer.REJECTED, "R4": Answer.REJECTED, "R5": Answer.REJECTED, "R6": Answer.REJECTED,
}  # fmt: skip
"""Element 668, line item status. What is on hold is not to be counted on: backordered."""
_WHOLE: Final = {
    "AC": None, "AE": None, "AH": None, "AP": None, "NA": None, "ZZ": None,
    "AD": Answer.ACCEPTED, "AK": Answer.ACCEPTED, "AT": Answer.ACCEPTED,
    "RD": Answer.REJECTED, "RF": Answer.REJECTED, "RJ": Answer.REJECTED, "RO": Answer.REJECTED,
}  # fmt: skip
"""Element 587, acknowledgement type."""
_DEEPEST: Final = 20
_SHIPS: Final = ("068", "010", "011", "079")
_ARRIVES: Final = ("067", "017", "002", "069")
_PURPOSE: Final = {
    "00": OrderStatus.PLACED, "05": OrderStatus.CHANGED, "06": OrderStatus.PLACED,
    "07": OrderStatus.PLACED, "01": OrderStatus.CANCELLED, "03": OrderStatus.CANCELLED,
}  # fmt: skip
_CHANGE: Final = {
    "04": OrderStatus.CHANGED, "05": OrderStatus.CHANGED,
    "01": OrderStatus.CANCELLED, "03": OrderStatus.CANCELLED,
}  # fmt: skip
_STATES: Final = {"33": "available", "17": "available", "QH": "quarantined", "20": "damaged"}
"""Element 673. 17 is all that is on hand; where 33 says what of it can be sold, that counts."""


def read_confirmation(context: Context) -> tuple[Document, ...]:
    """An 855 or 865."""
    partner, kind = context.partner, context.one.kind
    begin = context.the("BAK" if kind == "855" else "BCA")
    detail = "PO1" if kind == "855" else "POC"
    currency = _currency(context)
    whole_order = meaning(begin, 2, _WHOLE)
    lines: list[ConfirmedLine] = []
    for number, stretch in enumerate(loops(context.one.segments, detail), start=1):
        lines.extend(_answers(context, stretch, number, currency, whole_order))
    at = moment(partner, begin, 4 if kind == "855" else 6)
    references = [Reference(numbering=Numbering.SUPPLIER, scope=partner.scope, number=text)
                  for text in (first(heading(context, detail), "REF", "CO"),) if text]  # fmt: skip
    return (
        Confirmation(
            references=tuple(references),
            order=(_ours(begin.get(3)),),
            supplier=partner.scope,
            at=at if at is not None else Micros(0),
            lines=tuple(lines),
            answer=whole_order,
        ),
    )


def _answers(
    context: Context, stretch: list[Segment], number: int, currency: str, overall: Answer | None
) -> list[ConfirmedLine]:
    """The answers to one line: one for each ACK, else what the whole order is answered."""
    partner, segment = context.partner, stretch[0]
    shift = 1 if segment.name == "POC" else 0
    line = _line(context, stretch, number, currency, shift)
    ships, arrives = dated(partner, stretch, *_SHIPS)[0], dated(partner, stretch, *_ARRIVES)[0]
    found: list[ConfirmedLine] = []
    for answer in stretch:
        if answer.name != "ACK":
            continue
        dates = {answer.get(4): day(answer, 5)}
        said = msgspec.structs.replace(
            line,
            quantity=whole(answer, 2) if answer.get(2) else line.quantity,
            unit=partner.unit(answer.get(3) or line.unit),
        )
        found.append(
            ConfirmedLine(
                line=said,
                answer=meaning(answer, 1, _ANSWERS),
                ship_day=_of(dates, _SHIPS) or ships,
                deliver_day=_of(dates, _ARRIVES) or arrives,
            )
        )
    if not found:
        if overall is None:
            raise refuse(segment, 1, "the line is not answered: it has no ACK", "2")
        found.append(ConfirmedLine(line=line, answer=overall, ship_day=ships, deliver_day=arrives))
    return found


def _of(dates: dict[str, str | None], qualifiers: tuple[str, ...]) -> str | None:
    return next((dates[one] for one in qualifiers if dates.get(one)), None)


def read_ship_notice(context: Context) -> tuple[Document, ...]:
    """An 856, whatever its levels: shipment, order, tare, pack, item."""
    partner, begin = context.partner, context.the("BSN")
    top = _Levels(context)
    eta = dated(partner, top.shipment, "017", "067", "002")[1]
    shipped = dated(partner, top.shipment, "011")[1] or moment(partner, begin, 3, 4)
    place = party(top.shipment, "ST").reference
    number = Reference(numbering=Numbering.SHIPMENT, scope=partner.scope, number=begin.get(2))
    tracking = [
        Reference(numbering=Numbering.TRACKING, scope=partner.scope, number=text)
        for text in (first(top.shipment, "REF", "CN"), first(top.shipment, "REF", "BM"))
        if text
    ]
    carriers = [segment.get(3) for segment in top.shipment if segment.name == "TD5"]
    return (
        ShipNotice(
            references=(number, *tracking),
            order=tuple(_ours(order) for order in top.orders),
            supplier=partner.scope,
            site=partner.place(place),
            shipped_at=shipped if shipped is not None else Micros(0),
            lines=tuple(top.lines()),
            packages=tuple(top.packages.items()),
            eta=eta,
            carrier=next((text for text in carriers if text), ""),
            cancelled=begin.get(1) in {"01", "03"},
            version=context.version,
        ),
    )


class _Levels:
    """The hierarchy of an 856, checked: every parent stands before its children."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loops: dict[str, list[Segment]] = {}
        self._parents: dict[str, str] = {}
        self._children: dict[str, list[str]] = {}
        self._depths: dict[str, int] = {}
        self.shipment: list[Segment] = heading(context, "HL")
        self.packages: dict[str, str] = {}
        for stretch in loops(context.one.segments, "HL"):
            self._add(stretch)
        orders = dict.fromkeys(first_of(one, "PRF") for one in self._loops.values())
        self.orders = tuple(order for order in orders if order)

    def _add(self, stretch: list[Segment]) -> None:
        level = stretch[0]
        number, parent = level.get(1), level.get(2)
        if number in self._loops:
            raise refuse(level, 1, "a level of this number came before")
        if parent and parent not in self._loops:
            raise refuse(level, 2, "no level of this number stands before it")
        depth = self._depths.get(parent, 0) + 1
        if depth > _DEEPEST:
            raise refuse(level, 2, f"levels lie within one another {_DEEPEST} deep at most")
        self._depths[number] = depth
        self._loops[number], self._parents[number] = stretch, parent
        self._children.setdefault(parent, []).append(number)
        if level.get(3) == "S":
            self.shipment.extend(stretch)
        elif level.get(3) in {"T", "P"} and (sscc := self._sscc(stretch)):
            if sscc in self.packages:
                raise refuse(level, 1, f"package {sscc} came before")
            self.packages[sscc] = self._above(parent)

    def _sscc(self, stretch: list[Segment]) -> str:
        for segment in stretch:
            if segment.name != "MAN" or segment.get(1) not in {"GM", "AA"}:
                continue
            return serial_code(segment)
        return ""

    def _above(self, number: str) -> str:
        """The package that a level lies in; empty for none."""
        while number:
            if self._loops[number][0].get(3) in {"T", "P", "I"} and (
                sscc := self._sscc(self._loops[number])
            ):
                return sscc
            number = self._parents[number]
        return ""

    def _order(self, number: str) -> str:
        while number:
            if order := first_of(self._loops[number], "PRF"):
                return order
            number = self._parents[number]
        return ""

    def lines(self) -> list[Line]:
        """The items, each with the package it lies in where one is named."""
        context, found = self._context, list[Line]()
        several = len(self.orders) > 1
        for number, stretch in self._loops.items():
            items = [segment for segment in stretch if segment.name == "LIN"]
            if not items:
                continue
            shipped = next((one for one in stretch if one.name == "SN1"), None)
            if shipped is None:
                raise refuse(items[0], 1, "no quantity (SN1) says how much was shipped", "2")
            expires = dated(context.partner, stretch, "036", "208")[0]
            found.append(
                Line(
                    number=items[0].get(1) or number,
                    goods=goods(context.partner, items[0], 2, name=_described(stretch)),
                    quantity=needed(shipped, 2),
                    unit=context.partner.unit(shipped.get(3)),
                    lot=first(stretch, "REF", "LT"),
                    serial=first(stretch, "REF", "SE"),
                    expires=expires,
                    sscc=self._above(number) or self._only_below(number),
                    order=self._order(number) if several else "",
                )
            )
        return found

    def _only_below(self, number: str) -> str:
        """Where packs stand below their item: the package, if all of it lies in one."""
        below = [
            self._sscc(self._loops[child])
            for child in self._children.get(number, ())
            if self._loops[child][0].get(3) in {"T", "P"}
        ]
        return below[0] if len(below) == 1 else ""


def read_invoice(context: Context) -> tuple[Document, ...]:
    """An 810."""
    partner, begin = context.partner, context.the("BIG")
    currency = _currency(context)
    lines = [
        _line(context, stretch, number, currency, 0)
        for number, stretch in enumerate(loops(context.one.segments, "IT1"), start=1)
    ]
    charges = [
        Charge(
            code=segment.get(2) or segment.get(1),
            amount=-found if segment.get(1) in {"A", "P"} else found,
            text=segment.get(15),
        )
        for segment in context.all("SAC")
        if segment.get(1) in {"A", "C"} and (found := amount(segment, 5, currency)) is not None
    ]
    return (
        Invoice(
            references=(
                Reference(numbering=Numbering.INVOICE, scope=partner.scope, number=begin.get(2)),
            ),
            order=(_ours(begin.get(4)),) if begin.get(4) else (),
            supplier=partner.scope,
            day=day(begin, 1) or "",
            currency=currency,
            lines=tuple(lines),
            total=amount(context.the("TDS"), 1, currency),
            charges=tuple(charges),
            version=context.version,
        ),
    )


def read_stock(context: Context) -> tuple[Document, ...]:
    """An 846: a supplier's, or a warehouse's of a site of ours."""
    partner, begin = context.partner, context.the("BIA")
    head = heading(context, "LIN")
    at = dated(partner, head, "007", "097", "356")[1] or moment(partner, begin, 4, 5)
    lines: list[StockLine] = []
    for stretch in loops(context.one.segments, "LIN"):
        states: dict[str, tuple[Segment, int]] = {}
        for segment in stretch:
            if segment.name == "QTY" and segment.get(1) in _STATES:
                if segment.get(1) in states:
                    raise refuse(segment, 1, "this quantity was said before")
                states[segment.get(1)] = (segment, needed(segment, 2))
        if "33" in states:
            states.pop("17", None)
        lines.extend(
            StockLine(
                goods=goods(partner, stretch[0], 2, name=_described(stretch)),
                quantity=quantity,
                unit=partner.unit(first_of(stretch, "UIT") or segment.get(3)[:2]),
                state=_STATES[code],
                lot=first(stretch, "REF", "LT"),
            )
            for code, (segment, quantity) in states.items()
        )
    owned = partner.role is Role.WAREHOUSE
    return (
        StockReport(
            reference=Reference(
                numbering=Numbering.WAREHOUSE if owned else Numbering.SUPPLIER,
                scope=partner.scope,
                number=begin.get(3),
            ),
            site=partner.site if owned else "",
            supplier="" if owned else partner.scope,
            at=at if at is not None else Micros(0),
            lines=tuple(lines),
            whole=partner.whole_stock,
        ),
    )


def read_order(context: Context, known: Known) -> tuple[Document, ...]:
    """An 850: the order as it stands, all of its lines."""
    del known
    begin = context.the("BEG")
    partner, head = context.partner, heading(context, "PO1")
    number, status = begin.get(3), meaning(begin, 1, _PURPOSE)
    currency = _currency(context)
    lines = [
        _line(context, stretch, at, currency, 0)
        for at, stretch in enumerate(loops(context.one.segments, "PO1"), start=1)
    ]
    if len({line.number for line in lines}) != len(lines):
        raise refuse(context.the("PO1"), 1, "two lines have one number")
    placed = moment(partner, begin, 5)
    order = SalesOrder(
        references=(Reference(numbering=Numbering.CUSTOMER, scope=partner.scope, number=number),),
        channel=partner.scope,
        status=status,
        version=context.version,
        placed_at=placed if placed is not None else Micros(0),
        lines=tuple(lines),
        currency=currency,
        cancelled_at=Micros(context.version) if status is OrderStatus.CANCELLED else None,
        customer=party(head, "BY", "BT"),
        ship_to=party(head, "ST"),
        site=partner.place(party(head, "SF").reference),
        promotion=first(head, "REF", "PD"),
        ship_from=dated(partner, head, "037", "010")[0],
        ship_by=dated(partner, head, "038")[0],
    )
    return (order,)


def read_change(context: Context, known: Known) -> tuple[Document, ...]:
    """An 860: the order that is known, with these changes; whole again.

    Raises:
        UnreadableError: for an order that is not known, or a change that does not fit it.
    """
    begin = context.the("BCH")
    before = known(begin.get(3))
    if before is None:
        raise refuse(begin, 3, "no order of this number was received")
    status = meaning(begin, 1, _CHANGE)
    if status is OrderStatus.CANCELLED:
        at = Micros(context.version)
        return (
            msgspec.structs.replace(
                before, status=status, version=context.version, cancelled_at=at
            ),
        )
    lines = {} if begin.get(1) == "05" else {line.number: line for line in before.lines}
    for number, stretch in enumerate(loops(context.one.segments, "POC"), start=1):
        _amend(context, lines, stretch, number, before.currency)
    head = heading(context, "POC")
    ship_to = party(head, "ST")
    return (
        msgspec.structs.replace(
            before,
            status=status,
            version=context.version,
            lines=tuple(lines.values()),
            ship_to=ship_to if ship_to.reference or ship_to.name else before.ship_to,
            ship_from=dated(context.partner, head, "037", "010")[0] or before.ship_from,
            ship_by=dated(context.partner, head, "038")[0] or before.ship_by,
        ),
    )


def _amend(
    context: Context, lines: dict[str, Line], stretch: list[Segment], at: int, currency: str
) -> None:
    """Apply one POC. Its quantity is the new one, which QI and QD must raise or lower."""
    segment = stretch[0]
    number, kind = segment.get(1) or str(at), segment.get(2)
    if kind == "AI" or (kind == "RZ" and number not in lines):
        if number in lines:
            raise refuse(segment, 1, "the order has a line of this number already")
        lines[number] = _line(context, stretch, at, currency, 1)
        return
    before = lines.get(number)
    if before is None:
        raise refuse(segment, 1, "the order has no line of this number")
    if kind == "DI":
        del lines[number]
        return
    if kind not in {"CA", "NC", "PC", "PQ", "PR", "QD", "QI", "RZ", "RS", "CT", "RQ"}:
        raise refuse(segment, 2, "known here: AI, CA, CT, DI, NC, PC, PQ, PR, QD, QI, RQ, RS, RZ")
    if kind == "NC":
        return
    after = _changed(context, before, stretch, currency)
    if (kind == "QI" and after.quantity < before.quantity) or (
        kind == "QD" and after.quantity > before.quantity
    ):
        raise refuse(segment, 3, f"{kind} from {before.quantity}: the new quantity contradicts it")
    lines[number] = after


def _changed(context: Context, before: Line, stretch: list[Segment], currency: str) -> Line:
    segment, partner = stretch[0], context.partner
    new = price(segment, 6, currency, segment.get(7))
    wanted = dated(partner, stretch, "002", "010")[0]
    return msgspec.structs.replace(
        before,
        quantity=whole(segment, 3) if segment.get(3) else before.quantity,
        unit=partner.unit(segment.get(5)) if segment.get(5) else before.unit,
        price=before.price if new is None else new,
        goods=goods(partner, segment, 8) if segment.get(8) else before.goods,
        wanted=wanted or before.wanted,
    )


def read_sales(context: Context) -> tuple[Document, ...]:
    """An 852: what was sold of each item, in each place, in its span of days."""
    partner, begin = context.partner, context.the("XQ")
    start = moment(partner, begin, 2)
    last = moment(partner, begin, 3) if begin.get(3) else start
    if start is None or last is None or last < start:
        raise refuse(begin, 3, "the span ends before it begins")
    found: dict[str, Sale] = {}
    place = partner.place(party(heading(context, "LIN"), "ST", "SN").reference)
    for stretch in loops(context.one.segments, "LIN"):
        item = goods(partner, stretch[0], 2, name=_described(stretch))
        for site, (segment, quantity) in _sold(context, stretch, place).items():
            named = item.theirs or item.gtin or item.sku
            number = f"{begin.get(2)}-{begin.get(3)}:{site}:{named}"[:80]
            if number in found:
                raise refuse(segment, 1, "the sales of this item there were said before")
            found[number] = Sale(
                reference=Reference(
                    numbering=Numbering.CUSTOMER, scope=partner.scope, number=number
                ),
                version=context.version,
                site=site,
                channel=partner.scope,
                goods=item,
                quantity=quantity,
                start=start,
                until=Micros(last + DAY),
                currency=partner.currency,
            )
    return tuple(found.values())


def _sold(context: Context, stretch: list[Segment], place: str) -> dict[str, tuple[Segment, int]]:
    """Net units by site; SDQ spreads the ZA before it over places.

    Q1 is net already; else QS was sold and QU came back (element 859).
    """
    net = any(segment.name == "ZA" and segment.get(1) == "Q1" for segment in stretch)
    signs = {"Q1": 1} if net else {"QS": 1, "QU": -1}
    found: dict[str, tuple[Segment, int]] = {}
    sign, own = 0, None
    for segment in stretch:
        if segment.name == "ZA":
            if own is not None:
                _note(found, own, place, sign * signed(own, 2))
            sign = signs.get(segment.get(1), 0)
            own = segment if sign and segment.get(2) else None
        elif segment.name == "SDQ" and sign:
            own = None
            for at in range(3, len(segment.elements), 2):
                site = context.partner.place(segment.get(at))
                _note(found, segment, site, sign * signed(segment, at + 1))
    if own is not None:
        _note(found, own, place, sign * signed(own, 2))
    return found


def _note(
    found: dict[str, tuple[Segment, int]], segment: Segment, site: str, quantity: int
) -> None:
    before = found.get(site, (segment, 0))[1]
    found[site] = (segment, before + quantity)


def _line(context: Context, stretch: list[Segment], number: int, currency: str, shift: int) -> Line:
    """A line as PO1, IT1 and, by ``shift`` elements later, POC have it."""
    partner, segment = context.partner, stretch[0]
    ids = 6 + 2 * shift
    unit = 3 + 2 * shift
    return Line(
        number=segment.get(1) or str(number),
        goods=goods(partner, segment, ids, name=_described(stretch)),
        quantity=needed(segment, 2 + shift),
        unit=partner.unit(segment.get(unit)),
        price=price(segment, unit + 1, currency, segment.get(unit + 2)),
        wanted=dated(partner, stretch, "002", "010")[0],
    )


def _described(stretch: list[Segment]) -> str:
    return next((one.get(5) for one in stretch if one.name == "PID" and one.get(5)), "")


def first_of(stretch: list[Segment], name: str) -> str:
    """The first element of the first segment of a name."""
    return next((one.get(1) for one in stretch if one.name == name), "")


def _currency(context: Context) -> str:
    for segment in context.all("CUR"):
        if len(text := segment.get(2)) == 3 and text.isascii() and text.isupper():
            return text
        raise refuse(segment, 2, "a currency has three capital letters")
    return context.partner.currency


def _ours(number: str) -> Reference:
    return Reference(numbering=Numbering.OURS, scope="", number=number)
