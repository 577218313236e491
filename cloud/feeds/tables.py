"""Files of marketplaces, wholesalers, ERPs, tills and 3PLs: any table, by a saved mapping.

A feed of the kind ``table`` is set to the mapping that reads its files; the mapping's kind says
what they hold. An order's rows need not stand together; what they say of the order as a whole must
agree. Where a file names no version and no moment, the file that came last counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud import tables
from cloud.catalog import check_columns
from cloud.catalog.table import Columns
from cloud.db import Connection
from cloud.feeds.documents import (
    MAX_LINES,
    Document,
    Line,
    Numbering,
    OrderStatus,
    Party,
    PurchaseOrder,
    Reference,
    Sale,
    SalesOrder,
    StockLine,
    StockReport,
)
from cloud.feeds.kinds import TableSettings, settings_of
from cloud.feeds.model import Feed, Flaw, Incoming, Read
from cloud.feeds.rows import Row, rows
from cloud.tables import ColumnMapping, Form
from shared.errors import QuartermasterError
from shared.units import MINUTE, Micros

_ITEM: Final = ("sku", "gtin", "code", "name")
_MOMENTS: Final = ("start", "until", "placed", "updated", "paid", "ordered", "at")
_DAYS: Final = ("day", "wanted", "expires")
_NUMBERS: Final = ("quantity", "price", "version", "minutes", "priority")


def _columns(required: str, optional: str) -> Columns:
    names = (*required.split(), *optional.split())
    said: tuple[tuple[Form, tuple[str, ...]], ...] = (
        ("number", _NUMBERS),
        ("date", _DAYS),
        ("moment", _MOMENTS),
    )
    forms: dict[str, Form] = {name: form for form, known in said for name in known if name in names}
    return Columns(tuple(required.split()), (*_ITEM, *optional.split()), forms=forms)


KINDS: Final[Mapping[str, Columns]] = {
    "feed-sales": _columns(
        "quantity",
        "id site start until day minutes version price currency promotion channel order"
        " stocked_out",
    ),
    "feed-stock": _columns("quantity", "site unit state location lot serial at"),
    "feed-orders": _columns(
        "order quantity",
        "line unit price currency placed updated paid status purchase_order customer company email"
        " phone street city postcode region country site channel segment priority promotion wanted",
    ),
    "feed-purchases": _columns(
        "order supplier quantity",
        "line unit price currency ordered updated status site incoterm lane wanted",
    ),
}
"""What a table may hold, and the columns that a mapping of it has."""

_STATUSES: Final = {
    **dict.fromkeys(("", "placed", "new", "open", "confirmed", "released"), OrderStatus.PLACED),
    **dict.fromkeys(("changed", "updated"), OrderStatus.CHANGED),
    **dict.fromkeys(("cancelled", "canceled", "void", "closed"), OrderStatus.CANCELLED),
}
_STOCKED_OUT: Final = {"": None, "yes": True, "no": False}
_OF_ORDER: Final = (
    *("currency", "placed", "updated", "paid", "status", "purchase_order", "customer", "site"),
    *("supplier", "ordered", "channel", "incoterm", "lane"),
)
"""What all rows of an order must agree on."""


class _File(NamedTuple):
    """What is known of a file beside its rows."""

    feed: Feed
    settings: TableSettings
    received_at: Micros
    number: str


def check(mapping: ColumnMapping) -> None:
    """Let a mapping through that says all that its kind of file needs.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    known = KINDS.get(mapping.kind)
    if known is None:
        raise QuartermasterError("request.invalid", f"no kind {mapping.kind!r}", where="kind")
    check_columns(mapping, known)
    given = {*mapping.columns, *mapping.constants}
    if not given & set(_ITEM[:3]):
        raise QuartermasterError("request.invalid", "nothing names the item", where="columns")
    if mapping.kind == "feed-sales" and not (
        "day" in given or ("start" in given and given & {"until", "minutes"})
    ):
        says = "a sale has a day, or a start with until or minutes"
        raise QuartermasterError("request.invalid", says, where="columns")


def read(connection: Connection, incoming: Incoming) -> Read:
    """The documents of one file; any wrong row refuses all of them.

    Raises:
        QuartermasterError: ``feed.content`` where no row can be read; ``request.not-found`` where
            the feed's mapping is gone; ``payload.too-large``.
    """
    settings = settings_of(incoming.feed.settings, TableSettings)
    mapping = tables.saved(connection, settings.mapping).mapping
    return read_table(incoming, settings, mapping)


def read_table(incoming: Incoming, settings: TableSettings, mapping: ColumnMapping) -> Read:
    """As :func:`read`, by this mapping. Pure.

    Raises:
        QuartermasterError: ``feed.content``, ``payload.too-large``.
    """
    makes = _MAKERS.get(mapping.kind)
    if makes is None:
        raise QuartermasterError("feed.content", f"its mapping reads {mapping.kind}", where="kind")
    found = tables.lines(incoming.content, code="feed.content", mapping=mapping)
    ours = tables.translated(mapping, found, KINDS[mapping.kind].forms, code="feed.content")
    number = hashlib.sha256(incoming.content).hexdigest()[:32]
    file = _File(incoming.feed, settings, incoming.received_at, number)
    flaws: list[Flaw] = []
    made = tuple(makes(file, rows(ours, ZoneInfo(settings.timezone), flaws)))
    if not made and not flaws:
        raise QuartermasterError("feed.content", "the file has no rows")
    return Read(made, tuple(flaws))


def _site(file: _File, row: Row) -> str:
    named = row.text("site")
    return file.settings.sites.get(named, named) or file.feed.site or ""


def _sales(file: _File, found: Iterable[Row]) -> Iterator[Document]:
    seen: dict[str, int] = {}
    for row in found:
        span = _span(row)
        currency = row.text("currency") or file.settings.currency
        goods, site = row.goods(), _site(file, row)
        if not site:
            row.refuse("site", "nothing says at which site")
        if not row.text("quantity"):
            row.refuse("quantity", "the cell is empty")
        number = row.text("id")
        if span is not None and not number:
            item = goods.sku or goods.gtin or goods.theirs
            key = f"{site}\n{item}\n{row.text('channel')}\n{span[0]}\n{span[1]}"
            number = hashlib.sha256(key.encode()).hexdigest()[:40]
        if (first := seen.setdefault(number, row.line)) != row.line:
            row.refuse("id", f"the same sale as on line {first}")
        stocked_out = row.text("stocked_out").lower()
        if stocked_out not in _STOCKED_OUT:
            row.refuse("stocked_out", "neither yes nor no")
        order = row.text("order")
        channel = row.text("channel") or file.feed.channel or "pos"
        sale = Sale(
            reference=_number(Numbering.CHANNEL, f"{file.feed.code}-sale", number),
            version=row.whole("version") or file.received_at,
            site=site,
            channel=channel,
            goods=goods,
            quantity=row.whole("quantity", signed=True),
            start=span[0] if span else Micros(0),
            until=span[1] if span else Micros(0),
            price=row.money("price", currency),
            currency=currency,
            promotion=row.text("promotion"),
            stocked_out=_STOCKED_OUT.get(stocked_out),
            order=(_number(Numbering.CHANNEL, channel, order),) if order else (),
        )
        if row.good:
            yield sale


def _span(row: Row) -> tuple[Micros, Micros] | None:
    if row.text("day"):
        return row.whole_day("day")
    start, until = row.moment("start"), row.moment("until")
    if start is not None and until is None and (minutes := row.whole("minutes")):
        until = Micros(start + minutes * MINUTE)
    if start is None or until is None or until <= start:
        row.refuse("start", "a sale has a day, or a start and a later end")
        return None
    return start, until


def _stock(file: _File, found: Iterable[Row]) -> Iterator[Document]:
    """One report per site; it speaks of the moment that its rows name, else of its arrival."""
    reports: dict[tuple[str, Micros], list[StockLine]] = {}
    for row in found:
        site = _site(file, row)
        at = row.moment("at") or file.received_at
        if not site:
            row.refuse("site", "nothing says at which site")
        if not row.text("quantity"):
            row.refuse("quantity", "the cell is empty")
        line = StockLine(
            goods=row.goods(),
            quantity=row.whole("quantity"),
            unit=row.text("unit") or "EA",
            state=row.text("state").lower() or "available",
            location=row.text("location"),
            lot=row.text("lot"),
            serial=row.text("serial"),
        )
        if row.good:
            held = reports.setdefault((site, at), [])
            held.append(line)
            if file.settings.whole and len({key for key in reports if key[0] == site}) > 1:
                row.refuse("at", f"all stock of {site} is told of one moment")
    for (site, at), lines in reports.items():
        yield StockReport(
            reference=_number(Numbering.WAREHOUSE, file.feed.code, file.number),
            site=site,
            at=at,
            lines=tuple(lines),
            whole=file.settings.whole,
        )


class _Order(NamedTuple):
    """The first row of an order, and its lines as they gather."""

    row: Row
    said: dict[str, str]
    lines: dict[str, Line]


def _orders_of(file: _File, found: Iterable[Row]) -> dict[str, _Order]:
    orders: dict[str, _Order] = {}
    for row in found:
        number = row.text("order", needed=True)
        said = {column: row.text(column) for column in _OF_ORDER}
        order = orders.setdefault(number, _Order(row, said, {}))
        for column, text in said.items():
            if text != order.said[column]:
                row.refuse(column, f"order {number} says otherwise on line {order.row.line}")
        goods = row.goods()
        key = row.text("line") or goods.sku or goods.gtin or goods.theirs
        if key in order.lines:
            row.refuse("line", f"order {number} has {key} already; number its lines")
        elif len(order.lines) == MAX_LINES:
            row.refuse("line", f"order {number} has more than {MAX_LINES} lines")
        if not row.text("quantity"):
            row.refuse("quantity", "the cell is empty")
        line = Line(
            number=key,
            goods=goods,
            quantity=row.whole("quantity"),
            price=row.money("price", row.text("currency") or file.settings.currency),
            unit=row.text("unit") or "EA",
            wanted=row.day("wanted"),
        )
        order.lines.setdefault(key, line)
    return orders


def _status(row: Row) -> OrderStatus:
    said = row.text("status").lower()
    if said not in _STATUSES:
        row.refuse("status", f"{said!r} is none of {', '.join(filter(None, _STATUSES))}")
    return _STATUSES.get(said, OrderStatus.PLACED)


def _sales_orders(file: _File, found: Iterable[Row]) -> Iterator[Document]:
    for number, (row, _, lines) in _orders_of(file, found).items():
        channel = row.text("channel") or file.feed.channel or file.feed.code
        status, updated = _status(row), row.moment("updated")
        purchase = row.text("purchase_order")
        references = [_number(Numbering.CHANNEL, channel, number)]
        if purchase:
            references.append(_number(Numbering.CUSTOMER, channel, purchase))
        party = Party(
            reference=row.text("customer"),
            name=row.text("company", longest=500),
            email=row.text("email", longest=500),
            phone=row.text("phone"),
            street=row.text("street", longest=500),
            city=row.text("city", longest=500),
            postcode=row.text("postcode"),
            region=row.text("region"),
            country=row.text("country"),
        )
        order = SalesOrder(
            references=tuple(references),
            channel=channel,
            status=status,
            version=updated or file.received_at,
            placed_at=row.moment("placed") or updated or file.received_at,
            lines=tuple(lines.values()),
            currency=row.text("currency") or file.settings.currency,
            paid_at=row.moment("paid"),
            cancelled_at=(updated or file.received_at) if status is OrderStatus.CANCELLED else None,
            customer=party,
            ship_to=party,
            site=_site(file, row),
            segment=row.text("segment"),
            priority=row.whole("priority"),
            promotion=row.text("promotion"),
        )
        if row.good:
            yield order


def _purchase_orders(file: _File, found: Iterable[Row]) -> Iterator[Document]:
    for number, (row, _, lines) in _orders_of(file, found).items():
        updated, site = row.moment("updated"), _site(file, row)
        if not site:
            row.refuse("site", "nothing says for which site")
        order = PurchaseOrder(
            references=(_number(Numbering.OURS, "", number),),
            supplier=row.text("supplier", needed=True),
            site=site,
            status=_status(row),
            version=updated or file.received_at,
            ordered_at=row.moment("ordered") or updated or file.received_at,
            lines=tuple(lines.values()),
            currency=row.text("currency") or file.settings.currency,
            incoterm=row.text("incoterm"),
            lane=row.text("lane"),
        )
        if row.good:
            yield order


def _number(numbering: Numbering, scope: str, number: str) -> Reference:
    return Reference(numbering=numbering, scope=scope, number=number)


_MAKERS: Final[Mapping[str, Callable[[_File, Iterable[Row]], Iterator[Document]]]] = {
    "feed-sales": _sales,
    "feed-stock": _stock,
    "feed-orders": _sales_orders,
    "feed-purchases": _purchase_orders,
}
