"""The audit trail: who did what, when, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from cloud.access import Caller, audit
from cloud.access.model import AuditEntry
from cloud.api.guard import Requires, ServiceDep
from cloud.api.paging import Cursor, Page, Paged
from cloud.api.problem import responses
from cloud.api.routes_trade import for_all_sites
from cloud.api.shapes import moment

_ENTRIES: Final = Cursor("audit", "bigint")

router = APIRouter(prefix="/v1", tags=["audit"])

Auditor = Annotated[Caller, Depends(Requires("audit:read"))]


class AuditFilter(Paged):
    """Which entries."""

    who: Annotated[
        str | None,
        Field(
            pattern=r"^[ -~]{1,100}$",
            examples=["p-0123456789abcdef"],
            description="A person's pseudonym, or a key's id.",
        ),
    ] = None


class AuditLine(BaseModel):
    """An entry: pseudonyms and ids only."""

    id: int
    at: datetime
    who: str
    via: Annotated[str, Field(examples=["api", "cli"])]
    origin: Annotated[str, Field(examples=["private"], description="What kind of address.")]
    permission: str
    action: Annotated[str, Field(examples=["POST /v1/keys"])]
    object: str
    outcome: Annotated[str, Field(description="`done`, or the code of the refusal.")]


@router.get(
    "/audit",
    responses=responses(
        "request.invalid", "request.unauthenticated", "request.forbidden", "database.unreachable"
    ),
)
def get_audit(
    caller: Auditor, service: ServiceDep, asked: Annotated[AuditFilter, Query()]
) -> Page[AuditLine]:
    """What was changed and who was refused, the newest first. Only for whoever sees all sites."""
    for_all_sites(caller)
    after = _ENTRIES.read(asked.cursor)
    with service.transaction() as connection:
        found = audit.entries(
            connection,
            who=asked.who,
            before=None if after is None else int(after[0]),
            limit=asked.limit + 1,
        )
    keyed = [(_line(entry), (entry.entry_id,)) for entry in found]
    items, following = _ENTRIES.page(keyed, asked.limit)
    return Page(items=items, next=following)


def _line(entry: AuditEntry) -> AuditLine:
    return AuditLine(
        id=entry.entry_id,
        at=moment(entry.at),
        who=entry.who,
        via=entry.via,
        origin=entry.origin,
        permission=entry.permission,
        action=entry.action,
        object=entry.object,
        outcome=entry.outcome,
    )
