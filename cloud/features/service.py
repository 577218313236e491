"""The use cases of demand: note what changed, work it off, and tell what was known when.

Orders and sales that change are noted in their own transaction; the worker works them off a moment
later, each time only what they contribute. So late data correct history by themselves, and what
was known before is still told.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from cloud import feeds
from cloud.db import Connection
from cloud.exceptions import cases, close, raise_exception
from cloud.features import store
from cloud.features.model import (
    Cell,
    Ordered,
    Part,
    Passed,
    Zones,
    dry_spans,
    order_parts,
    sale_parts,
)
from cloud.features.store import Counted, DayRow, EvidenceRow, SpanRow
from cloud.feeds.documents import Delivery, Sale
from cloud.orders import sales
from shared.errors import Code, QuartermasterError
from shared.units import MINUTE, Micros

__all__ = ["demand", "drain", "drift", "evidence", "look_at_stock", "orders_changed", "sold"]

MEASURES: Final = ("ordered", "cancelled", "shipped", "sold", "returned")
LONGEST_SPAN: Final = Micros(366 * 24 * 60 * MINUTE)
_END: Final = 253_402_300_800_000_000
_AT_ONCE: Final = 500
MOST_UNITS: Final = 10**12
"""Of one sale; sums over all of them stay within 64 bits."""


def sold(connection: Connection, sale: Sale, delivery: Delivery) -> None:
    """Keep what a feed says was sold; the same again changes nothing.

    Raises:
        QuartermasterError: ``request.invalid`` for a span that no calendar holds or longer than a
            year, or a text with a NUL.
    """
    body = msgspec.json.encode(sale)
    if not -_END < sale.start < _END or not 0 <= sale.until - sale.start <= LONGEST_SPAN:
        raise QuartermasterError("request.invalid", f"{sale.start} to {sale.until}", where="span")
    if not -(2**63) <= sale.version < 2**63:
        raise QuartermasterError("request.invalid", str(sale.version)[:40], where="version")
    if b"\\u0000" in body:
        raise QuartermasterError("request.invalid", "a NUL character", where="text")
    store.insert_sale(
        connection,
        {
            "numbering": sale.reference.numbering.value,
            "scope": sale.reference.scope,
            "number": sale.reference.number,
            "version": sale.version,
            "digest": hashlib.sha256(delivery.feed.encode() + b"\0" + body).digest(),
            "feed": delivery.feed,
            "body": body.decode(),
            "orders": [
                f"{each.numbering.value}\x1f{each.scope}\x1f{each.number}" for each in sale.order
            ],
            "delivery_id": delivery.delivery_id,
            "position": delivery.position,
            "received_at": delivery.received_at,
        },
    )


def orders_changed(connection: Connection, orders: Iterable[int]) -> None:
    """Note that these orders are otherwise than they were."""
    store.touch(connection, "order", orders)


def drain(connection: Connection, *, now: Micros, limit: int = _AT_ONCE) -> int:
    """Work off what was noted, at most ``limit`` changes; how many days' demand changed.

    While another worker does, nothing.
    """
    if not store.only_one(connection):
        return 0
    touched = store.take_touched(connection, limit)
    orders, counted = touched["order"], touched["sale"]
    if not orders and not counted:
        return 0
    at = store.learn_at(connection, now)
    zones, codes = _zones(connection)
    if orders:
        counted |= store.sales_of_orders(connection, orders)
    cells = _replace(connection, "order", orders, _of_orders(connection, orders, zones), at=at)
    if counted:
        found = store.counted_sales(connection, counted)
        parts, spans, unresolved = _of_sales(connection, found, zones, codes)
        ids = {each.source_id for each in found}
        cells |= _replace(connection, "sale", ids, parts, at=at)
        _replace_spans(connection, ids, spans, at=at)
        _tell(connection, {each.sale_id: each.feed for each in found}, unresolved, at=now)
    return store.roll_up(connection, sorted(cells, key=str), at=at) if cells else 0


def look_at_stock(connection: Connection, *, now: Micros) -> bool:
    """Find out since when, and until when, nothing was available, of all that moved since.

    A stretch of what was received at a time; whether there is more to look at. Sales of unknown
    items are looked at again, too.
    """
    if not store.only_one(connection):
        return False
    store.touch_unresolved(connection, before=Micros(now - MINUTE), limit=_AT_ONCE)
    moved = store.moved_stock(connection, now=now)
    at = store.learn_at(connection, now)
    for item_id, site_id, since in moved:
        opening, movements, known = store.stock_since(connection, item_id, site_id, since)
        before = next((span.began for _, span in known if span.began < since), None)
        spans = dry_spans(opening, movements, before=before)
        old = {span: span_id for span_id, span in known}
        store.end_spans(connection, (old[span] for span in old.keys() - set(spans)), at=at)
        fresh = sorted(set(spans) - old.keys(), key=lambda span: span.began)
        rows = [SpanRow(0, item_id, site_id, span.began, span.ended) for span in fresh]
        store.insert_spans(connection, "ledger", rows, at=at)
    return store.more_movements(connection, now=now)


def demand(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    first: date,
    last: date,
    now: Micros,
    item_id: int | None = None,
    site_id: int | None = None,
    channel: str | None = None,
    known: Micros | None = None,
    after: Sequence[Any] | None = None,
    limit: int = 100,
) -> list[DayRow]:
    """Demand from ``first`` to ``last``, as known now or at a moment, after a key."""
    day, item, site, through = after or (None, None, None, None)
    return store.demand(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "from": first,
            "to": last,
            "now": now,
            "item_id": item_id,
            "site_id": site_id,
            "channel": channel,
            "known": known,
            "after_day": day,
            "after_item": item,
            "after_site": site,
            "after_channel": through,
            "limit": limit,
        },
    )


def evidence(
    connection: Connection,
    *,
    item_id: int,
    site_id: int | None,
    channel: str,
    day: date,
    known: Micros | None = None,
    after: Sequence[Any] | None = None,
    limit: int = 100,
) -> list[EvidenceRow]:
    """What makes a day's demand: orders, and sales with the deliveries that they stood in."""
    return store.evidence(
        connection,
        {
            "item_id": item_id,
            "site_id": site_id,
            "channel": channel,
            "day": day,
            "known": known,
            "after": None if after is None else after[0],
            "limit": limit,
        },
    )


def drift(connection: Connection) -> dict[Cell, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Days whose demand is not what all orders and sales make it: (told, made anew).

    There must be none once everything noted is worked off.
    """
    zones, codes = _zones(connection)
    orders = store.all_orders(connection)
    by_order = _of_orders(connection, orders, zones)
    by_sale, _, _ = _of_sales(connection, store.counted_sales(connection, None), zones, codes)
    made: dict[Cell, Counter[str]] = {}
    for parts in (*by_order.values(), *by_sale.values()):
        for part in parts:
            made.setdefault(part.cell, Counter())[part.measure] += part.quantity
    told = store.standing(connection)
    anew = {cell: tuple(sums[name] for name in MEASURES) for cell, sums in made.items()}
    nothing = (0,) * len(MEASURES)
    return {
        cell: (told.get(cell, nothing), anew.get(cell, nothing))
        for cell in told.keys() | anew.keys()
        if told.get(cell, nothing) != anew.get(cell, nothing)
    }


def _zones(connection: Connection) -> tuple[Zones, dict[str, int]]:
    zones: dict[int | None, tzinfo] = {None: UTC}
    codes: dict[str, int] = {}
    for site_id, code, timezone in store.zones(connection):
        zones[site_id] = ZoneInfo(timezone)
        codes[code] = site_id
    return zones, codes


def _of_orders(
    connection: Connection, orders: Iterable[int], zones: Zones
) -> dict[int, list[Part]]:
    """What each of these orders contributes."""
    wanted = set(orders)
    if not wanted:
        return {}
    lines: dict[int, list[Ordered]] = {order_id: [] for order_id in wanted}
    gone: set[int] = set()
    channels: dict[int, tuple[str, str]] = {}
    for row in sales.demanded(connection, wanted):
        channels[row.order_id] = (row.channel, row.promotion)
        if row.status == "merged":
            gone.add(row.order_id)
        elif row.item_id is not None and row.quantity:
            lines[row.order_id].append(
                Ordered(row.placed_at, row.site_id, row.item_id, row.quantity, row.cancelled or 0)
            )
    passed = {
        order_id: [
            Passed(row.item_id, row.site_id, row.at, row.quantity, row.came_back)
            for row in rows
            if row.item_id is not None
        ]
        for order_id, rows in sales.moved(connection, wanted - gone).items()
    }
    return {
        order_id: order_parts(
            held,
            passed.get(order_id, []),
            zones,
            channel=channels[order_id][0],
            promotion=channels[order_id][1],
        )
        for order_id, held in lines.items()
        if order_id in channels and order_id not in gone
    }


def _of_sales(
    connection: Connection, found: Sequence[Counted], zones: Zones, codes: Mapping[str, int]
) -> tuple[dict[int, list[Part]], list[SpanRow], dict[int, str]]:
    """What each of these sales contributes, what it says of a lack, and what nobody knows of it."""
    parts: dict[int, list[Part]] = {}
    spans: list[SpanRow] = []
    unresolved: dict[int, str] = {}
    by_feed: dict[str, list[Counted]] = {}
    for each in found:
        by_feed.setdefault(each.feed, []).append(each)
    for feed, counted in by_feed.items():
        goods = [(each.sale.goods, "EA") for each in counted]
        for each, item in zip(counted, feeds.try_all(connection, feed, goods), strict=True):
            site_id = codes.get(each.sale.site)
            unresolved[each.sale_id] = ""
            if isinstance(item, QuartermasterError):
                unresolved[each.sale_id] = item.detail or item.code
                continue
            if site_id is None:
                unresolved[each.sale_id] = f"site {each.sale.site}"
                continue
            sale = each.sale
            if abs(sale.quantity) * item.per > MOST_UNITS:
                unresolved[each.sale_id] = f"{sale.quantity} times {item.per} units"
                continue
            if not each.settled:
                parts[each.source_id] = sale_parts(
                    sale, item.item_id, site_id, item.per, zones[site_id]
                )
            if sale.stocked_out and sale.until > sale.start:
                spans.append(SpanRow(each.source_id, item.item_id, site_id, sale.start, sale.until))
    return parts, spans, unresolved


def _tell(
    connection: Connection, feeds_of: Mapping[int, str], found: Mapping[int, str], *, at: Micros
) -> None:
    """Note what the catalog does not know; a case for each such thing, until it knows it."""
    before = store.unresolved_of(connection, found)
    store.note_unresolved(connection, found, at=at)
    changed = {
        (feeds_of[sale_id], text)
        for sale_id, now in found.items()
        for text in (before.get(sale_id, ""), now)
        if text and before.get(sale_id, "") != now
    }
    for feed, text in sorted(changed):
        code: Code = "feed.unknown-site" if text.startswith("site ") else "feed.unknown-item"
        subject = f"feed {feed} sold {text}"[:200]
        if store.waiting_for(connection, feed, text):
            raise_exception(connection, code, subject, "its sales wait for it", at=at)
            continue
        for case in cases(connection, sites=None, code=code, subject=subject):
            reason = "the catalog knows it now"
            close(connection, case.exception_id, reason=reason, by="demand", sites=None, at=at)


def _replace(
    connection: Connection,
    source: store.Source,
    ids: Iterable[int],
    parts: Mapping[int, Sequence[Part]],
    *,
    at: Micros,
) -> set[Cell]:
    """Let these orders or sales contribute this from now on; the days that it concerns."""
    wanted = set(ids)
    if not wanted:
        return set()
    fresh = Counter((source_id, part) for source_id, held in parts.items() for part in held)
    ended: dict[int, Part] = {}
    for part_id, source_id, part in store.parts_of(connection, source, wanted):
        if fresh[source_id, part] > 0:
            fresh[source_id, part] -= 1
        else:
            ended[part_id] = part
    added = list(fresh.elements())
    store.end_parts(connection, ended, at=at)
    store.insert_parts(connection, source, added, at=at)
    return {part.cell for part in (*ended.values(), *(part for _, part in added))}


def _replace_spans(
    connection: Connection, ids: Iterable[int], spans: Iterable[SpanRow], *, at: Micros
) -> None:
    known = {span: span_id for span_id, span in store.sale_spans(connection, ids)}
    wanted = set(spans)
    store.end_spans(connection, (known[span] for span in known.keys() - wanted), at=at)
    store.insert_spans(connection, "sale", sorted(wanted - known.keys(), key=str), at=at)
