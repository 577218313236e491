"""SQL of the purchases room; private to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from cloud.db import Connection, Queries
from cloud.orders.purchases.leadtimes import Cell, Distribution, Learnt
from cloud.orders.purchases.model import (
    Arrived,
    Body,
    Change,
    Discrepancy,
    LineState,
    Receipt,
    Shipment,
    State,
    Statement,
)
from cloud.orders.purchases.scorecard import LineFacts, OrderFacts
from shared.units import Micros

_Q: Final = Queries(__package__ or "")
_BODY: Final = msgspec.json.Decoder(Body)


class Heard(NamedTuple):
    """A statement as it is written down; ``supplier`` empty where anybody may say it."""

    kind: str
    key: str
    version: int
    said_at: Micros
    said_by: str
    supplier: str
    digest: bytes
    body: str
    awaits: list[str]
    brings: list[str]
    feed: str
    delivery_id: int
    position: int
    known_at: Micros


class Waiting(NamedTuple):
    """A statement whose order was not known when it came."""

    statement_id: int
    kind: str
    key: str
    brings: list[str]


class Taken(NamedTuple):
    """An event by which a gateway took goods in against a document."""

    event_id: bytes
    gateway_id: int
    epoch: int
    seq: int
    site_id: int
    sku: str
    document: str
    quantity: int
    damaged: bool
    lot: str
    sscc: str
    occurred_at: Micros


class OrderRow(NamedTuple):
    """An order as listed."""

    number: str
    supplier: str
    site: str
    keeper: str
    status: str
    ordered_at: Micros
    currency: str
    incoterm: str
    lane: str
    revision: int
    changed_at: Micros
    purchase_id: int


class ChangeRow(NamedTuple):
    """A change as listed."""

    change_id: int
    line: str
    what: str
    before: str
    after: str
    said_by: str
    why: str
    revision: int
    known_at: Micros


class ShipmentRow(NamedTuple):
    """A shipment as listed; its lines and packages in the order of their columns."""

    number: str
    scope: str
    order: str
    supplier: str
    site: str
    status: str
    shipped_at: Micros
    eta: Micros | None
    eta_by: str
    carrier: str
    trouble: str
    lines: list[list[Any]]
    packages: list[list[Any]]


class ReceiptRow(NamedTuple):
    """A receipt as listed."""

    order: str
    position: int
    line: str
    shipment: str
    site: str
    sku: str
    quantity: int
    damaged: bool
    counts: bool
    lot: str
    sscc: str
    source: str
    received_at: Micros


class DiscrepancyRow(NamedTuple):
    """A discrepancy as listed."""

    discrepancy_id: int
    order: str
    supplier: str
    site: str
    kind: str
    line: str
    shipment: str
    item: str
    ours: str
    theirs: str
    quantity: int
    opened_at: Micros
    closed_at: Micros | None


class ComingRow(NamedTuple):
    """What of a line is still to come; ``shipments`` are [number, still to come, ETA or None]."""

    order: str
    line: str
    site_id: int
    site: str
    item_id: int
    sku: str
    coming: int
    supplier: str
    lane: str
    item_class: str
    ordered_at: Micros
    deliver_day: str | None
    timezone: str
    lead_days: int | None
    shipments: list[list[Any]]


class ExperienceRow(NamedTuple):
    """A line of the past; ``receipts`` are [quantity, when, the ETA of its shipment or None]."""

    supplier: str
    lane: str
    item_class: str
    order: str
    line: str
    ordered: int
    coming: int
    cancelled: int
    ordered_at: Micros
    promised_at: Micros | None
    receipts: list[list[Any]]


def lock_numbers(connection: Connection, aliases: Iterable[str]) -> None:
    """Wait for whoever else speaks of these numbers."""
    connection.execute(_Q["lock_numbers"], {"aliases": sorted(set(aliases))})


def supplier_ids(connection: Connection, codes: Sequence[str]) -> dict[str, int]:
    """Keys of suppliers by code."""
    return dict(connection.execute(_Q["known_suppliers"], {"codes": list(codes)}).fetchall())


def items_by_reference(
    connection: Connection, supplier: str, names: Sequence[str]
) -> dict[str, set[str]]:
    """The SKUs that a supplier's own names stand for in its offers."""
    values = {"supplier": supplier, "names": list(names)}
    found: dict[str, set[str]] = {}
    for name, sku in connection.execute(_Q["items_by_reference"], values):
        found.setdefault(name, set()).add(sku)
    return found


def insert_statement(connection: Connection, heard: Heard) -> int | None:
    """Write down what was said; None when just this was said before."""
    row = connection.execute(_Q["insert_statement"], heard._asdict()).fetchone()
    return None if row is None else row[0]


def aliased(connection: Connection, aliases: Iterable[str]) -> list[tuple[int, str]]:
    """Orders that these numbers stand for: (purchase_id, supplier's code)."""
    return connection.execute(_Q["aliased"], {"aliases": sorted(set(aliases))}).fetchall()


def insert_aliases(connection: Connection, purchase_id: int, aliases: Iterable[str]) -> None:
    """From now on these numbers stand for this order."""
    values = {"purchase_id": purchase_id, "aliases": sorted(set(aliases))}
    connection.execute(_Q["insert_aliases"], values)


def place(connection: Connection, purchase_id: int, statement_ids: Sequence[int]) -> None:
    """These statements are of this order."""
    values = {"purchase_id": purchase_id, "statement_ids": list(statement_ids)}
    connection.execute(_Q["place"], values)


def waiting(
    connection: Connection, purchase_id: int, supplier: str, aliases: Iterable[str]
) -> list[Waiting]:
    """What was said under these numbers and is not yet known to be of this order."""
    values = {
        "purchase_id": purchase_id,
        "supplier": supplier,
        "aliases": sorted(set(aliases)),
    }
    return [Waiting(*row) for row in connection.execute(_Q["waiting"], values)]


def order_id(connection: Connection, number: str) -> int | None:
    """The key of an order."""
    row = connection.execute(_Q["order_id"], {"number": number}).fetchone()
    return None if row is None else row[0]


def insert_order(
    connection: Connection, number: str, *, site_id: int, supplier_id: int, at: Micros
) -> int | None:
    """The key of the order with this number, made if need be; None where it is another site's."""
    connection.execute(
        _Q["insert_order"],
        {"number": number, "site_id": site_id, "supplier_id": supplier_id, "at": at},
    )
    return order_id(connection, number)


def next_number(connection: Connection) -> str:
    """A number that nobody has given."""
    row = connection.execute(_Q["next_number"]).fetchone()
    return str(row[0]) if row else ""


def lock_order(connection: Connection, purchase_id: int) -> tuple[str, int, int, str] | None:
    """Number, revision, site and status of an order that nobody else folds meanwhile."""
    return connection.execute(_Q["lock_order"], {"purchase_id": purchase_id}).fetchone()


def statements(connection: Connection, purchase_id: int) -> list[Statement]:
    """All that was said of an order."""
    rows = connection.execute(_Q["statements"], {"purchase_id": purchase_id})
    return [
        Statement(key, version, at, by, bytes(digest), _BODY.decode(body))
        for key, version, at, by, digest, body in rows
    ]


def arrivals(connection: Connection, purchase_id: int) -> list[Arrived]:
    """What gateways took in for an order."""
    rows = connection.execute(_Q["arrivals"], {"purchase_id": purchase_id})
    return [Arrived(row[0], True, *row[1:]) for row in rows]


def site_day(connection: Connection, code: str, now: Micros) -> tuple[int, str] | None:
    """Key and present day of a site."""
    return connection.execute(_Q["site_day"], {"code": code, "now": now}).fetchone()


def lines(connection: Connection, purchase_id: int) -> list[LineState]:
    """The lines of an order as they were folded last."""
    return [
        LineState(*row) for row in connection.execute(_Q["lines"], {"purchase_id": purchase_id})
    ]


def shipments_of(
    connection: Connection, number: str
) -> dict[tuple[str, str], tuple[str, Micros | None]]:
    """Status and ETA of an order's shipments as they were folded last."""
    found = shipments(connection, sites=None, order=number, limit=None)
    return {(row.scope, row.number): (row.status, row.eta) for row in found}


def write(
    connection: Connection,
    purchase_id: int,
    state: State,
    *,
    site_id: int,
    status: str,
    revision: int,
    at: Micros,
) -> None:
    """Write an order as it stands."""
    for name in ("clear_lines", "clear_shipments", "clear_receipts"):
        values = {"purchase_id": purchase_id, "receipts": len(state.receipts)}
        connection.execute(_Q[name], values)
    own: dict[str, Any] = {"purchase_id": purchase_id, "site_id": site_id}
    _many(connection, "insert_line", [own | line._asdict() for line in state.lines])
    shipments = [
        own | each._asdict() | {"number": each.number, "shipment": each.number}
        for each in state.shipments
    ]
    _many(connection, "insert_shipment", shipments)
    _many(
        connection,
        "insert_shipment_line",
        [
            _in(own, each) | {"position": n} | line._asdict()
            for each in state.shipments
            for n, line in enumerate(each.lines)
        ],
    )
    _many(
        connection,
        "insert_package",
        [
            _in(own, each) | {"sscc": sscc, "stands_on": below}
            for each in state.shipments
            for sscc, below in each.packages
        ],
    )
    if state.receipts:
        _write_receipts(connection, purchase_id, state.receipts)
    connection.execute(
        _Q["update_order"],
        own
        | {
            "keeper": state.keeper,
            "version": state.version,
            "status": status,
            "ordered_at": state.ordered_at,
            "currency": state.currency,
            "incoterm": state.incoterm,
            "lane": state.lane,
            "supplier": state.supplier,
            "revision": revision,
            "at": at,
        },
    )


def _in(own: dict[str, Any], shipment: Shipment) -> dict[str, Any]:
    named = {"scope": shipment.scope, "shipment": shipment.number, "site": shipment.site}
    return own | named


def _write_receipts(connection: Connection, purchase_id: int, receipts: Sequence[Receipt]) -> None:
    """Write only what is not there yet: a large order is received in many scans."""
    rows = connection.execute(_Q["receipts_of"], {"purchase_id": purchase_id})
    held = {row[0]: tuple(row[1:]) for row in rows}
    fresh = [
        (position, each)
        for position, each in enumerate(receipts)
        if held.get(position)
        != (each.arrived.source, each.line, each.shipment, each.quantity, each.counts)
    ]
    if not fresh:
        return
    receipts = [each for _, each in fresh]
    arrived = [receipt.arrived for receipt in receipts]
    connection.execute(
        _Q["insert_receipts"],
        {
            "purchase_id": purchase_id,
            "positions": [position for position, _ in fresh],
            "sources": [each.source for each in arrived],
            "lines": [receipt.line for receipt in receipts],
            "shipments": [receipt.shipment for receipt in receipts],
            "sites": [each.site for each in arrived],
            "skus": [each.sku for each in arrived],
            "quantities": [receipt.quantity for receipt in receipts],
            "damaged": [each.damaged for each in arrived],
            "counts": [receipt.counts for receipt in receipts],
            "lots": [each.lot for each in arrived],
            "ssccs": [each.sscc for each in arrived],
            "moments": [each.at for each in arrived],
        },
    )


def insert_changes(
    connection: Connection,
    purchase_id: int,
    found: Iterable[Change],
    *,
    by: str,
    why: str,
    revision: int,
    at: Micros,
) -> None:
    """Write down how an order came to stand as it does."""
    own = {"purchase_id": purchase_id, "said_by": by, "why": why, "revision": revision, "at": at}
    _many(connection, "insert_change", [own | change._asdict() for change in found])


def open_discrepancies(connection: Connection, purchase_id: int) -> list[Discrepancy]:
    """What did not agree when an order was folded last."""
    rows = connection.execute(_Q["open_discrepancies"], {"purchase_id": purchase_id})
    return [Discrepancy(*row) for row in rows]


def settle_discrepancies(
    connection: Connection,
    purchase_id: int,
    *,
    site_id: int,
    begun: Iterable[Discrepancy],
    ended: Iterable[Discrepancy],
    at: Micros,
) -> None:
    """Write down what does not agree now, and what does again."""
    own = {"purchase_id": purchase_id, "site_id": site_id, "at": at}
    _many(connection, "end_discrepancy", [own | each._asdict() for each in ended])
    _many(connection, "open_discrepancy", [own | each._asdict() for each in begun])


def insert_arrivals(connection: Connection, taken: Sequence[Taken], *, at: Micros) -> None:
    """Write down what gateways took in against documents."""
    connection.execute(
        _Q["insert_arrivals"],
        {
            "event_ids": [UUID(bytes=each.event_id) for each in taken],
            "gateway_ids": [each.gateway_id for each in taken],
            "epochs": [each.epoch for each in taken],
            "seqs": [each.seq for each in taken],
            "site_ids": [each.site_id for each in taken],
            "skus": [each.sku for each in taken],
            "documents": [each.document for each in taken],
            "quantities": [each.quantity for each in taken],
            "damaged": [each.damaged for each in taken],
            "lots": [each.lot for each in taken],
            "ssccs": [each.sscc for each in taken],
            "occurred": [each.occurred_at for each in taken],
            "at": at,
        },
    )


def adopt_arrivals(connection: Connection, documents: Iterable[str]) -> list[int]:
    """Find out for which orders goods came that nobody had placed; the orders' keys."""
    values = {"documents": sorted(set(documents))}
    found: dict[UUID, int] = {}
    for event_id, purchase_id, _, _ in connection.execute(_Q["documents_orders"], values):
        found.setdefault(event_id, purchase_id)
    if found:
        placed = {"event_ids": list(found), "purchase_ids": list(found.values())}
        connection.execute(_Q["adopt_arrivals"], placed)
    return sorted(set(found.values()))


def orders_of_events(connection: Connection, event_ids: Iterable[bytes]) -> list[int]:
    """The orders that these scans were receipts of."""
    values = {"event_ids": [UUID(bytes=each) for each in event_ids]}
    return [row[0] for row in connection.execute(_Q["orders_of_events"], values)]


def forget_arrivals(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> list[int]:
    """Forget what these events said; the orders that they were about."""
    values = {
        "gateway_id": gateway_id,
        "epoch": epoch,
        "firsts": [first for first, _ in ranges],
        "lasts": [last for _, last in ranges],
    }
    gone = connection.execute(_Q["forget_arrivals"], values).fetchall()
    # A scan that took one of these receipts back may itself be taken back: all of the chain's.
    left = connection.execute(_Q["orders_of_chain"], values).fetchall()
    return sorted({row[0] for row in (*gone, *left) if row[0] is not None})


def due(connection: Connection, *, now: Micros, after: int, limit: int) -> list[int]:
    """Orders after a key in which something may have become late or short by now."""
    values = {"now": now, "after": after, "limit": limit}
    return [row[0] for row in connection.execute(_Q["due"], values)]


def coming(
    connection: Connection, *, item_ids: Sequence[int] | None, site_ids: Sequence[int] | None
) -> list[ComingRow]:
    """What is still to come."""
    if item_ids is None:
        item_ids = [row[0] for row in connection.execute(_Q["coming_items"])]
    values = {
        "item_ids": list(item_ids),
        "site_ids": None if site_ids is None else list(site_ids),
    }
    return [ComingRow(*row) for row in connection.execute(_Q["coming"], values)]


def lead_times(connection: Connection, supplier: str) -> list[Learnt]:
    """What was learnt of a supplier."""
    return _learnt(connection.execute(_Q["lead_times"], {"supplier": supplier}))


def lead_times_of(connection: Connection, cells: Iterable[Cell]) -> list[Learnt]:
    """What was learnt of these cells."""
    wanted = sorted(set(cells))
    values = {
        "suppliers": [cell.supplier for cell in wanted],
        "lanes": [cell.lane for cell in wanted],
        "item_classes": [cell.item_class for cell in wanted],
    }
    return _learnt(connection.execute(_Q["lead_times_of"], values))


def _learnt(rows: Iterable[tuple[Any, ...]]) -> list[Learnt]:
    return [
        Learnt(
            Cell(supplier, lane, item_class),
            clock,
            Distribution(tuple(days), tuple(survival)),
            observed,
            still,
        )
        for supplier, lane, item_class, clock, days, survival, observed, still in rows
    ]


def write_lead_times(connection: Connection, learnt: Iterable[Learnt], *, at: Micros) -> None:
    """What was learnt replaces what had been."""
    connection.execute(_Q["clear_lead_times"])
    _many(
        connection,
        "insert_lead_time",
        [
            each.cell._asdict()
            | {
                "clock": each.clock,
                "days": list(each.distribution.days),
                "survival": list(each.distribution.survival),
                "observed": each.observed,
                "open": each.open,
                "at": at,
            }
            for each in learnt
        ],
    )


def stated_lead_days(connection: Connection) -> dict[str, int | None]:
    """What suppliers state, by code."""
    return dict(connection.execute(_Q["stated_lead_days"]).fetchall())


def experience(connection: Connection, *, since: Micros) -> list[ExperienceRow]:
    """The lines of the orders since a moment."""
    rows = connection.execute(_Q["experience"], {"since": since})
    return [ExperienceRow(*row) for row in rows]


def orders(
    connection: Connection,
    *,
    sites: Sequence[int] | None,
    site: str | None = None,
    supplier: str | None = None,
    status: str | None = None,
    number: str | None = None,
    sku: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[OrderRow]:
    """Orders of these sites, by number."""
    values = {
        "sites": sites,
        "site": site,
        "supplier": supplier,
        "status": status,
        "number": number,
        "sku": sku,
        "after": after,
        "limit": limit,
    }
    return [OrderRow(*row) for row in connection.execute(_Q["orders"], values)]


def history(
    connection: Connection, purchase_id: int, *, after: int | None, limit: int
) -> list[ChangeRow]:
    """How an order came to stand as it does."""
    values = {"purchase_id": purchase_id, "after": after, "limit": limit}
    return [ChangeRow(*row) for row in connection.execute(_Q["history"], values)]


def shipments(
    connection: Connection,
    *,
    sites: Sequence[int] | None,
    site: str | None = None,
    supplier: str | None = None,
    status: str | None = None,
    order: str | None = None,
    after: Sequence[Any] = (),
    limit: int | None = 100,
) -> list[ShipmentRow]:
    """Shipments to these sites, by order and number."""
    values = {
        "sites": sites,
        "site": site,
        "supplier": supplier,
        "status": status,
        "order": order,
        "limit": limit,
    }
    rows = connection.execute(_Q["shipments"], values | _after(after, 3))
    return [ShipmentRow(*row) for row in rows]


def etas(connection: Connection, aliases: Iterable[str]) -> list[tuple[str, str, Micros]]:
    """(Shipper, shipment, ETA) of what is under way under these numbers."""
    return connection.execute(_Q["etas"], {"aliases": sorted(set(aliases))}).fetchall()


def receipts(
    connection: Connection,
    *,
    sites: Sequence[int] | None,
    site: str | None = None,
    order: str | None = None,
    sku: str | None = None,
    after: Sequence[Any] = (),
    limit: int = 100,
) -> list[ReceiptRow]:
    """Receipts at these sites, by order."""
    values = {"sites": sites, "site": site, "order": order, "sku": sku, "limit": limit}
    rows = connection.execute(_Q["receipts"], values | _after(after, 2))
    return [ReceiptRow(*row) for row in rows]


def discrepancies(
    connection: Connection,
    *,
    sites: Sequence[int] | None,
    site: str | None = None,
    order: str | None = None,
    kind: str | None = None,
    closed: bool | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[DiscrepancyRow]:
    """What does not agree, or did not."""
    values = {
        "sites": sites,
        "site": site,
        "order": order,
        "kind": kind,
        "closed": closed,
        "after": after,
        "limit": limit,
    }
    return [DiscrepancyRow(*row) for row in connection.execute(_Q["discrepancies"], values)]


def last_orders(connection: Connection, supplier: str, *, limit: int) -> list[tuple[int, str]]:
    """A supplier's last orders: key and number, the newest first."""
    values = {"supplier": supplier, "limit": limit}
    return connection.execute(_Q["last_orders"], values).fetchall()


def score_facts(connection: Connection, orders: Sequence[tuple[int, str]]) -> list[OrderFacts]:
    """What a scorecard looks at of these orders, in their order."""
    values = {"purchase_ids": [purchase_id for purchase_id, _ in orders]}
    lines: dict[str, list[LineFacts]] = {}
    announced: dict[str, list[tuple[int, int]]] = {}
    for row in connection.execute(_Q["score_lines"], values):
        number, ordered, still, promised, price, per, invoiced, minor, receipts = row
        came = tuple((quantity, days) for quantity, days in receipts)
        facts = LineFacts(ordered, still, promised, price, per, invoiced, minor, came)
        lines.setdefault(number, []).append(facts)
    for number, sent, received in connection.execute(_Q["score_shipments"], values):
        announced.setdefault(number, []).append((sent, received))
    return [
        OrderFacts(number, tuple(lines.get(number, ())), tuple(announced.get(number, ())))
        for _, number in orders
    ]


def request(connection: Connection, caller: str, key: str) -> tuple[bytes, str] | None:
    """What was asked for under a key before: its digest, and the order's number."""
    values = {"caller": caller, "request": key}
    row = connection.execute(_Q["request"], values).fetchone()
    return None if row is None else (bytes(row[0]), str(row[1]))


def insert_request(
    connection: Connection, caller: str, key: str, *, digest: bytes, number: str, at: Micros
) -> None:
    """Write down what was asked for under a key."""
    connection.execute(
        _Q["insert_request"],
        {"caller": caller, "request": key, "digest": digest, "number": number, "at": at},
    )


def _after(key: Sequence[Any], parts: int) -> dict[str, Any]:
    return {f"a{n}": key[n] if key else None for n in range(parts)}


def _many(connection: Connection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_Q[name], rows)
