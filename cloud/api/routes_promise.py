"""What may be promised to customers, and what was."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from cloud import promise
from cloud.access import Caller
from cloud.api.guard import ReadCaller, ServiceDep, own_site, service_of
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.recently import Recently
from cloud.api.shapes_promise import (
    Atp,
    AtpAsked,
    AvailabilityAsked,
    AvailabilityLine,
    OrderPromises,
    PromiseAsked,
    PromiseLine,
    atp_answer,
    availability_line,
    promise_change,
    promise_line,
)
from cloud.api.shapes_reservations import Order

_PROMISES: Final = Cursor("promises", "bigint", "bigint", "int")

router = APIRouter(prefix="/v1", tags=["promise"])

_ONE: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
Asker = Annotated[Caller, Depends(Recently("read"))]


@router.get("/atp", responses=_ONE, response_model=Atp)
def get_atp(request: Request, caller: Asker, asked: Annotated[AtpAsked, Query()]) -> Response:
    """What may be promised of an item, now and by hour, by site and together.

    On hand less what is held, with what is to come by its chance, and less what a silent site has
    probably sold unseen: a range, with the numbers that it comes from.
    """
    service = service_of(request)
    with service.transaction() as connection:
        found = promise.atp(
            connection,
            asked.item,
            region=asked.region,
            site=asked.site,
            horizon_hours=int(asked.horizon[:-1]),
            allowed=caller.sites,
            now=service.clock.now(),
        )
    return Response(atp_answer(found).model_dump_json(), media_type="application/json")


@router.get("/availability", responses=_ONE)
def get_availability(
    request: Request, caller: Asker, asked: Annotated[AvailabilityAsked, Query()]
) -> AvailabilityLine:
    """What a buyer can expect of an item before he buys: for storefronts."""
    service = service_of(request)
    with service.transaction() as connection:
        found = promise.availability(
            connection,
            asked.item,
            region=asked.region,
            allowed=caller.sites,
            now=service.clock.now(),
        )
    return availability_line(found)


@router.get("/promises", responses=_ONE)
def get_promises(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[PromiseAsked, Query()]
) -> Page[PromiseLine]:
    """What lines of orders are promised, the one that changed last first."""
    after = _PROMISES.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        found = promise.page(
            connection,
            sku=asked.item,
            number=asked.order,
            state=asked.state,
            site=asked.site,
            after=after,
            limit=asked.limit + 1,
        )
    keyed = [
        (
            promise_line(each),
            (each.promise.changed_at, each.promise.order_id, each.promise.item_id),
        )
        for each in found
    ]
    items, following = _PROMISES.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/promises/{order}", responses=_ONE)
def get_order_promises(
    caller: ReadCaller, service: ServiceDep, order: Annotated[Order, Path()]
) -> OrderPromises:
    """What an order was promised, by any of its numbers, and how that changed."""
    del caller  # the database shows it no other site's rows
    with service.transaction() as connection:
        lines, changes = promise.promises_of(connection, order)
    return OrderPromises(
        order=lines[0].promise.number,
        lines=[promise_line(each) for each in lines],
        changes=[promise_change(each) for each in changes],
    )
