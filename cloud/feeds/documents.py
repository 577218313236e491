"""What other systems say, in one form whatever the feed it came by. Pure.

A feed's reader turns what was delivered (a webhook, an X12 transaction, a row of a report) into
these; the rooms that they are for read nothing else. Quantities are base units of the item named,
once its pack is known; money is whole minor units of its currency (ISO 4217); times are
microseconds UTC; days are ISO 8601 dates of the site concerned. A reader does not guess: what its
source does not say stays empty.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

from shared.units import Micros

Name = Annotated[str, Meta(max_length=80)]
"""A number or code as the other system writes it."""
Text = Annotated[str, Meta(max_length=500)]
Whole = Annotated[int, Meta(ge=0, le=10_000_000)]
Signed = Annotated[int, Meta(ge=-10_000_000, le=10_000_000)]
Minor = Annotated[int, Meta(ge=-(10**15), le=10**15)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Currency = Annotated[str, Meta(pattern=r"^([A-Z]{3})?$")]

MAX_LINES: Final = 10_000


class Numbering(StrEnum):
    """Who gave a number: two feeds mean one order when they share one number of one numbering."""

    CHANNEL = "channel"
    """The sales channel's order number, such as Amazon's or the shop's."""
    CUSTOMER = "customer"
    """The customer's purchase order."""
    OURS = "ours"
    """Our own document."""
    SUPPLIER = "supplier"
    """The supplier's sales order."""
    WAREHOUSE = "warehouse"
    """A warehouse's shipping order (W05, W06)."""
    SHIPMENT = "shipment"
    """The shipper's shipment (BSN02)."""
    TRACKING = "tracking"
    """The carrier's parcel or freight bill."""
    INVOICE = "invoice"


class Reference(Struct, frozen=True, kw_only=True):
    """One number of a document. ``scope`` is whose numbers these are: a channel, a partner."""

    numbering: Numbering
    scope: Name
    number: Name


class Goods(Struct, frozen=True, kw_only=True):
    """Which item is meant: as many of its names as the source says, never a guess.

    ``sku`` is ours, ``gtin`` a trade item number (whose pack then multiplies ``quantity``),
    ``theirs`` the other side's own code, which the feed's item mapping translates.
    """

    sku: Name = ""
    gtin: Name = ""
    theirs: Name = ""
    name: Text = ""


class Line(Struct, frozen=True, kw_only=True):
    """One line of a document; ``number`` is its own within it."""

    number: Name
    goods: Goods
    quantity: Whole
    price: Minor | None = None
    """For one; before tax."""
    unit: Name = "EA"
    """As the source says (X12 element 355): EA, CA, PL."""
    lot: Name = ""
    serial: Name = ""
    expires: Day | None = None
    sscc: Name = ""
    wanted: Day | None = None
    keeps_days: Whole = 0
    """How many days the goods must still keep when they leave; 0 where nobody said."""
    order: Name = ""
    """The order this line is of, where one document speaks of several (X12 856, PRF01)."""


class Party(Struct, frozen=True, kw_only=True):
    """A person or firm as the source names it.

    What identifies a person is kept outside the ledger under a pseudonym (``orders`` sees to that)
    and can be erased.
    """

    reference: Name = ""
    """The source's own number of them."""
    name: Text = ""
    email: Text = ""
    phone: Name = ""
    street: Text = ""
    city: Text = ""
    postcode: Name = ""
    country: Name = ""
    region: Name = ""


class OrderStatus(StrEnum):
    """What a customer's order says of itself."""

    PLACED = "placed"
    CHANGED = "changed"
    CANCELLED = "cancelled"


class SalesOrder(Struct, frozen=True, kw_only=True, tag="sales-order"):
    """A customer's order, as it stands now: all of its lines, not a difference.

    ``version`` orders what one source says of one order (its updated_at in microseconds): an older
    one than what is known changes nothing. The source's own number of it stands first among the
    references: by it the source's next word is known as one on the same order.
    """

    references: tuple[Reference, ...]
    channel: Name
    status: OrderStatus
    version: int
    placed_at: Micros
    lines: tuple[Line, ...]
    currency: Currency = ""
    paid_at: Micros | None = None
    cancelled_at: Micros | None = None
    customer: Party = Party()
    ship_to: Party = Party()
    site: Name = ""
    """The site asked to ship, where the source names one."""
    segment: Name = ""
    """The customer's service segment, where the source names one."""
    priority: Whole = 0
    """As the source ranks its orders: 1 is served first, 0 where it does not."""
    promotion: Name = ""
    ship_from: Day | None = None
    ship_by: Day | None = None


class Fulfilment(Struct, frozen=True, kw_only=True, tag="fulfilment"):
    """Goods of a customer's order left, as a marketplace or a warehouse says it.

    Shopify's fulfillment, X12 945. One that was taken back has ``cancelled``.
    """

    references: tuple[Reference, ...]
    order: tuple[Reference, ...]
    site: Name
    shipped_at: Micros
    lines: tuple[Line, ...]
    carrier: Name = ""
    cancelled: bool = False
    version: int = 0
    """As of a customer's order; where the source has none, what was taken back stays so."""


class CustomerReturn(Struct, frozen=True, kw_only=True, tag="customer-return"):
    """Goods of a customer's order come or came back, or money for them (Shopify refund)."""

    references: tuple[Reference, ...]
    order: tuple[Reference, ...]
    site: Name
    at: Micros
    lines: tuple[Line, ...]
    restocked: bool
    version: int = 0


class Sale(Struct, frozen=True, kw_only=True, tag="sale"):
    """What was sold over a counter or reported as sold (POS, X12 852, a settlement).

    Net units of one item, one site, one channel and one span of time; negative when more came back.
    """

    reference: Reference
    """One number per line: the same again is the same sale."""
    version: int
    site: Name
    channel: Name
    goods: Goods
    quantity: Signed
    start: Micros
    until: Micros
    price: Minor | None = None
    currency: Currency = ""
    promotion: Name = ""
    stocked_out: bool | None = None
    order: tuple[Reference, ...] = ()
    """The customer's order that this settles, where the source names it: it counts once."""


class Answer(StrEnum):
    """What a supplier says to a line of ours (X12 ACK01, in words)."""

    ACCEPTED = "accepted"
    CHANGED = "changed"
    BACKORDERED = "backordered"
    REJECTED = "rejected"


class ConfirmedLine(Struct, frozen=True, kw_only=True):
    """A supplier's answer to one line, or to a part of it."""

    line: Line
    answer: Answer
    ship_day: Day | None = None
    deliver_day: Day | None = None


class PurchaseOrder(Struct, frozen=True, kw_only=True, tag="purchase-order"):
    """An order of ours to a supplier, kept by another system (an ERP): whole, as it stands now."""

    references: tuple[Reference, ...]
    supplier: Name
    site: Name
    status: OrderStatus
    version: int
    ordered_at: Micros
    lines: tuple[Line, ...]
    currency: Currency = ""
    incoterm: Name = ""
    lane: Name = ""


class Confirmation(Struct, frozen=True, kw_only=True, tag="confirmation"):
    """A supplier's acknowledgement of a purchase order (X12 855, 865)."""

    references: tuple[Reference, ...]
    order: tuple[Reference, ...]
    supplier: Name
    at: Micros
    lines: tuple[ConfirmedLine, ...]
    answer: Answer | None = None
    """To the whole order, where the source says so (X12 BAK02); lines that are named say more."""


class ShipNotice(Struct, frozen=True, kw_only=True, tag="ship-notice"):
    """An advance ship notice (X12 856): what is under way to a site of ours, and in which packages.

    A line's ``sscc`` is the package it lies in; ``packages`` says which package stands on which.
    """

    references: tuple[Reference, ...]
    order: tuple[Reference, ...]
    supplier: Name
    site: Name
    shipped_at: Micros
    lines: tuple[Line, ...]
    packages: tuple[tuple[Name, Name], ...] = ()
    """(SSCC, SSCC of what it stands on or lies in, or empty)."""
    eta: Micros | None = None
    carrier: Name = ""
    cancelled: bool = False
    version: int = 0
    """Of two of one number the higher one counts, then the later; what was cancelled stays so."""


class Charge(Struct, frozen=True, kw_only=True):
    """What is added to an invoice beside its lines; an allowance is negative (X12 SAC)."""

    code: Name
    amount: Minor
    text: Text = ""


class Invoice(Struct, frozen=True, kw_only=True, tag="invoice"):
    """A supplier's invoice (X12 810): its prices are compared with what was ordered."""

    references: tuple[Reference, ...]
    order: tuple[Reference, ...]
    supplier: Name
    day: Day
    currency: Currency
    lines: tuple[Line, ...]
    total: Minor | None = None
    charges: tuple[Charge, ...] = ()
    version: int = 0


class ReceiptAdvice(Struct, frozen=True, kw_only=True, tag="receipt-advice"):
    """A warehouse without a gateway has taken goods in (X12 944, a 3PL's file)."""

    references: tuple[Reference, ...]
    order: tuple[Reference, ...]
    site: Name
    received_at: Micros
    lines: tuple[Line, ...]
    version: int = 0


class StockAdjustment(Struct, frozen=True, kw_only=True, tag="stock-adjustment"):
    """A warehouse without a gateway has corrected its stock (X12 947).

    Quantities are differences: ``signs`` has +1 or -1 for each line.
    """

    references: tuple[Reference, ...]
    site: Name
    at: Micros
    lines: tuple[Line, ...]
    signs: tuple[int, ...]
    reasons: tuple[Name, ...] = ()


class StockLine(Struct, frozen=True, kw_only=True):
    """What one item's stock is said to be."""

    goods: Goods
    quantity: Whole
    unit: Name = "EA"
    state: Name = "available"
    """A word of ``StockState``, in small letters."""
    location: Name = ""
    lot: Name = ""
    serial: Name = ""


class StockReport(Struct, frozen=True, kw_only=True, tag="stock-report"):
    """Stock on hand as another system has it (X12 846, Shopify inventory levels, a 3PL's file).

    Of a site of ours it is compared with the ledger, and for a site without a gateway reconciled
    into adjustments; of a supplier's it says what could be ordered. ``whole``: what is not in it is
    zero; otherwise it speaks of its own lines only.
    """

    reference: Reference
    site: Name = ""
    supplier: Name = ""
    at: Micros
    lines: tuple[StockLine, ...]
    whole: bool


class Tracking(Struct, frozen=True, kw_only=True, tag="tracking"):
    """A carrier's word on a shipment (X12 214, a signed webhook)."""

    reference: Reference
    shipment: tuple[Reference, ...]
    at: Micros
    status: Name
    """``picked-up``, ``in-transit``, ``out-for-delivery``, ``delivered``, ``exception``."""
    eta: Micros | None = None
    reason: Text = ""
    carrier: Name = ""


class Listing(Struct, frozen=True, kw_only=True, tag="listing"):
    """An item as a channel lists it: what its own codes mean there (Shopify products)."""

    channel: Name
    theirs: Name
    sku: Name
    gtin: Name = ""
    name: Text = ""
    price: Minor | None = None
    currency: Currency = ""
    version: int = 0


Document: TypeAlias = (
    SalesOrder
    | Fulfilment
    | CustomerReturn
    | Sale
    | PurchaseOrder
    | Confirmation
    | ShipNotice
    | Invoice
    | ReceiptAdvice
    | StockAdjustment
    | StockReport
    | Tracking
    | Listing
)
"""Everything that a feed can say. ``cloud.app`` has the one table from each to its handler."""


class Delivery(Struct, frozen=True, kw_only=True):
    """Where a document came from; what a handler writes down as its source."""

    feed: Name
    """The feed's code."""
    delivery_id: int
    """The row of the inbox that holds the bytes as they came."""
    position: int
    """Of the document within the delivery, from 0."""
    received_at: Micros
