"""From a file's bytes to checked rows, and every error on the way. Pure.

The whole file is read before anything is refused, so that one run shows all that is wrong. A
header that cannot be used ends the reading at once (``catalog.file``): no row could be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from cloud.catalog.model import (
    COUNT_CLASSES,
    MAX_ERRORS,
    MAX_NAME,
    ImportKind,
    NewCode,
    NewItem,
    NewLocation,
    NewSite,
    PlaceKind,
    RowError,
    capacity,
    count_class,
    normalize_gtin,
    quantity,
    row_error,
    yes_or_no,
)
from cloud.tables import REMARKS, TROUBLES, ColumnMapping, Form, Line, lines, rounded, translated
from shared.errors import Code, QuartermasterError
from shared.ids import is_code

MAX_CELL: Final = 4096


class Columns(NamedTuple):
    """The header a kind of file has."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    together: tuple[str, ...] = ()
    """Columns of which a file has all or none."""
    forms: Mapping[str, Form] = {}
    """Those that hold something else than text."""


COLUMNS: Final[dict[PlaceKind, Columns]] = {
    "sites": Columns(("code", "name"), ("region", "timezone", "currency")),
    "items": Columns(
        ("sku", "name"), ("gtin", "quantity", "removed", "class"), forms={"quantity": "number"}
    ),
    "locations": Columns(
        ("site", "code"), ("role", "removed", "zone", "capacity"), forms={"capacity": "number"}
    ),
}

TEMPLATES: Final[dict[PlaceKind, str]] = {
    "sites": "code,name,region,timezone,currency\nAMS1,Amsterdam,EU,Europe/Amsterdam,EUR\n",
    "items": (
        "sku,name,gtin,quantity,removed,class\n"
        "OAT-500,Rolled oats 500 g,4006381333931,1,no,A\n"
        "OAT-500,,14006381333938,12,,\n"
        "OAT-1000,Rolled oats 1 kg,4006381333948,1,no,B\n"
        "BREAKFAST,Breakfast box,,,no,C\n"
    ),
    "locations": (
        "site,code,role,removed,zone,capacity\n"
        "AMS1,DOCK-1,dock,no,DOCKS,\n"
        "AMS1,A-01-1,shelf,no,A,480\n"
    ),
}

_Value = TypeVar("_Value")


class Errors:
    """Collects row errors; bounded, so that a hopeless file costs little."""

    def __init__(self) -> None:
        self.found: list[RowError] = []
        self.more = 0

    def add(self, error: RowError) -> None:
        """Keep ``error``, or only count it."""
        if len(self.found) < MAX_ERRORS:
            self.found.append(error)
        else:
            self.more += 1

    def __bool__(self) -> bool:
        return bool(self.found)


class Row:
    """One line of the file, read by column name; every wrong cell goes to ``errors``."""

    __slots__ = ("_cells", "_errors", "_place", "good", "line")

    def __init__(self, line: int, cells: list[str], place: dict[str, int], errors: Errors) -> None:
        self.line = line
        self.good = True
        self._cells = cells
        self._place = place
        self._errors = errors

    def refuse(self, column: str, says: str, do: str = "", *, code: Code = "catalog.row") -> None:
        """Note what is wrong with a cell of this row."""
        self.good = False
        self._errors.add(row_error(self.line, column, says, do, code=code))

    def text(self, column: str, default: str = "") -> str:
        """The cell, trimmed; ``default`` where it is blank or the column is not there."""
        place = self._place.get(column)
        return (self._cells[place].strip() if place is not None else "") or default

    def code(self, column: str, default: str = "") -> str:
        """A cell that names a site, an item or a location."""
        text = self.text(column, default)
        if rounded(text):
            says = f"{text[:40]!r} is a number as a spreadsheet shortens it; its digits are lost"
            self.refuse(column, says, "Write it out in a cell of the kind text")
        elif not is_code(text):
            self.refuse(
                column,
                f"{text[:80]!r} cannot be a name" if text else "The cell is empty",
                "Use 1 to 64 letters, digits and . _ / + - without blanks, a letter or digit first",
            )
        return text

    def name(self, column: str) -> str:
        """A cell with words for people."""
        text = self.text(column)
        if len(text) > MAX_NAME or not text.isprintable():
            self.refuse(
                column,
                f"The cell has {len(text)} characters or some that cannot be printed",
                f"Use at most {MAX_NAME} printable characters",
            )
        return text

    def speaks_of(self, column: str) -> bool:
        """Whether the file has the column at all."""
        return column in self._place

    def parsed(
        self,
        column: str,
        parse: Callable[[str], _Value],
        default: _Value,
        *,
        do: str = "",
        code: Code = "catalog.row",
    ) -> _Value:
        """A cell read by ``parse``; ``default`` where it is blank or cannot be read."""
        text = self.text(column)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.refuse(column, str(error), do, code=code)
            return default


class Table(NamedTuple):
    """The rows of a file; lists of the other kinds stay empty.

    ``has_codes`` is whether the file says anything about trade item numbers: without a ``gtin``
    column, those in the catalog stay as they are.
    """

    rows: int
    sites: list[NewSite]
    items: list[NewItem]
    codes: list[NewCode]
    locations: list[NewLocation]
    has_codes: bool
    errors: Errors


def read(kind: PlaceKind, content: bytes | str, mapping: ColumnMapping | None = None) -> Table:
    """Read and check a whole file; ``mapping`` where its columns are not ours.

    Raises:
        QuartermasterError: ``payload.too-large`` or ``catalog.file``; wrong rows are in the
            table's errors instead.
    """
    errors = Errors()
    table = Table(0, [], [], [], [], has_codes=False, errors=errors)
    rows = 0
    place, found = open_rows(COLUMNS[kind], opened(kind, COLUMNS[kind], content, mapping), errors)
    for row in found:
        rows += 1
        match kind:
            case "sites":
                _site(row, table.sites)
            case "locations":
                _location(row, table.locations)
            case "items":
                _item(row, table.items, table.codes)
    _unique(kind, table)
    return table._replace(rows=rows, has_codes="gtin" in place)


def opened(
    kind: ImportKind, columns: Columns, content: bytes | str, mapping: ColumnMapping | None
) -> Iterator[Line]:
    """A file's lines as ours: CSV or Excel, with our columns or by a mapping of theirs.

    Raises:
        QuartermasterError: ``payload.too-large`` or ``catalog.file``.
    """
    found = lines(content, code="catalog.file", mapping=mapping, expected=kind)
    if mapping is None:
        return found
    return translated(mapping, found, columns.forms, code="catalog.file")


def open_rows(
    columns: Columns, lines: Iterator[Line], errors: Errors
) -> tuple[dict[str, int], Iterator[Row]]:
    """Where each column stands, and the rows below the header.

    Raises:
        QuartermasterError: ``catalog.file`` where no row could be trusted.
    """
    unwritten: Line = (1, [])
    header = next(lines, unwritten)
    where = f"line {header[0]}"
    names = _trimmed([cell.strip().lower() for cell in header[1]])
    expected = f"the header is {','.join(columns.required + columns.optional)}"
    if missing := [name for name in columns.required if name not in names]:
        raise QuartermasterError(
            "catalog.file", f"column {missing[0]!r} is missing; {expected}", where=where
        )
    for index, name in enumerate(names):
        if name not in (*columns.required, *columns.optional, REMARKS):
            raise QuartermasterError(
                "catalog.file", f"column {name[:40]!r} is not known; {expected}", where=where
            )
        if name in names[:index]:
            raise QuartermasterError("catalog.file", f"column {name!r} twice", where=where)
    if (given := [name for name in columns.together if name in names]) and len(given) < len(
        columns.together
    ):
        says = f"{' and '.join(columns.together)} come together; {given[0]!r} stands alone"
        raise QuartermasterError("catalog.file", says, where=where)
    place = {name: index for index, name in enumerate(names)}
    return place, _rows(lines, place, errors)


def _trimmed(names: list[str]) -> list[str]:
    """Without the nameless columns at the end, which a spreadsheet may have touched once."""
    width = len(names)
    while width and not names[width - 1]:
        width -= 1
    return names[:width]


def _rows(
    lines: Iterator[tuple[int, list[str]]], place: dict[str, int], errors: Errors
) -> Iterator[Row]:
    for line, cells in lines:
        if not any(cells):
            continue
        row = Row(line, cells, place, errors)
        if not TROUBLES.keys().isdisjoint(cells):
            for name, index in place.items():
                if index < len(cells) and (says := TROUBLES.get(cells[index])) is not None:
                    row.refuse(name, says, "Write the value itself, in a cell of the kind text")
        elif len(cells) < len(place) or any(cells[len(place) :]):
            row.refuse(
                "",
                f"The row has {len(cells)} cells, the header {len(place)}",
                "Quote cells that contain the separator",
            )
        elif max(map(len, cells)) > MAX_CELL:
            row.refuse("", f"A cell is longer than {MAX_CELL} characters")
        else:
            yield row


def _site(row: Row, into: list[NewSite]) -> None:
    currency = row.text("currency", "EUR")
    if len(currency) != 3 or not (currency.isascii() and currency.isupper()):
        row.refuse("currency", f"{currency[:40]!r} is no ISO 4217 code", "Use e.g. EUR")
    site = NewSite(
        row.line,
        row.code("code"),
        row.name("name"),
        row.name("region"),
        row.text("timezone", "UTC"),
        currency,
    )
    if row.good:
        into.append(site)


def _location(row: Row, into: list[NewLocation]) -> None:
    location = NewLocation(
        row.line,
        row.code("site"),
        row.code("code"),
        row.code("role", "shelf"),
        row.parsed("removed", yes_or_no, default=False, do="Write yes or no"),
        (row.code("zone") if row.text("zone") else "") if row.speaks_of("zone") else None,
        row.parsed("capacity", capacity, 0, do="Write how many base units fit")
        if row.speaks_of("capacity")
        else None,
    )
    if row.good:
        into.append(location)


def _item(row: Row, items: list[NewItem], codes: list[NewCode]) -> None:
    item = NewItem(
        row.line,
        row.code("sku"),
        row.name("name"),
        row.parsed("removed", yes_or_no, default=False, do="Write yes or no"),
        row.parsed("class", count_class, "", do="Write A, B or C")
        if row.speaks_of("class")
        else None,
    )
    gtin = row.parsed(
        "gtin", normalize_gtin, "", do="Compare with the label", code="gs1.check-digit"
    )
    units = row.parsed("quantity", quantity, 1, do="Write how many base units it holds")
    if row.text("quantity") and not row.text("gtin"):
        row.refuse("quantity", "A quantity without a gtin", "Fill in the gtin or empty both")
    if row.good:
        items.append(item)
        if gtin:
            codes.append(NewCode(row.line, gtin, item.sku, units))


def _unique(kind: PlaceKind, table: Table) -> None:
    """Natural keys are unique; an item's rows are folded into one, its codes kept apart."""
    match kind:
        case "sites":
            _refuse_repeated(((row.line, row.code) for row in table.sites), "code", table.errors)
        case "locations":
            keys = ((row.line, f"{row.site} {row.code}") for row in table.locations)
            _refuse_repeated(keys, "code", table.errors)
        case "items":
            _refuse_repeated(((row.line, row.gtin) for row in table.codes), "gtin", table.errors)
            table.items[:] = _fold(table.items, table.errors)


def _refuse_repeated(keys: Iterator[tuple[int, str]], column: str, errors: Errors) -> None:
    seen: dict[str, int] = {}
    for line, key in keys:
        if (first := seen.setdefault(key, line)) != line:
            errors.add(
                row_error(line, column, f"{key} already stands on line {first}", "Keep one of them")
            )


def _fold(items: list[NewItem], errors: Errors) -> list[NewItem]:
    folded: dict[str, NewItem] = {}
    for item in items:
        first = folded.setdefault(item.sku, item)
        if item.name and item.name != first.name:
            says = f"{item.sku} is called {first.name[:60]!r} on line {first.line}"
            errors.add(
                row_error(item.line, "name", says, "Use one name, or leave it blank further down")
            )
        if item.removed and not first.removed:
            says = f"{item.sku} is not removed on line {first.line}"
            errors.add(row_error(item.line, "removed", says, "Say it on the item's first row"))
        if item.count_class and item.count_class != first.count_class:
            says = f"{item.sku} is not of class {item.count_class} on line {first.line}"
            errors.add(row_error(item.line, "class", says, "Say it on the item's first row"))
    for item in folded.values():
        if not item.name:
            errors.add(row_error(item.line, "name", "The cell is empty", "Name the item"))
    return [
        item._replace(count_class=COUNT_CLASSES[-1]) if item.count_class == "" else item
        for item in folded.values()
    ]
