"""From a feed's document to a statement on an order: names resolved, packs multiplied out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from cloud import catalog, feeds
from cloud.db import Connection
from cloud.feeds.documents import (
    Confirmation,
    Delivery,
    Invoice,
    Line,
    Numbering,
    OrderStatus,
    PurchaseOrder,
    ReceiptAdvice,
    Reference,
    ShipNotice,
    Tracking,
)
from cloud.orders.purchases import store
from cloud.orders.purchases.model import (
    AdviceSaid,
    Answered,
    Billed,
    Body,
    ConfirmationSaid,
    InvoiceSaid,
    Kind,
    NoticeSaid,
    Ordered,
    OrderSaid,
    Sent,
    TrackingSaid,
)
from cloud.orders.purchases.naming import OURS, awaited, brought, first_number, own_number
from shared.errors import QuartermasterError
from shared.units import MAX_QUANTITY, Micros

Document = PurchaseOrder | Confirmation | ShipNotice | Invoice | ReceiptAdvice | Tracking


class Read(NamedTuple):
    """A statement before anybody knows which order it is of."""

    kind: Kind
    key: str
    version: int
    at: Micros
    supplier: str
    body: Body
    awaits: list[str]
    brings: list[str]


class Meant(NamedTuple):
    """What a line means: base units, of which one unit of the line holds ``per``."""

    sku: str
    quantity: int
    per: int


def heard(read: Read, delivery: Delivery, *, by: str) -> store.Heard:
    """A statement as it is written down: the same words by another feed are the same."""
    return written(
        read,
        by=by,
        feed=delivery.feed,
        delivery_id=delivery.delivery_id,
        position=delivery.position,
        at=delivery.received_at,
    )


def written(
    read: Read, *, by: str, feed: str, delivery_id: int, position: int, at: Micros
) -> store.Heard:
    """As :func:`heard`, for what came by no feed, too."""
    body = msgspec.json.encode(read.body)
    awaits = sorted(set(read.awaits))
    words = msgspec.json.encode((read.version, read.at, awaits)) + body
    return store.Heard(
        read.kind,
        read.key,
        read.version,
        read.at,
        by,
        read.supplier,
        hashlib.sha256(words).digest(),
        body.decode(),
        awaits,
        sorted(set(read.brings)),
        feed,
        delivery_id,
        position,
        at,
    )


def parts(document: Document) -> list[Document]:
    """A document of several orders as one for each, with the lines that are of it.

    Raises:
        QuartermasterError: ``purchase.document`` for a line that does not say of which it is.
    """
    if isinstance(document, PurchaseOrder | Confirmation | Tracking):
        return [document]
    ours = list(dict.fromkeys(each.number for each in document.order if each.numbering in OURS))
    ours += [line.order for line in document.lines if line.order and line.order not in ours]
    if len(ours) < 2:
        return [document]
    for line in document.lines:
        if not line.order:
            says = f"of which of {', '.join(ours)}"
            raise QuartermasterError("purchase.document", says, where=f"line {line.number}")
    shared = tuple(each for each in document.order if each.numbering not in OURS)
    return [
        msgspec.structs.replace(
            document,
            order=(Reference(numbering=Numbering.OURS, scope="", number=number), *shared),
            lines=tuple(line for line in document.lines if line.order == number),
        )
        for number in ours
    ]


def read(connection: Connection, document: Document, feed: str) -> Read:
    """The statement that a document makes.

    Raises:
        QuartermasterError: ``feed.unknown-item``, ``feed.item-contradicts``, ``feed.unit``,
            ``feed.unknown-site``, ``purchase.unknown-supplier``, ``purchase.document``.
    """
    match document:
        case PurchaseOrder():
            return _order(connection, document, feed)
        case Confirmation():
            return _confirmation(connection, document, feed)
        case ShipNotice():
            return _notice(connection, document, feed)
        case Invoice():
            return _invoice(connection, document, feed)
        case ReceiptAdvice():
            return _advice(connection, document, feed)
        case Tracking():
            return _tracking(document)


def _order(connection: Connection, document: PurchaseOrder, feed: str) -> Read:
    _demand_supplier(connection, document.supplier)
    _demand_site(connection, document.site)
    number = own_number(document.references) or first_number(document.references).number
    _distinct([line.number for line in document.lines])
    meant = _meant(connection, feed, document.supplier, document.lines)
    body = OrderSaid(
        number=number,
        supplier=document.supplier,
        site=document.site,
        cancelled=document.status is OrderStatus.CANCELLED,
        ordered_at=document.ordered_at,
        lines=tuple(
            Ordered(
                number=line.number,
                sku=each.sku,
                quantity=each.quantity,
                price=line.price,
                per=each.per,
                wanted=line.wanted,
            )
            for line, each in zip(document.lines, meant, strict=True)
        ),
        currency=document.currency,
        incoterm=document.incoterm,
        lane=document.lane,
    )
    brings = [f"ours::{number}", *brought(document.references, document.supplier)]
    own = [f"ours::{number}"]
    at = document.ordered_at
    return Read("order", number, document.version, at, document.supplier, body, own, brings)


def _confirmation(connection: Connection, document: Confirmation, feed: str) -> Read:
    _demand_supplier(connection, document.supplier)
    meant = _meant(connection, feed, document.supplier, [each.line for each in document.lines])
    body = ConfirmationSaid(
        lines=tuple(
            Answered(
                number=each.line.number,
                sku=goods.sku,
                quantity=goods.quantity,
                answer=each.answer.value,
                price=each.line.price,
                per=goods.per,
                ship_day=each.ship_day,
                deliver_day=each.deliver_day,
            )
            for each, goods in zip(document.lines, meant, strict=True)
        )
    )
    key = first_number(document.references or document.order, Numbering.SUPPLIER).number
    return _of_supplier("confirmation", key, (0, document.at), document, body)


def _notice(connection: Connection, document: ShipNotice, feed: str) -> Read:
    _demand_supplier(connection, document.supplier)
    if document.site:
        _demand_site(connection, document.site)
    named = first_number(document.references, Numbering.SHIPMENT)
    meant = _meant(connection, feed, document.supplier, document.lines)
    body = NoticeSaid(
        scope=document.supplier,
        shipment=named.number,
        site=document.site,
        shipped_at=document.shipped_at,
        lines=_sent(document.lines, meant),
        packages=document.packages,
        tracking=tuple(
            each.number for each in document.references if each.numbering is Numbering.TRACKING
        ),
        eta=document.eta,
        carrier=document.carrier,
        cancelled=document.cancelled,
    )
    order = ",".join(sorted(each.number for each in document.order))
    key = f"{document.supplier} {named.number} of {order}"
    return _of_supplier("notice", key, (document.version, document.shipped_at), document, body)


def _invoice(connection: Connection, document: Invoice, feed: str) -> Read:
    _demand_supplier(connection, document.supplier)
    meant = _meant(connection, feed, document.supplier, document.lines)
    body = InvoiceSaid(
        day=document.day,
        currency=document.currency,
        lines=tuple(
            Billed(
                number=line.number,
                sku=each.sku,
                quantity=each.quantity,
                price=line.price,
                per=each.per,
            )
            for line, each in zip(document.lines, meant, strict=True)
        ),
    )
    number = first_number(document.references, Numbering.INVOICE).number
    key = f"{document.supplier} {number}"
    return _of_supplier("invoice", key, (document.version, Micros(0)), document, body)


def _advice(connection: Connection, document: ReceiptAdvice, feed: str) -> Read:
    _demand_site(connection, document.site)
    meant = _meant(connection, feed, "", document.lines)
    named = [
        each.number
        for each in (*document.order, *document.references)
        if each.numbering is Numbering.SHIPMENT
    ]
    body = AdviceSaid(
        site=document.site,
        received_at=document.received_at,
        lines=_sent(document.lines, meant),
        shipment=named[0] if named else "",
    )
    key = f"{document.site} {first_number(document.references, Numbering.WAREHOUSE).number}"
    awaits = awaited(document.order, "")
    if not awaits:
        raise QuartermasterError("purchase.document", "it names no order", where="order")
    at = document.received_at
    return Read("advice", key, document.version, at, "", body, awaits, [])


def _tracking(document: Tracking) -> Read:
    numbers = sorted({document.reference.number, *(each.number for each in document.shipment)})
    body = TrackingSaid(
        numbers=tuple(numbers),
        status=document.status,
        eta=document.eta,
        reason=document.reason,
    )
    awaits = awaited([document.reference, *document.shipment], "")
    # A carrier may know a shipment by the shipper's number, under its own name for the shipper.
    awaits += [
        f"shipment:*:{each.number}"
        for each in document.shipment
        if each.numbering is Numbering.SHIPMENT
    ]
    key = document.reference.number
    return Read("tracking", key, 0, document.at, "", body, awaits, [])


def _of_supplier(
    kind: Kind,
    key: str,
    rank: tuple[int, Micros],
    document: Confirmation | ShipNotice | Invoice,
    body: Body,
) -> Read:
    awaits = awaited(document.order, document.supplier)
    if not awaits:
        raise QuartermasterError("purchase.document", "it names no order", where="order")
    brings = brought(document.references, document.supplier)
    ours = [alias for alias in brings if alias.startswith("ours:")]
    kept = [alias for alias in brings if alias not in ours]
    return Read(kind, key, *rank, document.supplier, body, awaits, kept)


def _sent(lines: Sequence[Line], meant: Sequence[Meant]) -> tuple[Sent, ...]:
    return tuple(
        Sent(
            number=line.number,
            sku=each.sku,
            quantity=each.quantity,
            lot=line.lot,
            serial=line.serial,
            expires=line.expires,
            sscc=line.sscc,
        )
        for line, each in zip(lines, meant, strict=True)
    )


def named(connection: Connection, document: ShipNotice, delivery: Delivery) -> ShipNotice:
    """A notice in which what only the supplier's offers name is called by our SKU, for others."""
    lines = _named(connection, delivery.feed, document.supplier, document.lines)
    return msgspec.structs.replace(document, lines=tuple(lines))


def _meant(connection: Connection, feed: str, supplier: str, lines: Sequence[Line]) -> list[Meant]:
    """What lines mean to their feed, else by the supplier's own names in its offers."""
    ours = _named(connection, feed, supplier, lines)
    found = feeds.resolve_all(
        connection,
        feed,
        [(line.goods, line.unit) for line in ours],
        where=lambda n: f"line {ours[n].number}",
    )
    meant: list[Meant] = []
    for line, each in zip(ours, found, strict=True):
        if line.quantity * each.per > MAX_QUANTITY:
            says = f"{line.quantity} × {each.per} of {each.sku}"
            raise QuartermasterError("feed.unit", says, where=f"line {line.number}")
        meant.append(Meant(each.sku, line.quantity * each.per, each.per))
    return meant


def _named(connection: Connection, feed: str, supplier: str, lines: Sequence[Line]) -> list[Line]:
    """Lines whose items the feed does not know, called as the supplier's offers call them."""
    theirs = [n for n, line in enumerate(lines) if line.goods.theirs]
    offered = (
        store.items_by_reference(connection, supplier, [lines[n].goods.theirs for n in theirs])
        if supplier and theirs
        else {}
    )
    told = [n for n in theirs if len(offered.get(lines[n].goods.theirs, ())) == 1]
    answers = feeds.try_all(connection, feed, [(lines[n].goods, lines[n].unit) for n in told])
    ours = list(lines)
    for n, answer in zip(told, answers, strict=True):
        if isinstance(answer, QuartermasterError) and answer.code == "feed.unknown-item":
            goods = lines[n].goods
            sku = next(iter(offered[goods.theirs]))
            ours[n] = msgspec.structs.replace(
                lines[n], goods=msgspec.structs.replace(goods, sku=sku)
            )
    return ours


def _distinct(numbers: Sequence[str]) -> None:
    seen: set[str] = set()
    for number in numbers:
        if number in seen:
            raise QuartermasterError("purchase.document", "two lines of one number", where=number)
        seen.add(number)


def _demand_supplier(connection: Connection, code: str) -> None:
    if code not in store.supplier_ids(connection, [code]):
        raise QuartermasterError("purchase.unknown-supplier", repr(code), where="supplier")


def _demand_site(connection: Connection, code: str) -> None:
    if code not in catalog.site_ids(connection, [code]):
        raise QuartermasterError("feed.unknown-site", repr(code), where="site")
