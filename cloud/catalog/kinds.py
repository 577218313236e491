"""Each kind of table: its key, what is said of a key once, and what it has several of. Pure.

One declaration serves the reading of a file, the template, the export and the comparison with what
the catalog holds, so none of them can disagree with another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from cloud.catalog import money
from cloud.catalog.bills import MAX_COMPONENTS
from cloud.catalog.model import ImportKind, TradeKind, normalize_gtin, yes_or_no
from cloud.catalog.table import COLUMNS, TEMPLATES, Columns, Row
from cloud.tables import lines, written_workbook
from shared.units import MAX_QUANTITY

Value = str | int | bool | date | None

LEVELS: Final = ("each", "inner", "case", "layer", "pallet")
"""Pack levels, the smallest first."""
_BY_ANY_WAY: Final = ("EXW", "FCA", "CPT", "CIP", "DAP", "DPU", "DDP")
_BY_WATER: Final = ("FAS", "FOB", "CFR", "CIF")
INCOTERMS: Final = (*_BY_ANY_WAY, *_BY_WATER)
"""Incoterms 2020 of the ICC."""
MAX_DAYS: Final = 36_500
MAX_BREAKS: Final = 100
"""Price breaks of one offer."""
FROM_THE_BEGINNING: Final = date(1, 1, 1)


class Column(NamedTuple):
    """One column: how a cell is read, given the row's currency, and what holds if nobody said."""

    name: str
    read: Callable[[Row, str, str], Value]
    unsaid: Value = ""
    money: bool = False


class Shape(NamedTuple):
    """A kind's columns: the natural key, terms said once per key, lines of which it has many."""

    key: tuple[Column, ...]
    terms: tuple[Column, ...]
    lines: tuple[Column, ...] = ()
    max_lines: int = 1

    @property
    def header(self) -> list[str]:
        """The columns' names in the order of a file."""
        return [column.name for column in self.key + self.terms + self.lines]


def _code(row: Row, column: str, _: str) -> Value:
    return row.code(column)


def _words(row: Row, column: str, _: str) -> Value:
    return row.name(column)


def _named(row: Row, column: str, _: str) -> Value:
    if not (name := row.name(column)):
        row.refuse(column, "The cell is empty", "Fill it in on the first row of its key")
    return name


def _flag(row: Row, column: str, _: str) -> Value:
    return row.parsed(column, yes_or_no, default=False, do="Write yes or no")


def _gtin(row: Row, column: str, _: str) -> Value:
    if not row.text(column):
        row.refuse(column, "The cell is empty", "Fill in the trade item number")
    return row.parsed(
        column, normalize_gtin, "", do="Compare with the label", code="gs1.check-digit"
    )


def _currency(row: Row, column: str, _: str) -> Value:
    return row.parsed(column, money.currency, "", do="Use e.g. EUR")


def _amount(row: Row, column: str, currency: str) -> Value:
    if row.text(column) and not currency:
        row.refuse("currency", f"The {column} has no currency", "Fill in the currency, e.g. EUR")
        return None
    return row.parsed(
        column,
        lambda text: money.minor_units(text, currency),
        None,
        do="Write it with a point and without signs or thousands separators",
    )


def _cost(row: Row, column: str, currency: str) -> Value:
    if not row.text(column):
        row.refuse(column, "The cell is empty", "Write what it costs")
    return _amount(row, column, currency)


def _date(row: Row, column: str, _: str) -> Value:
    return row.parsed(column, _iso_date, FROM_THE_BEGINNING, do="Write it as 2026-03-01")


def _iso_date(text: str) -> date:
    if len(text) != len("2026-03-01"):
        raise ValueError(f"{text[:40]!r} is not a date such as 2026-03-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 2026-03-01") from None


def _whole(low: int, high: int, unsaid: int | None) -> Callable[[Row, str, str], Value]:
    def parse(text: str) -> int | None:
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise ValueError(f"{text[:40]!r} is not a whole number")
        if not low <= int(text) <= high:
            raise ValueError(f"{text} is not between {low} and {high}")
        return int(text)

    return lambda row, column, _: row.parsed(
        column, parse, unsaid, do=f"Write a whole number from {low} to {high}"
    )


def _stated(low: int, high: int) -> Callable[[Row, str, str], Value]:
    whole = _whole(low, high, low)

    def read(row: Row, column: str, currency: str) -> Value:
        if not row.text(column):
            row.refuse(column, "The cell is empty", "Write how many")
        return whole(row, column, currency)

    return read


def _one_of(words: tuple[str, ...], unsaid: str, *, upper: bool = False) -> Callable[..., Value]:
    def parse(text: str) -> str:
        word = text.upper() if upper else text.lower()
        if word not in words:
            raise ValueError(f"{text[:40]!r} is none of {', '.join(words)}")
        return word

    def read(row: Row, column: str, _: str) -> Value:
        return row.parsed(column, parse, unsaid, do=f"Write one of {', '.join(words)}")

    return read


def _needed(words: tuple[str, ...]) -> Callable[..., Value]:
    one_of = _one_of(words, "")

    def read(row: Row, column: str, currency: str) -> Value:
        if not row.text(column):
            row.refuse(column, "The cell is empty", f"Write one of {', '.join(words)}")
        return one_of(row, column, currency)

    return read


def _number(name: str, low: int, high: int, unsaid: int | None) -> Column:
    return Column(name, _whole(low, high, unsaid), unsaid)


_REMOVED: Final = Column("removed", _flag, unsaid=False)
_CURRENCY: Final = Column("currency", _currency)
_LEAD: Final = _number("lead_days", 0, MAX_DAYS, None)


def _plain(names: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(name, _words) for name in names)


SHAPES: Final[dict[ImportKind, Shape]] = {
    "sites": Shape(_plain(("code",)), _plain(("name", "region", "timezone", "currency"))),
    "items": Shape(
        _plain(("sku",)), _plain(("name", "removed", "class")), _plain(("gtin", "quantity"))
    ),
    "locations": Shape(_plain(("site", "code")), _plain(("role", "removed", "zone", "capacity"))),
    "assortment": Shape(
        (Column("sku", _code),),
        (
            Column("category", _words),
            Column("cost", _amount, None, money=True),
            Column("price", _amount, None, money=True),
            _CURRENCY,
            _number("shelf_life", 1, MAX_DAYS, None),
        ),
    ),
    "packs": Shape((Column("gtin", _gtin),), (Column("level", _one_of(LEVELS, "")),)),
    "links": Shape(
        (
            Column("sku", _code),
            Column("kind", _needed(("sibling", "substitute"))),
            Column("other", _code),
        ),
        (_number("rank", 1, 1000, 1), _REMOVED),
    ),
    "suppliers": Shape(
        (Column("code", _code),),
        (
            Column("name", _named),
            _CURRENCY,
            Column("minimum", _amount, None, money=True),
            _number("payment_days", 0, MAX_DAYS, None),
            Column("incoterm", _one_of(INCOTERMS, "", upper=True)),
            Column("place", _words),
            _LEAD,
            _REMOVED,
        ),
    ),
    "offers": Shape(
        (Column("supplier", _code), Column("sku", _code)),
        (
            Column("reference", _words),
            _CURRENCY,
            _number("per", 1, MAX_QUANTITY, 1),
            _number("minimum", 1, MAX_QUANTITY, 1),
            _number("multiple", 1, MAX_QUANTITY, 1),
            _LEAD,
            _REMOVED,
        ),
        (_number("from", 1, MAX_QUANTITY, 1), Column("cost", _cost, money=True)),
        MAX_BREAKS,
    ),
    "bills": Shape(
        (Column("sku", _code), Column("version", _code)),
        (
            Column("purpose", _one_of(("kit", "made"), "kit"), "kit"),
            Column("valid_from", _date, FROM_THE_BEGINNING),
            _number("makes", 1, MAX_QUANTITY, 1),
            _REMOVED,
        ),
        (Column("component", _code), Column("quantity", _stated(1, MAX_QUANTITY))),
        MAX_COMPONENTS,
    ),
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
