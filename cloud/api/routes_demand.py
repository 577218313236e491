"""Demand per item, site, channel and day, as known now or at any moment, and what it stands on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query

from cloud import catalog, features
from cloud.api.guard import ReadCaller, ServiceDep, own_site
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.routes_trade import for_all_sites
from cloud.api.shapes import micros, moment
from cloud.api.shapes_demand import DemandFilter, DemandLine, EvidenceFilter, EvidenceLine
from cloud.db import Connection
from shared.errors import QuartermasterError

_DEMAND: Final = Cursor("demand", "text", "int", "int", "text")
_EVIDENCE: Final = Cursor("demand-evidence", "bigint")
_USUAL: Final = timedelta(days=90)
_LONGEST: Final = timedelta(days=1100)

router = APIRouter(prefix="/v1", tags=["demand"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)


@router.get("/demand", responses=_REFUSALS)
def get_demand(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[DemandFilter, Query()]
) -> Page[DemandLine]:
    """Demand by day, item, site and channel; of sites that the key may see.

    Each unit is counted once, on its site's day; late data correct earlier days, and `known` tells
    them as they were known then. A day without stock and without demand is listed with an empty
    channel. At most three years at once.
    """
    after = _DEMAND.read(asked.cursor)
    now = service.clock.now()
    last = asked.until or moment(now).date()
    first = asked.since or last - _USUAL
    if not timedelta(0) <= last - first <= _LONGEST:
        raise QuartermasterError("request.invalid", "a day to three years", where="from")
    if after is not None:
        after = (_day(str(after[0])), *after[1:])
    with service.transaction() as connection:
        rows = features.demand(
            connection,
            sites=caller.sites,
            first=first,
            last=last,
            now=now,
            item_id=None if asked.item is None else _item(connection, asked.item),
            site_id=None if asked.site is None else own_site(connection, caller, asked.site),
            channel=asked.channel,
            known=micros(asked.known),
            after=after,
            limit=asked.limit + 1,
        )
    items, following = _DEMAND.page([(DemandLine.of(row), row.key) for row in rows], asked.limit)
    return Page(items=items, next=following)


@router.get("/demand/evidence", responses=_REFUSALS)
def get_evidence(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[EvidenceFilter, Query()]
) -> Page[EvidenceLine]:
    """What makes a day's demand: each order, and each sale with the delivery that it stood in.

    What no site was asked for is for keys of all sites.
    """
    after = _EVIDENCE.read(asked.cursor)
    if asked.site is None:
        for_all_sites(caller)
    with service.transaction() as connection:
        rows = features.evidence(
            connection,
            item_id=_item(connection, asked.item),
            site_id=None if asked.site is None else own_site(connection, caller, asked.site),
            channel=asked.channel,
            day=asked.day,
            known=micros(asked.known),
            after=after,
            limit=asked.limit + 1,
        )
    keyed = [(EvidenceLine.of(row), row.key) for row in rows]
    items, following = _EVIDENCE.page(keyed, asked.limit)
    return Page(items=items, next=following)


def _day(text: str) -> str:
    """A cursor's day, as PostgreSQL reads it.

    Raises:
        QuartermasterError: ``request.invalid`` for one that no calendar holds.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise QuartermasterError("request.invalid", "made up", where="cursor") from None


def _item(connection: Connection, sku: str) -> int:
    found = catalog.item_ids(connection, [sku]).get(sku)
    if found is None:
        raise QuartermasterError("request.not-found", f"item {sku}", where="item")
    return found
