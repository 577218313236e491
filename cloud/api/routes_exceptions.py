"""Cases: what a person should look at, and closing one for a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from cloud import exceptions
from cloud.access import Caller
from cloud.api.guard import ReadCaller, Requires, ServiceDep, own_site
from cloud.api.paging import Cursor, Page, Paged
from cloud.api.problem import responses
from cloud.api.shapes import SiteCode, moment, moment_or_none
from cloud.exceptions import Case
from shared.errors import CATALOGUE, Entry

_CASES: Final = Cursor("exceptions", "bigint")
_UNKNOWN: Final = Entry(500, "This version does not know this code.", "Update the cloud.")
_LARGEST: Final = 2**63 - 1

router = APIRouter(prefix="/v1", tags=["exceptions"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
_CLOSING: Final = _REFUSALS | responses("request.conflict")

CaseId = Annotated[int, Path(ge=1, le=_LARGEST, description="A case's number.")]
Closer = Annotated[Caller, Depends(Requires("exceptions:write"))]


class CaseLine(BaseModel):
    """A case: raised once, counted while it is open, closed by a person for a reason."""

    id: int
    code: Annotated[str, Field(description="Of the error catalogue.", examples=["segment.link"])]
    says: Annotated[str, Field(description="What the code means.")]
    do: Annotated[str, Field(description="What to do about it.")]
    subject: Annotated[str, Field(description="What it is about, e.g. a gateway.")]
    site: str | None
    detail: Annotated[str, Field(description="The newest particulars.")]
    times: Annotated[int, Field(description="How often it happened while it was open.")]
    raised_at: datetime
    last_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_reason: str | None


class CaseHistory(CaseLine):
    """A case, and those before it with the same code about the same thing."""

    earlier: Annotated[list[CaseLine], Field(description="Closed ones, the newest first.")]


class CaseFilter(Paged):
    """Which cases."""

    site: SiteCode | None = None
    code: Annotated[str | None, Field(pattern=r"^[a-z0-9.-]{1,64}$", examples=["segment.link"])] = (
        None
    )
    subject: Annotated[str | None, Field(pattern=r"^[ -~]{1,200}$", examples=["gw-ams-1"])] = None
    standing: Annotated[
        Literal["open", "closed", "all"], Field(description="Open ones unless told otherwise.")
    ] = "open"


class Closing(BaseModel):
    """Why a case is closed."""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            description="What was found and done, on one line; kept with the case.",
            examples=["clone at dock 4 switched off, history rehomed"],
        ),
    ]


@router.get("/exceptions", responses=_REFUSALS)
def get_exceptions(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[CaseFilter, Query()]
) -> Page[CaseLine]:
    """Cases of the sites that the key may see, the one raised last first."""
    after = _CASES.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        rows = exceptions.cases(
            connection,
            sites=caller.sites,
            site=asked.site,
            code=asked.code,
            subject=asked.subject,
            standing=asked.standing,
            after=after,
            limit=asked.limit + 1,
        )
    items, following = _CASES.page([(_line(row), row.key) for row in rows], asked.limit)
    return Page(items=items, next=following)


@router.get("/exceptions/{case}", responses=_REFUSALS)
def get_exception(caller: ReadCaller, service: ServiceDep, case: CaseId) -> CaseHistory:
    """One case, and how often the same had been closed before."""
    with service.transaction() as connection:
        found = exceptions.case(connection, case, sites=caller.sites)
        before = exceptions.earlier(connection, found)
    return CaseHistory(**_line(found).model_dump(), earlier=[_line(row) for row in before])


@router.post("/exceptions/{case}/close", responses=_CLOSING)
def post_close(
    caller: Closer, service: ServiceDep, case: CaseId, closing: Annotated[Closing, Body()]
) -> CaseLine:
    """Close a case for a reason, which stays with it together with who closed it.

    What happens again opens a new case. The same key with the same reason may ask twice; a case
    that was closed otherwise is a 409.
    """
    with service.transaction() as connection:
        found = exceptions.close(
            connection,
            case,
            reason=closing.reason,
            by=caller.who,
            sites=caller.sites,
            at=service.clock.now(),
        )
    return _line(found)


def _line(row: Case) -> CaseLine:
    entry = CATALOGUE.get(row.code, _UNKNOWN)
    return CaseLine(
        id=row.exception_id,
        code=row.code,
        says=entry.says,
        do=entry.do,
        subject=row.subject,
        site=row.site,
        detail=row.detail,
        times=row.times,
        raised_at=moment(row.raised_at),
        last_at=moment(row.last_at),
        closed_at=moment_or_none(row.closed_at),
        closed_by=row.closed_by,
        closed_reason=row.closed_reason,
    )
