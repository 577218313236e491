"""Customers' orders: what several feeds say of one order is one order, counted once."""

from cloud.orders.sales.backlog import OpenLine
from cloud.orders.sales.model import Number, OrderLine
from cloud.orders.sales.service import (
    demanded,
    moved,
    open_lines,
    page,
    redo_merge,
    remind,
    retry,
    take,
    undo_merge,
    whole,
)
from cloud.orders.sales.views import (
    ORDER_KEY,
    Change,
    Demanded,
    MovedRow,
    OrderRow,
    Statement,
    Whole,
    named_in,
)

__all__ = [
    "ORDER_KEY",
    "Change",
    "Demanded",
    "MovedRow",
    "Number",
    "OpenLine",
    "OrderLine",
    "OrderRow",
    "Statement",
    "Whole",
    "demanded",
    "moved",
    "named_in",
    "open_lines",
    "page",
    "redo_merge",
    "remind",
    "retry",
    "take",
    "undo_merge",
    "whole",
]
