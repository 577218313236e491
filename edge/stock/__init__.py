"""The site's own picture: the documents in force, the catalog, and what lies where."""

from edge.stock.balances import apply, at, lines, on_hand, on_hand_at
from edge.stock.catalog import (
    ItemFound,
    has_location,
    item_of_gtin,
    item_of_sku,
    location_of_role,
    locations,
)
from edge.stock.documents import (
    DocumentInForce,
    forget_documents,
    in_force,
    policy,
    put_in_force,
    refuse_stale,
    versions,
)

__all__ = [
    "DocumentInForce",
    "ItemFound",
    "apply",
    "at",
    "forget_documents",
    "has_location",
    "in_force",
    "item_of_gtin",
    "item_of_sku",
    "lines",
    "location_of_role",
    "locations",
    "on_hand",
    "on_hand_at",
    "policy",
    "put_in_force",
    "refuse_stale",
    "versions",
]
