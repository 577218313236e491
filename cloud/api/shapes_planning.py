"""What the API says of planning: lanes, landed costs, agreements, calendars, planned demand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode
from cloud.api.shapes_catalog import AsOf, Money
from cloud.api.shapes_trade import SupplierCode
from cloud.catalog import Fact, Landed
from shared.units import MAX_QUANTITY

_CODE = r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,63}$"
AnyCode = Annotated[str, Field(pattern=_CODE, description="A code.")]
Percent = Annotated[
    str | None, Field(pattern=r"^\d+\.\d\d$", description="Percent, exactly; null: nobody said.")
]


class ChannelLine(BaseModel):
    """A sales channel; 1 is served first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"code": "shop", "name": "Our own shop", "priority": 1, "removed": False}
        }
    )
    code: str
    name: str
    priority: int
    removed: bool


class LaneLine(BaseModel):
    """A way from a supplier, or from a site, to a site."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "MILL-AMS1",
                "supplier": "MILL",
                "origin": "",
                "site": "AMS1",
                "mode": "road",
                "days": 2,
                "fixed": {"minor": 8000, "currency": "EUR"},
                "cost": {"minor": 2, "currency": "EUR"},
                "per": 1,
                "removed": False,
            }
        }
    )
    code: str
    supplier: Annotated[str, Field(description="Whence; empty where it leads from a site.")]
    origin: Annotated[str, Field(description="The site whence; empty where from a supplier.")]
    site: Annotated[str, Field(description="Whither.")]
    mode: str
    days: Annotated[int | None, Field(description="As stated; not as observed.")]
    fixed: Annotated[Money | None, Field(description="Once per shipment.")]
    cost: Annotated[Money | None, Field(description="For `per` base units.")]
    per: int
    removed: bool


class LandedCostLine(BaseModel):
    """A part of what goods cost once they are here; empty lane, supplier or sku means any."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "lane": "",
                "supplier": "MILL",
                "sku": "OAT-500",
                "part": "duty",
                "percent": "7.25",
                "base": "cif",
                "amount": None,
                "per": 1,
                "removed": False,
            }
        }
    )
    lane: str
    supplier: str
    sku: str
    part: str
    percent: Percent
    base: Annotated[
        Literal["goods", "cif"],
        Field(description="What a percentage is of: the goods, or with freight and insurance."),
    ]
    amount: Annotated[Money | None, Field(description="For `per` base units.")]
    per: int
    removed: bool


class AgreementLine(BaseModel):
    """What is agreed with a supplier on volumes and changes; an empty sku means all together."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "supplier": "MILL",
                "sku": "",
                "week_capacity": 20000,
                "floor": 50000,
                "floor_days": 91,
                "window_days": 21,
                "window_percent": "15.00",
                "notice_days": 7,
                "premium": "8.00",
                "removed": False,
            }
        }
    )
    supplier: str
    sku: str
    week_capacity: Annotated[int | None, Field(description="Base units a week.")]
    floor: Annotated[int | None, Field(description="Base units that are taken at least…")]
    floor_days: Annotated[int | None, Field(description="…within so many days.")]
    window_days: Annotated[int | None, Field(description="From so many days before shipment on…")]
    window_percent: Annotated[Percent, Field(description="…a quantity may change by this.")]
    notice_days: Annotated[int | None, Field(description="A change later than this before…")]
    premium: Annotated[Percent, Field(description="…costs this much more.")]
    removed: bool


class Closure(BaseModel):
    """Days without work, both included."""

    first: date
    last: date
    occasion: str


class CalendarLine(BaseModel):
    """When a site or a supplier works."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "owner": "supplier",
                "code": "MILL",
                "workdays": ["mon", "tue", "wed", "thu", "fri"],
                "closures": [
                    {"first": "2026-08-03", "last": "2026-08-14", "occasion": "Summer closure"}
                ],
                "removed": False,
            }
        }
    )
    owner: Literal["site", "supplier"]
    code: str
    workdays: list[str]
    closures: list[Closure]
    removed: bool


class PromotionLine(BaseModel):
    """A promotion as planned demand; an empty site or channel means all."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "EASTER26",
                "sku": "OAT-500",
                "category": "",
                "site": "",
                "channel": "shop",
                "name": "Easter breakfast",
                "starts": "2026-03-30",
                "ends": "2026-04-06",
                "uplift": "40.00",
                "units": None,
                "removed": False,
            }
        }
    )
    code: str
    sku: str
    category: str
    site: str
    channel: str
    name: str
    starts: date
    ends: date
    uplift: Percent
    units: Annotated[int | None, Field(description="Base units expected on top, in all.")]
    removed: bool


class ContractLine(BaseModel):
    """A contract as planned demand: so many base units over its span."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "customer": "HOTELS",
                "sku": "OAT-500",
                "starts": "2026-04-01",
                "ends": "2026-06-30",
                "quantity": 3600,
                "site": "AMS1",
                "channel": "retail",
                "price": {"minor": 120, "currency": "EUR"},
                "reference": "C-2026-7",
                "removed": False,
            }
        }
    )
    customer: str
    sku: str
    starts: date
    ends: date
    quantity: int
    site: str
    channel: str
    price: Money | None
    reference: str
    removed: bool


class CostPart(BaseModel):
    """A part of a landed cost, in minor units, to four decimals."""

    part: str
    minor: str


class LandedCost(BaseModel):
    """What a quantity of an offer costs once it is here; amounts are rounded for showing only."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "supplier": "MILL",
                "sku": "OAT-500",
                "quantity": 480,
                "currency": "EUR",
                "goods": "38880.0000",
                "parts": [{"part": "duty", "minor": "2818.8000"}],
                "total": "41698.8000",
                "per_unit": "86.8725",
            }
        }
    )
    supplier: str
    sku: str
    quantity: int
    currency: str
    goods: Annotated[str, Field(description="Minor units.")]
    parts: list[CostPart]
    total: str
    per_unit: Annotated[str, Field(description="Minor units for one base unit.")]


class CodeFilter(Paged):
    """Which of them, by code."""

    code: AnyCode | None = None
    at: AsOf = None


class CostFilter(Paged):
    """Which parts of landed cost."""

    lane: AnyCode | None = None
    supplier: SupplierCode | None = None
    at: AsOf = None


class AgreementFilter(Paged):
    """Which agreements."""

    supplier: SupplierCode | None = None
    sku: ItemCode | None = None
    at: AsOf = None


class CalendarFilter(Paged):
    """Whose calendars."""

    owner: Literal["site", "supplier"] | None = None
    code: AnyCode | None = None
    at: AsOf = None


class PromotionFilter(Paged):
    """Which promotions."""

    code: AnyCode | None = None
    sku: ItemCode | None = None
    at: AsOf = None


class ContractFilter(Paged):
    """Which contracts."""

    customer: AnyCode | None = None
    sku: ItemCode | None = None
    at: AsOf = None


class LandedQuestion(BaseModel):
    """How many, by which lane, as known when."""

    model_config = ConfigDict(extra="forbid")
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, description="Base units.")]
    lane: AnyCode | None = None
    at: AsOf = None


def channel_line(fact: Fact) -> ChannelLine:
    """A channel as the API says it."""
    name, priority, removed = cast("Any", fact.terms)
    return ChannelLine(code=fact.key[0], name=name, priority=priority, removed=removed)


def lane_line(fact: Fact) -> LaneLine:
    """A lane as the API says it."""
    supplier, origin, site, mode, days, fixed, cost, per, currency, removed = cast(
        "Any", fact.terms
    )
    return LaneLine(
        code=fact.key[0],
        supplier=supplier,
        origin=origin,
        site=site,
        mode=mode,
        days=days,
        fixed=Money.of(fixed, currency),
        cost=Money.of(cost, currency),
        per=per,
        removed=removed,
    )


def cost_line(fact: Fact) -> LandedCostLine:
    """A part of landed cost as the API says it."""
    lane, supplier, sku, part = fact.key
    percent, base, amount, currency, per, removed = cast("Any", fact.terms)
    return LandedCostLine(
        lane=lane,
        supplier=supplier,
        sku=sku,
        part=part,
        percent=_percent(percent),
        base=base,
        amount=Money.of(amount, currency),
        per=per,
        removed=removed,
    )


def agreement_line(fact: Fact) -> AgreementLine:
    """An agreement as the API says it."""
    capacity, floor, floor_days, window, share, notice, premium, removed = cast("Any", fact.terms)
    return AgreementLine(
        supplier=fact.key[0],
        sku=fact.key[1],
        week_capacity=capacity,
        floor=floor,
        floor_days=floor_days,
        window_days=window,
        window_percent=_percent(share),
        notice_days=notice,
        premium=_percent(premium),
        removed=removed,
    )


def calendar_line(fact: Fact) -> CalendarLine:
    """A calendar as the API says it."""
    workdays, removed = cast("Any", fact.terms)
    return CalendarLine(
        owner=cast("Any", fact.key[0]),
        code=fact.key[1],
        workdays=workdays.split(),
        closures=[
            Closure(first=first, last=last or first, occasion=occasion)
            for first, last, occasion in cast("list[tuple[date, date | None, str]]", fact.lines)
        ],
        removed=removed,
    )


def promotion_line(fact: Fact) -> PromotionLine:
    """A promotion as the API says it."""
    code, sku, category, site, channel = fact.key
    name, starts, ends, uplift, units, removed = cast("Any", fact.terms)
    return PromotionLine(
        code=code,
        sku=sku,
        category=category,
        site=site,
        channel=channel,
        name=name,
        starts=starts,
        ends=ends,
        uplift=_percent(uplift),
        units=units,
        removed=removed,
    )


def contract_line(fact: Fact) -> ContractLine:
    """A contract as the API says it."""
    ends, quantity, site, channel, price, currency, reference, removed = cast("Any", fact.terms)
    return ContractLine(
        customer=fact.key[0],
        sku=fact.key[1],
        starts=date.fromisoformat(fact.key[2]),
        ends=ends,
        quantity=quantity,
        site=site,
        channel=channel,
        price=Money.of(price, currency),
        reference=reference,
        removed=removed,
    )


def landed_cost(supplier: str, sku: str, found: Landed) -> LandedCost:
    """A landed cost as the API says it."""
    return LandedCost(
        supplier=supplier,
        sku=sku,
        quantity=found.quantity,
        currency=found.currency,
        goods=_exactly(found.goods),
        parts=[CostPart(part=part, minor=_exactly(cost)) for part, cost in found.parts],
        total=_exactly(found.total),
        per_unit=_exactly(found.per_unit),
    )


def _percent(hundredths: int | None) -> str | None:
    return None if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02}"


def _exactly(value: Fraction) -> str:
    """To four decimals, half a last one up."""
    ten_thousandths = int(value * 10_000 + Fraction(1, 2))
    return str(Decimal(ten_thousandths).scaleb(-4))
