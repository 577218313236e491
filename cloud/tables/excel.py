"""Excel workbooks (ECMA-376), in and out.

What the library would pass over in silence is looked for first: formulas without a result, merged
cells, percentages, numbers beyond a spreadsheet's precision. The parts of the archive are unpacked
within bounds, and the library reads only what was unpacked: an archive cannot lie to it about its
size, nor a sheet about its extent. External links, macros and pictures are never looked at.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, NamedTuple

import python_calamine
import xlsxwriter

from cloud.tables import sheets
from cloud.tables.model import MAX_BYTES, ROUNDED, Exact, Form, Line
from shared.errors import Code, QuartermasterError

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ARCHIVE: Final = b"PK\x03\x04"
MAX_UNPACKED: Final = 256 * 1024 * 1024
MAX_PARTS: Final = 1000
MAX_ROWS: Final = 1_048_576
"""Rows of one sheet (Excel's own limit), header included."""
MAX_TEXT: Final = 32_767
"""Characters of one cell (Excel's own limit)."""
_PRECISE: Final = 10**15
"""A spreadsheet keeps 15 digits of a number."""
_UNPACKED: Final = (".xml", ".rels")
_NUMBER: Final = re.compile(r"-?(?=[\d.]{1,15}\Z)\d+(?:\.\d+)?\Z", re.ASCII)
_MOMENT: Final = re.compile(r"(?:19|2\d)\d\d-\d\d-\d\d(?:T\d\d:\d\d:\d\d)?\Z", re.ASCII)


class _Sheet(NamedTuple):
    name: str
    path: str


def numbered(
    content: bytes, *, code: Code, sheet: str = "", expected: str = "", header: int = 1
) -> Iterator[Line]:
    """Every line of a workbook's one visible sheet, or of the one that is named, by its number.

    Among several, the sheet called ``expected`` is meant. Dates come as ISO 8601 writes them,
    whole numbers without a fraction, truths as yes and no. Above ``header`` cells may be merged.

    Raises:
        QuartermasterError: ``payload.too-large``, or ``code`` where it is no such workbook.
    """
    if len(content) > MAX_BYTES:
        raise QuartermasterError("payload.too-large", f"{len(content)} bytes; 64 MiB at most")
    parts = _unpacked(content, code)
    try:
        chosen = _chosen(sheets.listed(parts), sheet, expected, code)
        found = sheets.examined(parts, chosen.path)
    except sheets.SheetError as error:
        raise QuartermasterError(error.code or code, error.says, where=error.where) from None
    rows = _rows(parts, chosen.name, code)
    merged = [span for span in found.merged if span[1] >= header - 1]
    return _lines(rows, found._replace(merged=merged), chosen.name, code)


def _unpacked(content: bytes, code: Code) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listed = archive.infolist()
            if any(part.filename == "content.xml" for part in listed):
                says = "an OpenDocument spreadsheet; save it as .xlsx or CSV"
                raise QuartermasterError(code, says)
            if len(listed) > MAX_PARTS:
                raise QuartermasterError(code, f"an archive of more than {MAX_PARTS} parts")
            for part in listed:
                if not part.filename.endswith(_UNPACKED):
                    continue
                with archive.open(part) as packed:
                    parts[part.filename.lstrip("/")] = found = packed.read(left + 1)
                left -= len(found)
                if left < 0:
                    says = f"more than {MAX_UNPACKED >> 20} MiB once it is unpacked"
                    raise QuartermasterError("payload.too-large", says)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError):
        raise QuartermasterError(code, "the workbook is damaged or encrypted") from None
    if "xl/workbook.xml" not in parts:
        raise QuartermasterError(code, "an archive, but no Excel workbook (.xlsx)")
    return parts


def _chosen(
    listed: Sequence[tuple[str, str, bool]], wanted: str, expected: str, code: Code
) -> _Sheet:
    visible = [_Sheet(name, path) for name, path, shown in listed if shown]
    for name in filter(None, (wanted, expected)):
        named = [one for one in visible if one.name.casefold() == name.casefold()]
        if named:
            return named[0]
        if name == wanted:
            raise QuartermasterError(code, f"no visible sheet is called {wanted!r}")
    if not visible:
        raise QuartermasterError(code, "the workbook has no visible sheet")
    if len(visible) > 1:
        names = ", ".join(one.name for one in visible[:10])
        says = f"the workbook has {len(visible)} sheets ({names}); keep one, or call one"
        raise QuartermasterError(code, f"{says} {expected or 'by the name that is asked for'!r}")
    return visible[0]


def _rows(parts: Mapping[str, bytes], name: str, code: Code) -> list[list[Any]]:
    """The sheet as the library reads it, from an archive of nothing but what was unpacked."""
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_STORED) as archive:
        for path, part in parts.items():
            archive.writestr(path, part)
    again.seek(0)
    try:
        with python_calamine.CalamineWorkbook.from_filelike(again) as workbook:
            return workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, ValueError):
        raise QuartermasterError(code, "the workbook is damaged") from None


def _lines(rows: list[list[Any]], found: sheets.Examined, name: str, code: Code) -> Iterator[Line]:
    width = max((len(row) for row in rows), default=0)
    marks: dict[int, dict[int, str]] = {}
    for (row, column), mark in found.marks.items():
        marks.setdefault(row, {})[column] = mark
        width = max(width, column + 1)
    if not rows and not marks:
        raise QuartermasterError(code, f"the sheet {name!r} is empty")
    for index in range(max(len(rows), *(row + 1 for row in marks)) if marks else len(rows)):
        values = rows[index] if index < len(rows) else []
        cells = [_text(value) for value in values]
        cells += [""] * (width - len(cells))
        for column, mark in marks.get(index, {}).items():
            cells[column] = f"{_times_100(cells[column])}%" if mark == "%" else mark
        for first, last, span in found.merged:
            if first <= index <= last and any(cells):
                says = f"the cells {span} are merged; unmerge them and fill in each"
                raise QuartermasterError(code, says, where=f"line {index + 1}")
        yield index + 1, cells


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return Exact("yes" if value else "no")
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        return Exact(value.isoformat(timespec="seconds"))
    return Exact(value.isoformat() if isinstance(value, date | time) else value)


def _number(value: float) -> str:
    if abs(value) >= _PRECISE:
        return ROUNDED
    return Exact(int(value)) if value == int(value) else Exact(f"{Decimal(f'{value:.15g}'):f}")


def _times_100(text: str) -> str:
    try:
        return f"{(Decimal(text) * 100).normalize():f}"
    except ArithmeticError:
        return text


def written(
    rows: Iterable[Sequence[str]], forms: Mapping[str, Form], *, name: str, code: Code
) -> bytes:
    """Rows, their header first, as a workbook of one sheet.

    Text stays text, whatever it looks like: a trade item number keeps its zeros, and nothing
    becomes a formula. Numbers and days are what they are, so that they can be summed and sorted.

    Raises:
        QuartermasterError: ``code`` where there are more rows than a sheet has.
    """
    out = io.BytesIO()
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}
    workbook: Any = xlsxwriter.Workbook(out, options)
    try:
        _fill(workbook, rows, forms, name, code)
    finally:
        workbook.close()
    return out.getvalue()


def _fill(
    workbook: Any, rows: Iterable[Sequence[str]], forms: Mapping[str, Form], name: str, code: Code
) -> None:
    sheet: Any = workbook.add_worksheet(name)
    bold, plain = workbook.add_format({"bold": True}), workbook.add_format({"num_format": "@"})
    kinds: list[Form] = []
    for index, row in enumerate(rows):
        if index == MAX_ROWS:
            raise QuartermasterError(code, f"more than {MAX_ROWS} rows; ask for CSV")
        if index == 0:
            kinds = [forms.get(column, "text") for column in row]
            for column, form in enumerate(kinds):
                sheet.set_column(column, column, 16, plain if form == "text" else None)
                sheet.write_string(index, column, row[column], bold)
            sheet.freeze_panes(1, 0)
            continue
        for column, cell in enumerate(row):
            if cell:
                form: Form = kinds[column] if column < len(kinds) else "text"
                _put(sheet, (index, column), cell, form, plain)


def _put(sheet: Any, at: tuple[int, int], cell: str, form: Form, plain: Any) -> None:
    """One cell; what is no number, or no day, is shown as it was written."""
    exact = isinstance(cell, Exact)
    if (exact or form == "number") and _NUMBER.match(cell):
        sheet.write_number(*at, float(cell))
    elif (exact or form == "date") and _MOMENT.match(cell):
        sheet.write_datetime(*at, datetime.fromisoformat(cell))
    else:
        sheet.write_string(*at, cell[:MAX_TEXT], plain)
