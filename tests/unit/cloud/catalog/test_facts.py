"""Trade files become facts and files again; every wrong cell is named with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.catalog import exported, header, proposal, template
from cloud.catalog.cells import Value
from cloud.catalog.facts import Fact, merged, read_trade, remarked
from cloud.catalog.kinds import SHAPES, columns
from cloud.catalog.model import ImportKind, TradeKind
from cloud.catalog.money import MAX_MINOR, major_units, minor_units
from cloud.catalog.table import read
from cloud.tables import ColumnMapping, lines, written_workbook
from shared.errors import QuartermasterError

KINDS: tuple[TradeKind, ...] = ("assortment", "packs", "links", "suppliers", "offers", "bills")


def errors_of(kind: TradeKind, text: str) -> list[tuple[int, str, str]]:
    found = read_trade(kind, text).errors.found
    assert all(error.says and error.do for error in found)
    return [(error.line, error.column, error.code) for error in found]


def facts_of(kind: TradeKind, text: str) -> list[Fact]:
    table = read_trade(kind, text)
    assert not table.errors, table.errors.found
    return [merged(kind, stated, None) for stated in table.stated]


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_reads_without_errors_and_is_what_an_export_of_it_looks_like(
    kind: TradeKind,
) -> None:
    facts = facts_of(kind, template(kind))
    assert facts_of(kind, header(kind) + exported(kind, facts)) == facts


@pytest.mark.parametrize("kind", SHAPES)
def test_an_exports_header_is_the_one_that_an_import_takes(kind: ImportKind) -> None:
    taken = columns(kind)
    assert set(SHAPES[kind].header) == {*taken.required, *taken.optional}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("assortment", "sku,cost,price,currency\nA,1.005,2,EUR\n", [(2, "cost")]),
        ("assortment", 'sku,cost,price,currency\nA,"1,000",2,EUR\n', [(2, "cost")]),
        ("assortment", "sku,cost,price,currency\nA,-1,2,EUR\n", [(2, "cost")]),
        ("assortment", "sku,cost,price,currency\nA,=1+1,2,EUR\n", [(2, "cost")]),
        ("assortment", "sku,cost,price,currency\nA,1,2.5,JPY\n", [(2, "price")]),
        ("assortment", "sku,cost,price,currency\nA,1,,\n", [(2, "currency")]),
        ("assortment", "sku,cost,price,currency\nA,1,,euro\n", [(2, "currency")]),
        ("assortment", "sku,shelf_life\nA,0\n", [(2, "shelf_life")]),
        ("assortment", "sku,category\nA,x\nA,x\n", [(3, "sku")]),
        ("packs", "gtin,level\n4006381333932,each\n", [(2, "gtin")]),
        ("packs", "gtin,level\n,each\n4006381333931,box\n", [(2, "gtin"), (3, "level")]),
        ("links", "sku,kind,other\nA,,B\n", [(2, "kind")]),
        ("links", "sku,kind,other,rank\nA,sibling,B,0\n", [(2, "rank")]),
        (
            "suppliers",
            "code,name,incoterm,lead_days\nM,,XXX,ten\n",
            [(2, "name"), (2, "incoterm"), (2, "lead_days")],
        ),
        ("offers", "supplier,sku,currency,cost\nM,A,EUR,\n", [(2, "cost")]),
        (
            "offers",
            "supplier,sku,currency,cost\nM,A,EUR,1\nM,A,USD,2\n",
            [(3, "currency"), (3, "from")],
        ),
        ("bills", "sku,version,component,quantity\nA,1,B,0\n", [(2, "quantity")]),
        ("bills", "sku,version,component,quantity\nA,1,B,1\nA,1,B,2\n", [(3, "component")]),
        (
            "bills",
            "sku,version,component,quantity,valid_from\nA,1,B,1,1.3.2026\n",
            [(2, "valid_from")],
        ),
    ],
)
def test_every_wrong_cell_is_named_with_line_and_column(
    kind: TradeKind, text: str, expected: list[tuple[int, str]]
) -> None:
    assert [(line, column) for line, column, _ in errors_of(kind, text)] == expected


def test_money_comes_with_its_currency_or_the_file_is_refused() -> None:
    with pytest.raises(QuartermasterError, match="come together") as refused:
        read_trade("assortment", "sku,cost\nA,1\n")
    assert refused.value.code == "catalog.file"


def test_what_a_file_is_silent_about_stays_as_it_was() -> None:
    (held,) = facts_of("suppliers", template("suppliers"))
    (stated,) = read_trade("suppliers", "code,name,lead_days\nMILL,The Old Mill,\n").stated
    heard = merged("suppliers", stated, held)
    assert heard.terms == ("The Old Mill", *held.terms[1:6], None, held.terms[7])


def test_a_corrected_file_says_what_is_wrong_beside_each_row_and_can_be_read_again() -> None:
    text = "sku;kind;other;errors\nA;sibling;B;old remark\nA;cousin;C;\n"
    table = read_trade("links", text)
    marked = remarked("links", text, table.errors.found).decode()
    first, good, bad = marked.splitlines()
    assert (first, good) == ("sku,kind,other,errors", "A,sibling,B,")
    assert bad.startswith('A,cousin,C,"kind: ')
    assert not read_trade("links", marked.replace("cousin", "substitute")).errors


def test_a_corrected_workbook_reads_by_the_same_mapping_with_its_numbers_as_numbers() -> None:
    rows = [["Prices of March", ""], ["Artikel", "Preis"], ["A", "1.5"], ["B", "x"]]
    content = written_workbook(rows, {"": "number"}, name="Sheet1", code="catalog.file")
    mapping = ColumnMapping(
        kind="offers",
        columns={"sku": "Artikel", "cost": "Preis"},
        constants={"supplier": "MILL", "currency": "EUR"},
        header=2,
        decimal=",",
    )
    flaws = read_trade("offers", content, mapping).errors.found
    assert [(flaw.line, flaw.column) for flaw in flaws] == [(4, "cost")]
    marked = remarked("offers", content, flaws, mapping)
    found = list(lines(marked, code="catalog.file"))
    assert [cells[:2] for _, cells in found] == rows
    assert (found[1][1][2], found[3][1][2][:5]) == ("errors", "cost:")
    again = read_trade("offers", marked, mapping)
    assert again.stated[0].lines == ((1, 150),)


@given(st.integers(0, MAX_MINOR), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_money_is_written_as_it_is_read(amount: int, currency: str) -> None:
    assert minor_units(major_units(amount, currency), currency) == amount


CELLS = st.text("AB1.,-=e\"' ", max_size=6) | st.sampled_from(["EUR", "yes", "2026-01-01", "1.25"])


@given(st.sampled_from(KINDS), st.lists(st.lists(CELLS, min_size=3, max_size=11), max_size=4))
def test_whatever_reads_without_errors_is_exported_as_what_reads_the_same(
    kind: TradeKind, rows: list[list[str]]
) -> None:
    names = header(kind)
    width = names.count(",") + 1
    quoted = (
        ",".join('"' + cell.replace('"', '""') + '"' for cell in (row * 4)[:width]) for row in rows
    )
    table = read_trade(kind, names + "\n".join(quoted))
    if not table.errors:
        facts = sorted((merged(kind, one, None) for one in table.stated), key=_key)
        assert sorted(facts_of(kind, names + exported(kind, facts)), key=_key) == facts


def _key(fact: Fact) -> tuple[Value, ...]:
    return fact.key


def test_real_exports_come_in_by_a_mapping_or_say_what_stands_in_their_way() -> None:
    data = Path(__file__).parents[5] / "shared" / "data" / "demand"
    if not data.is_dir():
        pytest.skip(f"the real data is not at {data}")
    products = (data / "frat_products.csv").read_bytes()
    found = proposal("items", products)
    assert found.columns == {"name": "description"}
    mapping = ColumnMapping(kind="items", columns={"sku": "UPC_ID", "name": "description"})
    table = read("items", products, mapping)
    assert (len(table.items), table.rows, table.errors.found) == (table.rows, table.rows, [])
    costs = ColumnMapping(
        kind="offers",
        columns={"sku": "item", "cost": "unit_cost", "minimum": "moq"},
        constants={"supplier": "MAN", "currency": "EUR", "per": "10000"},
        factors={"cost": 10_000},
    )
    offers = read_trade("offers", (data / "man_items_dev.csv").read_bytes(), costs)
    assert offers.stated[0].lines[0] == (1, 1_873_685)  # 1.873685 for one
    # Costs that a program's fractions spoilt, least orders of none: for a person to correct.
    assert {flaw.column for flaw in offers.errors.found} == {"cost", "minimum"}
    assert len(offers.errors.found) < offers.rows // 8
