"""What there is: sites, items with their trade item numbers, and locations."""

from cloud.catalog.model import IMPORT_KINDS, ImportKind, ItemRow, Report, RowError, SiteRow
from cloud.catalog.service import (
    current_version,
    delta,
    import_csv,
    item_ids,
    items,
    location_ids,
    raise_above,
    site_ids,
    sites,
    snapshot,
)
from cloud.catalog.table import template

__all__ = [
    "IMPORT_KINDS",
    "ImportKind",
    "ItemRow",
    "Report",
    "RowError",
    "SiteRow",
    "current_version",
    "delta",
    "import_csv",
    "item_ids",
    "items",
    "location_ids",
    "raise_above",
    "site_ids",
    "sites",
    "snapshot",
    "template",
]
