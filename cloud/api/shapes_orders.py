"""What the API says of customers' orders; nothing of it tells who the customer is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, Moment, SiteCode, moment, moment_or_none
from cloud.api.shapes_catalog import Money
from cloud.feeds.documents import CustomerReturn, Fulfilment, SalesOrder
from cloud.orders.sales import Change, MovedRow, Number, OrderLine, OrderRow, Statement, Whole

Status = Literal["awaited", "open", "part-shipped", "shipped", "cancelled"]
Numbering = Literal[
    "channel", "customer", "ours", "supplier", "warehouse", "shipment", "tracking", "invoice"
]
Written = Annotated[
    str,
    Field(
        pattern=r"^[ -~]{1,80}$", description="As the other system writes it.", examples=["1001"]
    ),
]


class NumberLine(BaseModel):
    """A number of an order: who gave it, whose numbers these are, and the number."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"numbering": "channel", "scope": "shop", "number": "1001"}}
    )
    numbering: str
    scope: str
    number: str

    @classmethod
    def of(cls, number: Number) -> NumberLine:
        """As the API says it."""
        return cls(numbering=number[0], scope=number[1], number=number[2])


class OrderHead(BaseModel):
    """A customer's order, one for all feeds that speak of it."""

    id: int
    number: NumberLine
    status: Annotated[
        str,
        Field(description="`awaited`: goods left or came back before any feed told of the order."),
    ]
    channel: str
    site: Annotated[
        str | None, Field(description="The site asked to ship, or the only one that did.")
    ]
    placed_at: datetime | None
    paid_at: datetime | None
    cancelled_at: datetime | None
    segment: str
    priority: Annotated[int, Field(description="1 is served first; 0: nobody ranked it.")]
    promotion: str
    ship_from: str | None
    ship_by: str | None
    currency: str
    contradictions: Annotated[
        list[str],
        Field(description="What sources say otherwise, both sides; the first is believed."),
    ]
    unresolved: Annotated[
        list[str], Field(description="Names of items and sites that the catalog does not know.")
    ]
    first_at: Annotated[datetime, Field(description="When a feed first spoke of it.")]
    changed_at: datetime

    @classmethod
    def of(cls, row: OrderRow) -> OrderHead:
        """As the API says it."""
        return cls(
            id=row.order_id,
            number=NumberLine.of((row.numbering, row.scope, row.number)),
            status=row.status,
            channel=row.channel,
            site=row.site or None,
            placed_at=moment_or_none(row.placed_at),
            paid_at=moment_or_none(row.paid_at),
            cancelled_at=moment_or_none(row.cancelled_at),
            segment=row.segment,
            priority=row.priority,
            promotion=row.promotion,
            ship_from=row.ship_from,
            ship_by=row.ship_by,
            currency=row.currency,
            contradictions=row.differs.splitlines(),
            unresolved=row.unresolved.splitlines(),
            first_at=moment(row.first_at),
            changed_at=moment(row.changed_at),
        )


class SoldLine(BaseModel):
    """What an order says of one item, in base units."""

    item: Annotated[str, Field(description="Our SKU, or what the source calls it.")]
    known: Annotated[bool, Field(description="Whether the catalog knows it.")]
    ordered: int
    cancelled: Annotated[int, Field(description="Of these, before they left.")]
    shipped: int
    returned: int
    open: Annotated[int, Field(description="Still to be shipped, as the feeds say.")]
    picked: Annotated[
        int, Field(description="By gateways, for a document with one of the order's numbers.")
    ]
    amount: Annotated[Money | None, Field(description="For all that was ordered, before tax.")]
    wanted: str | None
    keeps_days: Annotated[int, Field(description="Days they must still keep when they leave.")]

    @classmethod
    def of(cls, line: OrderLine, currency: str, picked: int) -> SoldLine:
        """As the API says it."""
        return cls(
            item=line.item,
            known=line.known,
            ordered=line.quantity,
            cancelled=line.cancelled,
            shipped=line.shipped,
            returned=line.returned,
            open=line.open,
            picked=picked,
            amount=Money.of(line.amount, currency),
            wanted=line.wanted or None,
            keeps_days=line.keeps_days,
        )


class PassageLine(BaseModel):
    """Goods that left or came back: each unit once, by whom it is believed."""

    what: Literal["shipped", "returned"]
    item: str
    quantity: int
    site: str | None
    at: datetime
    feed: str
    number: str

    @classmethod
    def of(cls, row: MovedRow) -> PassageLine:
        """As the API says it."""
        return cls(
            what="returned" if row.came_back else "shipped",
            item=row.item,
            quantity=row.quantity,
            site=row.site or None,
            at=moment(row.at),
            feed=row.feed,
            number=row.number,
        )


class SaidLine(BaseModel):
    """An item as one feed says it."""

    item: str
    quantity: int
    unit: str
    price: int | None


class StatementLine(BaseModel):
    """What a feed said, and the delivery that it stood in."""

    id: int
    feed: str
    what: Literal["order", "shipment", "return"]
    number: NumberLine
    version: int
    counts: Annotated[bool, Field(description="Of one feed's words on one number the newest do.")]
    status: str
    lines: list[SaidLine]
    delivery: Annotated[int, Field(description="The row of the feeds' inbox.")]
    position: Annotated[int, Field(description="Of the document in the delivery, from 0.")]
    received_at: datetime

    @classmethod
    def of(cls, row: Statement) -> StatementLine:
        """As the API says it."""
        what, status = _kind(row)
        return cls(
            id=row.statement_id,
            feed=row.said.feed,
            what=what,
            number=NumberLine.of(row.own),
            version=row.version,
            counts=row.current,
            status=status,
            lines=[
                SaidLine(
                    item=line.goods.sku or line.goods.gtin or line.goods.theirs,
                    quantity=line.quantity,
                    unit=line.unit,
                    price=line.price,
                )
                for line in row.said.document.lines
            ],
            delivery=row.delivery_id,
            position=row.position,
            received_at=moment(row.received_at),
        )


def _kind(row: Statement) -> tuple[Literal["order", "shipment", "return"], str]:
    match row.said.document:
        case SalesOrder(status=status):
            return "order", status.value
        case Fulfilment(cancelled=cancelled):
            return "shipment", "taken back" if cancelled else "shipped"
        case CustomerReturn(restocked=restocked):
            return "return", "restocked" if restocked else "not restocked"


class ChangeLine(BaseModel):
    """What changed, when it was heard, and from whom: a feed, a person, or the catalog."""

    at: datetime
    by: str
    statement: Annotated[int | None, Field(description="What the feed said, by its id.")]
    what: str
    item: str
    before: str
    after: str

    @classmethod
    def of(cls, row: Change) -> ChangeLine:
        """As the API says it."""
        return cls(
            at=moment(row.at),
            by=row.by,
            statement=row.statement_id,
            what=row.what,
            item=row.item,
            before=row.before,
            after=row.after,
        )


class OrderCase(BaseModel):
    """An open case about an order."""

    id: int
    code: str
    detail: str
    raised_at: datetime


class OrderDetail(OrderHead):
    """An order with its lines, its numbers, and who said what of it."""

    numbers: list[NumberLine]
    lines: list[SoldLine]
    passages: list[PassageLine]
    said: list[StatementLine]
    changes: list[ChangeLine]
    cases: list[OrderCase]

    @classmethod
    def made_of(cls, whole: Whole, cases: list[OrderCase]) -> OrderDetail:
        """As the API says it."""
        return cls(
            **OrderHead.of(whole.row).model_dump(),
            numbers=[NumberLine.of(each) for each in whole.references],
            lines=[
                SoldLine.of(each, whole.row.currency, whole.picked.get(each.item, 0))
                for each in whole.lines
            ],
            passages=[PassageLine.of(each) for each in whole.moved],
            said=[StatementLine.of(each) for each in whole.statements],
            changes=[ChangeLine.of(each) for each in whole.changes],
            cases=cases,
        )


class OrderFilter(Paged):
    """Which orders."""

    channel: Written | None = None
    status: Status | None = None
    site: SiteCode | None = None
    item: ItemCode | None = None
    number: Annotated[Written | None, Field(description="Any number of the order.")] = None
    since: Annotated[Moment | None, Field(description="Changed at this moment or later.")] = None


class Cut(BaseModel):
    """A number that does not mean what it joined, and why."""

    model_config = ConfigDict(extra="forbid")
    numbering: Numbering
    scope: Annotated[str, Field(pattern=r"^[ -~]{0,80}$", examples=["shop"])]
    number: Written
    reason: Annotated[
        str,
        Field(
            pattern=r"^[ -~]*[!-~][ -~]*$",
            max_length=500,
            examples=["a typing error of the wholesaler's"],
        ),
    ]


class Join(BaseModel):
    """A number that joins documents again."""

    model_config = ConfigDict(extra="forbid")
    numbering: Numbering
    scope: Annotated[str, Field(pattern=r"^[ -~]{0,80}$", examples=["shop"])]
    number: Written
