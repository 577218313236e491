"""Reservations: reserve and confirm, exactly once, with an end; holders in the stock's account."""

from cloud.orders.reservations.model import (
    LONGEST,
    SHORTEST,
    Ask,
    PartRow,
    Reservation,
    Status,
)
from cloud.orders.reservations.service import (
    confirm,
    extend,
    page,
    release,
    reservation,
    reserve,
)

__all__ = [
    "LONGEST",
    "SHORTEST",
    "Ask",
    "PartRow",
    "Reservation",
    "Status",
    "confirm",
    "extend",
    "page",
    "release",
    "reservation",
    "reserve",
]
