"""What is held about a person, and how long. Pure."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

from shared.units import Micros

Kind = Literal["customers", "deliveries"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
DEFAULT_DAYS: Final[dict[Kind, int]] = {"customers": 1095, "deliveries": 30}
"""Customers three years after the last word of them (claims run out); deliveries as they came."""
MOST_DAYS: Final[dict[Kind, int]] = {"customers": 3650, "deliveries": 30}


class Customer(NamedTuple):
    """All that identifies somebody, as one source says it."""

    pseudonym: str
    source: str
    reference: str
    name: str
    email: str
    phone: str
    street: str
    city: str
    postcode: str
    country: str
    region: str
    seen_at: Micros
    erased_at: Micros | None


class OrderHeld(NamedTuple):
    """An order that names a pseudonym; ``buyer`` false where it is only shipped to."""

    order_id: int
    status: str
    numbering: str
    number: str
    channel: str
    placed_at: Micros | None
    buyer: bool
    lines: list[str]


class Held(NamedTuple):
    """What is held about somebody (GDPR, article 15)."""

    customer: Customer
    orders: list[OrderHeld]
    deliveries: int


class Certificate(NamedTuple):
    """What an erasure did; ``number`` 0 where it was only tried."""

    number: int
    pseudonym: str
    orders: int
    deliveries: int
    waiting: int
    """Deliveries that are still to be read: their content goes by retention."""
