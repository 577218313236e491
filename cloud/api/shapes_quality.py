"""What the API says of the data's quality."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, Moment, moment, moment_or_none
from cloud.api.shapes_feeds import FeedCode
from cloud.quality import CHECKS, FindingRow, Readiness, Verdict

AreaName = Literal["feeds", "catalog", "demand", "stock", "suppliers"]


class FindingLine(BaseModel):
    """One thing that is wrong with the data, and from when until when it was so."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 7,
                "check": "lead-time-unseen",
                "says": "A supplier states a lead time that none of its orders has kept.",
                "area": "suppliers",
                "subject": "MILL",
                "feed": None,
                "sku": None,
                "site": None,
                "detail": "14 days stated; its last 12 orders took 20 to 31",
                "blocking": False,
                "found_at": "2026-03-01T12:00:00Z",
                "last_at": "2026-03-02T12:00:00Z",
                "gone_at": None,
            }
        }
    )
    id: int
    check: str
    says: str
    area: AreaName
    subject: str
    feed: str | None
    sku: str | None
    site: str | None
    detail: str
    blocking: Annotated[bool, Field(description="Planning would go wrong without notice.")]
    found_at: Moment
    last_at: Moment
    gone_at: Annotated[Moment | None, Field(description="Null: it is so now.")]


class AreaLine(BaseModel):
    """Whether planning can stand on an area's data."""

    area: AreaName
    verdict: Literal["ready", "usable with proxies", "fix first"]
    fix_first: Annotated[list[str], Field(description="What blocks.")]
    proxies: Annotated[list[str], Field(description="What stands in for what is wrong.")]


class ReadinessReport(BaseModel):
    """Whether planning can stand on the data, area by area."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "verdict": "usable with proxies",
                "areas": [
                    {
                        "area": "suppliers",
                        "verdict": "usable with proxies",
                        "fix_first": [],
                        "proxies": ["what its orders took stands in for what it states (1: MILL)"],
                    }
                ],
            }
        }
    )
    verdict: Literal["ready", "usable with proxies", "fix first"]
    areas: list[AreaLine]


class FindingFilter(Paged):
    """Which findings."""

    area: AreaName | None = None
    check: Annotated[str, Field(pattern=r"^[a-z-]{1,40}$")] | None = None
    feed: FeedCode | None = None
    sku: ItemCode | None = None
    gone: Annotated[bool, Field(description="Also what is so no more.")] = False


def finding_line(row: FindingRow) -> FindingLine:
    """A finding as the API says it."""
    return FindingLine(
        id=row.finding_id,
        check=row.check,
        says=CHECKS.get(row.check, row.check),
        area=row.area,
        subject=row.subject,
        feed=row.feed or None,
        sku=row.sku or None,
        site=row.site,
        detail=row.detail,
        blocking=row.blocking,
        found_at=moment(row.found_at),
        last_at=moment(row.last_at),
        gone_at=moment_or_none(row.gone_at),
    )


def report(areas: list[Readiness]) -> ReadinessReport:
    """The whole by its areas: as ready as the least ready."""
    order: list[Verdict] = ["fix first", "usable with proxies", "ready"]
    verdict: Verdict = min([area.verdict for area in areas], key=order.index)
    lines = [
        AreaLine(
            area=area.area,
            verdict=area.verdict,
            fix_first=list(area.fix_first),
            proxies=list(area.proxies),
        )
        for area in areas
    ]
    return ReadinessReport(verdict=verdict, areas=lines)
