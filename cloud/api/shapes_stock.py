"""Corrections, transfers, goods on their way and logistic units, as the API says and is asked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud.api.paging import Paged
from cloud.api.shapes import (
    ItemCode,
    LocationCode,
    Lot,
    Moment,
    Serial,
    SiteCode,
    Sscc,
    State,
    moment,
    moment_or_none,
)
from cloud.ledger.postings.model import Posting
from cloud.ledger.transit.model import InTransit
from cloud.ledger.units.model import Unit

Whole = Annotated[int, Field(ge=0, le=10_000_000, description="Base units.")]
Reason = Annotated[
    str,
    Field(
        pattern=r"^[^\x00-\x1f]{1,200}$",
        description="Why, on one line; kept with it.",
        examples=["recounted by hand after the flood"],
    ),
]
Reference = Annotated[
    str,
    Field(pattern=r"^[!-~]{1,80}$", description="The document's own number.", examples=["TO-118"]),
]


class Asked(BaseModel):
    """A body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class CorrectionAsked(Asked):
    """What is wrong: either what is there (`quantity`), or how much more or less (`difference`)."""

    site: SiteCode
    item: ItemCode
    location: Annotated[
        LocationCode | None, Field(description="Absent: of no place in particular.")
    ] = None
    lot: Lot | None = None
    serial: Serial | None = None
    state: State = "available"
    quantity: Whole | None = None
    difference: Annotated[int | None, Field(ge=-10_000_000, le=10_000_000)] = None
    reason: Reason

    @model_validator(mode="after")
    def one_of_both(self) -> CorrectionAsked:
        """Exactly one of both says what is right, and nothing on its way is corrected."""
        if (self.quantity is None) == (self.difference is None):
            raise ValueError("either quantity or difference is needed")
        if self.state == "in_transit":
            raise ValueError("what is in transit is changed by its consignment")
        return self


class CorrectionDone(BaseModel):
    """What a correction did, or, in a dry run, would do."""

    posting: Annotated[int | None, Field(description="Its number; null in a dry run.")]
    before: int
    after: int


class UndoAsked(Asked):
    """Why something is taken back."""

    reason: Reason


class PostingLine(BaseModel):
    """What moved stock beside gateways, and who said so."""

    id: int
    source: Literal["document", "person", "transit"]
    what: Annotated[str, Field(examples=["stock-report"])]
    site: str
    reference: str
    feed: str
    delivery: int | None
    position: Annotated[int | None, Field(description="Of the document in its delivery.")]
    person: str
    reason: str
    reverses: Annotated[int | None, Field(description="The posting that it takes back.")]
    reversed_by: Annotated[int | None, Field(description="The posting that took it back.")]
    movements: int
    occurred_at: datetime
    posted_at: datetime


class PostingFilter(Paged):
    """Which postings."""

    site: SiteCode | None = None
    source: Literal["document", "person", "transit"] | None = None


class InTransitLine(BaseModel):
    """Goods that are on their way to a site."""

    consignment: int
    line: int
    kind: Literal["transfer", "purchase"]
    reference: str
    scope: Annotated[str, Field(description="Whose number it is: the supplier's code.")]
    from_site: Annotated[str | None, Field(description="Of a transfer.")]
    site: str
    sku: str
    lot: str | None
    serial: str | None
    sscc: str | None
    dispatched: int
    arrived: int
    lost: int
    quantity: Annotated[int, Field(description="Still to arrive.")]
    shipped_at: datetime
    eta: datetime | None
    overdue: bool
    carrier: str


class InTransitFilter(Paged):
    """Which goods on their way."""

    site: SiteCode | None = None
    item: ItemCode | None = None
    reference: Reference | None = None
    sscc: Sscc | None = None
    closed: Annotated[bool, Field(description="Also what has arrived or was written off.")] = False


class SummaryLine(BaseModel):
    """What a site has of an item, in base units, by what may be done with it."""

    site: str
    sku: str
    name: str
    on_hand: Annotated[int, Field(description="All but what is in transit.")]
    available: int
    allocated: int
    quarantined: int
    damaged: int
    in_transit: Annotated[int, Field(description="Towards this site.")]


class SummaryFilter(Paged):
    """Which sites and items."""

    site: SiteCode | None = None
    item: ItemCode | None = None


class GoodsAsked(Asked):
    """So many base units of an item."""

    item: ItemCode
    quantity: Annotated[int, Field(ge=1, le=10_000_000)]
    lot: Lot | None = None
    serial: Serial | None = None
    sscc: Sscc | None = None


class TransferAsked(Asked):
    """A transfer: from a site whose gateway scans what leaves, `goods` stay empty."""

    reference: Reference
    from_site: SiteCode
    site: SiteCode
    shipped_at: Moment
    eta: Moment | None = None
    carrier: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{0,80}$")] = ""
    goods: Annotated[list[GoodsAsked], Field(max_length=500)] = []


class TransferOpened(BaseModel):
    """The consignment of a transfer."""

    consignment: int


class ArrivalAsked(Asked):
    """What of a consignment arrived at a site without a gateway."""

    occurred_at: Moment
    goods: Annotated[list[GoodsAsked], Field(min_length=1, max_length=500)]


class ArrivalDone(BaseModel):
    """The posting of an arrival."""

    posting: int


class ClosingDone(BaseModel):
    """What was written off."""

    lost: int


class ContentLine(BaseModel):
    """What lies in a unit: so much of an item, or another unit."""

    item: str | None
    lot: str | None
    serial: str | None
    sscc: str | None
    quantity: int


class UnitLine(BaseModel):
    """A logistic unit: where it was last seen, and what it holds."""

    sscc: str
    site: str
    location: str | None
    left: Annotated[bool, Field(description="It was shipped from there.")]
    announced: Annotated[bool, Field(description="Only its sender has told of it so far.")]
    seen_at: datetime
    contents: list[ContentLine]


class UnitMoment(Asked):
    """At which moment; now unless told otherwise."""

    at: Annotated[Moment | None, Field(description="As it was true then.")] = None
    known: Annotated[Moment | None, Field(description="As the cloud knew it then.")] = None


class UnitFilter(Paged):
    """Which units, at which moment."""

    site: SiteCode | None = None
    item: ItemCode | None = None
    at: Annotated[Moment | None, Field(description="As it was true then.")] = None
    known: Annotated[Moment | None, Field(description="As the cloud knew it then.")] = None


def posting_line(row: Posting) -> PostingLine:
    """A posting as the API says it."""
    return PostingLine.model_validate(
        {
            "id": row.posting_id,
            "source": row.source,
            "what": row.what,
            "site": row.site,
            "reference": row.reference,
            "feed": row.feed,
            "delivery": row.delivery_id,
            "position": row.position,
            "person": row.person,
            "reason": row.reason,
            "reverses": row.reverses,
            "reversed_by": row.reversed_by,
            "movements": row.movements,
            "occurred_at": moment(row.occurred_at),
            "posted_at": moment(row.posted_at),
        }
    )


def in_transit_line(row: InTransit) -> InTransitLine:
    """Goods on their way as the API says it."""
    return InTransitLine.model_validate(
        {
            **row._asdict(),
            "consignment": row.consignment_id,
            "quantity": row.quantity,
            "lot": row.lot or None,
            "serial": row.serial or None,
            "sscc": row.sscc or None,
            "shipped_at": moment(row.shipped_at),
            "eta": moment_or_none(row.eta),
        }
    )


def unit_line(unit: Unit) -> UnitLine:
    """A unit as the API says it."""
    return UnitLine(
        sscc=unit.sscc,
        site=unit.site,
        location=unit.location or None,
        left=unit.has_left,
        announced=unit.is_announced_only,
        seen_at=moment(unit.seen_at),
        contents=[
            ContentLine(
                item=content.sku or None,
                lot=content.lot or None,
                serial=content.serial or None,
                sscc=content.inside or None,
                quantity=content.quantity,
            )
            for content in unit.contents
        ],
    )
