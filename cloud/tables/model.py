"""What a table is here, whatever file it came in; and how another's columns are read as ours. Pure.

A line is a number, as people find it in their file, and its cells as text. A cell that cannot be
trusted, such as a formula without a result, carries one of ``TROUBLES`` instead of a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from shared.errors import Code, QuartermasterError

Line: TypeAlias = tuple[int, list[str]]
Form = Literal["text", "number", "date", "moment"]
"""What a column of ours holds; only numbers, dates and moments are written in several ways."""

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_COLUMNS: Final = 256
REMARKS: Final = "errors"
"""The column that a corrected file carries its remarks in; whatever it says is passed over."""

UNCALCULATED: Final = "#FORMULA!"
ROUNDED: Final = "#ROUNDED!"
TROUBLES: Final[Mapping[str, str]] = {
    UNCALCULATED: "A formula whose result the file does not hold",
    ROUNDED: "A number of which a spreadsheet keeps the first 15 digits only",
    **{
        word: f"A formula without a result ({word})"
        for word in (
            "#N/A",
            "#REF!",
            "#VALUE!",
            "#DIV/0!",
            "#NAME?",
            "#NUM!",
            "#NULL!",
            "#SPILL!",
            "#CALC!",
            "#GETTING_DATA",
        )
    },
}
"""What stands in a cell that a spreadsheet had no value for, and how that is said."""

_EXPONENT: Final = re.compile(r"\d(?:[.,]\d+)?E\+?\d+\Z", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?\Z", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?\Z", re.ASCII)
_DAY: Final = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:[ T,]+(\d{1,2}:\d{2}.*))?\Z")
_UNKEPT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SWAPPED: Final = str.maketrans(",.", ".,")
_SPACES: Final = str.maketrans("", "", " \u00a0\u2009\u202f'\u2019")
_CLOSE: Final = 0.84


class Exact(str):
    """A cell that a spreadsheet holds as a number or a date: written our way already."""

    __slots__ = ()


class ColumnMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How another's table is read as one of ours.

    ``columns`` and ``constants`` are by our name: one column of theirs may say two things of ours.
    """

    kind: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    """What the table is once it is read: a kind of the catalog, or of a feed."""
    columns: dict[
        Annotated[str, Meta(min_length=1, max_length=80)],
        Annotated[str, Meta(min_length=1, max_length=200)],
    ] = {}
    constants: dict[
        Annotated[str, Meta(min_length=1, max_length=80)], Annotated[str, Meta(max_length=200)]
    ] = {}
    factors: dict[
        Annotated[str, Meta(min_length=1, max_length=80)], Annotated[int, Meta(ge=2, le=1_000_000)]
    ] = {}
    """What their numbers are multiplied by: 12 where they count cases of twelve, 10,000 (and
    ``per`` a constant 10000) where a price has more decimals than its currency."""
    header: Annotated[int, Meta(ge=1, le=100)] = 1
    """The line of their file on which the columns are named."""
    sheet: Annotated[str, Meta(max_length=31)] = ""
    dates: Literal["iso", "day-first", "month-first"] = "iso"
    decimal: Literal[".", ","] = "."
    """The other of the two, a space or an apostrophe may then stand between thousands."""
    encoding: Literal["utf-8", "windows-1252", "utf-16"] = "utf-8"
    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what a database cannot keep: control characters and halves of characters."""
        named = (*self.columns, *self.columns.values(), *self.constants, *self.constants.values())
        for text in (self.sheet, *named, *self.factors):
            if _UNKEPT.search(text):
                raise ValueError(f"{text[:40]!a} holds a control character")


def rounded(text: str) -> bool:
    """Whether a spreadsheet wrote a long number in short, so that its digits are lost."""
    return _EXPONENT.match(text) is not None


def translated(
    mapping: ColumnMapping, lines: Iterable[Line], forms: Mapping[str, Form], *, code: Code
) -> Iterator[Line]:
    """Their lines as ours, under our header, with the numbers that they have in their file.

    Raises:
        QuartermasterError: ``code`` where a column of theirs is not there, or is there twice.
    """
    below = iter(lines)
    place = _header(mapping, below, code)
    names = [*mapping.columns, *mapping.constants]
    said = list(mapping.constants.values())
    sources: list[tuple[int, Form, int]] = [
        (place[_folded(theirs)], forms.get(ours, "text"), mapping.factors.get(ours, 1))
        for ours, theirs in mapping.columns.items()
    ]
    yield mapping.header, names
    for number, cells in below:
        if any(cells):
            row = [
                _multiplied(_cell(mapping, form, cells, index), factor)
                for index, form, factor in sources
            ]
            yield number, row + said


def _header(mapping: ColumnMapping, below: Iterator[Line], code: Code) -> dict[str, int]:
    where = f"line {mapping.header}"
    for number, cells in below:
        if number >= mapping.header:
            names = [_folded(cell) for cell in cells]
            break
    else:
        raise QuartermasterError(code, "the file ends before its header", where=where)
    for theirs in mapping.columns.values():
        if (count := names.count(_folded(theirs))) != 1:
            says = f"column {theirs[:40]!r} {'is missing' if count == 0 else 'stands there twice'}"
            raise QuartermasterError(code, says, where=where)
    return {name: index for index, name in enumerate(names)}


def _cell(mapping: ColumnMapping, form: Form, cells: list[str], index: int) -> str:
    text = cells[index] if index < len(cells) else ""
    if form == "text" or isinstance(text, Exact):
        return text
    text = text.strip()
    return plain_number(text, mapping.decimal) if form == "number" else iso(text, mapping.dates)


def _multiplied(text: str, factor: int) -> str:
    if factor == 1 or not _NUMBER.match(text):
        return text
    return plain_number(f"{Decimal(text) * factor:f}", ".")


def plain_number(text: str, decimal: str) -> str:
    """A number with a point and without thousands; what is none is left for a refusal to quote."""
    bare = text.translate(_SPACES)
    turned = bare.translate(_SWAPPED) if decimal == "," else bare
    if _GROUPED.match(turned):
        turned = turned.replace(",", "")
    if not _NUMBER.match(turned):
        return f"{text} (with a point)" if _NUMBER.match(text) else text
    whole, point, part = turned.partition(".")
    return f"{whole}.{part}" if point and (part := part.rstrip("0")) else whole


def iso(text: str, order: str) -> str:
    """A day, or a moment, as ISO 8601 writes it; what is none stays as it is."""
    found = _DAY.match(text)
    if order == "iso" or found is None:
        return text
    first, second, year, rest = found.groups()
    day, month = (first, second) if order == "day-first" else (second, first)
    return f"{year}-{month:0>2}-{day:0>2}" + (f"T{rest:0>5}" if rest else "")


def proposed(
    kind: str,
    header: Sequence[str],
    ours: Sequence[str],
    synonyms: Mapping[str, Sequence[str]],
) -> ColumnMapping:
    """A first guess from a header, for a person to look at: ours by the same or a close name."""
    free = {_bare(name): " ".join(name.split()) for name in header if _bare(name)}
    columns: dict[str, str] = {}
    for name in ours:
        for word in (name, *synonyms.get(name, ())):
            if (theirs := free.pop(_bare(word), None)) is not None:
                columns[name] = theirs
                break
    for name in ours:
        close = get_close_matches(_bare(name), free, 1, _CLOSE) if name not in columns else []
        if close:
            columns[name] = free.pop(close[0])
    return ColumnMapping(
        kind=kind, columns={name: columns[name] for name in ours if name in columns}
    )


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _bare(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())
