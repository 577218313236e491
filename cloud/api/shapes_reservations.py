"""What the API says of reservations and is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, SiteCode, moment
from cloud.orders.reservations import LONGEST, SHORTEST, Reservation
from shared.units import MAX_QUANTITY, SECOND

_NAME: Final = r"^[!-~]([ -~]{0,78}[!-~])?$"
_EXAMPLE: Final[dict[str, Any]] = {
    "id": "RS-4f1c09d2a7b3",
    "item": "OAT-500",
    "quantity": 2,
    "status": "pending",
    "channel": "web",
    "order": "1001",
    "reserved_at": "2026-11-22T12:00:00Z",
    "expires_at": "2026-11-22T12:15:00Z",
    "changed_at": "2026-11-22T12:00:00Z",
    "parts": [{"site": "AMS1", "item": "OAT-500", "quantity": 2, "picked": 0}],
    "because": [
        {
            "says": "Of 40 OAT-500 that were free at AMS1, 2 are held.",
            "link": "/v1/stock?site=AMS1&item=OAT-500&state=available",
        }
    ],
}

Region = Annotated[
    str, Field(pattern=r"^[ -~]{1,64}$", description="A region of sites.", examples=["EU"])
]
Channel = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,63}$",
        description="For which channel.",
        examples=["web"],
    ),
]
Order = Annotated[
    str,
    Field(
        pattern=_NAME,
        description="The order (or cart) that it is for: picks for this document fulfil it.",
        examples=["1001"],
    ),
]
Seconds = Annotated[
    int,
    Field(
        ge=SHORTEST // SECOND,
        le=LONGEST // SECOND,
        description="How long it is held without being confirmed.",
    ),
]


class Because(BaseModel):
    """One number that an answer comes from, and where to see it."""

    says: str
    link: Annotated[str | None, Field(description="A path of this API.")] = None


class Wish(BaseModel):
    """What to reserve: at a site, in a region, or (with neither) anywhere."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"item": "OAT-500", "quantity": 2, "region": "EU", "order": "1001"}
        },
    )
    item: ItemCode
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    site: SiteCode | None = None
    region: Region | None = None
    channel: Channel | None = None
    order: Order | None = None
    ttl_s: Seconds = 900

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.site is not None and self.region is not None:
            raise ValueError("a site or a region, not both")
        return self


class Confirming(BaseModel):
    """Makes it an order's; names the order where that was not known before."""

    model_config = ConfigDict(extra="forbid")
    order: Order | None = None


class Extending(BaseModel):
    """How much longer, from now."""

    model_config = ConfigDict(extra="forbid")
    ttl_s: Seconds = 900


class ReservedPart(BaseModel):
    """What is held of one item at one site, and how much of it was picked."""

    site: str
    item: str
    quantity: int
    picked: int


class ReservationLine(BaseModel):
    """A reservation as it stands."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})
    id: str
    item: str
    quantity: int
    status: Literal["pending", "confirmed", "released", "expired"]
    channel: str | None
    order: str | None
    reserved_at: datetime
    expires_at: Annotated[datetime, Field(description="While it is pending.")]
    changed_at: datetime
    parts: list[ReservedPart]
    because: list[Because]


class ReservationFilter(Paged):
    """Which reservations."""

    site: SiteCode | None = None
    item: ItemCode | None = None
    order: Order | None = None


def reservation_line(found: Reservation) -> ReservationLine:
    """As the API says it."""
    return ReservationLine.model_construct(
        id=found.code,
        item=found.sku,
        quantity=found.quantity,
        status=found.status,
        channel=found.channel or None,
        order=found.document or None,
        reserved_at=moment(found.reserved_at),
        expires_at=moment(found.expires_at),
        changed_at=moment(found.changed_at),
        parts=[
            ReservedPart.model_construct(
                site=part.site, item=part.sku, quantity=part.quantity, picked=part.fulfilled
            )
            for part in found.parts
        ],
        because=[
            Because.model_construct(
                says=f"Of {part.free_before} {part.sku} that were free at {part.site}, "
                f"{part.quantity} are held.",
                link=stock_link(part.site, part.sku),
            )
            for part in found.parts
        ],
    )


def stock_link(site: str, sku: str) -> str:
    """Where to see what is available of an item at a site."""
    return f"/v1/stock?{urlencode({'site': site, 'item': sku, 'state': 'available'})}"
