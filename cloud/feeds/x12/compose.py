"""Our documents as the sets that partners get: 850, 860, 855, 856, 810, 846 and 940. Pure.

Each function returns a :class:`Message`; what a partner does not need is left out, what the set
cannot do without is refused (``x12.unwritable``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from cloud.feeds.documents import (
    Answer,
    Confirmation,
    ConfirmedLine,
    Document,
    Invoice,
    Line,
    Numbering,
    OrderStatus,
    Party,
    PurchaseOrder,
    SalesOrder,
    ShipNotice,
    StockReport,
)
from cloud.feeds.x12.partner import Partner, Role
from cloud.feeds.x12.writing import (
    Message,
    Row,
    codes,
    compact,
    date_of,
    demanded,
    implied,
    money,
    number_of,
    parties,
    place_of,
    plain,
    time_of,
)
from shared.errors import QuartermasterError

_OURS: Final = (Numbering.OURS,)
_SAYS: Final = {
    Answer.ACCEPTED: "IA",
    Answer.CHANGED: "IC",
    Answer.BACKORDERED: "IB",
    Answer.REJECTED: "IR",
}
_STATES: Final = {"available": "33", "quarantined": "QH", "damaged": "20"}


def composed(partner: Partner, document: Document, before: Document | None = None) -> Message:
    """A document as the set that tells it to this partner.

    Args:
        partner: to whom.
        document: what is to be said.
        before: the order as it was told last, where this changes it.

    Raises:
        QuartermasterError: ``x12.unwritable``, also where no set tells this to such a partner.
    """
    if isinstance(document, PurchaseOrder):
        earlier = before if isinstance(before, PurchaseOrder) else None
        return order(partner, document) if earlier is None else change(partner, earlier, document)
    if isinstance(document, SalesOrder) and partner.role is Role.WAREHOUSE:
        return shipping_order(partner, document)
    for kind, write in (
        (Confirmation, confirmation),
        (ShipNotice, ship_notice),
        (Invoice, invoice),
        (StockReport, stock),
    ):
        if isinstance(document, kind) and partner.role is Role.RETAILER:
            return write(partner, document)  # pyright: ignore[reportArgumentType]
    says = f"no set tells a {partner.role} a {type(document).__name__}"
    raise QuartermasterError("x12.unwritable", says)


def order(partner: Partner, document: PurchaseOrder) -> Message:
    """An 850.

    Raises:
        QuartermasterError: ``x12.unwritable``.
    """
    number = demanded(number_of(document.references, *_OURS), "our order's number")
    purpose = "01" if document.status is OrderStatus.CANCELLED else "00"
    rows: list[Row] = [
        ("BEG", purpose, "SA", number, "", date_of(partner, document.ordered_at)),
        *_currency(document.currency),
        *parties(partner, "ST", Party(), place_of(partner, document.site)),
    ]
    for line in document.lines:
        rows.extend(_ordered(partner, line, document.currency, "PO1", ()))
    rows.append(("CTT", str(len(document.lines)), str(_units(document.lines))))
    return Message("850", tuple(rows), number)


def change(partner: Partner, before: PurchaseOrder, after: PurchaseOrder) -> Message:
    """An 860: what is different.

    Raises:
        QuartermasterError: ``x12.unwritable``, also where nothing is different.
    """
    number = demanded(number_of(after.references, *_OURS), "our order's number")
    date = date_of(partner, after.ordered_at)
    if after.status is OrderStatus.CANCELLED:
        return Message("860", (("BCH", "01", "SA", number, "", "", date),), number)
    rows: list[Row] = [("BCH", "04", "SA", number, "", "", date)]
    earlier = {line.number: line for line in before.lines}
    later = {line.number: line for line in after.lines}
    for line in after.lines:
        known = earlier.get(line.number)
        if known != line:
            kind = "AI" if known is None else "CA"
            rows.extend(_ordered(partner, line, after.currency, "POC", (kind,)))
    rows.extend(
        ("POC", line.number, "DI", "0", "", partner.their_unit(line.unit))
        for line in before.lines
        if line.number not in later
    )
    if len(rows) == 1:
        raise QuartermasterError("x12.unwritable", f"nothing of order {number} has changed")
    rows.append(("CTT", str(sum(row[0] == "POC" for row in rows))))
    return Message("860", tuple(rows), number)


def confirmation(partner: Partner, document: Confirmation) -> Message:
    """An 855.

    Raises:
        QuartermasterError: ``x12.unwritable``.
    """
    number = demanded(number_of(document.order, Numbering.CUSTOMER), "the customer's order number")
    own = number_of(document.references, Numbering.SUPPLIER, Numbering.OURS)
    rows: list[Row] = [
        ("BAK", "00", _overall(document), number, date_of(partner, document.at)),
        *((("REF", "CO", own),) if own else ()),
    ]
    count = 0
    for _, parts in groupby(document.lines, key=lambda one: one.line.number):
        rows.extend(_answered(partner, list(parts)))
        count += 1
    if count:
        rows.append(("CTT", str(count)))
    return Message("855", tuple(rows), number)


def _overall(document: Confirmation) -> str:
    answers = {line.answer for line in document.lines}
    if not answers:
        return "RJ" if document.answer is Answer.REJECTED else "AT"
    if answers == {Answer.ACCEPTED}:
        return "AD"
    return "RD" if answers == {Answer.REJECTED} else "AC"


def _answered(partner: Partner, parts: list[ConfirmedLine]) -> list[Row]:
    line, units = parts[0].line, sum(part.line.quantity for part in parts)
    rows: list[Row] = [
        ("PO1", line.number, str(units), partner.their_unit(line.unit),
         money(line.price, partner.currency), "",
         *codes(partner, line.goods)),
        *_described(partner, line),
    ]  # fmt: skip
    for part in parts:
        date = part.ship_day or part.deliver_day
        when = (("068" if part.ship_day else "067"), compact(date)) if date else ()
        rows.append(
            (
                "ACK",
                _SAYS[part.answer],
                str(part.line.quantity),
                partner.their_unit(part.line.unit),
                *when,
            )
        )
    arrives = {part.deliver_day for part in parts}
    if len(arrives) == 1 and None not in arrives and parts[0].ship_day:
        rows.append(("DTM", "067", compact(parts[0].deliver_day)))
    return rows


def invoice(partner: Partner, document: Invoice) -> Message:
    """An 810; where no total is said, it is the sum of lines and charges.

    Raises:
        QuartermasterError: ``x12.unwritable``.
    """
    number = demanded(number_of(document.references, Numbering.INVOICE), "the invoice's number")
    currency = document.currency or partner.currency
    buying = number_of(document.order, Numbering.CUSTOMER, Numbering.OURS)
    rows: list[Row] = [
        ("BIG", compact(document.day), number, "", buying),
        *_currency(document.currency),
    ]
    for line in document.lines:
        rows.extend(_ordered(partner, line, currency, "IT1", ()))
    total = document.total
    if total is None:
        total = sum((line.price or 0) * line.quantity for line in document.lines)
        total += sum(charge.amount for charge in document.charges)
    rows.append(("TDS", implied(total, currency)))
    for charge in document.charges:
        kind = "A" if charge.amount < 0 else "C"
        text = ("",) * 9 + (plain(partner, charge.text, 80),) if charge.text else ()
        size = implied(abs(charge.amount), currency)
        rows.append(("SAC", kind, charge.code, "", "", size, *text))
    rows.append(("CTT", str(len(document.lines))))
    return Message("810", tuple(rows), number)


def stock(partner: Partner, document: StockReport) -> Message:
    """An 846: what could be ordered of us.

    Raises:
        QuartermasterError: ``x12.unwritable``.
    """
    number = demanded(document.reference.number, "the report's number")
    date, time = date_of(partner, document.at), time_of(partner, document.at)
    rows: list[Row] = [("BIA", "00", "SI", number, date, time)]
    for at, line in enumerate(document.lines, start=1):
        if line.state not in _STATES:
            raise QuartermasterError("x12.unwritable", f"stock that is {line.state}")
        rows.append(("LIN", str(at), *codes(partner, line.goods)))
        if line.goods.name:
            rows.append(("PID", "F", "", "", "", plain(partner, line.goods.name, 80)))
        if line.lot:
            rows.append(("REF", "LT", line.lot))
        rows.extend(
            (
                ("QTY", _STATES[line.state], str(line.quantity)),
                ("UIT", partner.their_unit(line.unit)),
            )
        )
    rows.append(("CTT", str(len(document.lines))))
    return Message("846", tuple(rows), number)


def shipping_order(partner: Partner, document: SalesOrder) -> Message:
    """A 940: a warehouse is to ship this.

    Raises:
        QuartermasterError: ``x12.unwritable``.
    """
    own = number_of(document.references, Numbering.OURS, Numbering.CHANNEL, Numbering.CUSTOMER)
    number = demanded(own, "the order's number")
    status = {"placed": "N", "changed": "R", "cancelled": "F"}[document.status.value]
    rows: list[Row] = [
        ("W05", status, number, number_of(document.references, Numbering.CUSTOMER)),
        *parties(partner, "ST", document.ship_to),
    ]
    rows.extend(
        ("G62", code, compact(date))
        for code, date in (("10", document.ship_from), ("38", document.ship_by))
        if date
    )
    for at, line in enumerate(document.lines, start=1):
        named = codes(partner, line.goods)
        upc = named[1] if named[0] == "UP" else ""
        rest = named[2:] if upc else named
        rows.append(("LX", str(at)))
        rows.append(("W01", str(line.quantity), partner.their_unit(line.unit), upc, *rest[:4]))
        if line.lot:
            rows.append(("N9", "LT", line.lot))
    rows.append(("W76", str(_units(document.lines))))
    return Message("940", tuple(rows), number)


def _ordered(
    partner: Partner, line: Line, currency: str, name: str, kind: Sequence[str]
) -> list[Row]:
    left = ("",) if kind else ()
    rows: list[Row] = [
        (name, line.number, *kind, str(line.quantity), *left, partner.their_unit(line.unit),
         money(line.price, currency or partner.currency), "", *codes(partner, line.goods)),
        *_described(partner, line),
    ]  # fmt: skip
    if line.wanted:
        rows.append(("DTM", "002", compact(line.wanted)))
    return rows


def _described(partner: Partner, line: Line) -> list[Row]:
    text = plain(partner, line.goods.name, 80)
    return [("PID", "F", "", "", "", text)] if text else []


def _currency(code: str) -> list[Row]:
    return [("CUR", "SE", code)] if code else []


def _units(lines: Sequence[Line]) -> int:
    return sum(line.quantity for line in lines)


def ship_notice(partner: Partner, document: ShipNotice) -> Message:
    """An 856: shipment, orders, packages, items (structure 0001).

    Raises:
        QuartermasterError: ``x12.unwritable``.
    """
    number = demanded(number_of(document.references, Numbering.SHIPMENT), "the shipment's number")
    rows = _Hierarchy(partner, document).rows
    purpose = "01" if document.cancelled else "00"
    date = date_of(partner, document.shipped_at)
    begin = ("BSN", purpose, number, date, time_of(partner, document.shipped_at), "0001")
    levels = sum(row[0] == "HL" for row in rows)
    return Message("856", (begin, *rows, ("CTT", str(levels))), number)


class _Hierarchy:
    """Levels of an 856, each before those that lie in it."""

    def __init__(self, partner: Partner, document: ShipNotice) -> None:
        self._partner = partner
        self._document = document
        self._count = 0
        self.rows: list[Row] = []
        self._within: dict[str, str] = dict(document.packages)
        for line in document.lines:
            if line.sscc:
                self._within.setdefault(line.sscc, "")
        shipment = self._level("", "S")
        self._say_shipment()
        orders = [
            number
            for reference in document.order
            if (number := number_of((reference,), Numbering.CUSTOMER, Numbering.OURS))
        ]
        placed: set[str] = set()
        for at, order_number in enumerate(orders or [""]):
            parent = self._level(shipment, "O")
            if order_number:
                self.rows.append(("PRF", order_number))
            mine = [
                line
                for line in document.lines
                if line.order == order_number or (at == 0 and line.order not in orders)
            ]
            self._put(mine, parent, placed, last=at == max(len(orders), 1) - 1)

    def _level(self, parent: str, code: str) -> str:
        self._count += 1
        self.rows.append(("HL", str(self._count), parent, code))
        return str(self._count)

    def _say_shipment(self) -> None:
        document, partner = self._document, self._partner
        if document.carrier:
            self.rows.append(("TD5", "B", "2", document.carrier))
        tracking = number_of(document.references, Numbering.TRACKING)
        if tracking:
            self.rows.append(("REF", "CN", tracking))
        date, time = (
            date_of(partner, document.shipped_at),
            time_of(partner, document.shipped_at),
        )
        self.rows.append(("DTM", "011", date, time))
        if document.eta is not None:
            eta = document.eta
            self.rows.append(("DTM", "017", date_of(partner, eta), time_of(partner, eta)))
        self.rows.extend(parties(partner, "ST", Party(), place_of(partner, document.site)))

    def _put(self, lines: list[Line], parent: str, placed: set[str], *, last: bool) -> None:
        """The packages of these lines and the lines in them; then what lies in none."""
        wanted = {line.sscc for line in lines if line.sscc}
        wanted |= set(self._within) if last else set()
        for top in [sscc for sscc, above in self._within.items() if not above]:
            if self._holds(top, wanted) and top not in placed:
                self._package(top, parent, placed)
        for line in lines:
            if not line.sscc:
                self._item(line, parent)

    def _holds(self, package: str, wanted: set[str]) -> bool:
        inner = (sscc for sscc, above in self._within.items() if above == package)
        return package in wanted or any(self._holds(sscc, wanted) for sscc in inner)

    def _package(self, sscc: str, parent: str, placed: set[str]) -> None:
        if sscc in placed:
            raise QuartermasterError("x12.unwritable", f"package {sscc} lies in itself")
        placed.add(sscc)
        inner = [one for one, above in self._within.items() if above == sscc]
        level = self._level(parent, "T" if inner else "P")
        self.rows.append(("MAN", "GM", f"00{sscc}"))
        for one in inner:
            self._package(one, level, placed)
        for line in self._document.lines:
            if line.sscc == sscc:
                self._item(line, level)

    def _item(self, line: Line, parent: str) -> None:
        partner = self._partner
        self._level(parent, "I")
        self.rows.append(("LIN", line.number, *codes(partner, line.goods)))
        self.rows.append(("SN1", "", str(line.quantity), partner.their_unit(line.unit)))
        if line.order:
            self.rows.append(("PRF", line.order))
        self.rows.extend(_described(partner, line))
        for code, text in (("LT", line.lot), ("SE", line.serial)):
            if text:
                self.rows.append(("REF", code, text))
        if line.expires:
            self.rows.append(("DTM", "036", compact(line.expires)))
