"""What the API says of what may be promised."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, SiteCode, moment, moment_or_none
from cloud.api.shapes_reservations import Because, Order, Region, stock_link
from cloud.promise import Answer, Availability, Change, Receipt, Shown, SiteAnswer, Stock
from shared.replenishment import Outlook, Range
from shared.units import HOUR, MINUTE

_EXAMPLE: Final[dict[str, Any]] = {
    "item": "OAT-500",
    "kit": False,
    "at": "2026-11-22T12:00:00Z",
    "low": 36,
    "expected": 40,
    "high": 42,
    "says": "36–42 at 95 %; AMS1 silent 17 min",
    "by_hour": {"low": [36, 36], "expected": [40, 45], "high": [42, 66]},
    "unassigned": 0,
    "sites": [],
}


class AtpAsked(BaseModel):
    """Of which item, where, and how far ahead."""

    model_config = ConfigDict(extra="forbid")
    item: ItemCode
    region: Region | None = None
    site: SiteCode | None = None
    horizon: Annotated[
        str,
        Field(
            pattern=r"^([0-9]|[1-9][0-9]|[12][0-9]{2}|3[0-2][0-9]|33[0-6])h$",
            description="Hours ahead, at most 336h.",
            examples=["24h"],
        ),
    ] = "24h"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.site is not None and self.region is not None:
            raise ValueError("a site or a region, not both")
        return self


class ByHour(BaseModel):
    """Each list begins now and goes on hour by hour; later is never less."""

    low: Annotated[list[int], Field(description="May be promised, with 95 %.")]
    expected: Annotated[list[int], Field(description="The mean, rounded down.")]
    high: Annotated[list[int], Field(description="Still possible, with 5 %.")]


class Expectation(BaseModel):
    """Goods to come: of such, half are there by `half_by`, 95 % by `sure_by`."""

    order: str
    line: str
    shipment: str | None
    item: str
    quantity: int
    half_by: datetime
    sure_by: datetime


class SiteAtp(BaseModel):
    """One site: the numbers, and what follows from them."""

    site: str
    region: str
    low: int
    expected: int
    high: int
    available: int
    expired: Annotated[int, Field(description="Of these, in lots that have expired.")]
    leased: int
    reserved: int
    waiting: Annotated[int, Field(description="Owed to customers without being held for them.")]
    last_word_at: Annotated[
        datetime | None, Field(description="Of the gateway that was silent longest.")
    ]
    silent_s: Annotated[int, Field(description="0 while it speaks.")]
    by_hour: ByHour
    receipts: list[Expectation]
    because: list[Because]


class Atp(BaseModel):
    """What may be promised: a range, each number with where it comes from."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})
    item: str
    kit: Annotated[bool, Field(description="Counted by its components, too.")]
    at: datetime
    low: int
    expected: int
    high: int
    says: str
    by_hour: ByHour
    unassigned: Annotated[
        int, Field(description="Owed to customers who named no site: taken off the sum.")
    ]
    sites: list[SiteAtp]


def atp_answer(found: Answer) -> Atp:
    """As the API says it."""
    now = found.outlook.now
    return Atp.model_construct(
        item=found.sku,
        kit=found.kit,
        at=moment(found.at),
        low=now.low,
        expected=now.expected,
        high=now.high,
        says=_says(found),
        by_hour=_by_hour(found.outlook),
        unassigned=found.unassigned,
        sites=[_site(each) for each in found.sites],
    )


def _says(found: Answer) -> str:
    silent = [
        f"{each.place.code} silent {_span(each.silent)}" for each in found.sites if each.silent
    ]
    return "; ".join([_range(found.outlook.now), *silent])


def _range(now: Range) -> str:
    return str(now.low) if now.low == now.high else f"{now.low}–{now.high} at 95 %"


def _span(micros: int) -> str:
    minutes = micros // MINUTE
    return f"{minutes} min" if minutes < 120 else f"{micros // HOUR} h"


def _by_hour(outlook: Outlook) -> ByHour:
    if outlook.is_steady:
        now, count = outlook.now, len(outlook.moments)
        return ByHour.model_construct(
            low=[now.low] * count, expected=[now.expected] * count, high=[now.high] * count
        )
    return ByHour.model_construct(
        low=[each.low for each in outlook.moments],
        expected=[each.expected for each in outlook.moments],
        high=[each.high for each in outlook.moments],
    )


def _site(found: SiteAnswer) -> SiteAtp:
    standing, now = found.stock.standing, found.outlook.now
    everything = [found.stock, *(part for part, _ in found.parts)]
    return SiteAtp.model_construct(
        site=found.place.code,
        region=found.place.region,
        low=now.low,
        expected=now.expected,
        high=now.high,
        available=standing.available,
        expired=standing.expired,
        leased=standing.leased,
        reserved=standing.reserved,
        waiting=standing.waiting,
        last_word_at=moment_or_none(found.place.heard_at),
        silent_s=found.silent // 1_000_000,
        by_hour=_by_hour(found.outlook),
        receipts=[_receipt(each) for stock in everything for each in stock.receipts],
        because=_because(found),
    )


def _receipt(found: Receipt) -> Expectation:
    return Expectation.model_construct(
        order=found.order,
        line=found.line,
        shipment=found.shipment or None,
        item=found.sku,
        quantity=found.quantity,
        half_by=moment(found.half_at),
        sure_by=moment(found.sure_at),
    )


def _because(found: SiteAnswer) -> list[Because]:
    site, lines = found.place.code, _numbers(found.place.code, found.stock)
    for part, units in found.parts:
        lines.append(Because.model_construct(says=f"One takes {units} {part.sku}.", link=None))
        lines += _numbers(site, part)
    if found.silent:
        unseen = found.stock.standing.unseen
        says = (
            f"{site} silent {_span(found.silent)}: since then {unseen.expected:.1f} were probably "
            f"sold, {unseen.low} to {unseen.high} with 95 %."
        )
        link = f"/v1/sites/{site}/completeness"
        lines.append(Because.model_construct(says=says, link=link))
    return lines


def _numbers(site: str, stock: Stock) -> list[Because]:
    """Each number that is not nothing, with where to see it."""
    query = urlencode({"site": site, "item": stock.sku})
    standing = stock.standing
    lines = [
        (
            standing.available,
            f"{standing.available} {stock.sku} available",
            stock_link(site, stock.sku),
        ),
        (standing.expired, f"less {standing.expired} in lots that have expired", None),
        (standing.leased, f"less {standing.leased} that leases and gateways hold", None),
        (standing.reserved, f"less {standing.reserved} reserved", f"/v1/reservations?{query}"),
        (
            standing.waiting,
            f"less {standing.waiting} that customers wait for",
            f"/v1/orders?{urlencode({'item': stock.sku, 'site': site, 'status': 'open'})}",
        ),
    ]
    found = [Because.model_construct(says=says, link=link) for units, says, link in lines if units]
    for each in stock.receipts:
        says = (
            f"{each.quantity} of {each.order} line {each.line} by {each.supplier}: there with 95 % "
            f"by {moment(each.sure_at):%Y-%m-%d %H:%M} UTC"
        )
        link = f"/v1/purchase-orders/{each.order}"
        found.append(Because.model_construct(says=says, link=link))
    return found


class PromiseAsked(Paged):
    """Which promises."""

    item: ItemCode | None = None
    order: Order | None = None
    site: SiteCode | None = None
    state: Annotated[
        Literal["held", "backordered", "unsighted", "closed"] | None,
        Field(description="Held in stock; waiting for what comes; nothing in sight; over."),
    ] = None


class Alternative(BaseModel):
    """What else could be had: the same from another site, or what may stand in."""

    kind: Literal["site", "substitute"]
    site: str | None = None
    free: int | None = None
    item: str | None = None
    available: int | None = None


class PromiseLine(BaseModel):
    """What a line of an order is promised; days are those of the site that ships."""

    order: str
    channel: str
    item: str
    state: Literal["held", "backordered", "unsighted", "closed"]
    says: Annotated[str, Field(examples=["ships Nov 7–10"])]
    first_day: date | None
    last_day: date | None
    site: Annotated[str | None, Field(description="That was asked for, or that it comes to.")]
    quantity: Annotated[int, Field(description="Still to ship.")]
    held: int
    rank: Annotated[int, Field(description="Among those who wait for the item.")]
    promised_at: datetime
    changed_at: datetime
    because: list[Because]
    alternatives: list[Alternative]


class PromiseChange(BaseModel):
    """How a promise changed, and why."""

    at: datetime
    item: str
    before: str
    after: str
    why: str


class OrderPromises(BaseModel):
    """All that an order was promised, and how that changed."""

    order: str
    lines: list[PromiseLine]
    changes: list[PromiseChange]


class AvailabilityAsked(BaseModel):
    """Of which item, and where."""

    model_config = ConfigDict(extra="forbid")
    item: ItemCode
    region: Region | None = None


class AvailabilityLine(BaseModel):
    """What a buyer can expect before he buys."""

    item: str
    says: Annotated[str, Field(examples=["ships Nov 7–10"])]
    low: Annotated[int, Field(description="May be promised at once.")]
    first_day: date | None
    last_day: date | None
    because: list[Because]
    alternatives: list[Alternative]


def promise_line(found: Shown) -> PromiseLine:
    """As the API says it."""
    promise = found.promise
    return PromiseLine(
        order=promise.number,
        channel=promise.channel,
        item=found.sku,
        state=promise.state,
        says=promise.says(),
        first_day=promise.first_day,
        last_day=promise.last_day,
        site=found.site or None,
        quantity=promise.quantity,
        held=promise.held,
        rank=promise.rank,
        promised_at=moment(promise.promised_at),
        changed_at=moment(promise.changed_at),
        because=[Because(says=each["says"], link=each["link"]) for each in promise.because],
        alternatives=[Alternative(**each) for each in promise.alternatives],
    )


def promise_change(found: Change) -> PromiseChange:
    """As the API says it."""
    return PromiseChange(
        at=moment(found.at), item=found.sku, before=found.before, after=found.after, why=found.why
    )


def availability_line(found: Availability) -> AvailabilityLine:
    """As the API says it."""
    return AvailabilityLine(
        item=found.answer.sku,
        says=found.says,
        low=found.answer.outlook.now.low,
        first_day=found.first_day,
        last_day=found.last_day,
        because=[Because(says=says, link=link) for says, link in found.because],
        alternatives=[
            Alternative(kind="substitute", item=sku, available=units)
            for sku, units in found.substitutes
        ],
    )
