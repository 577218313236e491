"""Orders as they are shown, and as other rooms read them. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from cloud.orders.sales.model import Number, OrderLine, Said, links

ORDER_KEY: Final = (int,)
"""The types of an order's ``key``."""


class OrderRow(NamedTuple):
    """An order as listed; nothing of it tells who the customer is. Times in microseconds."""

    order_id: int
    merged_into: int | None
    status: str
    numbering: str
    scope: str
    number: str
    channel: str
    placed_at: int | None
    paid_at: int | None
    cancelled_at: int | None
    currency: str
    site: str
    segment: str
    priority: int
    promotion: str
    ship_from: str | None
    ship_by: str | None
    differs: str
    unresolved: str
    first_at: int
    changed_at: int

    @property
    def key(self) -> tuple[int]:
        """Continues a listing after it."""
        return (self.order_id,)


class MovedRow(NamedTuple):
    """Goods of an order that left, or came back."""

    came_back: bool
    item: str
    item_id: int | None
    site: str
    site_id: int | None
    at: int
    quantity: int
    feed: str
    number: str


class Statement(NamedTuple):
    """What a feed said of an order, and the delivery that it stood in."""

    statement_id: int
    current: bool
    own: Number
    version: int
    delivery_id: int
    position: int
    received_at: int
    said: Said


class Change(NamedTuple):
    """What changed in an order, when, and by what: a feed's statement, or a person."""

    change_id: int
    statement_id: int | None
    at: int
    by: str
    what: str
    item: str
    before: str
    after: str


class Whole(NamedTuple):
    """An order with all that is known of it; ``picked`` by SKU, as gateways scanned it."""

    row: OrderRow
    lines: list[OrderLine]
    picked: dict[str, int]
    moved: list[MovedRow]
    references: list[Number]
    statements: list[Statement]
    changes: list[Change]
    differences: list[str]


class Demanded(NamedTuple):
    """A line of an order as demand; without an item where the order has no line left."""

    order_id: int
    status: str
    channel: str
    placed_at: int | None
    site_id: int | None
    promotion: str
    item_id: int | None
    quantity: int | None
    cancelled: int | None


def named_in(whole: Whole) -> frozenset[Number]:
    """The numbers that what counts of an order names, those that were cut among them."""
    return frozenset(
        key for each in whole.statements if each.current for key in links(each.said.document)
    )
