"""Our own orders: placed, changed, cancelled and closed by a person or a connector.

What is done twice under one key is done once. An order that another system keeps is changed there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud import catalog
from cloud.catalog import Fact
from cloud.db import Connection
from cloud.feeds.documents import Goods, Line, Numbering, OrderStatus, PurchaseOrder, Reference
from cloud.orders.purchases import reading, service, store
from cloud.orders.purchases.model import (
    ClosingSaid,
    LineState,
    Ordered,
    OrderSaid,
    Term,
    breaches,
    fold,
)
from shared.errors import QuartermasterError
from shared.units import Micros

_MAX_LINES: Final = 1000
_ENDED: Final = frozenset({"received", "closed", "cancelled"})


class Wished(NamedTuple):
    """A line that is to be ordered; without a price it is ordered at what the supplier offers."""

    sku: str
    quantity: int
    number: str = ""
    price: int | None = None
    per: int = 1
    wanted: str | None = None


class Wish(NamedTuple):
    """An order that is to be placed."""

    supplier: str
    site: str
    lines: tuple[Wished, ...]
    number: str = ""
    currency: str = ""
    incoterm: str = ""
    lane: str = ""


class Asking(NamedTuple):
    """Who asks, under which key of their own, and when; ``force`` is why the terms are broken."""

    by: str
    caller: str
    key: str
    now: Micros
    force: str = ""


class View(NamedTuple):
    """An order with its lines as they stand."""

    order: store.OrderRow
    lines: list[LineState]


def place(connection: Connection, wish: Wish, asking: Asking) -> View:
    """Place an order.

    Raises:
        QuartermasterError: ``purchase.terms`` with the figures, unless ``force`` says why;
            ``purchase.unknown-supplier``, ``feed.unknown-site``, ``feed.unknown-item``;
            ``request.conflict`` for a number that is taken; ``purchase.key-reused``.
    """

    def fresh() -> str:
        number = wish.number or store.next_number(connection)
        if store.order_id(connection, number) is not None:
            raise QuartermasterError("request.conflict", f"order {number} is there", where="number")
        body = _said(connection, wish, number, asking.now, asking.force)
        _say(connection, number, body, asking.now, asking)
        return number

    return _once(connection, asking, ("place", *wish), fresh)


def change(
    connection: Connection,
    number: str,
    lines: Sequence[Wished],
    asking: Asking,
    *,
    revision: int | None,
) -> View:
    """Let an order have these lines from now on; the others are cancelled.

    Raises:
        QuartermasterError: as :func:`place`; ``request.not-found``, ``purchase.stale``,
            ``purchase.ended``, ``purchase.kept-elsewhere``.
    """

    def fresh() -> str:
        held, version = _held(connection, number, revision)
        _demand_open(connection, number, lines)
        wish = Wish(
            held.supplier,
            held.site,
            tuple(lines),
            number,
            held.currency,
            held.incoterm,
            held.lane,
        )
        body = _said(connection, wish, number, held.ordered_at, asking.force)
        _say(connection, number, body, max(asking.now, version + 1), asking)
        return number

    return _once(connection, asking, ("change", number, revision, *lines), fresh)


def cancel(
    connection: Connection, number: str, why: str, asking: Asking, *, revision: int | None
) -> View:
    """Want nothing more of an order.

    Raises:
        QuartermasterError: ``request.not-found``, ``purchase.stale``, ``purchase.ended``,
            ``purchase.kept-elsewhere``, ``purchase.key-reused``.
    """

    def fresh() -> str:
        held, version = _held(connection, number, revision)
        body = msgspec.structs.replace(held, cancelled=True, why=why)
        _say(connection, number, body, max(asking.now, version + 1), asking)
        return number

    return _once(connection, asking, ("cancel", number, revision, why), fresh)


def close(
    connection: Connection,
    number: str,
    line: str,
    why: str,
    asking: Asking,
    *,
    revision: int | None,
) -> View:
    """Expect nothing more of a line; also of an order that another system keeps.

    Raises:
        QuartermasterError: ``request.not-found``, ``purchase.stale``, ``purchase.ended``,
            ``purchase.key-reused``.
    """

    def fresh() -> str:
        found = view(connection, number)
        _demand_read(found.order.revision, revision)
        state = next((each for each in found.lines if each.number == line), None)
        if state is None:
            raise QuartermasterError("request.not-found", f"line {line[:80]}", where="line")
        if state.status in _ENDED:
            raise QuartermasterError("purchase.ended", f"line {line} is {state.status}")
        body = ClosingSaid(line=line, why=why)
        _say(connection, number, body, 0, asking)
        return number

    return _once(connection, asking, ("close", number, line, revision, why), fresh)


def view(connection: Connection, number: str, *, sites: frozenset[int] | None = None) -> View:
    """An order with its lines.

    Raises:
        QuartermasterError: ``request.not-found``, the same for another site's.
    """
    allowed = None if sites is None else sorted(sites)
    found = store.orders(connection, sites=allowed, number=number, limit=1)
    if not found:
        raise QuartermasterError("request.not-found", f"order {number[:80]}", where="number")
    return View(found[0], store.lines(connection, found[0].purchase_id))


def as_document(connection: Connection, number: str) -> PurchaseOrder:
    """An order as a supplier is to be told of it: what a feed writes as X12 850 or 860.

    Its version tells what the supplier has already been told from what is new.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    body, version, versions = _winning(connection, number)
    names = {
        fact.key[1]: str(fact.terms[0])
        for fact in _facts(connection, "offers", body.supplier, [line.sku for line in body.lines])
    }
    status = OrderStatus.CHANGED if versions > 1 else OrderStatus.PLACED
    return PurchaseOrder(
        references=(Reference(numbering=Numbering.OURS, scope="", number=number),),
        supplier=body.supplier,
        site=body.site,
        status=OrderStatus.CANCELLED if body.cancelled else status,
        version=version,
        ordered_at=body.ordered_at,
        lines=tuple(
            Line(
                number=line.number,
                goods=Goods(sku=line.sku, theirs=names.get(line.sku, "")),
                quantity=line.quantity,
                price=_for_one(line),
                wanted=line.wanted,
            )
            for line in body.lines
        ),
        currency=body.currency,
        incoterm=body.incoterm,
        lane=body.lane,
    )


def _for_one(line: Ordered) -> int | None:
    """What one base unit costs; None where that is no whole number of minor units."""
    if line.price is None or line.price % line.per:
        return None
    return line.price // line.per


def _once(
    connection: Connection, asking: Asking, asked: tuple[object, ...], fresh: Callable[[], str]
) -> View:
    """Do it, or show what was done under this key before."""
    digest = hashlib.sha256(msgspec.json.encode((*asked, asking.force))).digest()
    store.lock_numbers(connection, [f"request {asking.caller} {asking.key}"])
    before = store.request(connection, asking.caller, asking.key)
    if before is None:
        number = fresh()
        store.insert_request(
            connection,
            asking.caller,
            asking.key,
            digest=digest,
            number=number,
            at=asking.now,
        )
        return view(connection, number)
    if before[0] != digest:
        raise QuartermasterError("purchase.key-reused", asking.key[:80], where="Idempotency-Key")
    return view(connection, before[1])


def _said(
    connection: Connection, wish: Wish, number: str, ordered_at: Micros, force: str
) -> OrderSaid:
    if wish.supplier not in store.supplier_ids(connection, [wish.supplier]):
        raise QuartermasterError("purchase.unknown-supplier", wish.supplier, where="supplier")
    if wish.site not in catalog.site_ids(connection, [wish.site]):
        raise QuartermasterError("feed.unknown-site", wish.site, where="site")
    if not 0 < len(wish.lines) <= _MAX_LINES:
        raise QuartermasterError("request.invalid", f"1 to {_MAX_LINES} lines", where="lines")
    skus = sorted({line.sku for line in wish.lines})
    known = catalog.item_ids(connection, skus)
    for n, line in enumerate(wish.lines):
        if line.sku not in known:
            raise QuartermasterError("feed.unknown-item", line.sku, where=f"lines.{n}.sku")
    numbers = [line.number or str(n) for n, line in enumerate(wish.lines, 1)]
    if len(set(numbers)) < len(numbers):
        raise QuartermasterError("request.invalid", "two lines of one number", where="lines")
    terms = {fact.key[1]: _term(fact) for fact in _facts(connection, "offers", wish.supplier, skus)}
    least, currency = _minimum(connection, wish.supplier)
    lines = tuple(
        _priced(line, each, terms) for line, each in zip(wish.lines, numbers, strict=True)
    )
    paid_in = wish.currency or next((term.currency for term in terms.values()), currency)
    same = not currency or paid_in == currency
    found = breaches(lines, terms, minimum=least if same else None, currency=currency)
    if found and not force:
        says = "; ".join(f"line {line}: {text}" if line else text for line, text in found)
        raise QuartermasterError("purchase.terms", says, where="lines")
    return OrderSaid(
        number=number,
        supplier=wish.supplier,
        site=wish.site,
        cancelled=False,
        ordered_at=ordered_at,
        lines=lines,
        currency=paid_in,
        incoterm=wish.incoterm,
        lane=wish.lane,
        why=force,
    )


def _priced(line: Wished, number: str, terms: Mapping[str, Term]) -> Ordered:
    term = terms.get(line.sku)
    price, per = line.price, line.per
    if price is None and term is not None:
        price, per = term.cost(line.quantity), term.per
    return Ordered(
        number=number,
        sku=line.sku,
        quantity=line.quantity,
        price=price,
        per=per,
        wanted=line.wanted,
    )


def _facts(
    connection: Connection, kind: catalog.ImportKind, supplier: str, skus: Sequence[str] | None
) -> list[Fact]:
    revision = catalog.revision_as_of(connection, None)
    limit = 1 if skus is None else len(skus) + 1
    return [
        fact
        for fact in catalog.facts(
            connection, kind, revision=revision, firsts=[supplier], seconds=skus, limit=limit
        )
        if not fact.terms[-1]  # removed
    ]


def _term(fact: Fact) -> Term:
    _, currency, per, minimum, multiple, *_ = fact.terms
    breaks = tuple((int(str(start)), int(str(cost))) for start, cost in fact.lines)
    return Term(int(str(minimum)), int(str(multiple)), str(currency), int(str(per)), breaks)


def _minimum(connection: Connection, supplier: str) -> tuple[int | None, str]:
    for fact in _facts(connection, "suppliers", supplier, None):
        _, currency, minimum, *_ = fact.terms
        return (None if minimum is None else int(str(minimum))), str(currency)
    return None, ""


def _held(connection: Connection, number: str, revision: int | None) -> tuple[OrderSaid, int]:
    """What the order's keeper said last, for a change by us."""
    found = view(connection, number)
    _demand_read(found.order.revision, revision)
    if found.order.keeper.startswith("feed "):
        raise QuartermasterError("purchase.kept-elsewhere", found.order.keeper)
    if found.lines and all(line.status in _ENDED for line in found.lines):
        raise QuartermasterError("purchase.ended", f"order {number} is {found.order.status}")
    body, version, _ = _winning(connection, number)
    return body, version


def _demand_open(connection: Connection, number: str, lines: Sequence[Wished]) -> None:
    """A line that a person closed stays as it is: what is wanted again is a new line."""
    closed = {each.number: each for each in view(connection, number).lines if each.closed_by}
    for n, line in enumerate(lines, 1):
        was = closed.get(line.number or str(n))
        if was is not None and (was.sku, was.ordered) != (line.sku, line.quantity):
            raise QuartermasterError(
                "purchase.ended", f"line {was.number} was closed", where="lines"
            )


def _winning(connection: Connection, number: str) -> tuple[OrderSaid, int, int]:
    found = view(connection, number)
    said = [
        each
        for each in store.statements(connection, found.order.purchase_id)
        if isinstance(each.body, OrderSaid)
    ]
    last = max(said, key=lambda each: each.rank)
    if not isinstance(last.body, OrderSaid) or fold(said) is None:  # pragma: no cover - as selected
        raise QuartermasterError("request.not-found", f"order {number}")
    return last.body, last.version, len(said)


def _demand_read(now: int, revision: int | None) -> None:
    if revision != now:
        said = "no If-Match" if revision is None else f'If-Match "{revision}"'
        raise QuartermasterError("purchase.stale", f'{said}; it is "{now}"', where="If-Match")


def _say(
    connection: Connection, number: str, body: OrderSaid | ClosingSaid, version: int, asking: Asking
) -> None:
    alias = [f"ours::{number}"]
    read = (
        reading.Read("order", number, version, asking.now, body.supplier, body, alias, alias)
        if isinstance(body, OrderSaid)
        else reading.Read("closing", f"{number} {body.line}", 0, asking.now, "", body, alias, [])
    )
    said = reading.written(read, by=asking.by, feed="", delivery_id=0, position=0, at=asking.now)
    service.note(connection, read, said, why=body.why)
