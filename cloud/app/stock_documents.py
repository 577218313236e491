"""What other systems say of stock: from their documents to the ledger.

Of a site whose gateway tells its stock, no document moves anything: a report of it is compared, an
adjustment refused. Of any other site a document is posted once, under its own numbers; sent again
it moves nothing, and another content under these numbers is refused (``stock.contradicts``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cloud import feeds
from cloud.catalog.service import site_ids
from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.feeds.documents import (
    CustomerReturn,
    Delivery,
    Fulfilment,
    Line,
    Numbering,
    ReceiptAdvice,
    Reference,
    ShipNotice,
    StockAdjustment,
    StockReport,
)
from cloud.feeds.items import Resolved
from cloud.ledger.postings.model import UNPLACED, Fact, Source, Stated, fact, taken
from cloud.ledger.postings.reports import Report, take
from cloud.ledger.postings.service import (
    adjusted,
    fingerprint,
    gateway_of,
    post,
    posting_under,
    undo,
)
from cloud.ledger.service import stock
from cloud.ledger.transit import service as transit
from cloud.ledger.transit.model import Consignment, Goods
from cloud.ledger.units import service as units
from cloud.ledger.units.service import Announced
from shared.errors import QuartermasterError
from shared.events import Line as Scanned
from shared.events import Returned, Shipped, StockState
from shared.movements import Position
from shared.units import Micros

_TOLD: Final = 10
"""So many differences are told in words."""
_ALL: Final = 1_000_000
_SSCC: Final = re.compile(r"[0-9]{18}\Z")


def stock_report(connection: Connection, document: StockReport, delivery: Delivery) -> None:
    """Reconcile a site's own word on its stock, or compare it where a gateway tells it.

    What a supplier says it could deliver is no stock of ours.
    """
    if not document.site:
        return
    site_id = _site(connection, document.site)
    lines, unknown = _stated(connection, document, delivery)
    source = _source(
        "stock-report", (document.reference,), delivery, f"reported by {_who(delivery)}"
    )
    if document.whole and not document.lines:
        raise QuartermasterError("feed.document", "a report of all stock without a line")
    # What nobody knows may be what the report seems to leave out.
    whole = document.whole and not unknown
    at = Micros(min(document.at, delivery.received_at))
    report = Report(site_id, document.site, at, lines, whole)
    key = f"{document.site}:{_numbers((document.reference,), delivery)}"
    outcome = take(connection, key, source, report, at=delivery.received_at)
    if unknown:
        told = "; ".join(f"{each.code}: {each.detail}" for each in unknown[:_TOLD])
        raise_exception(
            connection,
            "feed.unknown-item",
            f"{delivery.feed}: {document.site}",
            f"{len(unknown)} of {len(document.lines)} lines of the stock report are not known "
            f"here, the others were taken; nothing was set to zero. {told}",
            at=delivery.received_at,
            site_id=site_id,
        )
    if outcome.posting_id is None and outcome.differences:
        raise_exception(
            connection,
            "stock.differs",
            f"{delivery.feed}: {document.site}",
            f"{len(outcome.differences)} positions: {_both(outcome.differences, delivery.feed)}",
            at=delivery.received_at,
            site_id=site_id,
        )


def ship_notice(connection: Connection, document: ShipNotice, delivery: Delivery) -> None:
    """What a supplier has sent is on its way, and its packages hold what the notice says.

    Sent again with other lines, the notice as it stands now counts.
    """
    site_id = site_ids(connection, [document.site]).get(document.site)
    if site_id is None:
        return
    numbers = [each.number for each in document.references]
    shipments = [
        each.number for each in document.references if each.numbering is Numbering.SHIPMENT
    ]
    number = (shipments or numbers or [_numbers((), delivery)])[0]
    source = _source("ship-notice", document.references, delivery, "announced")
    orders = [each.number for each in document.order] + [line.order for line in document.lines]
    said = Consignment(
        "purchase",
        number,
        document.site,
        document.shipped_at,
        scope=document.supplier,
        aliases=tuple(sorted({*numbers, *orders} - {number, ""})),
        eta=document.eta,
        carrier=document.carrier,
    )
    if document.cancelled:
        if known := transit.announce(connection, said, [], source, at=delivery.received_at):
            transit.cancel(connection, known, by=delivery.feed, at=delivery.received_at)
        return
    goods = [
        Goods(found.sku, line.quantity * found.per, line.lot, line.serial, line.sscc)
        for line, found in _resolved(connection, document.lines, delivery)
    ]
    sent = [each for each in goods if each.quantity]
    transit.announce(connection, said, sent, source, at=delivery.received_at)
    packages = [
        Announced(each.sscc, each.sku, each.quantity, each.lot, each.serial)
        for each in sent
        if _SSCC.match(each.sscc)
    ] + [
        Announced(on, quantity=1, inside=package)
        for package, on in document.packages
        if _SSCC.match(package) and _SSCC.match(on)
    ]
    units.announce(
        connection,
        f"{document.supplier}/{number}",
        packages,
        site_id=site_id,
        shipped_at=document.shipped_at,
        at=delivery.received_at,
    )


def receipt_advice(connection: Connection, document: ReceiptAdvice, delivery: Delivery) -> None:
    """A site without a gateway took goods in; elsewhere its gateway's scans say so."""
    site_id = _site(connection, document.site)
    if gateway_of(connection, site_id) is not None:
        return
    goods = [
        Goods(found.sku, line.quantity * found.per, line.lot, line.serial, line.sscc)
        for line, found in _resolved(connection, document.lines, delivery)
    ]
    source = _source("receipt-advice", document.references, delivery, "received")
    transit.taken_in(
        connection,
        site_id,
        goods,
        source,
        numbers=[each.number for each in (*document.order, *document.references)],
        key=f"receipt:{document.site}:{_numbers(document.references, delivery)}",
        occurred_at=document.received_at,
        at=delivery.received_at,
    )


def stock_adjustment(connection: Connection, document: StockAdjustment, delivery: Delivery) -> None:
    """A site without a gateway corrected its stock.

    Raises:
        QuartermasterError: ``stock.gateway-owns`` where a gateway tells the site's stock.
    """
    site_id = _site(connection, document.site)
    if (gateway := gateway_of(connection, site_id)) is not None:
        raise QuartermasterError("stock.gateway-owns", f"{document.site}: {gateway}")
    if len(document.signs) != len(document.lines):
        raise QuartermasterError("feed.document", "a sign for each line is needed", where="signs")
    held = _available(connection, site_id, document.lines, delivery)
    facts: list[Fact] = []
    for number, (line, found) in enumerate(_resolved(connection, document.lines, delivery)):
        reason = document.reasons[number] if number < len(document.reasons) else "adjusted"
        quantity = line.quantity * found.per
        if document.signs[number] < 0:
            parts = [(p, -q) for p, q in taken(found.sku, quantity, line.lot, line.serial, held)]
        else:
            parts = [(Position(found.sku, UNPLACED, line.lot, line.serial, 0), quantity)]
        for position, change in parts:
            held[position] = held.get(position, 0) + change
            facts.append(
                adjusted(site_id, position, change, reason=reason, occurred_at=document.at)
            )
    source = _source("stock-adjustment", document.references, delivery, "adjusted")
    _post(
        connection, "adjustment", site_id=site_id, document=document, source=source, facts=facts,
        delivery=delivery,
    )  # fmt: skip


def fulfilment(connection: Connection, document: Fulfilment, delivery: Delivery) -> None:
    """Goods left a site without a gateway; elsewhere its gateway's scans say so."""
    site_id = site_ids(connection, [document.site]).get(document.site)
    if site_id is None or gateway_of(connection, site_id) is not None:
        return
    numbers = _numbers(document.references, delivery)
    source = _source("fulfilment", document.references, delivery, "shipped")
    if document.cancelled:
        before = posting_under(connection, f"fulfilment:{document.site}:{numbers}")
        if before is not None:
            taken_back = source._replace(reason="the fulfilment was cancelled")
            undo(connection, before, taken_back, sites=None, at=delivery.received_at)
        _post(
            connection, "fulfilment-cancelled", site_id=site_id, document=document, source=source,
            facts=[], delivery=delivery,
        )  # fmt: skip
        return
    if posting_under(connection, f"fulfilment-cancelled:{document.site}:{numbers}") is not None:
        return
    held = _available(connection, site_id, document.lines, delivery)
    facts: list[Fact] = []
    for line, found in _resolved(connection, document.lines, delivery):
        quantity = line.quantity * found.per
        for position, part in taken(found.sku, quantity, line.lot, line.serial, held):
            held[position] = held.get(position, 0) - part
            goods = Scanned(
                found.sku, part, lot=position.lot or None, serial=position.serial or None
            )
            data = Shipped(goods, position.location, StockState.AVAILABLE)
            facts.append(fact(site_id, data, document.shipped_at))
    _post(
        connection, "fulfilment", site_id=site_id, document=document, source=source, facts=facts,
        delivery=delivery,
    )  # fmt: skip


def customer_return(connection: Connection, document: CustomerReturn, delivery: Delivery) -> None:
    """Goods came back to a site without a gateway and were put on the shelf again."""
    site_id = site_ids(connection, [document.site]).get(document.site)
    if site_id is None or not document.restocked:
        return
    if gateway_of(connection, site_id) is not None:
        return
    facts = [
        fact(
            site_id,
            Returned(
                Scanned(
                    found.sku,
                    line.quantity * found.per,
                    lot=line.lot or None,
                    serial=line.serial or None,
                ),
                UNPLACED,
                StockState.AVAILABLE,
            ),
            document.at,
        )
        for line, found in _resolved(connection, document.lines, delivery)
    ]
    source = _source("customer-return", document.references, delivery, "returned")
    _post(
        connection, "return", site_id=site_id, document=document, source=source, facts=facts,
        delivery=delivery,
    )  # fmt: skip


def _post(
    connection: Connection,
    what: str,
    *,
    site_id: int,
    document: StockAdjustment | Fulfilment | CustomerReturn,
    source: Source,
    facts: Sequence[Fact],
    delivery: Delivery,
) -> None:
    said = [msgspec.to_builtins(line) for line in document.lines]
    post(
        connection,
        f"{what}:{document.site}:{_numbers(document.references, delivery)}",
        source,
        facts,
        site_id=site_id,
        stated=fingerprint([what, said, getattr(document, "signs", ())]),
        at=delivery.received_at,
    )


def _site(connection: Connection, code: str) -> int:
    found = site_ids(connection, [code]).get(code)
    if found is None:
        raise QuartermasterError("feed.unknown-site", repr(code), where="site")
    return found


def _resolved(
    connection: Connection, lines: Sequence[Line], delivery: Delivery
) -> list[tuple[Line, Resolved]]:
    wanted = [(line.goods, line.unit) for line in lines]
    found = feeds.resolve_all(connection, delivery.feed, wanted)
    return list(zip(lines, found, strict=True))


def _available(
    connection: Connection, site_id: int, lines: Sequence[Line], delivery: Delivery
) -> dict[Position, int]:
    """What the ledger has, of the items that a document names."""
    skus = {found.sku for _, found in _resolved(connection, lines, delivery)}
    return {
        Position(row.sku, row.location, row.lot, row.serial, row.state): row.quantity
        for sku in sorted(skus)
        for row in stock(connection, sites=frozenset({site_id}), item=sku, limit=_ALL)
    }


def _stated(
    connection: Connection, document: StockReport, delivery: Delivery
) -> tuple[list[Stated], list[QuartermasterError]]:
    answers = feeds.try_all(
        connection, delivery.feed, [(line.goods, line.unit) for line in document.lines]
    )
    lines: list[Stated] = []
    unknown: list[QuartermasterError] = []
    for line, answer in zip(document.lines, answers, strict=True):
        state = _state(line.state)
        if isinstance(answer, QuartermasterError):
            unknown.append(answer)
        elif state != StockState.IN_TRANSIT:
            quantity = line.quantity * answer.per
            lines.append(Stated(answer.sku, state, quantity, line.location, line.lot, line.serial))
    return lines, unknown


def _state(word: str) -> int:
    try:
        return int(StockState[word.strip().upper().replace(" ", "_").replace("-", "_")])
    except KeyError:
        raise QuartermasterError("feed.document", repr(word), where="state") from None


def _source(what: str, references: Sequence[Reference], delivery: Delivery, reason: str) -> Source:
    number = references[0].number if references else ""
    return Source(
        "document",
        what,
        number,
        reason,
        feed=delivery.feed,
        delivery_id=delivery.delivery_id,
        position=delivery.position,
    )


def _numbers(references: Sequence[Reference], delivery: Delivery) -> str:
    """What makes a document the same again: its own numbers, or where it came from."""
    if not references:
        return f"{delivery.feed}/{delivery.delivery_id}/{delivery.position}"
    return "+".join(sorted(f"{each.numbering}/{each.scope}/{each.number}" for each in references))


def _who(delivery: Delivery) -> str:
    return f"feed {delivery.feed}"


def _both(differences: Sequence[tuple[Position, int, int]], feed: str) -> str:
    return "; ".join(
        f"{position.sku} ({StockState(position.state).name.lower()}"
        f"{', lot ' + position.lot if position.lot else ''}) at {position.location}: "
        f"the ledger has {ours}, {feed} says {theirs}"
        for position, ours, theirs in differences[:_TOLD]
    )


def both(*handlers: feeds.Handler) -> feeds.Handler:
    """Several rooms are fed by one document, in this order."""

    def handle(connection: Connection, document: Any, delivery: Delivery) -> None:
        for handler in handlers:
            handler(connection, document, delivery)

    return handle
