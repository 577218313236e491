"""Suppliers and what they offer, siblings and substitutes, bills of material and what they ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from cloud import catalog
from cloud.access import Caller
from cloud.api.guard import ReadCaller, Service, ServiceDep
from cloud.api.paging import Cursor, Page, Paged
from cloud.api.problem import responses
from cloud.api.shapes import ItemCode, moment
from cloud.api.shapes_trade import (
    BillFilter,
    BillLine,
    Demand,
    Explosion,
    LinkFilter,
    LinkLine,
    NeedLine,
    OfferFilter,
    OfferLine,
    SupplierFilter,
    SupplierLine,
    bill_line,
    link_line,
    offer_line,
    supplier_line,
)
from cloud.catalog import Fact, ImportKind
from shared.errors import QuartermasterError

_SUPPLIERS: Final = Cursor("suppliers", "text")
_OFFERS: Final = Cursor("offers", "text", "text")
_LINKS: Final = Cursor("links", "text", "text", "text")
_BILLS: Final = Cursor("bills", "text", "text")

router = APIRouter(prefix="/v1", tags=["trade"])
_Line = TypeVar("_Line", bound=BaseModel)

_LIST: Final = responses(
    "request.invalid", "request.unauthenticated", "request.forbidden", "database.unreachable"
)
_ONE: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)


@router.get("/suppliers", responses=_LIST)
def get_suppliers(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[SupplierFilter, Query()]
) -> Page[SupplierLine]:
    """Suppliers with their terms, by code. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(
        service, "suppliers", _SUPPLIERS, supplier_line, asked, at=asked.at, first=asked.code
    )


@router.get("/offers", responses=_LIST)
def get_offers(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[OfferFilter, Query()]
) -> Page[OfferLine]:
    """What items cost from each supplier, by supplier and SKU. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(
        service,
        "offers",
        _OFFERS,
        offer_line,
        asked,
        at=asked.at,
        first=asked.supplier,
        second=asked.sku,
    )


@router.get("/item-links", responses=_LIST)
def get_links(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[LinkFilter, Query()]
) -> Page[LinkLine]:
    """Siblings and substitutes, by SKU."""
    del caller  # items belong to all sites
    return page_of(
        service,
        "links",
        _LINKS,
        link_line,
        asked,
        at=asked.at,
        first=asked.sku,
        second=asked.kind,
    )


@router.get("/bills", responses=_LIST)
def get_bills(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[BillFilter, Query()]
) -> Page[BillLine]:
    """Bills of material and kits in all their versions, by SKU and version."""
    del caller  # items belong to all sites
    return page_of(service, "bills", _BILLS, bill_line, asked, at=asked.at, first=asked.sku)


@router.get("/bills/{sku}/explosion", responses=_ONE)
def get_explosion(
    caller: ReadCaller,
    service: ServiceDep,
    sku: Annotated[ItemCode, Path()],
    asked: Annotated[Demand, Query()],
) -> Explosion:
    """What a demand for a kit, or for what is made, asks of all components below it."""
    del caller  # items belong to all sites
    day = asked.on or moment(service.clock.now()).date()
    with service.transaction() as connection:
        revision = catalog.revision_as_of(connection, asked.at)
        needs = catalog.explode(connection, sku, asked.quantity, on=day, revision=revision)
    lines = [NeedLine(sku=need.sku, quantity=need.quantity, made=need.made) for need in needs]
    return Explosion(sku=sku, quantity=asked.quantity, on=day, needs=lines)


def for_all_sites(caller: Caller) -> None:
    """Demand a key for all sites: what the trade costs is no site's own.

    Raises:
        QuartermasterError: ``request.forbidden``.
    """
    if caller.sites is not None:
        raise QuartermasterError("request.forbidden", "a key for all sites is needed")


def page_of(
    service: Service,
    kind: ImportKind,
    cursor: Cursor,
    line: Callable[[Fact], _Line],
    asked: Paged,
    *,
    at: datetime | None,
    first: str | None,
    second: str | None = None,
) -> Page[_Line]:
    """A page of one kind's facts, as they stood at ``at``."""
    after = cursor.read(asked.cursor)
    with service.transaction() as connection:
        found = catalog.facts(
            connection,
            kind,
            revision=catalog.revision_as_of(connection, at),
            firsts=None if first is None else [first],
            seconds=None if second is None else [second],
            after=[str(part) for part in after or ()],
            limit=asked.limit + 1,
        )
    items, following = cursor.page([(line(fact), fact.key) for fact in found], asked.limit)
    return Page(items=items, next=following)
