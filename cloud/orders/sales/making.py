"""Orders are made anew from all that counts of them, and what that changes is written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from cloud import catalog, feeds
from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.feeds.documents import Goods
from cloud.orders.sales import store
from cloud.orders.sales.folding import fold
from cloud.orders.sales.model import (
    Meaning,
    Names,
    Number,
    Order,
    OrderLine,
    Term,
    links,
    orders,
    terms,
)
from cloud.orders.sales.telling import named, settle, tell
from cloud.orders.sales.views import OrderRow
from shared.errors import QuartermasterError
from shared.units import Micros

MOST_UNITS: Final = 10**12
"""Of one item in one order; sums over all orders stay within 64 bits."""


def judge(connection: Connection, numbers: set[Number], *, at: Micros) -> set[int]:
    """Find out which numbers join nothing for now; the orders for which that is new."""
    concerned: set[int] = set()
    for number, ambiguous, known in store.judge_numbers(connection, numbers):
        if ambiguous == known:
            continue
        store.mark_ambiguous(connection, number, ambiguous=ambiguous, at=at)
        concerned |= store.orders_naming(connection, number)
        subject = f"number {named(number)}"
        if ambiguous:
            says = "several orders of one feed quote it and none has it as its own"
            raise_exception(connection, "order.ambiguous-number", subject, says, at=at)
        else:
            settle(connection, "order.ambiguous-number", subject, at=at)
    return concerned


def make(
    connection: Connection, concerned: set[int], statement_id: int | None, *, by: str, at: Micros
) -> frozenset[int]:
    """Make orders anew from what counts of them; all that were concerned, and those that came."""
    held = store.current(connection, concerned, statement_id)
    numbers = {key for each in held for key in links(each.said.document)}
    cuts = store.cuts(connection, numbers)
    found = {each.said: each for each in held}
    groups = [
        sorted((found[said] for said in group), key=lambda each: each.statement_id)
        for group in orders(found, cuts)
    ]
    groups.sort(key=lambda group: group[0].statement_id)
    names = _names(connection, [term for each in held for term in terms(each.said)])
    before = {order_id: row_of(connection, order_id, None) for order_id in sorted(concerned)}
    lines = store.lines_of(connection, concerned)
    store.clear(connection, concerned)
    taken: dict[int, list[store.Held]] = {}
    for group in groups:
        free = sorted({each.order_id for each in group if each.order_id} - taken.keys())
        order_id = free[0] if free else store.new_order(connection, at=at)
        taken[order_id] = group
    for order_id, group in taken.items():
        order = fold([each.said for each in group], names, cuts)
        _write(
            connection,
            order_id,
            order,
            before=before.get(order_id),
            lines=lines.get(order_id, []),
            source=(statement_id, by, at),
        )
        store.assign(connection, order_id, [each.statement_id for each in group])
    for order_id in sorted(concerned - taken.keys()):
        _absorb(connection, order_id, taken, before[order_id], source=(statement_id, by, at))
    return frozenset(concerned | taken.keys())


def _write(
    connection: Connection,
    order_id: int,
    order: Order,
    *,
    before: OrderRow | None,
    lines: Sequence[OrderLine],
    source: tuple[int | None, str, Micros],
) -> None:
    """Write an order, what changed in it, and tell a person what contradicts.

    Raises:
        QuartermasterError: ``request.invalid`` for quantities beyond all sense.
    """
    statement_id, by, at = source
    for line in order.lines:
        if max(line.quantity, line.shipped, line.returned) > MOST_UNITS:
            raise QuartermasterError("request.invalid", f"{line.quantity} units", where=line.item)
    sites = {order.site, *(each.site for each in (*order.shipments, *order.returns))} - {""}
    strange = sites - catalog.site_ids(connection, sorted(sites)).keys() if sites else set[str]()
    told = {
        "differs": "\n".join(each.text() for each in order.differences),
        "unresolved": "\n".join(
            [line.item for line in order.lines if not line.known]
            + [f"site:{site}" for site in sorted(strange)]
        ),
    }
    changes = list(_changes(before, lines, order))
    moment = at if before is None or changes else Micros(before.changed_at)
    site_id = store.write_order(connection, order_id, order, told=told, at=moment, looked_at=at)
    if changes:
        store.insert_changes(connection, order_id, changes, statement_id=statement_id, by=by, at=at)
    if before is not None and before.status == "awaited" != order.status:
        settle(connection, "order.awaited", f"order {order_id}", at=at)
    old = {} if before is None else {"differs": before.differs, "unresolved": before.unresolved}
    tell(connection, order_id, old, told, title=order.title, site_id=site_id, at=at)


def _absorb(
    connection: Connection,
    order_id: int,
    taken: Mapping[int, Sequence[store.Held]],
    before: OrderRow | None,
    *,
    source: tuple[int | None, str, Micros],
) -> None:
    """An order is another one now: that of what was said first of it."""
    statement_id, by, at = source
    into = min(
        taken,
        key=lambda each: min(
            (held.statement_id for held in taken[each] if held.order_id == order_id),
            default=2**63,
        ),
    )
    store.absorb(connection, order_id, into, at=at)
    for each, other in ((order_id, into), (into, order_id)):
        what = "merged into" if each == order_id else "merged with"
        store.insert_changes(
            connection,
            each,
            [(what, "", "", f"order {other}")],
            statement_id=statement_id,
            by=by,
            at=at,
        )
    settle(connection, "order.awaited", f"order {order_id}", at=at)
    old = {} if before is None else {"differs": before.differs, "unresolved": before.unresolved}
    nothing = {"differs": "", "unresolved": ""}
    tell(connection, order_id, old, nothing, title=("", "", ""), site_id=None, at=at)


def _changes(
    before: OrderRow | None, lines: Sequence[OrderLine], order: Order
) -> Iterator[tuple[str, str, str, str]]:
    """What is otherwise than it was: (what, item, before, after)."""
    if before is None:
        yield ("first heard of", "", "", order.status)
        return
    for name in (
        *("status", "channel", "placed_at", "paid_at", "currency", "site", "segment"),
        *("priority", "promotion", "ship_from", "ship_by"),
    ):
        old, new = (_text(getattr(each, name)) for each in (before, order))
        if old != new:
            yield (name, "", old, new)
    was = {line.item: line for line in lines}
    now = {line.item: line for line in order.lines}
    for item in sorted(was.keys() | now.keys()):
        for name in ("quantity", "cancelled", "shipped", "returned", "amount", "wanted"):
            old = _text(getattr(was[item], name)) if item in was else ""
            new = _text(getattr(now[item], name)) if item in now else ""
            if old != new and {old, new} != {"", "0"}:
                yield (name, item, old, new)


def _names(connection: Connection, wanted: Iterable[Term]) -> Names:
    """What these names mean now."""
    known: dict[Term, Meaning | None] = {}
    by_feed: dict[str, list[Term]] = {}
    for term in sorted(set(wanted)):
        by_feed.setdefault(term.feed, []).append(term)
    for feed, wanting in by_feed.items():
        goods = [
            (Goods(sku=term.sku, gtin=term.gtin, theirs=term.theirs), term.unit) for term in wanting
        ]
        for term, found in zip(wanting, feeds.try_all(connection, feed, goods), strict=True):
            unknown = isinstance(found, QuartermasterError)
            known[term] = None if unknown else Meaning(found.sku, found.per)
    return known.get


def row_of(connection: Connection, order_id: int, sites: frozenset[int] | None) -> OrderRow | None:
    """An order, merged ones too; None where there is none that the caller may see."""
    filters: dict[str, Any] = dict.fromkeys(
        ("site", "channel", "status", "item", "number", "since", "after")
    )
    filters |= {
        "order_id": order_id,
        "sites": None if sites is None else sorted(sites),
        "limit": 1,
    }
    return next(iter(store.order_rows(connection, filters)), None)


def _text(value: object) -> str:
    return "" if value is None else str(value)
