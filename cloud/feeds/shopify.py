"""Shopify's REST payloads as documents: orders, refunds, fulfillments, stock levels, products.

What a payload is, its topic says; what it says of the order, only the payload: the topic is not
signed. Every document carries its version (``updated_at``), so webhooks may come in any order. A
poll brings the same payloads by the same door.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta, Struct

from cloud.feeds.documents import (
    CustomerReturn,
    Document,
    Fulfilment,
    Goods,
    Line,
    Listing,
    Numbering,
    OrderStatus,
    Party,
    Reference,
    SalesOrder,
    StockLine,
    StockReport,
)
from cloud.feeds.kinds import ShopifySettings, settings_of
from cloud.feeds.model import Flaw, Incoming, Read, Subject
from cloud.feeds.reading import amount, moment, shaped, strict_json
from shared.errors import QuartermasterError
from shared.units import Micros

Text = Annotated[str, Meta(max_length=500)]
Amount = Annotated[str, Meta(max_length=40)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Quantity = Annotated[int, Meta(ge=0, le=10_000_000)]
_PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})


class _Place(Struct):
    """An address."""

    name: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    company: Text | None = None
    address1: Text | None = None
    address2: Text | None = None
    city: Text | None = None
    zip: Text | None = None
    province_code: Text | None = None
    country_code: Text | None = None
    phone: Text | None = None


class _Person(Struct):
    id: Number | None = None
    email: Text | None = None
    phone: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None


class _Item(Struct):
    """A line of an order."""

    id: Number
    quantity: _Quantity
    variant_id: Number | None = None
    sku: Text | None = None
    name: Text | None = None
    title: Text | None = None
    price: Amount | None = None
    gift_card: bool = False
    requires_shipping: bool = True


class _Refunded(Struct):
    """A line of a refund. ``restock_type``: return, cancel, no_restock, legacy_restock."""

    line_item_id: Number
    quantity: _Quantity
    restock_type: Text | None = None
    location_id: Number | None = None
    line_item: _Item | None = None


class _Refund(Struct):
    id: Number
    order_id: Number
    created_at: Text
    restock: bool | None = None
    refund_line_items: list[_Refunded] = []


class _Code(Struct):
    code: Text


class _Order(Struct):
    id: Number
    created_at: Text
    updated_at: Text
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    line_items: list[_Item]
    name: Text | None = None
    order_number: Number | None = None
    po_number: Text | None = None
    processed_at: Text | None = None
    cancelled_at: Text | None = None
    financial_status: Text | None = None
    test: bool = False
    email: Text | None = None
    phone: Text | None = None
    location_id: Number | None = None
    customer: _Person | None = None
    shipping_address: _Place | None = None
    discount_codes: list[_Code] = []
    refunds: list[_Refund] = []


class _Fulfillment(Struct):
    id: Number
    order_id: Number
    status: Text | None
    created_at: Text
    updated_at: Text
    line_items: list[_Item]
    location_id: Number | None = None
    tracking_company: Text | None = None
    tracking_number: Text | None = None
    tracking_numbers: list[Text] = []


class _Level(Struct):
    inventory_item_id: Number
    location_id: Number
    available: int | None
    updated_at: Text


class _Variant(Struct):
    id: Number
    sku: Text | None = None
    barcode: Text | None = None
    title: Text | None = None
    price: Amount | None = None
    inventory_item_id: Number | None = None


class _Product(Struct):
    id: Number
    title: Text
    updated_at: Text
    variants: list[_Variant] = []


class _Shop(NamedTuple):
    """What a payload is read with."""

    channel: str
    locations: Mapping[str, str]

    def site(self, location_id: int | None) -> str:
        """The site of ours that a location is; empty where the payload names none.

        Raises:
            QuartermasterError: ``feed.unknown-site``.
        """
        if location_id is None:
            return ""
        site = self.locations.get(str(location_id))
        if site is None:
            raise QuartermasterError("feed.unknown-site", f"location {location_id}")
        return site

    def own(self, what: str, number: object) -> Reference:
        """A number by which the shop itself calls a thing."""
        scope = f"{self.channel}-{what}"
        return Reference(numbering=Numbering.CHANNEL, scope=scope, number=str(number))


def read(_connection: object, incoming: Incoming) -> Read:
    """The documents of one payload; none for topics and states that mean nothing to stock.

    Raises:
        QuartermasterError: ``feed.content``, ``feed.document``.
    """
    feed = incoming.feed
    settings = settings_of(feed.settings, ShopifySettings)
    shop = _Shop(feed.channel or feed.code, settings.locations)
    reader = _TOPICS.get(incoming.topic)
    if reader is None:
        return Read()
    value = shaped(strict_json(incoming.content), dict[str, Any])
    subjects = (subject_of(incoming.topic, value),)
    try:
        return reader(shop, value)._replace(subjects=subjects)
    except QuartermasterError as error:  # it has come, if not as it should: no poll brings it anew
        return Read((), (Flaw(error.code, error.where, error.detail),), subjects)


def subject_of(topic: str, value: Mapping[str, Any]) -> Subject:
    """What a payload tells the state of, and as of when.

    Raises:
        QuartermasterError: ``feed.document``.
    """
    kind = topic.partition("/")[0]
    stamp = "created_at" if kind == "refunds" else "updated_at"
    version = moment(str(value.get(stamp, "")), where=stamp)
    if kind == "inventory_levels":
        name = f"levels/{value.get('inventory_item_id')}/{value.get('location_id')}"
        return Subject(name, version)
    return Subject(f"{kind}/{value.get('id')}", version)


def _order(shop: _Shop, value: Any) -> Read:
    order = shaped(value, _Order)
    if order.test:
        return Read()
    numbers = [order.name or "", str(order.order_number or "")]
    references = [
        shop.own("id", order.id),
        *(
            Reference(numbering=Numbering.CHANNEL, scope=shop.channel, number=number)
            for number in dict.fromkeys(number for number in numbers if number)
        ),
    ]
    if order.po_number:
        references.append(
            Reference(numbering=Numbering.CUSTOMER, scope=shop.channel, number=order.po_number)
        )
    cancelled = _when(order.cancelled_at, "cancelled_at")
    created = moment(order.created_at, where="created_at")
    version = moment(order.updated_at, where="updated_at")
    paid = order.financial_status in _PAID
    placed = OrderStatus.PLACED if version == created else OrderStatus.CHANGED
    document = SalesOrder(
        references=tuple(references),
        channel=shop.channel,
        status=placed if cancelled is None else OrderStatus.CANCELLED,
        version=version,
        placed_at=_when(order.processed_at, "processed_at") or created,
        lines=_order_lines(order),
        currency=order.currency,
        paid_at=(_when(order.processed_at, "processed_at") or created) if paid else None,
        cancelled_at=cancelled,
        customer=_customer(order),
        ship_to=_party(order.shipping_address),
        site=shop.site(order.location_id),
        promotion=order.discount_codes[0].code[:80] if order.discount_codes else "",
    )
    return Read((document,))


def _order_lines(order: _Order) -> tuple[Line, ...]:
    """What was ordered and is still wanted: without what was taken out before it was shipped."""
    taken_out: dict[int, int] = {}
    for refund in order.refunds:
        for each in refund.refund_line_items:
            if each.restock_type == "cancel":
                taken_out[each.line_item_id] = taken_out.get(each.line_item_id, 0) + each.quantity
    return tuple(
        _line(item, order.currency, max(0, item.quantity - taken_out.get(item.id, 0)))
        for item in order.line_items
        if item.requires_shipping and not item.gift_card
    )


def _line(item: _Item, currency: str, quantity: int) -> Line:
    price = None
    if item.price is not None and currency:
        price = amount(item.price, currency, where=f"line_items {item.id} price")
    return Line(number=str(item.id), goods=_goods(item), quantity=quantity, price=price)


def _goods(item: _Item) -> Goods:
    return Goods(
        sku=(item.sku or "")[:80],
        theirs="" if item.variant_id is None else str(item.variant_id),
        name=item.name or item.title or "",
    )


def _refund(shop: _Shop, value: Any) -> Read:
    """What came back. What was only taken out of the order is said by the order itself."""
    refund = shaped(value, _Refund)
    at = moment(refund.created_at, where="created_at")
    groups: dict[tuple[str, bool], list[Line]] = {}
    for each in refund.refund_line_items:
        if each.restock_type == "cancel":
            continue
        if each.line_item is None:
            raise QuartermasterError("feed.document", "its line_item is missing", where="refund")
        restocked = (
            bool(refund.restock) if each.restock_type is None else each.restock_type != "no_restock"
        )
        line = _line(each.line_item, "", each.quantity)
        groups.setdefault((shop.site(each.location_id), restocked), []).append(line)
    documents = tuple(
        CustomerReturn(
            references=(
                shop.own("refund", str(refund.id) if index == 0 else f"{refund.id}-{index}"),
            ),
            order=(shop.own("id", refund.order_id),),
            site=site,
            at=at,
            lines=tuple(groups[site, restocked]),
            restocked=restocked,
        )
        for index, (site, restocked) in enumerate(sorted(groups))
    )
    return Read(documents)


def _fulfillment(shop: _Shop, value: Any) -> Read:
    """Goods that left; before ``success`` nothing has."""
    sent = shaped(value, _Fulfillment)
    if sent.status not in ("success", "cancelled"):
        return Read()
    carrier = (sent.tracking_company or "")[:80]
    numbers = [*sent.tracking_numbers, sent.tracking_number or ""]
    tracking = [number for number in dict.fromkeys(numbers) if number]
    document = Fulfilment(
        references=(
            shop.own("fulfillment", sent.id),
            *(
                Reference(numbering=Numbering.TRACKING, scope=carrier, number=number[:80])
                for number in tracking
            ),
        ),
        order=(shop.own("id", sent.order_id),),
        site=shop.site(sent.location_id),
        shipped_at=moment(sent.created_at, where="created_at"),
        lines=tuple(
            _line(item, "", item.quantity) for item in sent.line_items if item.requires_shipping
        ),
        carrier=carrier,
        cancelled=sent.status == "cancelled",
    )
    return Read((document,))


def _level(shop: _Shop, value: Any) -> Read:
    level = shaped(value, _Level)
    if level.available is None:  # the shop does not track it
        return Read()
    if level.available < 0:
        says = f"{level.available} available: the shop has sold more than it has"
        flaw = Flaw("feed.content", f"inventory item {level.inventory_item_id}", says)
        return Read((), (flaw,))
    at = moment(level.updated_at, where="updated_at")
    number = f"{level.inventory_item_id}@{level.location_id}@{at}"
    document = StockReport(
        reference=shop.own("level", number),
        site=shop.site(level.location_id),
        at=at,
        lines=(
            StockLine(
                goods=Goods(theirs=inventory_code(level.inventory_item_id)),
                quantity=level.available,
            ),
        ),
        whole=False,
    )
    return Read((document,))


def inventory_code(number: int) -> str:
    """The shop's number of an inventory item, told from its numbers of variants."""
    return f"inventory-item:{number}"


def _product(shop: _Shop, value: Any) -> Read:
    """What the shop's own numbers mean: each variant by itself, for one may be unknown to us."""
    product = shaped(value, _Product)
    version = moment(product.updated_at, where="updated_at")
    listings = [
        Listing(
            channel=shop.channel,
            theirs=code,
            sku=(variant.sku or "")[:80],
            gtin=(variant.barcode or "")[:80],
            name=f"{product.title} {variant.title or ''}".strip()[:500],
            version=version,
        )
        for variant in product.variants
        if variant.sku or variant.barcode
        for code in _codes(variant)
    ]
    documents: tuple[Document, ...] = tuple(listings)
    return Read(documents, apart=True)


def _codes(variant: _Variant) -> list[str]:
    codes = [str(variant.id)]
    if variant.inventory_item_id is not None:
        codes.append(inventory_code(variant.inventory_item_id))
    return codes


def _when(text: str | None, where: str) -> Micros | None:
    return None if text is None else moment(text, where=where)


def _customer(order: _Order) -> Party:
    person = order.customer or _Person()
    return Party(
        reference="" if person.id is None else str(person.id),
        name=_name(person.first_name, person.last_name),
        email=order.email or person.email or "",
        phone=(order.phone or person.phone or "")[:80],
    )


def _party(place: _Place | None) -> Party:
    if place is None:
        return Party()
    street = ", ".join(part for part in (place.company, place.address1, place.address2) if part)
    return Party(
        name=place.name or _name(place.first_name, place.last_name),
        phone=(place.phone or "")[:80],
        street=street[:500],
        city=place.city or "",
        postcode=(place.zip or "")[:80],
        country=(place.country_code or "")[:80],
        region=(place.province_code or "")[:80],
    )


def _name(first: str | None, last: str | None) -> str:
    return " ".join(part for part in (first, last) if part)[:500]


_TOPICS: Final[Mapping[str, Callable[[_Shop, Any], Read]]] = {
    "orders/create": _order,
    "orders/updated": _order,
    "orders/cancelled": _order,
    "orders/paid": _order,
    "orders/fulfilled": _order,
    "orders/partially_fulfilled": _order,
    "refunds/create": _refund,
    "fulfillments/create": _fulfillment,
    "fulfillments/update": _fulfillment,
    "inventory_levels/update": _level,
    "inventory_levels/connect": _level,
    "products/create": _product,
    "products/update": _product,
}
TOPICS: Final = frozenset(_TOPICS)
