"""Demand as it was and as it was known: per item, site, channel and day."""

from cloud.features.service import (
    demand,
    drain,
    drift,
    evidence,
    look_at_stock,
    orders_changed,
    sold,
)
from cloud.features.store import DayRow, EvidenceRow

__all__ = [
    "DayRow",
    "EvidenceRow",
    "demand",
    "drain",
    "drift",
    "evidence",
    "look_at_stock",
    "orders_changed",
    "sold",
]
