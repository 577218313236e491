"""Our orders to suppliers: placed and changed, what is under way, what came, how suppliers do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response

from cloud.access import Caller
from cloud.api.guard import ReadCaller, Requires, Service, ServiceDep, own_site
from cloud.api.paging import Cursor, Page, Paged
from cloud.api.problem import responses
from cloud.api.routes_trade import for_all_sites
from cloud.api.shapes_purchases import (
    AsnFilter,
    AsnView,
    DiscrepancyFilter,
    DiscrepancyView,
    Ending,
    LeadTimesView,
    NewOrder,
    OrderLines,
    PurchaseChange,
    PurchaseFilter,
    PurchaseOption,
    PurchaseOrderLine,
    PurchaseOrderView,
    ReceiptFilter,
    ReceiptView,
    ScorecardView,
    WishedLine,
    asn_view,
    change_line,
    discrepancy_view,
    lead_times_view,
    order_line,
    order_view,
    receipt_view,
    scorecard_view,
)
from cloud.api.shapes_trade import SupplierCode
from cloud.db import Connection
from cloud.orders import purchases
from cloud.orders.purchases import Asking, View, Wish, Wished
from shared.errors import QuartermasterError

_ORDERS: Final = Cursor("purchase-orders", "text")
_HISTORY: Final = Cursor("purchase-history", "bigint")
_ASNS: Final = Cursor("asns", "text", "text", "text")
_RECEIPTS: Final = Cursor("receipts", "text", "int")
_DISCREPANCIES: Final = Cursor("discrepancies", "bigint")

router = APIRouter(prefix="/v1", tags=["purchases"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
_PLACING: Final = _REFUSALS | responses(
    "purchase.key-missing",
    "request.conflict",
    "purchase.key-reused",
    "purchase.terms",
    "payload.too-large",
)
_CHANGING: Final = _REFUSALS | responses(
    "purchase.key-missing",
    "purchase.kept-elsewhere",
    "purchase.ended",
    "purchase.key-reused",
    "purchase.stale",
    "purchase.terms",
    "payload.too-large",
)

Buyer = Annotated[Caller, Depends(Requires("purchases:write"))]
OrderNumber = Annotated[
    str, Path(pattern=r"^[!-.0-~]{1,80}$", description="Its number.", examples=["PO-000017"])
]
LineNumber = Annotated[
    str, Path(pattern=r"^[!-.0-~]{1,80}$", description="The line's.", examples=["1"])
]
Supplier = Annotated[SupplierCode, Path(description="A supplier's code.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Needed. Of your choice, new for each order or change; the same when trying "
        "again.",
        examples=["5f0c2f7e-6b1f-4a5e-9d58-1f1d6d5f0a11"],
    ),
]
Match = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="Needed. The ETag of the order as it was read.",
        examples=['"3"'],
    ),
]
Option = Annotated[PurchaseOption, Query()]


class _Said(NamedTuple):
    """What the headers say."""

    key: str | None
    match: str | None


def _said(key: Key = None, match: Match = None) -> _Said:
    return _Said(key, match)


class Desk(NamedTuple):
    """Where orders are placed and changed: who asks, and how it is to be carried out."""

    caller: Caller
    service: Service
    dry_run: bool
    response: Response
    said: _Said

    @property
    def revision(self) -> int | None:
        """The revision that the ETag names; None where it names none."""
        text = (self.said.match or "").strip().removeprefix("W/").strip('"')
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def asking(self, force: str | None = None) -> Asking:
        """Who asks, under which key.

        Raises:
            QuartermasterError: ``purchase.key-missing``.
        """
        key = self.said.key
        if key is None or not 1 <= len(key) <= 80 or not key.isascii() or not key.isprintable():
            raise QuartermasterError("purchase.key-missing", where="Idempotency-Key")
        by = f"{self.caller.name} (key {self.caller.key_id})"
        return Asking(by, self.caller.key_id, key, self.service.clock.now(), force or "")

    def demand(self, connection: Connection, number: str) -> None:
        """Nobody changes another site's order.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        purchases.view(connection, number, sites=self.caller.sites)

    def done(self, act: Callable[[Connection], View]) -> PurchaseOrderView:
        """Do it, or only see what it would do."""
        with self.service.transaction() as connection:
            trying = connection.transaction(force_rollback=True) if self.dry_run else nullcontext()
            with trying:
                found = act(connection)
        return _shown(found, self.caller, self.response)


def _desk(
    caller: Buyer,
    service: ServiceDep,
    asked: Option,
    response: Response,
    said: Annotated[_Said, Depends(_said)],
) -> Desk:
    return Desk(caller, service, asked.dry_run, response, said)


DeskDep = Annotated[Desk, Depends(_desk)]


@router.get("/purchase-orders", responses=_REFUSALS)
def get_orders(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[PurchaseFilter, Query()]
) -> Page[PurchaseOrderLine]:
    """Orders, by number."""
    after = _ORDERS.read(asked.cursor)
    with service.transaction() as connection:
        _demand_site(connection, caller, asked.site)
        rows = purchases.orders(
            connection,
            sites=caller.sites,
            site=asked.site,
            supplier=asked.supplier,
            status=asked.status,
            number=asked.number,
            sku=asked.sku,
            after=None if after is None else str(after[0]),
            limit=asked.limit + 1,
        )
    items, following = _ORDERS.page([(order_line(row), (row.number,)) for row in rows], asked.limit)
    return Page(items=items, next=following)


@router.get("/purchase-orders/{number}", responses=_REFUSALS)
def get_order(
    caller: ReadCaller, service: ServiceDep, number: OrderNumber, response: Response
) -> PurchaseOrderView:
    """One order with its lines. What they cost is for keys of all sites."""
    with service.transaction() as connection:
        found = purchases.view(connection, number, sites=caller.sites)
    return _shown(found, caller, response)


@router.get("/purchase-orders/{number}/history", responses=_REFUSALS)
def get_history(
    caller: ReadCaller,
    service: ServiceDep,
    number: OrderNumber,
    asked: Annotated[Paged, Query()],
) -> Page[PurchaseChange]:
    """How an order came to stand as it does, in the order in which we learnt it."""
    after = _HISTORY.read(asked.cursor)
    with service.transaction() as connection:
        rows = purchases.changes(
            connection,
            number,
            sites=caller.sites,
            after=None if after is None else int(after[0]),
            limit=asked.limit + 1,
        )
    costs = caller.sites is None
    keyed = [(change_line(row, costs=costs), (row.change_id,)) for row in rows]
    items, following = _HISTORY.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.post("/purchase-orders", responses=_PLACING, status_code=201)
def post_order(desk: DeskDep, order: Annotated[NewOrder, Body()]) -> PurchaseOrderView:
    """Place an order with a supplier.

    What breaks the supplier's minimum, multiples or least order value is refused with the figures,
    unless `force` says why. The same key gives the same order.
    """
    wish = Wish(
        order.supplier,
        order.site,
        _wished(order.lines),
        order.number or "",
        order.currency or "",
        order.incoterm,
        order.lane,
    )
    asking = desk.asking(order.force)

    def act(connection: Connection) -> View:
        own_site(connection, desk.caller, order.site)
        return purchases.place(connection, wish, asking)

    return desk.done(act)


@router.put("/purchase-orders/{number}", responses=_CHANGING)
def put_order(
    desk: DeskDep, number: OrderNumber, lines: Annotated[OrderLines, Body()]
) -> PurchaseOrderView:
    """Let an order have these lines from now on; what is left out is cancelled."""
    asking = desk.asking(lines.force)

    def act(connection: Connection) -> View:
        desk.demand(connection, number)
        wished = _wished(lines.lines)
        return purchases.change(connection, number, wished, asking, revision=desk.revision)

    return desk.done(act)


@router.post("/purchase-orders/{number}/cancel", responses=_CHANGING)
def post_cancel(
    desk: DeskDep, number: OrderNumber, ending: Annotated[Ending, Body()]
) -> PurchaseOrderView:
    """Want nothing more of an order; what has come stays received."""
    asking = desk.asking()

    def act(connection: Connection) -> View:
        desk.demand(connection, number)
        return purchases.cancel(connection, number, ending.reason, asking, revision=desk.revision)

    return desk.done(act)


@router.post("/purchase-orders/{number}/lines/{line}/close", responses=_CHANGING)
def post_close_line(
    desk: DeskDep, number: OrderNumber, line: LineNumber, ending: Annotated[Ending, Body()]
) -> PurchaseOrderView:
    """Expect nothing more of one line."""
    asking = desk.asking()

    def act(connection: Connection) -> View:
        desk.demand(connection, number)
        return purchases.close(
            connection, number, line, ending.reason, asking, revision=desk.revision
        )

    return desk.done(act)


@router.get("/asns", responses=_REFUSALS)
def get_asns(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[AsnFilter, Query()]
) -> Page[AsnView]:
    """Announced shipments with their goods and packages, by order."""
    after = _ASNS.read(asked.cursor)
    with service.transaction() as connection:
        _demand_site(connection, caller, asked.site)
        rows = purchases.shipments(
            connection,
            sites=caller.sites,
            site=asked.site,
            supplier=asked.supplier,
            status=asked.status,
            order=asked.order,
            after=after or (),
            limit=asked.limit + 1,
        )
    keyed = [(asn_view(row), (row.order, row.scope, row.number)) for row in rows]
    items, following = _ASNS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/receipts", responses=_REFUSALS)
def get_receipts(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[ReceiptFilter, Query()]
) -> Page[ReceiptView]:
    """What came for our orders, by order; each with the scan or the document that says so."""
    after = _RECEIPTS.read(asked.cursor)
    with service.transaction() as connection:
        _demand_site(connection, caller, asked.site)
        rows = purchases.receipts(
            connection,
            sites=caller.sites,
            site=asked.site,
            order=asked.order,
            sku=asked.sku,
            after=after or (),
            limit=asked.limit + 1,
        )
    keyed = [(receipt_view(row), (row.order, row.position)) for row in rows]
    items, following = _RECEIPTS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/discrepancies", responses=_REFUSALS)
def get_discrepancies(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[DiscrepancyFilter, Query()]
) -> Page[DiscrepancyView]:
    """What does not agree between us, suppliers, carriers and warehouses, with both sides."""
    after = _DISCREPANCIES.read(asked.cursor)
    with service.transaction() as connection:
        _demand_site(connection, caller, asked.site)
        rows = purchases.discrepancies(
            connection,
            sites=caller.sites,
            site=asked.site,
            order=asked.order,
            kind=asked.kind,
            closed=None if asked.standing == "all" else asked.standing == "closed",
            after=None if after is None else int(after[0]),
            limit=asked.limit + 1,
        )
    costs = caller.sites is None
    keyed = [(discrepancy_view(row, costs=costs), (row.discrepancy_id,)) for row in rows]
    items, following = _DISCREPANCIES.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/suppliers/{code}/scorecard", responses=_REFUSALS)
def get_scorecard(caller: ReadCaller, service: ServiceDep, code: Supplier) -> ScorecardView:
    """A supplier's last twelve orders as figures, each with the orders behind it.

    The key must be for all sites.
    """
    for_all_sites(caller)
    with service.transaction() as connection:
        found = purchases.scorecard(connection, code)
    return scorecard_view(code, found)


@router.get("/suppliers/{code}/lead-times", responses=_REFUSALS)
def get_lead_times(caller: ReadCaller, service: ServiceDep, code: Supplier) -> LeadTimesView:
    """How long a supplier takes, as distributions learnt from its orders.

    By lane and item class, and overall; open orders count as longer than so far, few orders lean on
    the supplier's others and on what it states. The key must be for all sites.
    """
    for_all_sites(caller)
    with service.transaction() as connection:
        stated, learnt = purchases.lead_times(connection, code)
    return lead_times_view(code, stated, learnt)


def _wished(lines: Sequence[WishedLine]) -> tuple[Wished, ...]:
    return tuple(
        Wished(
            line.sku,
            line.quantity,
            line.number or "",
            line.price,
            line.per if line.price is not None else 1,
            None if line.wanted is None else line.wanted.isoformat(),
        )
        for line in lines
    )


def _shown(found: View, caller: Caller, response: Response) -> PurchaseOrderView:
    response.headers["etag"] = f'"{found.order.revision}"'
    return order_view(found, costs=caller.sites is None)


def _demand_site(connection: Connection, caller: Caller, site: str | None) -> None:
    if site is not None:
        own_site(connection, caller, site)
