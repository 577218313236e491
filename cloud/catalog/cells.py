"""How cells of the catalog's files are read, column by column. Pure.

A reader takes a row, the name of its column and the currency that the row is in; what it cannot
read it refuses with the cell, and gives what holds if nobody said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

from cloud.catalog import money
from cloud.catalog.model import normalize_gtin, yes_or_no
from cloud.catalog.table import Row
from cloud.tables import Form

Value = str | int | bool | date | None
Reader = Callable[[Row, str, str], Value]

MAX_DAYS: Final = 36_500
MAX_PERCENT: Final = 1_000_000
"""In hundredths of a percent: ten thousand percent."""
FROM_THE_BEGINNING: Final = date(1, 1, 1)
_PERCENT: Final = re.compile(r"(\d{1,5})(?:\.(\d{1,2}))?%?\Z", re.ASCII)


class Column(NamedTuple):
    """One column: how a cell is read, given the row's currency, and what holds if nobody said."""

    name: str
    read: Reader
    unsaid: Value = ""
    money: bool = False
    percent: bool = False
    form: Form = "text"


class Shape(NamedTuple):
    """A kind's columns: the natural key, terms said once per key, lines of which it has many."""

    key: tuple[Column, ...]
    terms: tuple[Column, ...]
    lines: tuple[Column, ...] = ()
    max_lines: int = 1
    bare: bool = False
    """A key may have no line at all: a row whose first of these cells is blank adds none."""

    @property
    def header(self) -> list[str]:
        """The columns' names in the order of a file."""
        return [column.name for column in self.key + self.terms + self.lines]


def code(row: Row, column: str, _: str) -> Value:
    """A code of ours."""
    return row.code(column)


def words(row: Row, column: str, _: str) -> Value:
    """Words for people, or none."""
    return row.name(column)


def named(row: Row, column: str, _: str) -> Value:
    """Words for people, which must be there."""
    if not (name := row.name(column)):
        row.refuse(column, "The cell is empty", "Fill it in on the first row of its key")
    return name


def flag(row: Row, column: str, _: str) -> Value:
    """Yes or no; no where nobody said."""
    return row.parsed(column, yes_or_no, default=False, do="Write yes or no")


def trade_number(row: Row, column: str, _: str) -> Value:
    """A trade item number as 14 digits."""
    if not row.text(column):
        row.refuse(column, "The cell is empty", "Fill in the trade item number")
    return row.parsed(
        column, normalize_gtin, "", do="Compare with the label", code="gs1.check-digit"
    )


def currency_code(row: Row, column: str, _: str) -> Value:
    """An ISO 4217 code, or none."""
    return row.parsed(column, money.currency, "", do="Use e.g. EUR")


def amount(row: Row, column: str, currency: str) -> Value:
    """Money of the row's currency, or none."""
    if row.text(column) and not currency:
        row.refuse("currency", f"The {column} has no currency", "Fill in the currency, e.g. EUR")
        return None
    return row.parsed(
        column,
        lambda text: money.minor_units(text, currency),
        None,
        do="Write it with a point and without signs or thousands separators",
    )


def cost(row: Row, column: str, currency: str) -> Value:
    """Money of the row's currency, which must be there."""
    if not row.text(column):
        row.refuse(column, "The cell is empty", "Write what it costs")
    return amount(row, column, currency)


def first_day(row: Row, column: str, _: str) -> Value:
    """A day; from the beginning where nobody said."""
    return row.parsed(column, _iso_date, FROM_THE_BEGINNING, do="Write it as 2026-03-01")


def _iso_date(text: str) -> date:
    if len(text) != len("2026-03-01"):
        raise ValueError(f"{text[:40]!r} is not a date such as 2026-03-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 2026-03-01") from None


def whole(low: int, high: int, unsaid: int | None) -> Reader:
    """A whole number."""

    def parse(text: str) -> int | None:
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise ValueError(f"{text[:40]!r} is not a whole number")
        if not low <= int(text) <= high:
            raise ValueError(f"{text} is not between {low} and {high}")
        return int(text)

    return lambda row, column, _: row.parsed(
        column, parse, unsaid, do=f"Write a whole number from {low} to {high}"
    )


def stated(low: int, high: int) -> Reader:
    """A whole number, which must be there."""
    parse = whole(low, high, low)

    def read(row: Row, column: str, currency: str) -> Value:
        if not row.text(column):
            row.refuse(column, "The cell is empty", "Write how many")
        return parse(row, column, currency)

    return read


def one_of(choice: tuple[str, ...], unsaid: str, *, upper: bool = False) -> Reader:
    """One of some words."""

    def parse(text: str) -> str:
        word = text.upper() if upper else text.lower()
        if word not in choice:
            raise ValueError(f"{text[:40]!r} is none of {', '.join(choice)}")
        return word

    def read(row: Row, column: str, _: str) -> Value:
        return row.parsed(column, parse, unsaid, do=f"Write one of {', '.join(choice)}")

    return read


def needed(choice: tuple[str, ...]) -> Reader:
    """One of some words, which must be there."""
    parse = one_of(choice, "")

    def read(row: Row, column: str, currency: str) -> Value:
        if not row.text(column):
            row.refuse(column, "The cell is empty", f"Write one of {', '.join(choice)}")
        return parse(row, column, currency)

    return read


def number(name: str, low: int, high: int, unsaid: int | None) -> Column:
    """A column of whole numbers."""
    return Column(name, whole(low, high, unsaid), unsaid, form="number")


def any_code(row: Row, column: str, _: str) -> Value:
    """A code of ours; blank means any, or none."""
    return row.code(column) if row.text(column) else ""


def day(row: Row, column: str, _: str) -> Value:
    """A day, which must be there."""
    if not row.text(column):
        row.refuse(column, "The cell is empty", "Write the day as 2026-03-01")
    return row.parsed(column, _iso_date, FROM_THE_BEGINNING, do="Write it as 2026-03-01")


def day_if_any(row: Row, column: str, _: str) -> Value:
    """A day, or none."""
    return row.parsed(column, _iso_date, None, do="Write it as 2026-03-01")


def hundredths(text: str) -> int:
    """``5.25`` or ``5.25%`` as 525 hundredths of a percent; a ValueError says what is wrong."""
    found = _PERCENT.match(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a percentage such as 5.25")
    value = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if value > MAX_PERCENT:
        raise ValueError(f"{text} is above {MAX_PERCENT // 100} percent")
    return value


def percentage(name: str) -> Column:
    """A column of percentages; none where nobody said."""

    def read(row: Row, column: str, _: str) -> Value:
        return row.parsed(column, hundredths, None, do="Write it as 5 or 5.25")

    return Column(name, read, None, percent=True, form="number")


def sum_of_money(name: str) -> Column:
    """A column of amounts; none where nobody said."""
    return Column(name, amount, None, money=True, form="number")


REMOVED: Final = Column("removed", flag, unsaid=False)
CURRENCY: Final = Column("currency", currency_code)
LEAD: Final = number("lead_days", 0, MAX_DAYS, None)


def plain(names: tuple[str, ...]) -> tuple[Column, ...]:
    """Columns of words."""
    return tuple(Column(name, words) for name in names)
