"""What the API says of items, sites and locations, now or as they stood."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, Moment, SiteCode, SiteLine
from cloud.catalog import Fact, ItemRow, SiteRow

AsOf = Annotated[Moment | None, Field(description="As the catalog stood at this moment.")]
PackLevel = Literal["each", "inner", "case", "layer", "pallet"]


class Money(BaseModel):
    """An exact amount."""

    model_config = ConfigDict(json_schema_extra={"example": {"minor": 1250, "currency": "EUR"}})
    minor: Annotated[int, Field(description="Whole minor units of the currency (ISO 4217).")]
    currency: str

    @classmethod
    def of(cls, minor: int | None, currency: str) -> Money | None:
        """The amount, where anybody said one."""
        return None if minor is None else cls(minor=minor, currency=currency)


class ItemCodeLine(BaseModel):
    """A trade item number, how many base units one holds, and which pack it is."""

    gtin: str
    quantity: int
    level: Annotated[PackLevel | None, Field(description="Null where nobody said.")]


class ItemLine(BaseModel):
    """An item; a removed one keeps its history."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sku": "OAT-500",
                "name": "Rolled oats 500 g",
                "removed": False,
                "codes": [{"gtin": "14006381333938", "quantity": 12, "level": "case"}],
                "category": "Food/Cereals",
                "price": {"minor": 179, "currency": "EUR"},
                "cost": {"minor": 89, "currency": "EUR"},
                "margin": {"minor": 90, "currency": "EUR"},
                "margin_basis_points": 5027,
                "shelf_life_days": 365,
            }
        }
    )
    sku: str
    name: str
    removed: bool
    codes: list[ItemCodeLine]
    category: str
    price: Money | None
    cost: Annotated[Money | None, Field(description="Only for keys for all sites.")]
    margin: Annotated[Money | None, Field(description="Price less cost; as `cost`.")]
    margin_basis_points: Annotated[
        int | None, Field(description="The margin per 10,000 of the price; as `cost`.")
    ]
    shelf_life_days: int | None


class LocationLine(BaseModel):
    """A location; a removed one keeps its history."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "site": "AMS1",
                "code": "A-01-1",
                "role": "shelf",
                "removed": False,
                "zone": "A",
                "capacity": 480,
            }
        }
    )
    site: str
    code: str
    role: str
    removed: bool
    zone: str
    capacity: Annotated[int, Field(description="Base units; 0 where nobody said.")]


class ItemFilter(Paged):
    """Which items."""

    sku: ItemCode | None = None
    gtin: Annotated[str | None, Field(pattern=r"^[0-9]{14}$", description="14 digits.")] = None
    at: AsOf = None


class SiteFilter(Paged):
    """Which sites."""

    at: AsOf = None


class LocationFilter(Paged):
    """Which locations."""

    site: SiteCode | None = None
    at: AsOf = None


def item_line(row: ItemRow, *, costs: bool) -> ItemLine:
    """An item as the API says it; what it costs only where ``costs``."""
    return ItemLine(
        sku=row.sku,
        name=row.name,
        removed=row.removed,
        codes=[
            ItemCodeLine(gtin=gtin, quantity=units, level=cast("PackLevel", level) or None)
            for gtin, units, level in row.codes
        ],
        category=row.category,
        price=Money.of(row.price, row.currency),
        cost=Money.of(row.cost, row.currency) if costs else None,
        margin=Money.of(row.margin, row.currency) if costs else None,
        margin_basis_points=row.margin_basis_points if costs else None,
        shelf_life_days=row.shelf_life,
    )


def site_line(row: SiteRow) -> SiteLine:
    """A site as the API says it."""
    return SiteLine(
        code=row.code,
        name=row.name,
        region=row.region,
        timezone=row.timezone,
        currency=row.currency,
    )


def past_site_line(fact: Fact) -> SiteLine:
    """A site as it stood."""
    name, region, timezone, currency = cast("Any", fact.terms)
    return SiteLine(
        code=fact.key[0], name=name, region=region, timezone=timezone, currency=currency
    )


def location_line(fact: Fact) -> LocationLine:
    """A location as the API says it."""
    (site, code), (role, removed, zone, capacity) = fact.key, cast("Any", fact.terms)
    return LocationLine(
        site=site, code=code, role=role, removed=removed, zone=zone, capacity=capacity
    )
