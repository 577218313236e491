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

from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.feeds.documents import (
    MAX_LINES,
    CustomerReturn,
    Delivery,
    Fulfilment,
    Party,
    SalesOrder,
)
from cloud.orders.sales import store
from cloud.orders.sales.backlog import OpenLine
from cloud.orders.sales.making import judge, make, row_of
from cloud.orders.sales.model import (
    Number,
    Said,
    Spoken,
    links,
    own,
    own_numbers,
    rank,
)
from cloud.orders.sales.telling import named
from cloud.orders.sales.views import Demanded, MovedRow, OrderRow, Whole
from shared.errors import QuartermasterError
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
_END: Final = 253_402_300_800_000_000
"""Year 10,000, microseconds: PostgreSQL's clock ends later, people's earlier."""
_AT_ONCE: Final = 100
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
    numbers = {*links(said.document), *(links(before.said.document) if before else ())}
    concerned = store.orders_of_numbers(connection, links(said.document))
    concerned |= judge(connection, numbers, at=delivery.received_at)
    if before is not None and before.order_id is not None:
        concerned.add(before.order_id)
    made = make(connection, concerned, statement_id, by=delivery.feed, at=delivery.received_at)
    if before is not None:
        store.assign(connection, _order_of(connection, statement_id), [before.statement_id])
    return made


def retry(connection: Connection, *, at: Micros) -> frozenset[int]:
    """Look again at orders that named what the catalog did not know a minute ago and before."""
    store.one_at_a_time(connection)
    made: set[int] = set()
    for order_id in store.unresolved(connection, before=Micros(at - MINUTE), limit=_AT_ONCE):
        made |= make(connection, {order_id}, None, by="catalog", at=at)
    return frozenset(made)


def remind(connection: Connection, *, at: Micros) -> int:
    """Raise a case for each shipment or return whose order nobody told of within a day."""
    found = store.remind(connection, before=Micros(at - LONGEST_WAIT), at=at)
    for order_id, title, site_id in sorted(found):
        raise_exception(
            connection, "order.awaited", f"order {order_id}", named(title), at=at, site_id=site_id
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
        raise QuartermasterError("request.not-found", named(number), where="number")
    if not store.cut(connection, number, by=by, why=why.strip(), at=at):
        raise QuartermasterError("request.conflict", f"{named(number)} joins nothing already")
    return make(connection, concerned, None, by=by, at=at)


def redo_merge(connection: Connection, number: Number, *, by: str, at: Micros) -> frozenset[int]:
    """Let a number join documents again.

    Raises:
        QuartermasterError: ``request.conflict`` when it does.
    """
    store.one_at_a_time(connection)
    if not store.lift(connection, number, by=by, at=at):
        raise QuartermasterError("request.conflict", f"{named(number)} was not cut")
    return make(connection, store.orders_naming(connection, number), None, by=by, at=at)


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
    row = row_of(connection, order_id, sites)
    while row is not None and row.merged_into is not None:
        order_id = row.merged_into
        row = row_of(connection, order_id, sites)
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
    number = named(own(document))

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


def _order_of(connection: Connection, statement_id: int) -> int:
    (held,) = store.current(connection, (), statement_id)
    return held.order_id or 0
