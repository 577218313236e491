"""Webhooks that leave: who is told of what, what became of each message, and sending it again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from cloud import catalog
from cloud.access import Caller
from cloud.api.guard import Requires, ServiceDep
from cloud.api.paging import Cursor, Page, Paged
from cloud.api.problem import responses
from cloud.api.shapes import SiteCode, moment, moment_or_none
from cloud.changes import Kind, webhooks
from cloud.changes.webhooks import Sent, Webhook
from cloud.db import Connection
from shared.errors import QuartermasterError

_MESSAGES: Final = Cursor("webhook-messages", "bigint")

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
_ADDING: Final = _REFUSALS | responses("request.conflict", "webhook.target")

Code = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$", description="The webhook's code."),
]
Keeper = Annotated[Caller, Depends(Requires("webhooks:write"))]


class NewWebhook(BaseModel):
    """Who is to be told, and of what."""

    model_config = ConfigDict(extra="forbid")
    code: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$", examples=["storefront"])
    ]
    url: Annotated[
        str,
        Field(
            max_length=2000,
            description="An https address of the public internet.",
            examples=["https://shop.example.com/hooks/stock"],
        ),
    ]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=20, examples=[["stock"]])]
    sites: Annotated[
        list[SiteCode] | None, Field(max_length=500, description="Absent: all sites.")
    ] = None


class WebhookLine(BaseModel):
    """Who is told, and how that goes."""

    code: str
    url: str
    kinds: list[str]
    sites: list[str] | None
    secret: Annotated[
        str, Field(description="The name under which the operator keeps its signing secret.")
    ]
    created_at: datetime
    created_by: str
    paused_at: datetime | None
    why: Annotated[str, Field(description="Why it is paused.")]
    waiting: Annotated[int, Field(description="Messages that are still to be taken.")]
    given_up: Annotated[int, Field(description="Messages that were not taken within a day.")]


class MessageLine(BaseModel):
    """One message to one webhook; exactly one of the last three moments is set."""

    id: Annotated[str, Field(description="As the receiver sees it, the same at every attempt.")]
    kind: str
    made_at: datetime
    attempts: int
    status: Annotated[int | None, Field(description="Of the last answer; absent without one.")]
    answer: Annotated[str, Field(description="How the last answer began, or why there was none.")]
    next_at: datetime | None
    delivered_at: datetime | None
    given_up_at: datetime | None


class MessageFilter(Paged):
    """Which messages."""

    standing: Literal["waiting", "delivered", "given-up"] | None = None


class Replay(BaseModel):
    """Which messages are sent again."""

    model_config = ConfigDict(extra="forbid")
    message: Annotated[
        str | None,
        Field(max_length=80, description="Absent: all that were given up."),
    ] = None


class Replayed(BaseModel):
    """How many messages are due again."""

    messages: int


@router.get("", responses=_REFUSALS)
def get_webhooks(caller: Keeper, service: ServiceDep) -> Page[WebhookLine]:
    """Who is told."""
    with service.transaction() as connection:
        found = webhooks.webhooks(connection, caller.sites)
        return Page(items=_lines(connection, found))


@router.post("", status_code=201, responses=_ADDING)
def add_webhook(
    caller: Keeper, service: ServiceDep, wanted: Annotated[NewWebhook, Body()]
) -> WebhookLine:
    """Tell somebody of everything from now on, of the sites that the key may see.

    The signing secret is kept by the operator, not here: put it into the folder of secrets under
    the name that the answer tells.
    """
    with service.transaction() as connection:
        sites = caller.sites
        if wanted.sites is not None:
            known = catalog.site_ids(connection, wanted.sites)
            for code in wanted.sites:
                if code not in known or not caller.sees(known[code]):
                    raise QuartermasterError("request.not-found", f"site {code}", where="sites")
            sites = frozenset(known.values())
        made = webhooks.add(
            connection,
            service.changes,
            code=wanted.code,
            url=wanted.url,
            kinds=wanted.kinds,
            sites=None if sites is None else sorted(sites),
            by=caller.name,
            at=service.clock.now(),
        )
        return _lines(connection, [made])[0]


@router.delete("/{code}", status_code=204, response_class=Response, responses=_REFUSALS)
def remove_webhook(caller: Keeper, service: ServiceDep, code: Code) -> None:
    """Tell somebody no more; what waited is given up."""
    with service.transaction() as connection:
        webhooks.one(connection, code, caller.sites)
        webhooks.remove(connection, code, at=service.clock.now())


@router.post("/{code}/resume", responses=_REFUSALS)
def resume_webhook(caller: Keeper, service: ServiceDep, code: Code) -> WebhookLine:
    """Send again to a receiver that had said it was gone; what waited is due."""
    with service.transaction() as connection:
        webhooks.one(connection, code, caller.sites)
        webhooks.resume(connection, code)
        return _lines(connection, [webhooks.one(connection, code)])[0]


@router.get("/{code}/messages", responses=_REFUSALS)
def get_messages(
    caller: Keeper, service: ServiceDep, code: Code, asked: Annotated[MessageFilter, Query()]
) -> Page[MessageLine]:
    """What was sent and what became of it, the newest first."""
    after = _MESSAGES.read(asked.cursor)
    with service.transaction() as connection:
        webhooks.one(connection, code, caller.sites)
        rows = webhooks.sent(
            connection, code, standing=asked.standing, after=after, limit=asked.limit + 1
        )
    items, following = _MESSAGES.page(
        [(_told(row), (row.message_id,)) for row in rows], asked.limit
    )
    return Page(items=items, next=following)


@router.post("/{code}/replay", responses=_REFUSALS)
def replay_messages(
    caller: Keeper, service: ServiceDep, code: Code, asked: Annotated[Replay, Body()]
) -> Replayed:
    """Send one message again, or all that were given up; the ids stay."""
    with service.transaction() as connection:
        webhooks.one(connection, code, caller.sites)
        count = webhooks.replay(connection, code, asked.message, at=service.clock.now())
    return Replayed(messages=count)


def _lines(connection: Connection, found: list[Webhook]) -> list[WebhookLine]:
    names = catalog.site_codes(connection, {site for each in found for site in each.sites or ()})
    return [
        WebhookLine(
            code=each.code,
            url=each.url,
            kinds=each.kinds,
            sites=None if each.sites is None else [names[site] for site in each.sites],
            secret=webhooks.secret_of(each.code),
            created_at=moment(each.created_at),
            created_by=each.created_by,
            paused_at=moment_or_none(each.paused_at),
            why=each.why,
            waiting=each.waiting,
            given_up=each.given_up,
        )
        for each in found
    ]


def _told(row: Sent) -> MessageLine:
    return MessageLine(
        id=row.name,
        kind=row.kind,
        made_at=moment(row.made_at),
        attempts=row.attempts,
        status=row.status,
        answer=row.answer,
        next_at=moment_or_none(row.next_at),
        delivered_at=moment_or_none(row.delivered_at),
        given_up_at=moment_or_none(row.given_up_at),
    )
