"""What the API says of feeds and their deliveries."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, Moment, moment, moment_or_none
from cloud.feeds import DeliveryRow, Feed, Flaw, Health, ItemMapping, Outcome
from shared.errors import CATALOGUE
from shared.units import MAX_QUANTITY

FeedCode = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="A feed's code.",
        examples=["shop-main"],
    ),
]
Standing = Literal["waiting", "applied", "partly", "stale", "refused", "unrouted"]


class DeliveryLine(BaseModel):
    """A delivery and what became of it; never its content, which may hold addresses."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 41,
                "topic": "orders/create",
                "origin": "push",
                "key": "orders/create 98880550-7158-44d4-b7cd-2c97c8a091b5",
                "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                "bytes": 5120,
                "received_at": "2026-03-01T12:00:00Z",
                "standing": "refused",
                "repeats": 0,
                "attempts": 1,
                "settled_at": "2026-03-01T12:00:01Z",
                "documents": 0,
                "code": "feed.unknown-item",
                "where": "sales-order 450789469 line 0",
                "says": "their code '39072856'",
                "do": "Add the item, or say what the code means; then retry.",
            }
        }
    )
    id: int
    topic: str
    origin: Literal["push", "poll", "file"]
    key: Annotated[str, Field(description="What the source calls it; the same is taken once.")]
    sha256: str
    bytes: int
    received_at: Moment
    standing: Standing
    repeats: Annotated[int, Field(description="How often the same came again.")]
    attempts: int
    settled_at: Moment | None
    documents: Annotated[int, Field(description="How many of its documents were applied.")]
    code: Annotated[str | None, Field(description="Of the first thing wrong with it.")]
    where: str
    says: str
    do: str


class Reconciliation(BaseModel):
    """What asking the other system itself last brought."""

    at: Moment
    until: Annotated[Moment | None, Field(description="Changes up to here have been compared.")]
    looked: Annotated[int, Field(description="How many things were compared.")]
    missed: Annotated[int, Field(description="How many of them no delivery had brought.")]
    error: str


class FeedLine(BaseModel):
    """A feed and how it does; counts are of the last 24 hours."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "shop-main",
                "kind": "shopify",
                "standing": "on",
                "site": None,
                "channel": "web",
                "partner": "",
                "interval_seconds": 3600,
                "last_received_at": "2026-03-01T12:00:00Z",
                "age_seconds": 40,
                "silent_since": None,
                "waiting": 0,
                "oldest_waiting_at": None,
                "received": 1204,
                "applied": 1200,
                "refused": 4,
                "unrouted": 0,
                "repeats": 17,
                "error_rate": 0.0033,
                "lag_ms": 640,
                "stale_items": 0,
                "last_error": None,
                "reconciliation": None,
            }
        }
    )
    code: str
    kind: str
    standing: Literal["on", "off"]
    site: str | None
    channel: str
    partner: str
    interval_seconds: Annotated[int | None, Field(description="Something is expected so often.")]
    last_received_at: Moment | None
    age_seconds: Annotated[int | None, Field(description="Since something last came.")]
    silent_since: Annotated[Moment | None, Field(description="Known to have stopped since.")]
    waiting: int
    oldest_waiting_at: Moment | None
    received: int
    applied: int
    refused: int
    unrouted: Annotated[int, Field(description="Kept until a version takes their kind.")]
    repeats: Annotated[int, Field(description="The same again; nothing was done twice.")]
    error_rate: Annotated[float | None, Field(description="Refused of settled; null: none yet.")]
    lag_ms: Annotated[int | None, Field(description="From received to applied, the mean.")]
    stale_items: Annotated[
        int, Field(description="Items of class A that it has not spoken of for 24 hours.")
    ]
    last_error: DeliveryLine | None
    reconciliation: Reconciliation | None


class MappingLine(BaseModel):
    """What one of a feed's own codes means, or meant."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "theirs": "39072856",
                "sku": "OAT-500",
                "quantity": 1,
                "since": "2026-03-01T12:00:00Z",
                "until": None,
                "by": "ada",
            }
        }
    )
    theirs: str
    sku: str
    quantity: Annotated[int, Field(description="Base units that one of theirs is.")]
    since: Moment
    until: Annotated[Moment | None, Field(description="Null: it means this now.")]
    by: Annotated[str, Field(description="Who said so; empty: the feed's own listing.")]


class NewMapping(BaseModel):
    """What one of a feed's own codes is to mean from now on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"theirs": "39072856", "sku": "OAT-500", "quantity": 1}},
    )
    theirs: Annotated[str, Field(min_length=1, max_length=80)]
    sku: ItemCode
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1


class Wrong(BaseModel):
    """One thing that is wrong with what was sent."""

    where: str
    code: str
    says: str
    do: str


class Taken(BaseModel):
    """What was sent is kept and will be applied; ask for the delivery to see what became of it."""

    model_config = ConfigDict(json_schema_extra={"example": {"delivery": 41, "documents": 1}})
    delivery: int
    documents: Annotated[int | None, Field(description="How many; null: not read yet.")] = None


class Would(BaseModel):
    """What a dry run says would happen; nothing has."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"standing": "applied", "documents": 1, "errors": []}}
    )
    standing: Standing
    documents: int
    errors: list[Wrong]


class FeedFilter(Paged):
    """Which feeds."""

    kind: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] | None = None


class DeliveryFilter(Paged):
    """Which deliveries."""

    standing: Standing | None = None


class MappingFilter(BaseModel):
    """Which mappings."""

    model_config = ConfigDict(extra="forbid")
    history: Annotated[bool, Field(description="What codes meant before, too.")] = False
    limit: Annotated[int, Field(ge=1, le=500)] = 500


class SendOptions(BaseModel):
    """How something is sent."""

    model_config = ConfigDict(extra="forbid")
    dry_run: Annotated[bool, Field(description="Only say what would happen.")] = False


def delivery_line(row: DeliveryRow) -> DeliveryLine:
    """A delivery as the API says it."""
    entry: Any = CATALOGUE.get(row.error_code) if row.error_code else None  # pyright: ignore[reportArgumentType] - kept text
    return DeliveryLine(
        id=row.delivery_id,
        topic=row.topic,
        origin=row.origin,
        key=row.key,
        sha256=row.sha256,
        bytes=row.size,
        received_at=moment(row.received_at),
        standing=row.standing,
        repeats=row.repeats,
        attempts=row.attempts,
        settled_at=moment_or_none(row.settled_at),
        documents=row.documents,
        code=row.error_code,
        where=row.error_where,
        says=row.error_says,
        do=entry.do if entry else "",
    )


def feed_line(feed: Feed, health: Health, now: int) -> FeedLine:
    """A feed as the API says it; its settings stay with those who run it."""
    last = health.last_received_at
    reconciled = None
    if health.polled_at is not None:
        reconciled = Reconciliation(
            at=moment(health.polled_at),
            until=moment_or_none(health.poll_until),
            looked=health.poll_looked or 0,
            missed=health.poll_missed or 0,
            error=health.poll_error,
        )
    rate = health.error_rate
    return FeedLine(
        code=feed.code,
        kind=feed.kind,
        standing=feed.standing,
        site=feed.site,
        channel=feed.channel,
        partner=feed.partner,
        interval_seconds=feed.interval_s,
        last_received_at=moment_or_none(last),
        age_seconds=None if last is None else max(0, now - last) // 1_000_000,
        silent_since=moment_or_none(health.silent_at),
        waiting=health.waiting,
        oldest_waiting_at=moment_or_none(health.oldest_waiting_at),
        received=health.received,
        applied=health.applied,
        refused=health.refused,
        unrouted=health.unrouted,
        repeats=health.repeats,
        error_rate=None if rate is None else round(rate, 4),
        lag_ms=health.lag_ms,
        stale_items=health.stale_items,
        last_error=None if health.last_error is None else delivery_line(health.last_error),
        reconciliation=reconciled,
    )


def mapping_line(row: ItemMapping) -> MappingLine:
    """A mapping as the API says it."""
    return MappingLine(
        theirs=row.theirs,
        sku=row.sku,
        quantity=row.quantity,
        since=moment(row.since),
        until=moment_or_none(row.until),
        by=row.by,
    )


def would(outcome: Outcome) -> Would:
    """A dry run's outcome as the API says it."""
    return Would(
        standing=outcome.standing,
        documents=outcome.documents,
        errors=[wrong(flaw) for flaw in outcome.flaws],
    )


def wrong(flaw: Flaw) -> Wrong:
    """A flaw as the API says it."""
    entry = CATALOGUE[flaw.code]
    return Wrong(where=flaw.where, code=flaw.code, says=flaw.says or entry.says, do=entry.do)
