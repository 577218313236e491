"""Files become checked rows; every wrong cell is named with line and column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.catalog import template
from cloud.catalog.model import MAX_ERRORS, PlaceKind, normalize_gtin
from cloud.catalog.table import read
from cloud.tables import MAX_BYTES
from shared.errors import QuartermasterError
from shared.gs1 import with_check_digit

KINDS: tuple[PlaceKind, ...] = ("sites", "items", "locations")


def errors_of(kind: PlaceKind, text: str) -> list[tuple[int, str, str]]:
    return [(error.line, error.column, error.code) for error in read(kind, text).errors.found]


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_reads_without_errors(kind: PlaceKind) -> None:
    table = read(kind, template(kind))
    assert table.rows
    assert not table.errors


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheets_separator_is_found_in_the_header(delimiter: str) -> None:
    text = "code,name\nAMS1,Amsterdam\n".replace(",", delimiter)
    assert [site.code for site in read("sites", text).sites] == ["AMS1"]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    table = read("sites", "\ufeffCode, Name \r\nAMS1,Amsterdam\r\n\r\n".encode())
    assert [(site.code, site.name) for site in table.sites] == [("AMS1", "Amsterdam")]
    assert not table.errors


def test_several_rows_of_an_item_are_one_item_with_several_codes() -> None:
    table = read("items", template("items"))
    assert [item.sku for item in table.items] == ["OAT-500", "OAT-1000", "BREAKFAST"]
    assert [(code.gtin, code.quantity) for code in table.codes if code.sku == "OAT-500"] == [
        ("04006381333931", 1),
        ("14006381333938", 12),
    ]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("items", "sku,name\nA B,x\n", [(2, "sku", "catalog.row")]),
        ("items", "sku,name\n,x\n", [(2, "sku", "catalog.row")]),
        ("items", "sku,name\nA,\n", [(2, "name", "catalog.row")]),
        ("items", f"sku,name\nA,{'x' * 201}\n", [(2, "name", "catalog.row")]),
        ("items", "sku,name,gtin\nA,x,4006381333932\n", [(2, "gtin", "gs1.check-digit")]),
        ("items", "sku,name,gtin\nA,x,123\n", [(2, "gtin", "gs1.check-digit")]),
        ("items", "sku,name,gtin\nA,x,٤٠٠٦٣٨١٣٣٣٩٣١\n", [(2, "gtin", "gs1.check-digit")]),
        (
            "items",
            "sku,name,gtin,quantity\nA,x,4006381333931,0\n",
            [(2, "quantity", "catalog.row")],
        ),
        ("items", "sku,name,gtin,quantity\nA,x,,12\n", [(2, "quantity", "catalog.row")]),
        (
            "items",
            "sku,name,gtin\nA,x,4006381333931\nB,y,04006381333931\n",
            [(3, "gtin", "catalog.row")],
        ),
        ("items", "sku,name\nA,x\nA,y\n", [(3, "name", "catalog.row")]),
        ("items", "sku,name,removed\nA,x,maybe\n", [(2, "removed", "catalog.row")]),
        ("items", "sku,name\nA\n", [(2, "", "catalog.row")]),
        ("items", "sku,name\nA,x,y\n", [(2, "", "catalog.row")]),
        ("sites", "code,name\nA,x\nA,y\n", [(3, "code", "catalog.row")]),
        ("sites", "code,name,currency\nA,x,euro\n", [(2, "currency", "catalog.row")]),
        ("locations", "site,code\nA,L1\nB,L1\nA,L1\n", [(4, "code", "catalog.row")]),
        ("locations", "site,code\nA,../x y\n", [(2, "code", "catalog.row")]),
        ("items", "sku,name,class\nA,x,D\n", [(2, "class", "catalog.row")]),
        ("items", "sku,name,class\nA,x,B\nA,,A\n", [(3, "class", "catalog.row")]),
        ("locations", "site,code,zone\nA,L1,a b\n", [(2, "zone", "catalog.row")]),
        ("locations", "site,code,capacity\nA,L1,-1\n", [(2, "capacity", "catalog.row")]),
        ("locations", "site,code,capacity\nA,L1,1.5\n", [(2, "capacity", "catalog.row")]),
        ("locations", "site,code,capacity\nA,L1,99999999\n", [(2, "capacity", "catalog.row")]),
    ],
)
def test_a_wrong_cell_is_named(
    kind: PlaceKind, text: str, expected: list[tuple[int, str, str]]
) -> None:
    assert errors_of(kind, text) == expected


def test_a_quoted_cell_over_two_lines_does_not_shift_the_line_numbers() -> None:
    assert errors_of("items", 'sku,name,gtin\nA,"x",\nB,"y\nz",\nC D,x,\n')[-1][0] == 5


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", "line 1"),
        (b"sku\nA\n", "line 1"),
        (b"sku,name,colour\nA,x,red\n", "line 1"),
        (b"sku,name,sku\nA,x,A\n", "line 1"),
        (b"sku,name\nA,x\nB,\xff\n", "line 3"),
        (b"sku,name\nA,\x00\n", "line 2"),
        (b'sku,name\nA,"x\n', "line 2"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_whole(content: bytes, where: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        read("items", content)
    assert (refusal.value.code, refusal.value.where) == ("catalog.file", where)


def test_an_oversized_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(QuartermasterError) as refusal:
        read("items", b"x" * (MAX_BYTES + 1))
    assert refusal.value.code == "payload.too-large"


def test_a_hopeless_file_costs_a_bounded_report() -> None:
    table = read("items", "sku,name\n" + "A B,x\n" * (MAX_ERRORS + 5))
    assert len(table.errors.found) == MAX_ERRORS
    assert table.errors.more == 5


@given(st.text(alphabet="0123456789", min_size=6, max_size=13))
def test_every_gtin_becomes_fourteen_digits_or_says_why_not(payload: str) -> None:
    text = with_check_digit(payload)
    if len(text) in {8, 12, 13, 14}:
        assert normalize_gtin(text) == text.zfill(14)
    else:
        with pytest.raises(ValueError, match="digits"):
            normalize_gtin(text)


@given(st.sampled_from(KINDS), st.binary(max_size=400))
def test_no_bytes_at_all_break_the_reader(kind: PlaceKind, content: bytes) -> None:
    header = template(kind).partition("\n")[0].encode() + b"\n"
    for data in (content, header + content):
        refused = ""
        try:
            read(kind, data)
        except QuartermasterError as refusal:
            refused = refusal.code
        assert refused in {"", "catalog.file"}
