"""What warehouses and carriers say: 945, 944, 947 and 214. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from cloud.feeds.documents import (
    Document,
    Fulfilment,
    Line,
    Numbering,
    ReceiptAdvice,
    Reference,
    StockAdjustment,
    Tracking,
)
from cloud.feeds.x12.envelope import Segment
from cloud.feeds.x12.values import (
    Context,
    dated,
    first,
    goods,
    heading,
    loops,
    meaning,
    moment,
    needed,
    refuse,
    serial_code,
    signed,
    whole,
)
from shared.units import Micros

_STATUS: Final = {
    "AF": "picked-up", "CP": "picked-up",
    "AM": "in-transit", "J1": "in-transit", "P1": "in-transit", "R1": "in-transit",
    "X4": "in-transit", "X6": "in-transit", "AG": "in-transit", "X2": "in-transit",
    "X1": "out-for-delivery", "X5": "out-for-delivery", "D1": "delivered",
    "A3": "exception", "A7": "exception", "A9": "exception", "AH": "exception",
    "AP": "exception", "CA": "exception", "SD": "exception",
}  # fmt: skip
"""Element 1650. Codes that do not say where a parcel is on its way are passed over."""
_ETA: Final = frozenset({"AG", "X2"})
_SHIPPED: Final = {code: code for code in "FJNRX"}
"""Element 514 in a 945: what was shipped, not a return, an adjustment or a simulation."""
_RECEIVED: Final = {code: code for code in "CFJNPRX"}


def read_shipped(context: Context) -> tuple[Document, ...]:
    """A 945: what a warehouse has shipped of a customer's order."""
    partner, begin, head = context.partner, context.the("W06"), heading(context, "LX")
    meaning(begin, 1, _SHIPPED)
    lines: list[Line] = []
    counted: Counter[str] = Counter()
    for stretch in loops(context.one.segments, "LX"):
        number = stretch[0].get(1)
        for sscc, own in _packed(stretch):
            again = counted[number]
            counted[number] += 1
            lines.append(_shipped(context, own, f"{number}.{again}" if again else number, sscc))
    at = dated(partner, head, "11", name="G62")[1] or moment(partner, begin, 3)
    order = [Reference(numbering=Numbering.OURS, scope="", number=begin.get(2))] * bool(
        begin.get(2)
    )
    if begin.get(6):
        # Of the warehouse's scope: two customers may give two orders one number.
        order.append(
            Reference(numbering=Numbering.CUSTOMER, scope=partner.scope, number=begin.get(6))
        )
    if not order:
        raise refuse(begin, 2, "it names no order", "2")
    carrier = next((one.get(2) for one in head if one.name == "W27"), "")
    references = [
        Reference(numbering=numbering, scope=partner.scope, number=text)
        for numbering, text in (
            (Numbering.SHIPMENT, begin.get(4)),
            (Numbering.WAREHOUSE, begin.get(5)),
            (Numbering.TRACKING, first(head, "N9", "CN") or first(head, "N9", "2I")),
        )
        if text
    ]
    return (
        Fulfilment(
            references=tuple(references) or tuple(order),
            order=tuple(order),
            site=partner.site,
            shipped_at=at if at is not None else Micros(0),
            lines=tuple(line for line in lines if line.quantity),
            carrier=carrier,
            version=context.version,
        ),
    )


def _packed(stretch: list[Segment]) -> Iterator[tuple[str, list[Segment]]]:
    """Each W12 with what follows it, and the package that was named before it."""
    sscc, own = "", list[Segment]()
    for segment in stretch:
        if segment.name in {"W12", "MAN"} and own:
            yield sscc, own
            own = []
        if segment.name == "MAN" and segment.get(1) in {"GM", "AA"}:
            sscc = serial_code(segment)
        elif segment.name == "W12" or own:
            own.append(segment)
    if own:
        yield sscc, own


def _shipped(context: Context, stretch: list[Segment], number: str, sscc: str) -> Line:
    segment = stretch[0]
    return Line(
        number=number,
        goods=goods(context.partner, segment, 7, upc=6, pairs=1),
        quantity=whole(segment, 3),
        unit=context.partner.unit(segment.get(5)),
        lot=segment.get(9) or first(stretch, "N9", "LT") or first(stretch, "N9", "LI"),
        serial=first(stretch, "N9", "SE"),
        expires=dated(context.partner, stretch, "36", "BO", name="G62")[0],
        sscc=sscc,
    )


def read_received(context: Context) -> tuple[Document, ...]:
    """A 944: what a warehouse has taken in."""
    partner, begin, head = context.partner, context.the("W17"), heading(context, "W07")
    meaning(begin, 1, _RECEIVED)
    lines: list[Line] = []
    for number, stretch in enumerate(loops(context.one.segments, "W07"), start=1):
        segment = stretch[0]
        lines.append(
            Line(
                number=str(number),
                goods=goods(partner, segment, 4, upc=3, pairs=2),
                quantity=needed(segment, 1),
                unit=partner.unit(segment.get(2)),
                lot=segment.get(8) or first(stretch, "N9", "LT"),
                expires=dated(partner, stretch, "36", "BO", name="G62")[0],
            )
        )
    at = dated(partner, head, "50", name="G62")[1] or moment(partner, begin, 2)
    own = Reference(numbering=Numbering.WAREHOUSE, scope=partner.scope, number=begin.get(3))
    order = [
        Reference(numbering=numbering, scope="", number=text)
        for numbering, text in (
            (Numbering.OURS, begin.get(4) or first(head, "N9", "PO")),
            (Numbering.SHIPMENT, begin.get(5)),
        )
        if text
    ]
    return (
        ReceiptAdvice(
            references=(own,),
            order=tuple(order),
            site=partner.site,
            received_at=at if at is not None else Micros(0),
            lines=tuple(lines),
            version=context.version,
        ),
    )


def read_adjusted(context: Context) -> tuple[Document, ...]:
    """A 947: how a warehouse has corrected its stock."""
    partner, begin = context.partner, context.the("W15")
    lines: list[Line] = []
    signs: list[int] = []
    reasons: list[str] = []
    for number, stretch in enumerate(loops(context.one.segments, "W19"), start=1):
        segment = stretch[0]
        difference = signed(segment, 2)
        lines.append(
            Line(
                number=str(number),
                goods=goods(partner, segment, 5, upc=4, pairs=2),
                quantity=abs(difference),
                unit=partner.unit(segment.get(3)),
                lot=segment.get(9) or first(stretch, "N9", "LT"),
            )
        )
        signs.append(-1 if difference < 0 else 1)
        reasons.append(segment.get(1))
    number_of = begin.get(2) or begin.get(3) or context.one.control
    at = moment(partner, begin, 1)
    return (
        StockAdjustment(
            references=(
                Reference(numbering=Numbering.WAREHOUSE, scope=partner.scope, number=number_of),
            ),
            site=partner.site,
            at=at if at is not None else Micros(0),
            lines=tuple(lines),
            signs=tuple(signs),
            reasons=tuple(reasons),
        ),
    )


def read_tracking(context: Context) -> tuple[Document, ...]:
    """A 214: each status of the shipment that says something of its way."""
    partner, begin = context.partner, context.the("B10")
    shipment = tuple(
        Reference(numbering=numbering, scope=partner.scope, number=text)
        for numbering, text in (
            (Numbering.TRACKING, begin.get(1)),
            (Numbering.SHIPMENT, begin.get(2)),
        )
        if text
    )
    if not shipment:
        raise refuse(begin, 1, "it names no shipment", "2")
    promised = dated(partner, list(context.one.segments), "17", name="G62")[1]
    found: list[Tracking] = []
    for segment in context.all("AT7"):
        code = segment.get(1)
        at = moment(partner, segment, 5, 6, 7)
        if code not in _STATUS or at is None:
            continue
        status, eta = _STATUS[code], at if code in _ETA else promised
        found.append(
            Tracking(
                reference=shipment[0],
                shipment=shipment,
                at=Micros(min(at, context.version)) if code in _ETA else at,
                status=status,
                eta=eta,
                reason=segment.get(2),
                carrier=begin.get(3),
            )
        )
    return tuple(found)
