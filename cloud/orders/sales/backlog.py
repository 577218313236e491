"""What customers wait for, as those need it who promise stock. Pure."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from cloud.orders.sales.model import Number


class OpenLine(NamedTuple):
    """A line of an order that has not left; times in microseconds.

    ``quantity`` base units are still to be shipped: less what was cancelled, what a feed says that
    it left and what a gateway picked for a document of one of the order's numbers. ``site_id`` is
    the site asked to ship; None where nobody chose one yet. ``keeps_days``: how long the goods must
    still keep when they leave, 0 where nobody said. ``amount`` is what ``ordered`` base units cost.
    """

    order_id: int
    title: Number
    item_id: int
    site_id: int | None
    channel: str
    quantity: int
    placed_at: int
    paid_at: int | None
    segment: str
    priority: int
    keeps_days: int
    wanted: date | None
    ship_from: date | None
    ship_by: date | None
    amount: int | None
    ordered: int
    currency: str
