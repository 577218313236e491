"""What is wrong with the data, and whether planning can stand on it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query

from cloud import quality
from cloud.api.guard import ReadCaller, ServiceDep
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.routes_trade import for_all_sites
from cloud.api.shapes_quality import (
    FindingFilter,
    FindingLine,
    ReadinessReport,
    finding_line,
    report,
)

_FINDINGS: Final = Cursor("findings", "bigint")
_ONE: Final = responses(
    "request.invalid", "request.unauthenticated", "request.forbidden", "database.unreachable"
)

router = APIRouter(prefix="/v1", tags=["quality"])


@router.get("/quality", responses=_ONE)
def get_findings(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[FindingFilter, Query()]
) -> Page[FindingLine]:
    """What is wrong with the data, the newest first; nothing of it was repaired.

    A key of some sites sees what is of these.
    """
    after = _FINDINGS.read(asked.cursor)
    with service.transaction() as connection:
        rows = quality.findings(
            connection,
            sites=caller.sites,
            check=asked.check,
            feed=asked.feed,
            sku=asked.sku,
            area=asked.area,
            gone=asked.gone,
            after=None if after is None else int(after[0]),
            limit=asked.limit + 1,
        )
    keyed = [(finding_line(row), (row.finding_id,)) for row in rows]
    items, following = _FINDINGS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/readiness", responses=_ONE)
def get_readiness(caller: ReadCaller, service: ServiceDep) -> ReadinessReport:
    """Whether planning can stand on the data: ready, usable with proxies, or what to fix first.

    What is wrong with the catalog or a feed is no single site's: this is for keys of all sites.
    """
    for_all_sites(caller)
    with service.transaction() as connection:
        return report(quality.readiness(connection, sites=caller.sites))
