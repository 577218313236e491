"""What there is: sites, items with their trade item numbers, and locations."""

from cloud.catalog.bills import Need, Recipe
from cloud.catalog.bills import explode as explode_recipes
from cloud.catalog.calendars import Calendar
from cloud.catalog.facts import Fact, exported, header, remarked
from cloud.catalog.kinds import template, template_workbook, workbook
from cloud.catalog.landed import Landed
from cloud.catalog.model import IMPORT_KINDS, ImportKind, ItemRow, Report, RowError, SiteRow
from cloud.catalog.naming import check_columns, check_mapping, proposal
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
    site_codes,
    site_ids,
    sites,
    snapshot,
)
from cloud.catalog.trade import calendar_of, explode, landed_cost, recipes

__all__ = [
    "IMPORT_KINDS",
    "Calendar",
    "Fact",
    "ImportKind",
    "ItemRow",
    "Landed",
    "Need",
    "Recipe",
    "Report",
    "RowError",
    "SiteRow",
    "calendar_of",
    "check_columns",
    "check_mapping",
    "current_version",
    "delta",
    "explode",
    "explode_recipes",
    "export_rows",
    "exported",
    "facts",
    "header",
    "import_csv",
    "item_ids",
    "items",
    "landed_cost",
    "location_ids",
    "proposal",
    "raise_above",
    "recipes",
    "remarked",
    "revision_as_of",
    "site_codes",
    "site_ids",
    "sites",
    "snapshot",
    "template",
    "template_workbook",
    "workbook",
]
