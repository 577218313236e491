"""The use cases of customers' orders: take what feeds say, tell what is open, undo a merge.

Every function takes an open connection and leaves committing to its caller. What a feed says is
kept, then the orders that it concerns are made anew from all that counts of them
(:mod:`cloud.orders.sales.folding`); those that change are returned, for whoever builds on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from cloud import catalog, feeds
from cloud.db import Connection
from cloud.exceptions import cases, close, raise_exception
from cloud.feeds.documents import (
    MAX_LINES,
    CustomerReturn,
    Delivery,
    Fulfilment,
    Goods,
    Party,
    SalesOrder,
)
from cloud.orders.sales import store
from cloud.orders.sales.backlog import OpenLine
from cloud.orders.sales.folding import fold
from cloud.orders.sales.model import (
    Meaning,
    Names,
    Number,
    Order,
    OrderLine,
    Said,
    Spoken,
    Term,
    links,
    orders,
    own,
    own_numbers,
    rank,
    terms,
)
from cloud.orders.sales.views import Demanded, MovedRow, OrderRow, Whole
from shared.errors import Code, QuartermasterError
from shared.units import DAY, MINUTE, Micros

__all__ = [
    "demanded",
    "moved",
    "open_lines",
    "page",
    "redo_merge",
    "remind",
    "retry",
    "take",
    "undo_merge",
    "whole",
]

_KINDS: Final[Mapping[type[Spoken], str]] = {
    SalesOrder: "sales-order",
    Fulfilment: "fulfilment",
    CustomerReturn: "customer-return",
}
_DIFFERS: Final[Mapping[str, Code]] = {
    "over-shipped": "order.over-shipped",
    "cancelled-shipped": "order.cancelled-shipped",
}
_END: Final = 253_402_300_800_000_000
"""Year 10,000, microseconds: PostgreSQL's clock ends later, people's earlier."""
_AT_ONCE: Final = 100
MOST_UNITS: Final = 10**12
"""Of one item in one order; sums over all orders stay within 64 bits."""
LONGEST_WAIT: Final = DAY
"""How long goods that moved may wait for their order before a person is told."""


def take(connection: Connection, document: Spoken, delivery: Delivery) -> frozenset[int]:
    """Take what a feed says of a customer's order; the orders that it concerns.

    The same again changes nothing, nor does an older version than the one that is known.

    Raises:
        QuartermasterError: ``order.unnumbered`` without any number of an order,
            ``request.invalid`` for a moment or version that no calendar holds.
    """
    _check(document)
    store.one_at_a_time(connection)
    said = Said(delivery.feed, _pseudonymous(connection, document, delivery))
    body = msgspec.json.encode(said.document)
    word = store.Word(
        _KINDS[type(document)],
        delivery.feed,
        own(said.document),
        document.version,
        hashlib.sha256(body).digest(),
        body.decode(),
        delivery,
    )
    before = store.predecessor(connection, word)
    statement_id = store.insert_statement(
        connection, word, links(said.document), own_numbers(said.document)
    )
    if statement_id is None:
        return frozenset()
    if before is not None and rank(before.said) > rank(said):
        store.assign(connection, before.order_id or 0, [statement_id])
        return frozenset()
    store.count_instead(connection, statement_id, before.statement_id if before else None)
    named = {*links(said.document), *(links(before.said.document) if before else ())}
    concerned = store.orders_of_numbers(connection, links(said.document))
    concerned |= _judge(connection, named, at=delivery.received_at)
    if before is not None and before.order_id is not None:
        concerned.add(before.order_id)
    made = _make(connection, concerned, statement_id, by=delivery.feed, at=delivery.received_at)
    if before is not None:
        store.assign(connection, _order_of(connection, statement_id), [before.statement_id])
    return made


def retry(connection: Connection, *, at: Micros) -> frozenset[int]:
    """Look again at orders that named what the catalog did not know a minute ago and before."""
    store.one_at_a_time(connection)
    made: set[int] = set()
    for order_id in store.unresolved(connection, before=Micros(at - MINUTE), limit=_AT_ONCE):
        made |= _make(connection, {order_id}, None, by="catalog", at=at)
    return frozenset(made)


def remind(connection: Connection, *, at: Micros) -> int:
    """Raise a case for each shipment or return whose order nobody told of within a day."""
    found = store.remind(connection, before=Micros(at - LONGEST_WAIT), at=at)
    for order_id, title, site_id in sorted(found):
        raise_exception(
            connection, "order.awaited", f"order {order_id}", _named(title), at=at, site_id=site_id
        )
    return len(found)


def undo_merge(
    connection: Connection, number: Number, *, by: str, why: str, at: Micros
) -> frozenset[int]:
    """Let a number join no documents any more: an order that it made of several falls apart.

    Raises:
        QuartermasterError: ``request.not-found`` where no order has it, ``request.invalid``
            without a reason, ``request.conflict`` when it joins nothing already.
    """
    if not why.strip():
        raise QuartermasterError("request.invalid", "say why", where="reason")
    store.one_at_a_time(connection)
    concerned = store.orders_naming(connection, number)
    if not concerned:
        raise QuartermasterError("request.not-found", _named(number), where="number")
    if not store.cut(connection, number, by=by, why=why.strip(), at=at):
        raise QuartermasterError("request.conflict", f"{_named(number)} joins nothing already")
    return _make(connection, concerned, None, by=by, at=at)


def redo_merge(connection: Connection, number: Number, *, by: str, at: Micros) -> frozenset[int]:
    """Let a number join documents again.

    Raises:
        QuartermasterError: ``request.conflict`` when it does.
    """
    store.one_at_a_time(connection)
    if not store.lift(connection, number, by=by, at=at):
        raise QuartermasterError("request.conflict", f"{_named(number)} was not cut")
    return _make(connection, store.orders_naming(connection, number), None, by=by, at=at)


def open_lines(connection: Connection, items: Iterable[int] | None = None) -> list[OpenLine]:
    """What customers wait for, of some items (all for None), the oldest order first of each.

    Lines of unknown items are not among them; orders that are awaited or cancelled have none.
    """
    return store.open_lines(connection, items)


def page(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    channel: str | None = None,
    status: str | None = None,
    item: str | None = None,
    number: str | None = None,
    since: Micros | None = None,
    after: Sequence[Any] | None = None,
    limit: int = 100,
) -> list[OrderRow]:
    """Orders that the caller may see, the newest first; ``sites`` None means all of them."""
    return store.order_rows(
        connection,
        {
            "order_id": None,
            "sites": None if sites is None else sorted(sites),
            "site": site,
            "channel": channel,
            "status": status,
            "item": item,
            "number": number,
            "since": since,
            "after": None if after is None else after[0],
            "limit": limit,
        },
    )


def whole(connection: Connection, order_id: int, *, sites: frozenset[int] | None) -> Whole:
    """An order with all that was said of it; of one that became part of another, that one.

    Raises:
        QuartermasterError: ``request.not-found``, the same for another site's.
    """
    row = _row(connection, order_id, sites)
    while row is not None and row.merged_into is not None:
        order_id = row.merged_into
        row = _row(connection, order_id, sites)
    if row is None:
        raise QuartermasterError("request.not-found", f"order {order_id}")
    return Whole(
        row=row,
        lines=store.lines_of(connection, [order_id]).get(order_id, []),
        picked=store.picked_of(connection, order_id),
        moved=store.moved_of(connection, [order_id]).get(order_id, []),
        references=store.references_of(connection, order_id),
        statements=store.statements_of(connection, order_id),
        changes=store.changes_of(connection, order_id),
        differences=row.differs.splitlines(),
    )


def moved(connection: Connection, orders: Iterable[int]) -> dict[int, list[MovedRow]]:
    """What left, and came back, of some orders."""
    return store.moved_of(connection, orders)


def demanded(connection: Connection, orders: Iterable[int]) -> list[Demanded]:
    """What some orders ask for, line by line."""
    return store.demanded(connection, orders)


def _row(connection: Connection, order_id: int, sites: frozenset[int] | None) -> OrderRow | None:
    filters: dict[str, Any] = dict.fromkeys(
        ("site", "channel", "status", "item", "number", "since", "after")
    )
    filters |= {
        "order_id": order_id,
        "sites": None if sites is None else sorted(sites),
        "limit": 1,
    }
    return next(iter(store.order_rows(connection, filters)), None)


def _check(document: Spoken) -> None:
    """Refuse what cannot be kept.

    Raises:
        QuartermasterError: see :func:`take`.
    """
    if not links(document):
        raise QuartermasterError("order.unnumbered")
    if len(document.lines) > MAX_LINES:
        raise QuartermasterError("payload.too-large", f"{len(document.lines)} lines")
    if not -(2**63) <= document.version < 2**63:
        raise QuartermasterError("request.invalid", str(document.version)[:40], where="version")
    if b"\\u0000" in msgspec.json.encode(document):
        raise QuartermasterError("request.invalid", "a NUL character", where="text")
    for where, day in _days(document):
        try:
            date.fromisoformat(day)
        except ValueError:
            raise QuartermasterError("request.invalid", day, where=where) from None
    for name in ("placed_at", "paid_at", "cancelled_at", "shipped_at", "at"):
        at = getattr(document, name, None)
        if at is not None and not -_END < at < _END:
            raise QuartermasterError("request.invalid", str(at)[:40], where=name)


def _days(document: Spoken) -> Iterator[tuple[str, str]]:
    """The days that a document names, and where."""
    if isinstance(document, SalesOrder):
        yield from (
            (name, day)
            for name, day in (("ship_from", document.ship_from), ("ship_by", document.ship_by))
            if day is not None
        )
    for at, line in enumerate(document.lines):
        if line.wanted is not None:
            yield (f"lines[{at}].wanted", line.wanted)


def _pseudonymous(connection: Connection, document: Spoken, delivery: Delivery) -> Spoken:
    """The document without what identifies a person."""
    if not isinstance(document, SalesOrder):
        return document
    number = _named(own(document))

    def pseudonym(party: Party, role: str) -> Party:
        if party == Party():
            return party
        found = store.customer(
            connection,
            party,
            source=delivery.feed,
            reference=party.reference or f"{role} of {number}",
            at=delivery.received_at,
        )
        return Party(reference=found)

    return replace(
        document,
        customer=pseudonym(document.customer, "customer"),
        ship_to=pseudonym(document.ship_to, "ship-to"),
    )


def _judge(connection: Connection, numbers: set[Number], *, at: Micros) -> set[int]:
    """Find out which numbers join nothing for now; the orders for which that is new."""
    concerned: set[int] = set()
    for number, ambiguous, known in store.judge_numbers(connection, numbers):
        if ambiguous == known:
            continue
        store.mark_ambiguous(connection, number, ambiguous=ambiguous, at=at)
        concerned |= store.orders_naming(connection, number)
        subject = f"number {_named(number)}"
        if ambiguous:
            says = "several orders of one feed quote it and none has it as its own"
            raise_exception(connection, "order.ambiguous-number", subject, says, at=at)
        else:
            _close(connection, "order.ambiguous-number", subject, at=at)
    return concerned


def _make(
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
    before = {order_id: _row(connection, order_id, None) for order_id in sorted(concerned)}
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
        _close(connection, "order.awaited", f"order {order_id}", at=at)
    old = {} if before is None else {"differs": before.differs, "unresolved": before.unresolved}
    _tell(connection, order_id, old, told, title=order.title, site_id=site_id, at=at)


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
    _close(connection, "order.awaited", f"order {order_id}", at=at)
    old = {} if before is None else {"differs": before.differs, "unresolved": before.unresolved}
    nothing = {"differs": "", "unresolved": ""}
    _tell(connection, order_id, old, nothing, title=("", "", ""), site_id=None, at=at)


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


def _tell(
    connection: Connection,
    order_id: int,
    old: Mapping[str, str],
    new: Mapping[str, str],
    *,
    title: Number,
    site_id: int | None,
    at: Micros,
) -> None:
    """Raise a case for what contradicts, and close it once the sources agree."""
    was, now = _told(old), _told(new)
    subject = f"order {order_id}"
    for code in sorted(was.keys() | now.keys()):
        if code not in now:
            _close(connection, code, subject, at=at)
        elif was.get(code) != now[code]:
            detail = f"{_named(title)}: {now[code]}"
            raise_exception(connection, code, subject, detail, at=at, site_id=site_id)


def _close(connection: Connection, code: Code, subject: str, *, at: Micros) -> None:
    """Nobody has to look at it any more."""
    for case in cases(connection, sites=None, code=code, subject=subject):
        close(
            connection,
            case.exception_id,
            reason="the sources agree now",
            by="reconciliation",
            sites=None,
            at=at,
        )


def _told(texts: Mapping[str, str]) -> dict[Code, str]:
    found: dict[Code, list[str]] = {}
    for line in texts.get("differs", "").splitlines():
        found.setdefault(_DIFFERS.get(line.split(" ")[0], "order.differs"), []).append(line)
    for line in texts.get("unresolved", "").splitlines():
        found.setdefault("order.unresolved", []).append(line)
    return {code: "; ".join(lines) for code, lines in found.items()}


def _names(connection: Connection, wanted: Iterable[Term]) -> Names:
    """What these names mean now."""
    known: dict[Term, Meaning | None] = {}
    by_feed: dict[str, list[Term]] = {}
    for term in sorted(set(wanted)):
        by_feed.setdefault(term.feed, []).append(term)
    for feed, named in by_feed.items():
        goods = [
            (Goods(sku=term.sku, gtin=term.gtin, theirs=term.theirs), term.unit) for term in named
        ]
        for term, found in zip(named, feeds.try_all(connection, feed, goods), strict=True):
            unknown = isinstance(found, QuartermasterError)
            known[term] = None if unknown else Meaning(found.sku, found.per)
    return known.get


def _order_of(connection: Connection, statement_id: int) -> int:
    (held,) = store.current(connection, (), statement_id)
    return held.order_id or 0


def _named(number: Number) -> str:
    return " ".join(part for part in number if part)


def _text(value: object) -> str:
    return "" if value is None else str(value)
