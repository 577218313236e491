"""What a worksheet's XML says that a reader of values does not tell. Pure.

Each part is walked once; none may declare entities (no part of a workbook has a document type), so
nothing in it can grow while it is read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from xml.parsers import expat

from cloud.tables.model import MAX_COLUMNS, TROUBLES, UNCALCULATED
from shared.errors import Code

MAX_CELLS: Final = 5_000_000
"""Cells of the smallest rectangle that holds them all."""
MAX_TEXT: Final = 256 * 1024 * 1024
"""Characters of all cells together; one text may stand in many."""
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})\Z", re.ASCII)
_PERCENT_FORMATS: Final = frozenset(("9", "10"))
"""The built-in formats 0% and 0.00% (ECMA-376 part 1, 18.8.30)."""
_WORKBOOK: Final = "xl/workbook.xml"


class SheetError(Exception):
    """A workbook that cannot be read; ``code`` where it is none of the caller's own."""

    def __init__(self, says: str, *, where: str = "", code: Code | None = None) -> None:
        super().__init__(says)
        self.says = says
        self.where = where
        self.code: Code | None = code


class Examined(NamedTuple):
    """Marks by (row, column) from 0, and merged cells as (first row, last row, span)."""

    marks: dict[tuple[int, int], str]
    merged: list[tuple[int, int, str]]


def listed(parts: Mapping[str, bytes]) -> list[tuple[str, str, bool]]:
    """A workbook's sheets in their order: name, part, whether it is shown.

    Raises:
        SheetError: the workbook is damaged.
    """
    found: list[tuple[str, str, bool]] = []
    targets = {
        row["Id"]: row["Target"]
        for tag, row in _elements(parts, "xl/_rels/workbook.xml.rels")
        if tag == "Relationship" and "Id" in row and "Target" in row
    }
    for tag, row in _elements(parts, _WORKBOOK):
        if tag == "sheet":
            target = targets.get(next((v for k, v in row.items() if k.endswith(":id")), ""), "")
            path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            path = posixpath.normpath(path)
            if path in parts and "worksheets/" in path:
                shown = row.get("state", "visible") == "visible"
                found.append((row.get("name", ""), path, shown))
    return found


def examined(parts: Mapping[str, bytes], path: str) -> Examined:
    """What one sheet has that a reader of values does not tell.

    Raises:
        SheetError: it is damaged, or larger than can be read.
    """
    walk = _Walk(_percentages(parts), _lengths(parts))
    _parse(parts[path], walk.start, walk.end, walk.text)
    return Examined(walk.marks, walk.merged)


def _elements(parts: Mapping[str, bytes], path: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []

    def start(tag: str, row: dict[str, str]) -> None:
        found.append((_local(tag), row))

    if path in parts:
        _parse(parts[path], start)
    return found


def _percentages(parts: Mapping[str, bytes]) -> frozenset[str]:
    """The cell styles that show a number as a percentage."""
    formats: set[str] = set(_PERCENT_FORMATS)
    styles: list[str] = []
    inside = False
    for tag, row in _elements(parts, "xl/styles.xml"):
        if tag == "numFmt" and "%" in row.get("formatCode", ""):
            formats.add(row.get("numFmtId", ""))
        if tag in {"cellXfs", "cellStyleXfs", "cellStyles", "dxfs"}:
            inside = tag == "cellXfs"
        if tag == "xf" and inside:
            styles.append(row.get("numFmtId", "0"))
    return frozenset(str(index) for index, style in enumerate(styles) if style in formats)


def _lengths(parts: Mapping[str, bytes]) -> list[int]:
    """How long each shared text is."""
    lengths: list[int] = []

    def start(tag: str, _row: dict[str, str]) -> None:
        if _local(tag) == "si":
            lengths.append(0)

    def text(said: str) -> None:
        if lengths:
            lengths[-1] += len(said)

    if (part := parts.get("xl/sharedStrings.xml")) is not None:
        _parse(part, start, None, text)
    return lengths


class _Walk:
    """One pass over a sheet."""

    def __init__(self, percentages: frozenset[str], lengths: list[int]) -> None:
        self.marks: dict[tuple[int, int], str] = {}
        self.merged: list[tuple[int, int, str]] = []
        self._percentages = percentages
        self._lengths = lengths
        self._columns: dict[str, int] = {}
        self._row, self._column, self._width, self._height = -1, -1, 0, 0
        self._type, self._style = "", ""
        self._formula = self._inside = False
        self._value: list[str] = []
        self._said = 0

    def start(self, tag: str, row: dict[str, str]) -> None:
        match _local(tag):
            case "row":
                self._row = self._number(row["r"]) if "r" in row else self._row + 1
                self._column = -1
            case "c":
                self._place(row.get("r"))
                self._type, self._style = row.get("t", "n"), row.get("s", "")
                self._formula = False
                self._value.clear()
            case "f":
                self._formula = True
            case "v":
                self._inside = True
            case "mergeCell":
                self._merge(row.get("ref", ""))
            case _:
                pass

    def end(self, tag: str) -> None:
        match _local(tag):
            case "v":
                self._inside = False
            case "c":
                self._judge("".join(self._value).strip())
            case _:
                pass

    def text(self, said: str) -> None:
        if self._inside:
            self._value.append(said)

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self._column += 1
        else:
            self._row, self._column = self._referred(reference)
        self._height = max(self._height, self._row + 1)
        self._width = max(self._width, self._column + 1)
        if self._width > MAX_COLUMNS:
            raise SheetError(f"the sheet has more than {MAX_COLUMNS} columns")
        if self._width * self._height > MAX_CELLS:
            says = f"the sheet spans {self._height} rows and {self._width} columns"
            raise SheetError(f"{says}; {MAX_CELLS} cells at most", code="payload.too-large")

    def _judge(self, value: str) -> None:
        here = self._row, self._column
        if self._type == "e":
            self.marks[here] = value if value in TROUBLES else UNCALCULATED
        elif not value and self._formula and self._type != "str":
            self.marks[here] = UNCALCULATED
        elif value and self._type == "n" and self._style in self._percentages:
            self.marks[here] = "%"
        elif self._type == "s" and value.isdigit() and int(value) < len(self._lengths):
            self._said += self._lengths[int(value)]
            if self._said > MAX_TEXT:
                raise SheetError("the sheet's texts are too long", code="payload.too-large")

    def _merge(self, span: str) -> None:
        first, _, last = span.partition(":")
        top, bottom = self._referred(first)[0], self._referred(last or first)[0]
        self.merged.append((top, bottom, span))

    def _referred(self, reference: str) -> tuple[int, int]:
        found = _REFERENCE.match(reference)
        if found is None:
            raise SheetError(f"{reference[:20]!r} is no cell")
        letters = found[1]
        column = self._columns.get(letters)
        if column is None:
            column = 0
            for letter in letters:
                column = column * 26 + ord(letter) - 64
            column = self._columns[letters] = column - 1
        return int(found[2]) - 1, column

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:8]) <= 1_048_576):
            raise SheetError(f"{text[:20]!r} is no row")
        return int(text) - 1


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _parse(
    part: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _no_document_type
    try:
        parser.Parse(part, True)
    except expat.ExpatError as error:
        raise SheetError(f"the workbook is damaged ({error})") from None


def _no_document_type(*_: object) -> None:
    raise SheetError("the workbook declares a document type")
