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
from shared.replenishment.windows import EARLY, LATE, Supply, Want, Window, windows

__all__ = [
    "EARLY",
    "LATE",
    "Coming",
    "Outlook",
    "Range",
    "Rate",
    "Standing",
    "Supply",
    "Unseen",
    "Want",
    "Window",
    "kit",
    "outlook",
    "quantile",
    "rate",
    "summed",
    "unseen",
    "windows",
]
