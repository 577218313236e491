"""What there will be, and what of it may be promised: arithmetic without a database or a clock."""

from shared.replenishment.atp import (
    Coming,
    Outlook,
    Range,
    Standing,
    kit,
    outlook,
    summed,
)
from shared.replenishment.unseen import Rate, Unseen, quantile, rate, unseen

__all__ = [
    "Coming",
    "Outlook",
    "Range",
    "Rate",
    "Standing",
    "Unseen",
    "kit",
    "outlook",
    "quantile",
    "rate",
    "summed",
    "unseen",
]
