"""Amazon's report files for sellers: all orders, and settlements. Pure.

Both are tab-delimited flat files, told apart by their headers:

- **All orders** (``GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL``, or by order date): a
  row per order and item, as it stands; ``last-updated-date`` orders what is said of one order. An
  item that was cancelled is wanted no more. ``item-price`` is that of the whole row. Amazon takes
  the money once an order is no longer ``Pending``.
- **Settlement** (``GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2``): of all amounts only the principal
  of an order's item says what was sold; fees, taxes and refunds name no goods that came or went.

Columns as the Selling Partner API documents them under "Order Reports" and "Settlement Reports".
Amounts are in the marketplace's own manner (``95,00``), so a feed is set to its decimal sign.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud import tables
from cloud.feeds.documents import (
    Document,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Party,
    Reference,
    Sale,
    SalesOrder,
)
from cloud.feeds.kinds import AmazonSettings, settings_of
from cloud.feeds.model import Feed, Flaw, Incoming, Read, Subject
from cloud.feeds.rows import Row, rows
from cloud.tables import Line as TableLine
from shared.errors import QuartermasterError
from shared.units import SECOND, Micros

_ORDERS: Final = (
    "amazon-order-id",
    "purchase-date",
    "last-updated-date",
    "order-status",
    "fulfillment-channel",
    "sku",
    "quantity",
    "currency",
    "item-price",
)
_SETTLEMENT: Final = (
    "settlement-id",
    "transaction-type",
    "order-id",
    "amount-type",
    "amount-description",
    "amount",
    "fulfillment-id",
    "posted-date-time",
    "order-item-code",
    "sku",
    "quantity-purchased",
)
_CANCELLED: Final = frozenset(("cancelled", "canceled"))
_UNPAID: Final = frozenset(("pending", "pendingavailability", "unfulfillable", *_CANCELLED))
_BY_AMAZON: Final = {"AFN": "Amazon", "MFN": "Merchant"}
"""Who fulfils, as settlements call what orders reports write out."""
_EUROPEAN: Final = re.compile(r"(\d{2})\.(\d{2})\.(\d{4}) (\d{2}:\d{2}:\d{2}(?: UTC)?)\Z", re.ASCII)
_BREAK: Final = re.compile(r"\r\n?|\n")
_UTC: Final = ZoneInfo("UTC")


class _Whence(NamedTuple):
    feed: Feed
    settings: AmazonSettings

    @property
    def channel(self) -> str:
        return self.feed.channel or "amazon"

    def site(self, fulfilled_by: str) -> str:
        return self.settings.sites.get(_BY_AMAZON.get(fulfilled_by, fulfilled_by), "")

    def order(self, number: str) -> Reference:
        return Reference(numbering=Numbering.CHANNEL, scope=self.channel, number=number)


def read(_connection: object, incoming: Incoming) -> Read:
    """The orders or sales of one report; any wrong row refuses all of them.

    Raises:
        QuartermasterError: ``feed.content`` where it is none of these reports.
    """
    settings = settings_of(incoming.feed.settings, AmazonSettings)
    lines = _lines(
        tables.decoded(incoming.content, code="feed.content", encoding=settings.encoding)
    )
    header = {cell.lower() for cell in lines[0][1]}
    whence = _Whence(incoming.feed, settings)
    flaws: list[Flaw] = []
    if "amazon-order-id" in header:
        _has(header, _ORDERS)
        documents, subjects = _orders(whence, rows(lines, _UTC, flaws))
        return Read(documents, tuple(flaws), subjects)
    if "settlement-id" in header:
        _has(header, _SETTLEMENT)
        return Read(tuple(_settled(whence, rows(lines, _UTC, flaws))), tuple(flaws))
    raise QuartermasterError(
        "feed.content", "neither an all-orders report nor a settlement (V2)", where="line 1"
    )


def _has(header: set[str], needed: Iterable[str]) -> None:
    if missing := [name for name in needed if name not in header]:
        raise QuartermasterError("feed.content", f"no column {', '.join(missing)}", where="line 1")


def _lines(text: str) -> list[TableLine]:
    """Cells between tabs, where quotation marks mean themselves; moments as ISO 8601 has them."""
    return [
        (number, [_EUROPEAN.sub(r"\3-\2-\1 \4", cell.strip()) for cell in line.split("\t")])
        for number, line in enumerate(_BREAK.split(text), start=1)
    ]


def _orders(
    whence: _Whence, found: Iterable[Row]
) -> tuple[tuple[Document, ...], tuple[Subject, ...]]:
    firsts: dict[str, Row] = {}
    lines: dict[str, dict[str, Line]] = {}
    for row in found:
        number = row.text("amazon-order-id", needed=True)
        firsts.setdefault(number, row)
        held = lines.setdefault(number, {})
        line = _line(whence, row, held)
        held[line.number] = line
    orders = [_order(whence, number, row, lines[number]) for number, row in firsts.items()]
    subjects = tuple(
        Subject(f"order/{order.references[0].number}", order.version) for order in orders
    )
    return tuple(orders), subjects


def _line(whence: _Whence, row: Row, held: Collection[str]) -> Line:
    """An item of an order; a further row of the same one, as Amazon splits them, is numbered on."""
    sku = row.text("sku", needed=True, longest=70)
    again = sum(1 for number in held if number.partition("#")[0] == sku)
    quantity = row.whole("quantity")
    price = _money(whence, row, "item-price", row.text("currency"))
    gone = row.text("item-status").lower() in _CANCELLED
    return Line(
        number=f"{sku}#{again + 1}" if again else sku,
        goods=Goods(sku=sku, theirs=row.text("asin"), name=row.text("product-name", longest=500)),
        quantity=0 if gone else quantity,
        price=price // quantity
        if price is not None and quantity and not price % quantity
        else None,
    )


def _order(whence: _Whence, number: str, row: Row, lines: dict[str, Line]) -> SalesOrder:
    said = row.text("order-status").lower().replace(" ", "")
    placed = row.moment("purchase-date") or Micros(0)
    updated = row.moment("last-updated-date") or placed
    if not placed:
        row.refuse("purchase-date", "the cell is empty")
    cancelled = said in _CANCELLED
    references = [whence.order(number)]
    if purchase := row.text("purchase-order-number"):
        references.append(
            Reference(numbering=Numbering.CUSTOMER, scope=whence.channel, number=purchase)
        )
    ship_to = Party(
        city=row.text("ship-city", longest=500),
        region=row.text("ship-state"),
        postcode=row.text("ship-postal-code"),
        country=row.text("ship-country"),
    )
    return SalesOrder(
        references=tuple(references),
        channel=whence.channel,
        status=OrderStatus.CANCELLED if cancelled else OrderStatus.PLACED,
        version=updated,
        placed_at=placed,
        lines=tuple(lines.values()),
        currency=row.text("currency"),
        paid_at=None if said in _UNPAID else placed,
        cancelled_at=updated if cancelled else None,
        ship_to=ship_to,
        site=whence.site(row.text("fulfillment-channel")),
        promotion=row.text("promotion-ids", longest=4000).partition(",")[0][:80],
    )


def _settled(whence: _Whence, found: Iterable[Row]) -> Iterator[Sale]:
    """What was sold: one per settlement, order item and shipment."""
    currency = ""
    sales: dict[str, Sale] = {}
    for row in found:
        currency = row.text("currency") or currency
        if (
            row.text("transaction-type") != "Order"
            or row.text("amount-type") != "ItemPrice"
            or row.text("amount-description") != "Principal"
        ):
            continue
        quantity = row.whole("quantity-purchased")
        paid = _money(whence, row, "amount", currency)
        at = row.moment("posted-date-time")
        site = whence.site(row.text("fulfillment-id"))
        if not site:
            row.refuse("fulfillment-id", "the feed is not set to a site for it")
        if not quantity or at is None:
            row.refuse("quantity-purchased", "a principal without quantity or moment")
            continue
        parts = [row.text(name) for name in ("settlement-id", "order-item-code", "shipment-id")]
        number = "/".join(filter(None, parts))[:80]
        sale = Sale(
            reference=Reference(
                numbering=Numbering.CHANNEL,
                scope=f"{whence.feed.code}-settlement",
                number=number,
            ),
            version=1,
            site=site,
            channel=whence.channel,
            goods=Goods(sku=row.text("sku", needed=True)),
            quantity=quantity,
            start=at,
            until=Micros(at + SECOND),
            price=paid // quantity if paid is not None and not paid % quantity else None,
            currency=currency,
            order=(whence.order(row.text("order-id", needed=True)),),
        )
        if number in sales:
            row.refuse("order-item-code", f"{number} is settled twice in this file")
        sales[number] = sale
    yield from sales.values()


def _money(whence: _Whence, row: Row, column: str, currency: str) -> int | None:
    return row.money(column, currency, decimal=whence.settings.decimal)
