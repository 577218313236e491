"""What there is: sites, items with their trade item numbers, and locations."""

from cloud.catalog.bills import Need
from cloud.catalog.facts import Fact, exported, header, remarked
from cloud.catalog.kinds import template, template_workbook, workbook
from cloud.catalog.model import IMPORT_KINDS, ImportKind, ItemRow, Report, RowError, SiteRow
from cloud.catalog.service import (
    current_version,
    delta,
    export_rows,
    facts,
    import_csv,
    item_ids,
    items,
    location_ids,
    raise_above,
    revision_as_of,
    site_ids,
    sites,
    snapshot,
)
from cloud.catalog.trade import explode

__all__ = [
    "IMPORT_KINDS",
    "Fact",
    "ImportKind",
    "ItemRow",
    "Need",
    "Report",
    "RowError",
    "SiteRow",
    "current_version",
    "delta",
    "explode",
    "export_rows",
    "exported",
    "facts",
    "header",
    "import_csv",
    "item_ids",
    "items",
    "location_ids",
    "raise_above",
    "remarked",
    "revision_as_of",
    "site_ids",
    "sites",
    "snapshot",
    "template",
    "template_workbook",
    "workbook",
]
