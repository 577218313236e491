"""What other systems' documents do: from a feed's kind to its reader, from a type to its handler.

Handlers run inside the delivery's transaction and refuse by raising; a type without one is kept
(``unrouted``) until a version comes that has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloud import feeds
from cloud.app import selling, stock_documents
from cloud.app.stock_documents import both
from cloud.db import Connection
from cloud.feeds import Handler, Reader, Routes, carrier, posted, shopify, tables, tills, x12
from cloud.feeds.documents import (
    Confirmation,
    CustomerReturn,
    Delivery,
    Fulfilment,
    Invoice,
    Listing,
    PurchaseOrder,
    ReceiptAdvice,
    Sale,
    SalesOrder,
    ShipNotice,
    StockAdjustment,
    StockReport,
    Tracking,
)
from cloud.feeds.reports import amazon
from cloud.ledger.transit import service as transit
from cloud.orders import purchases

READERS: Final[Mapping[str, Reader]] = {
    "shopify": shopify.read,
    "carrier": carrier.read,
    "rest": posted.read,
    "pos": tills.read,
    "table": tables.read,
    "amazon": amazon.read,
    x12.KIND: x12.read_delivery,
}


def _ship_notice(connection: Connection, document: ShipNotice, delivery: Delivery) -> None:
    """The order is told first; the ledger then hears our names of what the supplier calls its own.

    Raises:
        QuartermasterError: as the handlers of both.
    """
    purchases.handle(connection, document, delivery)
    ours = purchases.named(connection, document, delivery)
    stock_documents.ship_notice(connection, ours, delivery)
    _expect(connection, document)


def _tracked(connection: Connection, document: Tracking, delivery: Delivery) -> None:
    """The order is told first; what moves is expected in the ledger, too.

    Raises:
        QuartermasterError: as the handler of the order.
    """
    purchases.handle(connection, document, delivery)
    _expect(connection, document)


def _expect(connection: Connection, document: ShipNotice | Tracking) -> None:
    """In whatever order they spoke, the latest word on a shipment's arrival counts everywhere."""
    for supplier, shipment, eta in purchases.etas(connection, document):
        for each in transit.in_transit(connection, sites=None, reference=shipment):
            if each.scope == supplier and each.eta != eta:
                transit.expect(connection, each.consignment_id, eta=eta)


HANDLERS: Final[Mapping[type, Handler]] = {
    Listing: feeds.learn,
    SalesOrder: selling.spoken,
    Fulfilment: both(selling.spoken, stock_documents.fulfilment),
    CustomerReturn: both(selling.spoken, stock_documents.customer_return),
    PurchaseOrder: purchases.handle,
    Confirmation: purchases.handle,
    ShipNotice: _ship_notice,
    Invoice: purchases.handle,
    ReceiptAdvice: both(purchases.handle, stock_documents.receipt_advice),
    StockAdjustment: stock_documents.stock_adjustment,
    StockReport: stock_documents.stock_report,
    Tracking: _tracked,
    Sale: selling.sold,
}

ROUTES: Final = Routes(READERS, HANDLERS)
