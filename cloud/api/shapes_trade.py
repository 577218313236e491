"""What the API says of the trade: suppliers, offers, links, bills of material, explosions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode
from cloud.api.shapes_catalog import AsOf, Money
from cloud.catalog import Fact
from cloud.catalog.cells import FROM_THE_BEGINNING
from shared.units import MAX_QUANTITY

SupplierCode = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,63}$",
        description="A supplier's code.",
        examples=["MILL"],
    ),
]


class SupplierLine(BaseModel):
    """A supplier and its terms; null where nobody said."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "MILL",
                "name": "The Mill",
                "currency": "EUR",
                "minimum_order": {"minor": 25000, "currency": "EUR"},
                "payment_days": 30,
                "incoterm": "DAP",
                "place": "Amsterdam",
                "lead_days": 14,
                "removed": False,
            }
        }
    )
    code: str
    name: str
    currency: str
    minimum_order: Annotated[Money | None, Field(description="The least an order is worth.")]
    payment_days: int | None
    incoterm: Annotated[str, Field(description="Of Incoterms 2020.")]
    place: Annotated[str, Field(description="The place that the incoterm names.")]
    lead_days: Annotated[int | None, Field(description="As stated; not as observed.")]
    removed: bool


class PriceBreak(BaseModel):
    """From so many base units on, this is what they cost."""

    from_quantity: int
    cost: Money


class OfferLine(BaseModel):
    """What a supplier asks for an item."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "supplier": "MILL",
                "sku": "OAT-500",
                "reference": "M-17",
                "per": 1,
                "minimum": 48,
                "multiple": 12,
                "lead_days": 10,
                "removed": False,
                "breaks": [{"from_quantity": 48, "cost": {"minor": 89, "currency": "EUR"}}],
            }
        }
    )
    supplier: str
    sku: str
    reference: Annotated[str, Field(description="The supplier's own name for the item.")]
    per: Annotated[int, Field(description="As many base units cost what a break says.")]
    minimum: Annotated[int, Field(description="The least that can be ordered, in base units.")]
    multiple: Annotated[int, Field(description="Orders are a multiple of this.")]
    lead_days: Annotated[int | None, Field(description="Null: as the supplier's.")]
    removed: bool
    breaks: list[PriceBreak]


class LinkLine(BaseModel):
    """An item that stands beside another, or may stand in for it; said in one direction."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sku": "OAT-500",
                "kind": "substitute",
                "other": "OAT-1000",
                "rank": 1,
                "removed": False,
            }
        }
    )
    sku: str
    kind: Literal["sibling", "substitute"]
    other: str
    rank: Annotated[int, Field(description="1 is tried first.")]
    removed: bool


class ComponentLine(BaseModel):
    """Base units of an item that one run takes."""

    sku: str
    quantity: int


class BillLine(BaseModel):
    """A version of a bill of material or of a kit's contents."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sku": "BREAKFAST",
                "version": "1",
                "purpose": "kit",
                "valid_from": "2026-01-01",
                "makes": 1,
                "removed": False,
                "components": [{"sku": "OAT-500", "quantity": 1}],
            }
        }
    )
    sku: str
    version: str
    purpose: Literal["kit", "made"]
    valid_from: Annotated[date | None, Field(description="Null: from the beginning.")]
    makes: Annotated[int, Field(description="Base units that one run makes.")]
    removed: bool
    components: list[ComponentLine]


class NeedLine(BaseModel):
    """Base units of a component that a demand asks for."""

    sku: str
    quantity: int
    made: Annotated[bool, Field(description="It has components itself, which are listed, too.")]


class Explosion(BaseModel):
    """What a demand for an item asks of all below it; empty where it has no bill in force."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sku": "BREAKFAST",
                "quantity": 10,
                "on": "2026-03-01",
                "needs": [{"sku": "OAT-500", "quantity": 10, "made": False}],
            }
        }
    )
    sku: str
    quantity: int
    on: date
    needs: list[NeedLine]


class SupplierFilter(Paged):
    """Which suppliers."""

    code: SupplierCode | None = None
    at: AsOf = None


class OfferFilter(Paged):
    """Which offers."""

    supplier: SupplierCode | None = None
    sku: ItemCode | None = None
    at: AsOf = None


class LinkFilter(Paged):
    """Which links."""

    sku: ItemCode | None = None
    kind: Literal["sibling", "substitute"] | None = None
    at: AsOf = None


class BillFilter(Paged):
    """Which bills."""

    sku: ItemCode | None = None
    at: AsOf = None


class Demand(BaseModel):
    """How many of an item, by the bills of which day, as known when."""

    model_config = ConfigDict(extra="forbid")
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, description="Base units.")] = 1
    on: Annotated[
        date | None, Field(description="The day whose bills count; today without it.")
    ] = None
    at: AsOf = None


class Then(BaseModel):
    """A past moment."""

    model_config = ConfigDict(extra="forbid")
    at: AsOf = None


def supplier_line(fact: Fact) -> SupplierLine:
    """A supplier as the API says it."""
    name, currency, minimum, payment, incoterm, place, lead, removed = cast("Any", fact.terms)
    return SupplierLine(
        code=fact.key[0],
        name=name,
        currency=currency,
        minimum_order=Money.of(minimum, currency),
        payment_days=payment,
        incoterm=incoterm,
        place=place,
        lead_days=lead,
        removed=removed,
    )


def offer_line(fact: Fact) -> OfferLine:
    """An offer as the API says it."""
    reference, currency, per, minimum, multiple, lead, removed = cast("Any", fact.terms)
    return OfferLine(
        supplier=fact.key[0],
        sku=fact.key[1],
        reference=reference,
        per=per,
        minimum=minimum,
        multiple=multiple,
        lead_days=lead,
        removed=removed,
        breaks=[
            PriceBreak(from_quantity=start, cost=Money(minor=cost, currency=currency))
            for start, cost in cast("list[tuple[int, int]]", fact.lines)
        ],
    )


def link_line(fact: Fact) -> LinkLine:
    """A link as the API says it."""
    (sku, kind, other), (rank, removed) = fact.key, cast("Any", fact.terms)
    return LinkLine(sku=sku, kind=cast("Any", kind), other=other, rank=rank, removed=removed)


def bill_line(fact: Fact) -> BillLine:
    """A bill as the API says it."""
    purpose, valid_from, makes, removed = cast("Any", fact.terms)
    return BillLine(
        sku=fact.key[0],
        version=fact.key[1],
        purpose=purpose,
        valid_from=None if valid_from == FROM_THE_BEGINNING else valid_from,
        makes=makes,
        removed=removed,
        components=[
            ComponentLine(sku=sku, quantity=each)
            for sku, each in cast("list[tuple[str, int]]", fact.lines)
        ],
    )
