"""Our orders to suppliers: what was said of them, what is under way, what came and when."""

from cloud.orders.purchases.desk import (
    Asking,
    View,
    Wish,
    Wished,
    as_document,
    cancel,
    change,
    close,
    place,
    view,
)
from cloud.orders.purchases.expecting import Expected, expected_receipts, relearn
from cloud.orders.purchases.leadtimes import (
    Arrival,
    Distribution,
    Learnt,
    chance_within,
    mean,
    quantile,
)
from cloud.orders.purchases.listing import changes, discrepancies, orders, receipts, shipments
from cloud.orders.purchases.model import LineState
from cloud.orders.purchases.reading import named
from cloud.orders.purchases.scorecard import Figure, OrderScore, Scorecard
from cloud.orders.purchases.service import (
    etas,
    forget,
    handle,
    lead_times,
    note_arrivals,
    note_undone,
    scorecard,
    sweep,
)
from cloud.orders.purchases.store import (
    ChangeRow,
    DiscrepancyRow,
    OrderRow,
    ReceiptRow,
    ShipmentRow,
    Taken,
)

__all__ = [
    "Arrival",
    "Asking",
    "ChangeRow",
    "DiscrepancyRow",
    "Distribution",
    "Expected",
    "Figure",
    "Learnt",
    "LineState",
    "OrderRow",
    "OrderScore",
    "ReceiptRow",
    "Scorecard",
    "ShipmentRow",
    "Taken",
    "View",
    "Wish",
    "Wished",
    "as_document",
    "cancel",
    "chance_within",
    "change",
    "changes",
    "close",
    "discrepancies",
    "etas",
    "expected_receipts",
    "forget",
    "handle",
    "lead_times",
    "mean",
    "named",
    "note_arrivals",
    "note_undone",
    "orders",
    "place",
    "quantile",
    "receipts",
    "relearn",
    "scorecard",
    "shipments",
    "sweep",
    "view",
]
