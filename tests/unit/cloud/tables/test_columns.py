"""Their columns become ours: numbers and dates of any manner, constants, and what cannot be."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.tables import ColumnMapping, Exact, Line, lines, proposed, translated, written
from cloud.tables.model import iso, plain_number
from shared.errors import QuartermasterError

THEIRS = "Stand 1.3.2026;;\nArtikel;Preis netto;ab;Menge\nOAT-500;1.234,50;1.3.2026;12,00\n;;;\n"
GERMAN = ColumnMapping(
    kind="offers",
    columns={"sku": "artikel", "cost": "Preis  netto", "from": "ab", "per": "Menge"},
    constants={"supplier": "MILL", "currency": "EUR"},
    header=2,
    dates="day-first",
    decimal=",",
    delimiter=";",
)


def read(mapping: ColumnMapping, content: bytes | str) -> list[Line]:
    found = lines(content, code="catalog.file", mapping=mapping)
    forms = {"cost": "number", "per": "number", "from": "date"}
    return list(translated(mapping, found, forms, code="catalog.file"))


def test_their_lines_are_ours_under_the_numbers_that_they_have() -> None:
    assert read(GERMAN, THEIRS.encode()) == [
        (2, ["sku", "cost", "from", "per", "supplier", "currency"]),
        (3, ["OAT-500", "1234.5", "2026-03-01", "12", "MILL", "EUR"]),
    ]


def test_numbers_are_multiplied_exactly_and_nothing_else_is() -> None:
    mapping = ColumnMapping(
        kind="offers", columns={"cost": "c", "sku": "s"}, factors={"cost": 10_000, "sku": 2}
    )
    found = [(1, ["c", "s"]), (2, ["1.873685", "7"]), (3, ["x", "A"]), (4, [Exact("0.1"), "B"])]
    made = translated(mapping, found, {"cost": "number"}, code="catalog.file")
    assert [cells[0] for _, cells in made][1:] == ["18736.85", "x", "1000"]


def test_what_a_spreadsheet_holds_as_a_number_is_not_read_by_their_comma() -> None:
    found = [(2, ["Artikel", "Preis netto", "ab", "Menge"]), (3, ["A", Exact("1.5"), "", "1.500"])]
    row = list(translated(GERMAN, found, {"cost": "number", "per": "number"}, code="catalog.file"))
    assert row[1][1][:4] == ["A", "1.5", "", "1500"]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (ColumnMapping(kind="items", columns={"sku": "Nummer"}, header=2), "'Nummer' is missing"),
        (
            ColumnMapping(kind="items", columns={"sku": "Artikel"}, header=9),
            "ends before its header",
        ),
    ],
)
def test_a_file_that_does_not_fit_its_mapping_is_refused(mapping: ColumnMapping, says: str) -> None:
    with pytest.raises(QuartermasterError, match=says):
        read(mapping, THEIRS)


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1,234.50", ".", "1234.5"),
        ("1.234,50", ",", "1234.5"),
        ("1 234,5", ",", "1234.5"),
        ("1'234.00", ".", "1234"),
        ("12.0", ".", "12"),
        ("12,50", ".", "12,50"),
        ("1.2.3", ",", "1.2.3"),
        ("1.5", ",", "1.5 (with a point)"),
        ("12 pcs", ".", "12 pcs"),
        ("4.0E+12", ".", "4.0E+12"),
    ],
)
def test_numbers_are_read_by_their_manner_and_what_is_none_is_left_for_the_refusal(
    text: str, decimal: str, number: str
) -> None:
    assert plain_number(text, decimal) == number


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("1.3.2026", "day-first", "2026-03-01"),
        ("3/1/2026", "month-first", "2026-03-01"),
        ("01-03-2026 9:05", "day-first", "2026-03-01T09:05"),
        ("1.3.26", "day-first", "1.3.26"),
        ("2026-03-01", "day-first", "2026-03-01"),
        ("1.3.2026", "iso", "1.3.2026"),
    ],
)
def test_days_are_read_by_their_manner(text: str, order: str, day: str) -> None:
    assert iso(text, order) == day


def test_a_proposal_takes_the_same_and_the_close_names_and_leaves_the_rest_to_a_person() -> None:
    header = ["Lieferant", "Art.-Nr.", "Currency", "Costs", "Remarks"]
    words = {"supplier": ["Lieferant"], "sku": ["Art Nr"]}
    found = proposed("offers", header, ["supplier", "sku", "currency", "cost", "per"], words)
    assert found.columns == {
        "supplier": "Lieferant",
        "sku": "Art.-Nr.",
        "currency": "Currency",
        "cost": "Costs",
    }


CELLS = st.text("'=+-@\t;,\"ab1 ", max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=4))
def test_csv_that_goes_out_runs_nothing_and_comes_back_as_it_was(rows: list[list[str]]) -> None:
    table = [["x", "y", "z"], *rows]
    text = written(table)
    assert [cells for _, cells in lines(text, code="catalog.file")] == table
    for row in table:
        for cell in next(csv.reader(io.StringIO(written([row]), newline=""))):
            assert not cell.startswith(("=", "+", "-", "@", "\t"))
