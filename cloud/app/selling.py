"""What documents of customers' orders do, inside their delivery's transaction."""

from __future__ import annotations

from cloud.db import Connection
from cloud.feeds.documents import CustomerReturn, Delivery, Fulfilment, SalesOrder
from cloud.orders import sales


def spoken(
    connection: Connection,
    document: SalesOrder | Fulfilment | CustomerReturn,
    delivery: Delivery,
) -> None:
    """A feed speaks of a customer's order.

    Raises:
        QuartermasterError: see :func:`cloud.orders.sales.take`.
    """
    sales.take(connection, document, delivery)
