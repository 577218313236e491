"""Excel in and out: what a spreadsheet holds is read as it is meant, or refused for what it is."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.tables import ColumnMapping, excel, lines, sheets, written_workbook
from shared.errors import QuartermasterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CELL = '<c r="{}"{}>{}</c>'


def workbook(fill: Callable[[Any, Any], None], *, name: str = "items") -> bytes:
    """A workbook of one sheet under the header a, b, c, filled by hand."""
    out = io.BytesIO()
    book: Any = xlsxwriter.Workbook(out)
    sheet: Any = book.add_worksheet(name)
    sheet.write_row(0, 0, ["a", "b", "c"])
    fill(book, sheet)
    book.close()
    return out.getvalue()


def edited(content: bytes, path: str, *changes: tuple[str, str]) -> bytes:
    """The same archive with one part written otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name).decode()
            for before, after in changes if name == path else ():
                assert before in part
                part = part.replace(before, after)
            new.writestr(name, part, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def rows_of(content: bytes, **how: Any) -> list[tuple[int, list[str]]]:
    return list(lines(content, code="catalog.file", **how))


def refusal(content: bytes, **how: Any) -> str:
    with pytest.raises(QuartermasterError) as refused:
        rows_of(content, **how)
    assert refused.value.code in {"catalog.file", "payload.too-large"}
    return f"{refused.value.code}: {refused.value.detail} {refused.value.where}"


def test_numbers_dates_and_truths_come_as_our_files_write_them() -> None:
    def fill(book: Any, sheet: Any) -> None:
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        share = book.add_format({"num_format": "0.0%"})
        sheet.write_row(1, 0, [12.0, 0.1 + 0.2, 4006381333931])
        sheet.write_datetime(2, 0, datetime.fromisoformat("2026-03-01"), day)
        sheet.write_datetime(2, 1, datetime.fromisoformat("2026-03-01T14:05"), day)
        sheet.write_boolean(2, 2, True)
        sheet.write_number(3, 0, 0.05, share)
        sheet.write_number(3, 1, 0.0000125)
        sheet.write_string(3, 2, "01.03.2026")
        sheet.write_number(5, 0, 1e16)
        sheet.write_formula(5, 1, "=A2*2", None, 24)

    assert rows_of(workbook(fill)) == [
        (1, ["a", "b", "c"]),
        (2, ["12", "0.3", "4006381333931"]),
        (3, ["2026-03-01", "2026-03-01T14:05:00", "yes"]),
        (4, ["5%", "0.0000125", "01.03.2026"]),
        (5, ["", "", ""]),
        (6, ["#ROUNDED!", "24", ""]),
    ]


def test_a_formula_without_a_result_is_marked_and_never_read_as_blank() -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.write_formula(1, 0, "=1/0", None, "#DIV/0!")
        sheet.write_formula(1, 1, "=A9", None, 7)
        sheet.write_formula(1, 2, '=IF(A9,"x","")', None, "")
        sheet.write_formula(2, 2, "=A9", None, 8)

    content = edited(
        workbook(fill),
        "xl/worksheets/sheet1.xml",
        ("<v>8</v>", ""),
        ('<c r="C2"><f>', '<c r="C2" t="str"><f>'),
    )
    assert rows_of(content)[1:] == [(2, ["#DIV/0!", "7", ""]), (3, ["", "", "#FORMULA!"])]


def test_merged_cells_are_refused_by_name_except_above_the_header() -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.merge_range("A3:A4", "x")

    assert "A3:A4 are merged" in refusal(workbook(fill))
    title = workbook(lambda _, sheet: sheet.merge_range("A2:C2", "Our stock"))
    assert rows_of(title, mapping=ColumnMapping(kind="items", header=3))[0] == (1, ["a", "b", "c"])


def test_hidden_sheets_are_passed_over_and_several_must_say_which_is_meant() -> None:
    def fill(book: Any, _sheet: Any) -> None:
        book.add_worksheet("secret").hide()

    assert rows_of(workbook(fill)) == [(1, ["a", "b", "c"])]

    def two(book: Any, _sheet: Any) -> None:
        book.add_worksheet("offers").write(0, 0, "z")

    content = workbook(two, name="Sheet1")
    assert "has 2 sheets (Sheet1, offers)" in refusal(content, expected="items")
    assert rows_of(content, expected="offers") == [(1, ["z"])]
    named = ColumnMapping(kind="items", sheet="Sheet1")
    assert rows_of(content, mapping=named, expected="offers")[0] == (1, ["a", "b", "c"])
    gone = ColumnMapping(kind="items", sheet="None")
    assert "no visible sheet is called 'None'" in refusal(content, mapping=gone)


def plain(_book: Any, _sheet: Any) -> None:
    """Nothing but the header."""


def packed(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b" \r\n", "the file is empty"),
        (b"PK\x03\x04 and no more", "damaged or encrypted"),
        (workbook(plain)[:-300], "damaged or encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel file (.xls)"),
        (b"%PDF-1.7", "a PDF"),
        (packed(**{"content.xml": b"<x/>"}), "an OpenDocument spreadsheet"),
        (packed(**{"word/document.xml": b"<x/>"}), "no Excel workbook"),
        (packed(**{f"{n}.xml": b"" for n in range(excel.MAX_PARTS + 1)}), "more than 1000 parts"),
        (packed(**{"xl/workbook.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"}), "a document type"),
        (packed(**{"xl/workbook.xml": b"<x"}), "damaged"),
        (packed(**{"xl/workbook.xml": b"<x/>"}), "no visible sheet"),
    ],
)
def test_what_is_no_workbook_is_refused_for_what_it_is(content: bytes, says: str) -> None:
    assert says in refusal(content)


def test_an_archive_that_grows_is_refused_while_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(**{"xl/workbook.xml": b"<x/>" + b" " * 2_000_000})
    assert len(content) < 10_000
    monkeypatch.setattr(excel, "MAX_UNPACKED", 1_000_000)
    assert "payload.too-large" in refusal(content)


def test_a_sheet_that_claims_more_than_it_has_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sheet = "xl/worksheets/sheet1.xml"
    far = workbook(lambda _, sheet: sheet.write(99_999, 0, "x"))
    assert len(rows_of(far)) == 100_000
    wide = edited(workbook(plain), sheet, ('r="C1"', 'r="XFD1"'))
    assert "more than 256 columns" in refusal(wide)
    large = workbook(lambda _, sheet: sheet.write(1_048_575, 9, "x"))
    assert "payload.too-large" in refusal(large)
    monkeypatch.setattr(sheets, "MAX_TEXT", 5)
    assert "texts are too long" in refusal(workbook(lambda _, sheet: sheet.write(1, 0, "long")))


def test_what_is_written_is_read_as_it_was_and_nothing_becomes_a_formula() -> None:
    rows = [
        ["sku", "cost", "from", "note"],
        ["00123", "12.5", "2026-03-01", "=cmd|' /C calc'!A0"],
        ["1E5", "", "", "'=x"],
    ]
    content = written_workbook(
        rows, {"cost": "number", "from": "date"}, name="offers", code="catalog.file"
    )
    assert [cells for _, cells in rows_of(content)] == rows
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


TEXTS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"
    ),
    max_size=8,
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=4))
def test_any_text_comes_back_as_it_was(rows: Sequence[list[str]]) -> None:
    kept = [["a", "b"], *(row for row in rows if any(row))]
    content = written_workbook(kept, {"b": "number"}, name="x", code="catalog.file")
    found = [cells for _, cells in rows_of(content)]
    assert [cells[0] for cells in found] == [cells[0] for cells in kept]
