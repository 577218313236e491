"""Each kind of table: its key, what is said of a key once, and what it has several of. Pure.

One declaration serves the reading of a file, the template, the export and the comparison with what
the catalog holds, so none of them can disagree with another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cloud.catalog.bills import MAX_COMPONENTS
from cloud.catalog.cells import (
    CURRENCY,
    FROM_THE_BEGINNING,
    LEAD,
    MAX_DAYS,
    REMOVED,
    Column,
    Shape,
    amount,
    code,
    cost,
    first_day,
    named,
    needed,
    number,
    one_of,
    plain,
    stated,
    trade_number,
    words,
)
from cloud.catalog.model import ImportKind, TradeKind
from cloud.catalog.planning import PLANNING
from cloud.catalog.table import COLUMNS, TEMPLATES, Columns
from cloud.tables import lines, written_workbook
from shared.units import MAX_QUANTITY

LEVELS: Final = ("each", "inner", "case", "layer", "pallet")
"""Pack levels, the smallest first."""
_BY_ANY_WAY: Final = ("EXW", "FCA", "CPT", "CIP", "DAP", "DPU", "DDP")
_BY_WATER: Final = ("FAS", "FOB", "CFR", "CIF")
INCOTERMS: Final = (*_BY_ANY_WAY, *_BY_WATER)
"""Incoterms 2020 of the ICC."""
MAX_BREAKS: Final = 100
"""Price breaks of one offer."""


SHAPES: Final[dict[ImportKind, Shape]] = {
    "sites": Shape(plain(("code",)), plain(("name", "region", "timezone", "currency"))),
    "items": Shape(
        plain(("sku",)), plain(("name", "removed", "class")), plain(("gtin", "quantity"))
    ),
    "locations": Shape(plain(("site", "code")), plain(("role", "removed", "zone", "capacity"))),
    "assortment": Shape(
        (Column("sku", code),),
        (
            Column("category", words),
            Column("cost", amount, None, money=True),
            Column("price", amount, None, money=True),
            CURRENCY,
            number("shelf_life", 1, MAX_DAYS, None),
        ),
    ),
    "packs": Shape((Column("gtin", trade_number),), (Column("level", one_of(LEVELS, "")),)),
    "links": Shape(
        (
            Column("sku", code),
            Column("kind", needed(("sibling", "substitute"))),
            Column("other", code),
        ),
        (number("rank", 1, 1000, 1), REMOVED),
    ),
    "suppliers": Shape(
        (Column("code", code),),
        (
            Column("name", named),
            CURRENCY,
            Column("minimum", amount, None, money=True),
            number("payment_days", 0, MAX_DAYS, None),
            Column("incoterm", one_of(INCOTERMS, "", upper=True)),
            Column("place", words),
            LEAD,
            REMOVED,
        ),
    ),
    "offers": Shape(
        (Column("supplier", code), Column("sku", code)),
        (
            Column("reference", words),
            CURRENCY,
            number("per", 1, MAX_QUANTITY, 1),
            number("minimum", 1, MAX_QUANTITY, 1),
            number("multiple", 1, MAX_QUANTITY, 1),
            LEAD,
            REMOVED,
        ),
        (number("from", 1, MAX_QUANTITY, 1), Column("cost", cost, money=True)),
        MAX_BREAKS,
    ),
    "bills": Shape(
        (Column("sku", code), Column("version", code)),
        (
            Column("purpose", one_of(("kit", "made"), "kit"), "kit"),
            Column("valid_from", first_day, FROM_THE_BEGINNING),
            number("makes", 1, MAX_QUANTITY, 1),
            REMOVED,
        ),
        (Column("component", code), Column("quantity", stated(1, MAX_QUANTITY))),
        MAX_COMPONENTS,
    ),
    **{kind: one.shape for kind, one in PLANNING.items()},
}

TRADE_COLUMNS: Final[dict[TradeKind, Columns]] = {
    "assortment": Columns(
        ("sku",),
        ("category", "cost", "price", "currency", "shelf_life"),
        ("cost", "price", "currency"),
        {"cost": "number", "price": "number", "shelf_life": "number"},
    ),
    "packs": Columns(("gtin", "level"), ()),
    "links": Columns(("sku", "kind", "other"), ("rank", "removed"), forms={"rank": "number"}),
    "suppliers": Columns(
        ("code", "name"),
        ("currency", "minimum", "payment_days", "incoterm", "place", "lead_days", "removed"),
        ("currency", "minimum"),
        {"minimum": "number", "payment_days": "number", "lead_days": "number"},
    ),
    "offers": Columns(
        ("supplier", "sku", "currency", "cost"),
        ("reference", "per", "minimum", "multiple", "lead_days", "removed", "from"),
        forms=dict.fromkeys(("cost", "per", "minimum", "multiple", "lead_days", "from"), "number"),
    ),
    "bills": Columns(
        ("sku", "version", "component", "quantity"),
        ("purpose", "valid_from", "makes", "removed"),
        forms={"quantity": "number", "makes": "number", "valid_from": "date"},
    ),
    **{kind: one.columns for kind, one in PLANNING.items()},
}

_TRADE_TEMPLATES: Final[dict[TradeKind, str]] = {
    "assortment": (
        "sku,category,cost,price,currency,shelf_life\nOAT-500,Food/Cereals,0.89,1.79,EUR,365\n"
    ),
    "packs": "gtin,level\n4006381333931,each\n14006381333938,case\n",
    "links": "sku,kind,other,rank,removed\nOAT-500,substitute,OAT-1000,1,no\n",
    "suppliers": (
        "code,name,currency,minimum,payment_days,incoterm,place,lead_days,removed\n"
        "MILL,The Mill,EUR,250.00,30,DAP,Amsterdam,14,no\n"
    ),
    "offers": (
        "supplier,sku,reference,currency,per,minimum,multiple,lead_days,removed,from,cost\n"
        "MILL,OAT-500,M-17,EUR,1,48,12,10,no,48,0.89\n"
        "MILL,OAT-500,,,,,,,,480,0.81\n"
    ),
    "bills": (
        "sku,version,purpose,valid_from,makes,removed,component,quantity\n"
        "BREAKFAST,1,kit,2026-01-01,1,no,OAT-500,1\n"
        "BREAKFAST,1,,,,,OAT-1000,2\n"
    ),
    **{kind: one.template for kind, one in PLANNING.items()},
}


def template(kind: ImportKind) -> str:
    """An example file of a kind, which can be read as it is."""
    return {**TEMPLATES, **_TRADE_TEMPLATES}[kind]


def template_workbook(kind: ImportKind) -> bytes:
    """The same as a workbook."""
    return workbook(kind, (cells for _, cells in lines(template(kind), code="catalog.file")))


def workbook(kind: ImportKind, rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of a kind, their header first, as a workbook.

    Raises:
        QuartermasterError: ``catalog.file`` where they are more than a sheet holds.
    """
    return written_workbook(rows, columns(kind).forms, name=kind, code="catalog.file")


def columns(kind: ImportKind) -> Columns:
    """The header that a kind's files may have."""
    return {**COLUMNS, **TRADE_COLUMNS}[kind]
