"""What planning works with: lists as they stand or stood, and what an offer's goods cost here."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from cloud import catalog
from cloud.api.guard import ReadCaller, ServiceDep
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.routes_trade import for_all_sites, page_of
from cloud.api.shapes import ItemCode
from cloud.api.shapes_planning import (
    AgreementFilter,
    AgreementLine,
    CalendarFilter,
    CalendarLine,
    ChannelLine,
    CodeFilter,
    ContractFilter,
    ContractLine,
    CostFilter,
    LandedCost,
    LandedCostLine,
    LandedQuestion,
    LaneLine,
    PromotionFilter,
    PromotionLine,
    agreement_line,
    calendar_line,
    channel_line,
    contract_line,
    cost_line,
    landed_cost,
    lane_line,
    promotion_line,
)
from cloud.api.shapes_trade import SupplierCode

_CHANNELS: Final = Cursor("channels", "text")
_LANES: Final = Cursor("lanes", "text")
_COSTS: Final = Cursor("landed-costs", "text", "text", "text", "text")
_AGREEMENTS: Final = Cursor("agreements", "text", "text")
_CALENDARS: Final = Cursor("calendars", "text", "text")
_PROMOTIONS: Final = Cursor("promotions", "text", "text", "text", "text", "text")
_CONTRACTS: Final = Cursor("contracts", "text", "text", "text")

router = APIRouter(prefix="/v1", tags=["planning"])

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


@router.get("/channels", responses=_LIST)
def get_channels(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[CodeFilter, Query()]
) -> Page[ChannelLine]:
    """Sales channels with their priority, by code."""
    del caller  # channels belong to all sites
    return page_of(
        service, "channels", _CHANNELS, channel_line, asked, at=asked.at, first=asked.code
    )


@router.get("/lanes", responses=_LIST)
def get_lanes(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[CodeFilter, Query()]
) -> Page[LaneLine]:
    """Ways goods come, by code. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(service, "lanes", _LANES, lane_line, asked, at=asked.at, first=asked.code)


@router.get("/landed-costs", responses=_LIST)
def get_landed_costs(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[CostFilter, Query()]
) -> Page[LandedCostLine]:
    """Parts of what goods cost once they are here. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(
        service,
        "costs",
        _COSTS,
        cost_line,
        asked,
        at=asked.at,
        first=asked.lane,
        second=asked.supplier,
    )


@router.get("/agreements", responses=_LIST)
def get_agreements(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[AgreementFilter, Query()]
) -> Page[AgreementLine]:
    """What is agreed with suppliers on volumes and changes. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(
        service,
        "agreements",
        _AGREEMENTS,
        agreement_line,
        asked,
        at=asked.at,
        first=asked.supplier,
        second=asked.sku,
    )


@router.get("/calendars", responses=_LIST)
def get_calendars(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[CalendarFilter, Query()]
) -> Page[CalendarLine]:
    """When sites and suppliers work. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(
        service,
        "calendars",
        _CALENDARS,
        calendar_line,
        asked,
        at=asked.at,
        first=asked.owner,
        second=asked.code,
    )


@router.get("/promotions", responses=_LIST)
def get_promotions(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[PromotionFilter, Query()]
) -> Page[PromotionLine]:
    """Promotions as planned demand. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(
        service,
        "promotions",
        _PROMOTIONS,
        promotion_line,
        asked,
        at=asked.at,
        first=asked.code,
        second=asked.sku,
    )


@router.get("/contracts", responses=_LIST)
def get_contracts(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[ContractFilter, Query()]
) -> Page[ContractLine]:
    """Contracts as planned demand. The key must be for all sites."""
    for_all_sites(caller)
    return page_of(
        service,
        "contracts",
        _CONTRACTS,
        contract_line,
        asked,
        at=asked.at,
        first=asked.customer,
        second=asked.sku,
    )


@router.get("/offers/{supplier}/{sku}/landed-cost", responses=_ONE)
def get_landed_cost(
    caller: ReadCaller,
    service: ServiceDep,
    supplier: Annotated[SupplierCode, Path()],
    sku: Annotated[ItemCode, Path()],
    asked: Annotated[LandedQuestion, Query()],
) -> LandedCost:
    """What so many of an offer cost once they are here, part by part.

    The key must be for all sites.
    """
    for_all_sites(caller)
    with service.transaction() as connection:
        found = catalog.landed_cost(
            connection,
            supplier,
            sku,
            asked.quantity,
            lane=asked.lane or "",
            revision=catalog.revision_as_of(connection, asked.at),
        )
    return landed_cost(supplier, sku, found)
