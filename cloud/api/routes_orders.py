"""Customers' orders: each once, whatever number of feeds speaks of it, and who said what."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Path, Query

from cloud import exceptions, features
from cloud.access import Caller
from cloud.api.guard import ReadCaller, Requires, ServiceDep, own_site
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.routes_trade import for_all_sites
from cloud.api.shapes import micros, moment
from cloud.api.shapes_orders import Cut, Join, OrderCase, OrderDetail, OrderFilter, OrderHead
from cloud.db import Connection
from cloud.orders import sales
from shared.errors import QuartermasterError

_ORDERS: Final = Cursor("orders", "bigint")
_LARGEST: Final = 2**63 - 1

router = APIRouter(prefix="/v1", tags=["orders"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
_CUTTING: Final = _REFUSALS | responses("request.conflict")

OrderId = Annotated[int, Path(ge=1, le=_LARGEST, description="An order's id.")]
Writer = Annotated[Caller, Depends(Requires("orders:write"))]


@router.get("/orders", responses=_REFUSALS)
def get_orders(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[OrderFilter, Query()]
) -> Page[OrderHead]:
    """Orders of the sites that the key may see, the newest first.

    An order that no site was asked to ship yet is for keys of all sites.
    """
    after = _ORDERS.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        rows = sales.page(
            connection,
            sites=caller.sites,
            site=asked.site,
            channel=asked.channel,
            status=asked.status,
            item=asked.item,
            number=asked.number,
            since=micros(asked.since),
            after=after,
            limit=asked.limit + 1,
        )
    items, following = _ORDERS.page([(OrderHead.of(row), row.key) for row in rows], asked.limit)
    return Page(items=items, next=following)


@router.get("/orders/{order}", responses=_REFUSALS)
def get_order(caller: ReadCaller, service: ServiceDep, order: OrderId) -> OrderDetail:
    """An order with its lines, its numbers, what each feed said of it and what that changed.

    The id of an order that turned out to be part of another one leads there.
    """
    with service.transaction() as connection:
        return _detail(connection, sales.whole(connection, order, sites=caller.sites), caller)


@router.post("/orders/{order}/merge-undo", responses=_CUTTING)
def post_undo(
    caller: Writer, service: ServiceDep, order: OrderId, cut: Annotated[Cut, Body()]
) -> OrderDetail:
    """Let a number of an order join no documents any more: what only it held together falls apart.

    It stays with who and why, and `merge-redo` takes it back. The key must be for all sites.
    """
    for_all_sites(caller)
    with service.transaction() as connection:
        number = _number(connection, order, cut)
        made = sales.undo_merge(
            connection, number, by=_by(caller), why=cut.reason, at=service.clock.now()
        )
        features.orders_changed(connection, made)
        return _detail(connection, sales.whole(connection, order, sites=None), caller)


@router.post("/orders/{order}/merge-redo", responses=_CUTTING)
def post_redo(
    caller: Writer, service: ServiceDep, order: OrderId, join: Annotated[Join, Body()]
) -> OrderDetail:
    """Let a number join documents again. The key must be for all sites."""
    for_all_sites(caller)
    with service.transaction() as connection:
        number = _number(connection, order, join)
        made = sales.redo_merge(connection, number, by=_by(caller), at=service.clock.now())
        features.orders_changed(connection, made)
        return _detail(connection, sales.whole(connection, order, sites=None), caller)


def _number(connection: Connection, order: int, named: Cut | Join) -> sales.Number:
    """A number that documents of this order name.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    number = (named.numbering, named.scope, named.number)
    whole = sales.whole(connection, order, sites=None)
    if number not in sales.named_in(whole):
        raise QuartermasterError("request.not-found", " ".join(number)[:200], where="number")
    return number


def _by(caller: Caller) -> str:
    return f"{caller.name} (key {caller.key_id})"


def _detail(connection: Connection, whole: sales.Whole, caller: Caller) -> OrderDetail:
    subject = f"order {whole.row.order_id}"
    found = exceptions.cases(connection, sites=caller.sites, subject=subject)
    return OrderDetail.made_of(
        whole,
        [
            OrderCase(
                id=case.exception_id,
                code=case.code,
                detail=case.detail,
                raised_at=moment(case.raised_at),
            )
            for case in found
        ],
    )
