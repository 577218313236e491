"""What gateways decided while the cloud was away, and whether the cloud decides the same."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from cloud import decide
from cloud.api.guard import ReadCaller, ServiceDep, own_site
from cloud.api.paging import Cursor, Page, Paged
from cloud.api.problem import responses
from cloud.api.shapes import SiteCode, moment
from shared.policy import DecisionKind

_DECISIONS: Final = Cursor("decisions", "bigint")

router = APIRouter(prefix="/v1", tags=["decisions"])


class DecisionFilter(Paged):
    """Which decisions."""

    kind: DecisionKind | None = None
    replay: Annotated[
        Literal["identical", "diverged"] | None, Field(description="Only with this verdict.")
    ] = None


class DecisionReplay(BaseModel):
    """What deciding again from the recorded input found."""

    verdict: Literal["identical", "diverged"]
    cost: Annotated[int, Field(description="Base units that the difference concerns.")]
    why: Annotated[str, Field(description="What differs; empty when nothing does.")]
    outcome: Annotated[
        str | None, Field(description="What should have been decided; null where nobody can know.")
    ]


class DecisionOverride(BaseModel):
    """What a person at the site decided instead."""

    outcome: str
    reason: str
    person: str
    at: datetime


class DecisionLine(BaseModel):
    """A decision of a gateway, with what it was based on and what became of it."""

    id: Annotated[str, Field(description="The decision's event.")]
    gateway: str
    kind: Annotated[str, Field(examples=["replenish"])]
    subject: str
    origin: Annotated[str, Field(examples=["edge-fallback"])]
    policy: Annotated[int, Field(description="The version it was decided by; 0 is built in.")]
    key: Annotated[str, Field(description="Two decisions with one key are one.")]
    outcome: str
    quantity: Annotated[int, Field(description="Base units.")]
    carried_out: Annotated[bool, Field(description="False in shadow, and where nothing is done.")]
    reasons: list[str]
    alternatives: list[str]
    replay: DecisionReplay
    duplicate_of: Annotated[
        str | None, Field(description="The first decision with this key; this one does not count.")
    ]
    override: DecisionOverride | None
    occurred_at: datetime
    received_at: datetime


@router.get(
    "/sites/{site}/decisions",
    responses=responses(
        "request.invalid",
        "request.unauthenticated",
        "request.forbidden",
        "request.not-found",
        "database.unreachable",
    ),
)
def get_decisions(
    caller: ReadCaller,
    service: ServiceDep,
    site: Annotated[SiteCode, Path()],
    asked: Annotated[DecisionFilter, Query()],
) -> Page[DecisionLine]:
    """The newest received first: outcome, reasons, replay verdict, duplicates and overrides."""
    after = _DECISIONS.read(asked.cursor)
    with service.transaction() as connection:
        rows = decide.decisions(
            connection,
            own_site(connection, caller, site),
            kind=asked.kind,
            identical=None if asked.replay is None else asked.replay == "identical",
            after=None if after is None else int(after[0]),
            limit=asked.limit + 1,
        )
    keyed = [(_line(row), (row.decision_id,)) for row in rows]
    items, following = _DECISIONS.page(keyed, asked.limit)
    return Page(items=items, next=following)


def _line(row: decide.DecisionRow) -> DecisionLine:
    instead = row.override
    return DecisionLine(
        id=row.id,
        gateway=row.gateway,
        kind=row.kind,
        subject=row.subject,
        origin=row.origin,
        policy=row.policy,
        key=row.key,
        outcome=row.outcome,
        quantity=row.quantity,
        carried_out=row.carried_out,
        reasons=row.reasons,
        alternatives=row.alternatives,
        replay=DecisionReplay(
            verdict="identical" if row.identical else "diverged",
            cost=row.cost,
            why=row.why,
            outcome=row.replayed or None,
        ),
        duplicate_of=row.duplicate_of,
        override=None
        if instead is None
        else DecisionOverride(
            outcome=instead.outcome,
            reason=instead.reason,
            person=instead.person,
            at=moment(instead.at),
        ),
        occurred_at=moment(row.occurred_at),
        received_at=moment(row.received_at),
    )
