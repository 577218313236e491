"""Sites, items, gateways, and how complete what they told us is."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from cloud import catalog, fleet
from cloud.access import Caller
from cloud.api.guard import ReadCaller, ServiceDep, own_site
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.shapes import (
    Completeness,
    ExplainedGap,
    GatewayCompleteness,
    GatewayFilter,
    GatewayLine,
    GatewayName,
    QuarantineFilter,
    QuarantineLine,
    ReversalFilter,
    ReversalLine,
    SiteCode,
    SiteLine,
    moment,
    moment_or_none,
)
from cloud.api.shapes_catalog import (
    ItemFilter,
    ItemLine,
    LocationFilter,
    LocationLine,
    SiteFilter,
    item_line,
    location_line,
    past_site_line,
    site_line,
)
from cloud.db import Connection
from cloud.gateways import service as gateways
from cloud.gateways.model import Gateway
from cloud.ingest import completeness as ingest
from cloud.ingest.gaps import Tombstone
from cloud.ingest.model import GatewayCompleteness as Row
from cloud.ingest.model import QuarantineRow, ReversalRow
from shared.errors import QuartermasterError

_SITES: Final = Cursor("sites", "text")
_LOCATIONS: Final = Cursor("locations", "text", "text")
_ITEMS: Final = Cursor("items", "text")
_GATEWAYS: Final = Cursor("gateways", "text")
_QUARANTINE: Final = Cursor("quarantine", "bigint")
_REVERSALS: Final = Cursor("reversals", "bigint", "int", "int", "bigint")

router = APIRouter(prefix="/v1", tags=["places"])

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


@router.get("/sites", responses=_LIST)
def get_sites(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[SiteFilter, Query()]
) -> Page[SiteLine]:
    """The sites that the key may see, by code; now or as they stood."""
    after = _SITES.read(asked.cursor)
    last = None if after is None else str(after[0])
    with service.transaction() as connection:
        if asked.at is None:
            rows = catalog.sites(
                connection, allowed=caller.sites, after=last, limit=asked.limit + 1
            )
            lines = [site_line(row) for row in rows]
        else:
            facts = catalog.facts(
                connection,
                "sites",
                revision=catalog.revision_as_of(connection, asked.at),
                firsts=_seen(connection, caller),
                after=() if last is None else (last,),
                limit=asked.limit + 1,
            )
            lines = [past_site_line(fact) for fact in facts]
    items, following = _SITES.page([(line, (line.code,)) for line in lines], asked.limit)
    return Page(items=items, next=following)


@router.get("/locations", responses=_ONE)
def get_locations(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[LocationFilter, Query()]
) -> Page[LocationLine]:
    """Locations of the sites that the key may see, by site and code; now or as they stood."""
    after = _LOCATIONS.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        facts = catalog.facts(
            connection,
            "locations",
            revision=catalog.revision_as_of(connection, asked.at),
            firsts=_seen(connection, caller) if asked.site is None else [asked.site],
            after=[str(part) for part in after or ()],
            limit=asked.limit + 1,
        )
    keyed = [(location_line(fact), fact.key) for fact in facts]
    items, following = _LOCATIONS.page(keyed, asked.limit)
    return Page(items=items, next=following)


def _seen(connection: Connection, caller: Caller) -> list[str] | None:
    """The codes of the sites that a caller may see; None means all."""
    if caller.sites is None:
        return None
    return [row.code for row in catalog.sites(connection, allowed=caller.sites, limit=None)]


@router.get("/sites/{site}/completeness", responses=_ONE)
def get_completeness(
    caller: ReadCaller, service: ServiceDep, site: Annotated[SiteCode, Path()]
) -> Completeness:
    """Per gateway: complete and unaltered through N; missing; explained; quarantined."""
    with service.transaction() as connection:
        site_id = own_site(connection, caller, site)
        rows = ingest.completeness(connection, site_id, service.clock.now())
        begun, begun_at = fleet.generation(connection)
    found = [
        GatewayCompleteness(
            gateway=row.gateway,
            epoch=row.epoch,
            complete=row.complete,
            accounted=row.accounted,
            contiguous_seq=row.contiguous_seq,
            head_seq=row.head_seq,
            missing=row.missing,
            missing_events=row.missing_events,
            missing_since=moment_or_none(row.missing_since),
            explained=[_explained(gap) for gap in row.explained],
            followed_by=row.followed_by,
            quarantined=row.quarantined,
            reasons=row.reasons,
            frozen=row.frozen,
            reversed=row.reversed,
            rehomed=row.rehomed,
            last_received_at=moment_or_none(row.last_received_at),
            last_heard_at=moment_or_none(row.last_heard_at),
            silent=row.silent,
        )
        for row in rows
    ]
    return Completeness(
        site=site,
        complete=all(row.complete for row in found),
        accounted=all(row.accounted for row in found),
        silent=any(row.silent for row in found),
        generation=service.generation,
        refilled=None
        if service.generation == 1
        else begun == service.generation and _refilled(rows, begun_at),
        gateways=found,
    )


def _refilled(rows: list[Row], begun_at: int | None) -> bool:
    """Whether every gateway has spoken to this restored cloud, and nothing is missing since."""
    return begun_at is not None and all(
        (row.accounted or row.frozen) and (row.last_heard_at or 0) >= begun_at for row in rows
    )


def _explained(gap: Tombstone) -> ExplainedGap:
    return ExplainedGap(
        first=gap.first_seq,
        last=gap.last_seq,
        outcome=gap.outcome,
        reason=gap.reason,
        detail=gap.detail,
        stated_at=moment(gap.stated_at),
        arrived=gap.arrived,
    )


@router.get("/items", responses=_LIST)
def get_items(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[ItemFilter, Query()]
) -> Page[ItemLine]:
    """Items with their packs, price and margin, by SKU; or the one with a SKU or GTIN."""
    after = _ITEMS.read(asked.cursor)
    with service.transaction() as connection:
        rows = catalog.items(
            connection,
            sku=asked.sku,
            gtin=asked.gtin,
            at=asked.at,
            after=None if after is None else str(after[0]),
            limit=asked.limit + 1,
        )
    keyed = [(item_line(row, costs=caller.sites is None), (row.sku,)) for row in rows]
    items, following = _ITEMS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/gateways", responses=_ONE)
def get_gateways(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[GatewayFilter, Query()]
) -> Page[GatewayLine]:
    """The gateways of the sites that the key may see, by name."""
    after = _GATEWAYS.read(asked.cursor)
    with service.transaction() as connection:
        rows = gateways.page(
            connection,
            sites=_sites_to_list(connection, caller, asked.site),
            after="" if after is None else str(after[0]),
            limit=asked.limit + 1,
        )
    keyed = [(_gateway_line(row), (str(row.name),)) for row in rows]
    items, following = _GATEWAYS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/gateways/{name}", responses=_ONE)
def get_gateway(
    caller: ReadCaller, service: ServiceDep, name: Annotated[GatewayName, Path()]
) -> GatewayLine:
    """One gateway's standing in the registry."""
    with service.transaction() as connection:
        try:
            found = gateways.get(connection, name)
        except QuartermasterError:
            found = None
    if found is None or not caller.sees(found.site_id):
        raise QuartermasterError("request.not-found", f"gateway {name}", where="name")
    return _gateway_line(found)


@router.get("/quarantine", responses=_ONE)
def get_quarantine(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[QuarantineFilter, Query()]
) -> Page[QuarantineLine]:
    """What was received but could not be applied, and why; the newest first."""
    after = _QUARANTINE.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        rows = ingest.quarantined(
            connection,
            sites=caller.sites,
            site=asked.site,
            gateway=asked.gateway,
            code=asked.code,
            after=after,
            limit=asked.limit + 1,
        )
    keyed = [(_quarantine_line(row), row.key) for row in rows]
    items, following = _QUARANTINE.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/reversals", responses=_ONE)
def get_reversals(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[ReversalFilter, Query()]
) -> Page[ReversalLine]:
    """What counted until its link broke and was taken back, with both ends; the newest first."""
    after = _REVERSALS.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        rows = ingest.reversals(
            connection,
            sites=caller.sites,
            site=asked.site,
            gateway=asked.gateway,
            after=after,
            limit=asked.limit + 1,
        )
    items, following = _REVERSALS.page([(_reversal_line(r), r.key) for r in rows], asked.limit)
    return Page(items=items, next=following)


def _sites_to_list(connection: Connection, caller: Caller, site: str | None) -> list[str] | None:
    if site is not None:
        own_site(connection, caller, site)
        return [site]
    if caller.sites is None:
        return None
    return [row.code for row in catalog.sites(connection, allowed=caller.sites, limit=None)]


def _gateway_line(row: Gateway) -> GatewayLine:
    return GatewayLine(
        name=row.name,
        site=row.site,
        status=row.status,
        hw_serial=row.hw_serial,
        epoch=row.epoch,
        created_at=moment(row.created_at),
        revoked_at=moment_or_none(row.revoked_at),
        certificate_until=moment_or_none(row.certificate_until),
    )


def _reversal_line(row: ReversalRow) -> ReversalLine:
    return ReversalLine(
        gateway=row.gateway,
        site=row.site,
        epoch=row.epoch,
        first_seq=row.first_seq,
        last_seq=row.last_seq,
        code=row.code,
        detail=row.detail,
        head_seq=row.head_seq,
        head_hash=row.head_hash,
        other_seq=row.other_seq,
        other_hash=row.other_hash,
        events=row.events,
        movements=row.movements,
        reversed_at=moment(row.reversed_at),
    )


def _quarantine_line(row: QuarantineRow) -> QuarantineLine:
    return QuarantineLine(
        id=row.quarantine_id,
        gateway=row.gateway,
        site=row.site,
        epoch=row.epoch,
        first_seq=row.first_seq,
        last_seq=row.last_seq,
        code=row.code,
        detail=row.detail,
        size=row.size,
        times=row.times,
        received_at=moment(row.received_at),
    )
