"""What may be promised to customers, and what was: available to promise, windows, backorders."""

from cloud.promise.available import atp
from cloud.promise.model import LONGEST_HOURS, Answer, Place, Receipt, SiteAnswer, Stock

__all__ = [
    "LONGEST_HOURS",
    "Answer",
    "Place",
    "Receipt",
    "SiteAnswer",
    "Stock",
    "atp",
]
