"""Orders, shipments, receipts and discrepancies, page by page, of the sites that a caller sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloud.db import Connection
from cloud.orders.purchases import store
from cloud.orders.purchases.desk import view

Sites = frozenset[int] | None


def orders(
    connection: Connection,
    *,
    sites: Sites,
    site: str | None = None,
    supplier: str | None = None,
    status: str | None = None,
    number: str | None = None,
    sku: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[store.OrderRow]:
    """Orders by number."""
    return store.orders(
        connection,
        sites=_keys(sites),
        site=site,
        supplier=supplier,
        status=status,
        number=number,
        sku=sku,
        after=after,
        limit=limit,
    )


def changes(
    connection: Connection, number: str, *, sites: Sites, after: int | None = None, limit: int = 100
) -> list[store.ChangeRow]:
    """How an order came to stand as it does, the first change first.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    found = view(connection, number, sites=sites)
    return store.history(connection, found.order.purchase_id, after=after, limit=limit)


def shipments(
    connection: Connection,
    *,
    sites: Sites,
    site: str | None = None,
    supplier: str | None = None,
    status: str | None = None,
    order: str | None = None,
    after: Sequence[Any] = (),
    limit: int = 100,
) -> list[store.ShipmentRow]:
    """Shipments by order."""
    return store.shipments(
        connection,
        sites=_keys(sites),
        site=site,
        supplier=supplier,
        status=status,
        order=order,
        after=after,
        limit=limit,
    )


def receipts(
    connection: Connection,
    *,
    sites: Sites,
    site: str | None = None,
    order: str | None = None,
    sku: str | None = None,
    after: Sequence[Any] = (),
    limit: int = 100,
) -> list[store.ReceiptRow]:
    """Receipts by order."""
    return store.receipts(
        connection, sites=_keys(sites), site=site, order=order, sku=sku, after=after, limit=limit
    )


def discrepancies(
    connection: Connection,
    *,
    sites: Sites,
    site: str | None = None,
    order: str | None = None,
    kind: str | None = None,
    closed: bool | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[store.DiscrepancyRow]:
    """What does not agree, or did not."""
    return store.discrepancies(
        connection,
        sites=_keys(sites),
        site=site,
        order=order,
        kind=kind,
        closed=closed,
        after=after,
        limit=limit,
    )


def _keys(sites: Sites) -> list[int] | None:
    return None if sites is None else sorted(sites)
