"""What the API says of demand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, Moment, SiteCode, moment, moment_or_none
from cloud.features import DayRow, EvidenceRow

Day = Annotated[
    date,
    Field(
        ge=date(2000, 1, 1),
        lt=date(2200, 1, 1),
        description="Of the site.",
        examples=["2026-03-01"],
    ),
]
Channel = Annotated[
    str, Field(pattern=r"^[ -~]{0,80}$", description="A sales channel.", examples=["shop"])
]
Known = Annotated[
    Moment | None, Field(description="As it was known at this moment; as it is known now without.")
]


class DemandLine(BaseModel):
    """What was asked for of an item at a site through a channel on a day, in base units."""

    day: str
    item: str
    site: Annotated[str | None, Field(description="Null: no site was asked to ship yet.")]
    channel: Annotated[str, Field(description="Empty where no source names one.")]
    demand: Annotated[
        int, Field(description="Ordered plus sold, what was cancelled later included; once each.")
    ]
    ordered: int
    sold: Annotated[int, Field(description="Over a counter, or reported, without an order.")]
    cancelled: Annotated[int, Field(description="Of what was ordered, before it left.")]
    shipped: Annotated[int, Field(description="Left on this day, whenever it was ordered.")]
    returned: Annotated[int, Field(description="Came back on this day.")]
    promotion: Annotated[str, Field(description="The promotion that sources name, if any.")]
    promoted: Annotated[bool, Field(description="As sources or the catalog's promotions say.")]
    censored: Annotated[
        bool, Field(description="Nothing was available for a part of the day: more was asked for.")
    ]
    estimated: Annotated[
        bool, Field(description="Some of it was told for several days, or by its shipment only.")
    ]
    known_at: Annotated[
        datetime | None,
        Field(description="Since when it is known so; null: nothing was asked for."),
    ]

    @classmethod
    def of(cls, row: DayRow) -> DemandLine:
        """As the API says it."""
        return cls(
            day=row.day,
            item=row.item,
            site=row.site,
            channel=row.channel,
            demand=row.ordered + row.sold,
            ordered=row.ordered,
            sold=row.sold,
            cancelled=row.cancelled,
            shipped=row.shipped,
            returned=row.returned,
            promotion=row.promotion,
            promoted=row.promoted,
            censored=row.censored,
            estimated=row.estimated,
            known_at=moment_or_none(row.known_at),
        )


class EvidenceLine(BaseModel):
    """What one order or sale contributes to a day."""

    what: Annotated[str, Field(description="ordered, cancelled, shipped, sold or returned.")]
    quantity: int
    source: Annotated[str, Field(description="`order`: see /v1/orders/{order}; or `sale`.")]
    order: Annotated[int | None, Field(description="The order's id.")]
    numbering: str
    scope: str
    number: str
    feed: Annotated[str | None, Field(description="Of a sale; an order tells its own.")]
    delivery: Annotated[int | None, Field(description="Of a sale: the row of the feeds' inbox.")]
    position: Annotated[int | None, Field(description="Of the sale in its delivery, from 0.")]
    promotion: str
    estimated: bool
    known_at: datetime

    @classmethod
    def of(cls, row: EvidenceRow) -> EvidenceLine:
        """As the API says it."""
        return cls(
            what=row.measure,
            quantity=row.quantity,
            source=row.source,
            order=row.source_id if row.source == "order" else None,
            numbering=row.numbering,
            scope=row.scope,
            number=row.number,
            feed=row.feed,
            delivery=row.delivery_id,
            position=row.position,
            promotion=row.promotion,
            estimated=row.estimated,
            known_at=moment(row.known_at),
        )


class DemandFilter(Paged):
    """Which days; without `from` and `until` the last 90."""

    item: ItemCode | None = None
    site: SiteCode | None = None
    channel: Channel | None = None
    since: Annotated[Day | None, Field(alias="from", description="The first day.")] = None
    until: Annotated[Day | None, Field(description="The last day.")] = None
    known: Known = None


class EvidenceFilter(Paged):
    """Which day's demand."""

    item: ItemCode
    site: Annotated[SiteCode | None, Field(description="Without: what no site was asked for.")] = (
        None
    )
    channel: Channel = ""
    day: Day
    known: Known = None
