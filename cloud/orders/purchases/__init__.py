"""Our orders to suppliers: what was said of them, what is under way, what came and when."""

from cloud.orders.purchases.expecting import Expected, expected_receipts, relearn
from cloud.orders.purchases.leadtimes import Arrival, Distribution
from cloud.orders.purchases.service import forget, handle, note_arrivals, note_undone, sweep
from cloud.orders.purchases.store import Taken

__all__ = [
    "Arrival",
    "Distribution",
    "Expected",
    "Taken",
    "expected_receipts",
    "forget",
    "handle",
    "note_arrivals",
    "note_undone",
    "relearn",
    "sweep",
]
