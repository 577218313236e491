"""A trade file's rows become facts, and facts become a file's rows again. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from cloud.catalog import money
from cloud.catalog.cells import FROM_THE_BEGINNING, Column, Shape, Value
from cloud.catalog.kinds import (
    SHAPES,
    TRADE_COLUMNS,
    columns,
    workbook,
)
from cloud.catalog.model import ImportKind, RowError, TradeKind
from cloud.catalog.table import Errors, Row, open_rows, opened
from cloud.tables import (
    REMARKS,
    ColumnMapping,
    Line,
    is_workbook,
    lines,
    written,
)


class Fact(NamedTuple):
    """All that the catalog says of one key; terms and lines in the order of the kind's columns."""

    key: tuple[str, ...]
    terms: tuple[Value, ...]
    lines: tuple[tuple[Value, ...], ...] = ()


class Stated(NamedTuple):
    """What a file says of one key: only the terms that it has columns for.

    ``at`` is the line of the file on which each of ``lines`` stands.
    """

    line: int
    key: tuple[str, ...]
    terms: dict[str, Value]
    lines: tuple[tuple[Value, ...], ...]
    at: tuple[int, ...]


class TradeTable(NamedTuple):
    """A trade file as read."""

    rows: int
    stated: list[Stated]
    errors: Errors


class _First(NamedTuple):
    """The first row of a key, and the lines below it as they gather."""

    row: Row
    key: tuple[str, ...]
    terms: dict[str, Value]
    lines: dict[Value, tuple[int, tuple[Value, ...]]]


def read_trade(
    kind: TradeKind, content: bytes | str, mapping: ColumnMapping | None = None
) -> TradeTable:
    """Read and check a whole file; see :func:`cloud.catalog.table.read`.

    Raises:
        QuartermasterError: ``payload.too-large`` or ``catalog.file``.
    """
    errors = Errors()
    shape = SHAPES[kind]
    found = opened(kind, TRADE_COLUMNS[kind], content, mapping)
    _, rows = open_rows(TRADE_COLUMNS[kind], found, errors)
    firsts: dict[tuple[str, ...], _First] = {}
    count = 0
    for row in rows:
        count += 1
        key = tuple(str(column.read(row, column.name, "")) for column in shape.key)
        first = firsts.get(key)
        if first is None:
            first = firsts[key] = _First(row, key, _terms(shape, row), {})
        elif shape.lines:
            _agrees(shape, row, first)
        else:
            says = f"{' '.join(key)} already stands on line {first.row.line}"
            row.refuse(shape.key[-1].name, says, "Keep one of them")
        if shape.lines and (not shape.bare or row.text(shape.lines[0].name)):
            _line(shape, row, first)
    stated = [_closed(first) for first in firsts.values()]
    return TradeTable(count, stated, errors)


def _terms(shape: Shape, row: Row) -> dict[str, Value]:
    currency = row.text("currency")
    return {
        column.name: column.read(row, column.name, currency)
        for column in shape.terms
        if row.speaks_of(column.name)
    }


def _agrees(shape: Shape, row: Row, first: _First) -> None:
    for column in shape.terms:
        text = row.text(column.name)
        if text and text != first.row.text(column.name):
            says = f"{' '.join(first.key)} says otherwise on line {first.row.line}"
            row.refuse(column.name, says, "Say it once, or leave it blank further down")


def _line(shape: Shape, row: Row, first: _First) -> None:
    currency = first.row.text("currency")
    cells = tuple(column.read(row, column.name, currency) for column in shape.lines)
    name = shape.lines[0].name
    if cells[0] in first.lines:
        says = f"{cells[0]} already stands on line {first.lines[cells[0]][0]}"
        row.refuse(name, says, "Keep one of them")
    elif len(first.lines) == shape.max_lines:
        row.refuse(name, f"{' '.join(first.key)} has more than {shape.max_lines} of these")
    else:
        first.lines[cells[0]] = row.line, cells


def _closed(first: _First) -> Stated:
    """Lines in the order of their first column: their order in the file says nothing."""
    ordered = sorted(first.lines.values(), key=lambda entry: _rank(entry[1][0]))
    return Stated(
        first.row.line,
        first.key,
        first.terms,
        tuple(cells for _, cells in ordered),
        tuple(line for line, _ in ordered),
    )


def _rank(value: Value) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, str(value))


def merged(kind: TradeKind, stated: Stated, held: Fact | None) -> Fact:
    """The fact once a file has been heard: what it is silent about stays as it was."""
    shape = SHAPES[kind]
    before = held.terms if held else tuple(column.unsaid for column in shape.terms)
    terms = tuple(
        stated.terms.get(column.name, value)
        for column, value in zip(shape.terms, before, strict=True)
    )
    return Fact(stated.key, terms, stated.lines)


def term(kind: ImportKind, fact: Fact, name: str) -> Value:
    """One of a fact's terms by its column."""
    names = [column.name for column in SHAPES[kind].terms]
    return fact.terms[names.index(name)]


def header(kind: ImportKind) -> str:
    """The first line of an export."""
    return written([SHAPES[kind].header])


def exported(kind: ImportKind, facts: Iterable[Fact]) -> str:
    """Facts as rows that, imported, change nothing."""
    return written(rows_of(kind, facts))


def rows_of(kind: ImportKind, facts: Iterable[Fact]) -> Iterable[list[str]]:
    """Facts as the rows of a file, without its header."""
    return (row for fact in facts for row in _rows_of(kind, fact))


def _rows_of(kind: ImportKind, fact: Fact) -> Iterable[list[str]]:
    shape = SHAPES[kind]
    names = [column.name for column in shape.terms]
    currency = fact.terms[names.index("currency")] if "currency" in names else ""
    terms = [
        _cell(value, column, str(currency))
        for column, value in zip(shape.terms, fact.terms, strict=True)
    ]
    blank = [""] * len(terms)
    lines: Iterable[tuple[Value, ...]] = fact.lines or [("",) * len(shape.lines)]
    for index, line in enumerate(lines):
        cells = [
            _cell(value, column, str(currency))
            for column, value in zip(shape.lines, line, strict=True)
        ]
        yield [*fact.key, *(blank if index else terms), *cells]


def _cell(value: Value, column: Column, currency: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case date():
            return "" if value == FROM_THE_BEGINNING else value.isoformat()
        case int() if column.percent:
            whole, part = divmod(value, 100)
            return f"{whole}.{part:02}".rstrip("0").rstrip(".")
        case int() if column.money:
            return money.major_units(value, currency)
        case _:
            return str(value)


def remarked(
    kind: ImportKind,
    content: bytes | str,
    errors: Iterable[RowError],
    mapping: ColumnMapping | None = None,
) -> bytes:
    """A file as it came, with a last column that says what is wrong with each row.

    It can be imported once its cells are corrected, by the same mapping: remarks are passed over,
    and so are those of an earlier round. A workbook comes back as a workbook, all else as CSV.

    Raises:
        QuartermasterError: ``payload.too-large`` or ``catalog.file``.
    """
    said: defaultdict[int, list[str]] = defaultdict(list)
    for error in errors:
        said[error.line].append(f"{error.column or 'row'}: {error.says}. {error.do}.")
    found = lines(content, code="catalog.file", mapping=mapping, expected=kind)
    rows = _remarked(kind, found, said, mapping)
    if is_workbook(content):
        return workbook(kind, rows)
    if mapping is None:
        return written(rows).encode()
    delimiter = "," if mapping.delimiter == "auto" else mapping.delimiter
    return written(rows, delimiter=delimiter).encode(mapping.encoding, "replace")


def _remarked(
    kind: ImportKind,
    found: Iterable[Line],
    said: Mapping[int, list[str]],
    mapping: ColumnMapping | None,
) -> Iterator[list[str]]:
    """Our columns, or all of theirs, and the remarks."""
    known = None if mapping else (*columns(kind).required, *columns(kind).optional)
    top = mapping.header if mapping else 1
    keep: list[int] | None = None
    width = 0
    for line, cells in found:
        if line < top:
            yield cells
        elif keep is None:
            names = [cell.strip() if mapping else cell.strip().lower() for cell in cells]
            width = len(names)
            keep = [
                index
                for index, name in enumerate(names)
                if name.lower() != REMARKS and (known is None or name in known)
            ]
            yield [*(names[index] for index in keep), REMARKS]
        elif any(cells):
            dropped = set(range(width)) - set(keep)
            kept = [cell for index, cell in enumerate(cells) if index not in dropped]
            while len(kept) > len(keep) and not kept[-1]:
                kept.pop()
            kept += [""] * (len(keep) - len(kept))
            yield [*kept, " ".join(said.get(line, []))]
