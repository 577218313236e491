"""The use cases of purchases: note what is said and what came, and tell where orders stand.

Whatever is said of an order is written down once; where it stands is folded again under a lock on
its row. What speaks of an order that is not known yet waits for it, as a case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cloud.db import Connection
from cloud.exceptions import cases, close, raise_exception
from cloud.feeds.documents import (
    Confirmation,
    Delivery,
    Document,
    Invoice,
    PurchaseOrder,
    ReceiptAdvice,
    ShipNotice,
    Tracking,
)
from cloud.orders.purchases import reading, store
from cloud.orders.purchases.leadtimes import Learnt
from cloud.orders.purchases.model import (
    Change,
    Discrepancy,
    Flaw,
    OrderSaid,
    State,
    changes,
    fold,
    judge,
)
from cloud.orders.purchases.naming import brought
from cloud.orders.purchases.scorecard import LAST, Scorecard, score
from shared.errors import Code, QuartermasterError
from shared.units import Micros

_BY: Final = "purchases"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CODES: Final[dict[Flaw, Code]] = {
    "confirmed-less": "purchase.confirmed-less",
    "price": "purchase.price",
    "shipped-more": "purchase.shipped-more",
    "invoiced-more": "purchase.invoiced-more",
    "receipt-differs": "purchase.receipt-differs",
    "over": "purchase.over",
    "short": "purchase.short",
    "damaged": "purchase.damaged",
    "wrong-item": "purchase.wrong-item",
    "late": "purchase.late",
}
_SWEPT_AT_ONCE: Final = 500


def handle(connection: Connection, document: Document, delivery: Delivery) -> None:
    """Note what a feed's document says of an order of ours; the same again changes nothing.

    Raises:
        QuartermasterError: ``feed.unknown-item``, ``feed.item-contradicts``, ``feed.unit``,
            ``feed.unknown-site``, ``purchase.unknown-supplier``, ``purchase.document``; and
            ``feed.unrouted`` for what is no document on an order of ours.
    """
    if not isinstance(
        document, PurchaseOrder | Confirmation | ShipNotice | Invoice | ReceiptAdvice | Tracking
    ):
        raise QuartermasterError("feed.unrouted", type(document).__name__)
    for each in reading.parts(document):
        read = reading.read(connection, each, delivery.feed)
        by = f"feed {delivery.feed}"
        by = f"{read.supplier}, by {by}" if _theirs(read) else by
        note(connection, read, reading.heard(read, delivery, by=by))


def etas(connection: Connection, document: ShipNotice | Tracking) -> list[tuple[str, str, Micros]]:
    """(Supplier, shipment, ETA) of what a document speaks of and is under way: the latest word."""
    if isinstance(document, ShipNotice):
        return store.etas(connection, brought(document.references, document.supplier))
    named = [document.reference, *document.shipment]
    return store.etas(connection, brought(named, ""))


def _theirs(read: reading.Read) -> bool:
    return read.kind in {"confirmation", "notice", "invoice"}


def note(connection: Connection, read: reading.Read, heard: store.Heard, *, why: str = "") -> None:
    """Write a statement down and fold the orders that it is of."""
    store.lock_numbers(connection, [*heard.awaits, *heard.brings])
    statement_id = store.insert_statement(connection, heard)
    if statement_id is None:
        return
    at, found = heard.known_at, store.aliased(connection, heard.awaits)
    if isinstance(read.body, OrderSaid):
        own = _entered(connection, read.body, at)
        store.place(connection, own, [statement_id])
        store.insert_aliases(connection, own, heard.brings)
        placed = [own]
    else:
        placed = [key for key, supplier in found if heard.supplier in {"", supplier}]
        for purchase_id in placed:
            store.place(connection, purchase_id, [statement_id])
            store.insert_aliases(connection, purchase_id, heard.brings)
    if not placed:
        _miss(connection, heard, found)
        return
    suppliers = dict(store.aliased(connection, heard.awaits))
    moved = set(placed)
    for purchase_id in placed:
        aliases = [*heard.brings, *(heard.awaits if read.kind == "order" else ())]
        supplier = suppliers.get(purchase_id, read.supplier)
        aliases = _adopt(connection, purchase_id, supplier, aliases, at=at)
        moved |= _adopt_arrivals(connection, aliases)
    for purchase_id in sorted(moved):
        refresh(connection, purchase_id, at=at, by=heard.said_by, why=why)


def _entered(connection: Connection, order: OrderSaid, at: Micros) -> int:
    """The key of an order, made if nobody had heard of it."""
    site = store.site_day(connection, order.site, at)
    supplier_id = store.supplier_ids(connection, [order.supplier]).get(order.supplier)
    if site is None or supplier_id is None:
        raise QuartermasterError("request.not-found", order.site or order.supplier, where="site")
    found = store.insert_order(
        connection, order.number, site_id=site[0], supplier_id=supplier_id, at=at
    )
    if found is None:
        raise QuartermasterError("request.conflict", f"order {order.number}", where="number")
    return found


def _miss(connection: Connection, heard: store.Heard, found: Sequence[tuple[int, str]]) -> None:
    """A case for what speaks of an order that was not placed with its sender."""
    numbers = ", ".join(alias.rpartition(":")[2] for alias in heard.awaits)
    others = ", ".join(sorted({supplier for _, supplier in found}))
    ours = f"an order to {others}" if others else "not known"
    said = f"{heard.supplier or heard.feed} speaks of {numbers}; ours: {ours}"
    raise_exception(
        connection,
        "purchase.unknown-order",
        _subject(heard.kind, heard.key),
        said,
        at=heard.known_at,
    )


def _subject(kind: str, key: str) -> str:
    return f"{kind} {key}"[:200]


def _adopt(
    connection: Connection, purchase_id: int, supplier: str, aliases: Iterable[str], *, at: Micros
) -> list[str]:
    """What waited for this order is of it now, and what waited for the numbers that this brings.

    Returns all these numbers.
    """
    fresh = sorted(set(aliases))
    known = set(fresh)
    while fresh:
        waited = store.waiting(connection, purchase_id, supplier, fresh)
        brought = sorted({alias for each in waited for alias in each.brings})
        store.lock_numbers(connection, brought)
        store.place(connection, purchase_id, [each.statement_id for each in waited])
        store.insert_aliases(connection, purchase_id, brought)
        for each in waited:
            _close_case(
                connection,
                "purchase.unknown-order",
                _subject(each.kind, each.key),
                "the order has come",
                at=at,
            )
        fresh = sorted(set(brought) - known)
        known |= set(brought)
    return sorted(known)


def _adopt_arrivals(connection: Connection, aliases: Iterable[str]) -> set[int]:
    numbers = {alias.rpartition(":")[2] for alias in aliases}
    return set(store.adopt_arrivals(connection, numbers)) if numbers else set()


def note_arrivals(connection: Connection, taken: Sequence[store.Taken], *, at: Micros) -> None:
    """Note what gateways took in against documents, each event once.

    A document that is no order of ours, nor a shipment for one, is kept with the goods: the order
    may still come, and a transfer is no order at all.
    """
    documents = {each.document for each in taken}
    if not documents:
        return
    aliases = [f"ours::{each}" for each in documents]
    store.lock_numbers(connection, [*aliases, *(f"shipment:*:{each}" for each in documents)])
    store.insert_arrivals(connection, taken, at=at)
    for purchase_id in store.adopt_arrivals(connection, documents):
        refresh(connection, purchase_id, at=at, by="gateway")


def note_undone(connection: Connection, event_ids: Sequence[bytes], *, at: Micros) -> None:
    """Fold the orders again whose receipts were taken back where they were scanned."""
    if event_ids:
        for purchase_id in store.orders_of_events(connection, event_ids):
            refresh(connection, purchase_id, at=at, by="gateway", why="a scan was taken back")


def forget(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    *,
    at: Micros,
) -> None:
    """Forget what events said that are taken back."""
    for purchase_id in store.forget_arrivals(connection, gateway_id, epoch, ranges):
        why = "events were taken back"
        refresh(connection, purchase_id, at=at, by="gateway", why=why)


def sweep(connection: Connection, *, now: Micros, after: int = 0) -> int | None:
    """Judge the orders again in which time alone may have made something late or short.

    Some hundreds at once; returns after which to go on, None when all are done.
    """
    found = store.due(connection, now=now, after=after, limit=_SWEPT_AT_ONCE)
    for purchase_id in found:
        refresh(connection, purchase_id, at=now, by="time")
    return found[-1] if len(found) == _SWEPT_AT_ONCE else None


def scorecard(connection: Connection, supplier: str) -> Scorecard:
    """What a supplier's last orders say of it.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown supplier.
    """
    _demand_supplier(connection, supplier)
    last = store.last_orders(connection, supplier, limit=LAST)
    return score(store.score_facts(connection, last))


def lead_times(connection: Connection, supplier: str) -> tuple[int | None, list[Learnt]]:
    """What a supplier states, and what was learnt of it.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown supplier.
    """
    _demand_supplier(connection, supplier)
    days = store.stated_lead_days(connection).get(supplier)
    return days, store.lead_times(connection, supplier)


def _demand_supplier(connection: Connection, code: str) -> None:
    if code not in store.supplier_ids(connection, [code]):
        raise QuartermasterError("request.not-found", f"supplier {code[:80]}", where="code")


def refresh(
    connection: Connection, purchase_id: int, *, at: Micros, by: str, why: str = ""
) -> State | None:
    """Fold an order again, and write down what has changed."""
    held = store.lock_order(connection, purchase_id)
    if held is None:
        return None
    number, revision, _, status = held
    state = fold(store.statements(connection, purchase_id), store.arrivals(connection, purchase_id))
    if state is None:
        return None
    site = store.site_day(connection, state.site, at)
    if site is None:
        raise QuartermasterError("request.not-found", state.site, where="site")
    site_id, today = site
    found = _told(connection, purchase_id, number, status, state)
    flaws = judge(state, now=at, today=today)
    before = {each.key: each for each in store.open_discrepancies(connection, purchase_id)}
    now = {each.key: each for each in flaws}
    begun = [each for key, each in now.items() if before.get(key) != each]
    ended = [each for key, each in before.items() if key not in now]
    if not (found or begun or ended) and revision:
        return state
    store.write(
        connection,
        purchase_id,
        state,
        site_id=site_id,
        status=state.status,
        revision=revision + 1,
        at=at,
    )
    store.insert_changes(
        connection, purchase_id, found, by=by, why=why, revision=revision + 1, at=at
    )
    store.settle_discrepancies(
        connection, purchase_id, site_id=site_id, begun=begun, ended=ended, at=at
    )
    _cases(connection, number, begun, ended, site_id=site_id, at=at)
    return state


def _told(
    connection: Connection, purchase_id: int, number: str, status: str, state: State
) -> list[Change]:
    """What changed of the order, its lines and its shipments."""
    found = changes(store.lines(connection, purchase_id), state.lines)
    if state.status != status:
        found.append(Change("", "status", status, state.status))
    shipped = store.shipments_of(connection, number)
    for each in state.shipments:
        before = shipped.get((each.scope, each.number))
        said = (each.status, each.eta)
        if before != said:
            name = f"shipment {each.number}"
            if before is None or before[0] != each.status:
                found.append(Change("", name, before[0] if before else "", each.status))
            if before is None or before[1] != each.eta:
                old = before[1] if before else None
                found.append(Change("", f"{name} eta", _moment(old), _moment(each.eta)))
    return [change for change in found if change.before != change.after]


def _moment(at: Micros | None) -> str:
    return "" if at is None else (_EPOCH + timedelta(microseconds=at)).isoformat()


def _cases(
    connection: Connection,
    number: str,
    begun: Iterable[Discrepancy],
    ended: Iterable[Discrepancy],
    *,
    site_id: int,
    at: Micros,
) -> None:
    for each in sorted(ended):
        reason = "both sides agree again"
        _close_case(connection, _CODES[each.kind], _about(number, each), reason, at=at)
    for each in sorted(begun):
        detail = _detail(each)
        raise_exception(
            connection,
            _CODES[each.kind],
            _about(number, each),
            detail,
            at=at,
            site_id=site_id,
        )


def _detail(flaw: Discrepancy) -> str:
    """Both sides; of prices only how far apart they are: a case is for all who see its site."""
    if flaw.kind == "price" and flaw.line:
        return f"{flaw.item}: {flaw.theirs.partition(' ')[0]} {flaw.theirs.rpartition(', ')[2]}"
    return f"{flaw.item}: {flaw.ours}; {flaw.theirs}".removeprefix(": ")


def _about(number: str, flaw: Discrepancy) -> str:
    parts = (
        f"order {number}",
        f"line {flaw.line}" if flaw.line else "",
        f"shipment {flaw.shipment}" if flaw.shipment else "",
        flaw.item if not flaw.line else "",
    )
    return " ".join(part for part in parts if part)[:200]


def _close_case(
    connection: Connection, code: Code, subject: str, reason: str, *, at: Micros
) -> None:
    """Close a case whose cause has gone by itself."""
    for case in cases(connection, sites=None, code=code, subject=subject):
        close(connection, case.exception_id, reason=reason, by=_BY, sites=None, at=at)
