"""One label at a time: what it says, or why not."""

from __future__ import annotations

import pytest

from shared.errors import QuartermasterError
from shared.gs1 import check_digit, is_valid, read, with_check_digit

GTIN = "09506000134352"
SSCC = "106141412345678908"


@pytest.mark.parametrize(
    ("raw", "gtin"),
    [
        ("96385074", "00000096385074"),
        ("614141000036", "00614141000036"),
        ("9506000134352", GTIN),
        (GTIN, GTIN),
        ("]E09506000134352", GTIN),
        ("]E496385074", "00000096385074"),
        ("]E004252614", "00042100005264"),  # UPC-E
        ("]E3950600013435212", GTIN),  # with a two-digit add-on
        ("]I1" + with_check_digit("1950600013435"), with_check_digit("1950600013435")),
        ("]C09506000134352", GTIN),
        ("9506000134352\r\n", GTIN),
    ],
)
def test_a_gtin_of_any_length_has_fourteen_digits(raw: str, gtin: str) -> None:
    scanned = read(raw)
    assert (scanned.kind, scanned.gtin, scanned.raw) == ("gtin", gtin, raw)
    assert scanned.warnings == ()


def test_an_element_string_keeps_raw_string_and_aim_identifier() -> None:
    raw = f"]C101{GTIN}10LOTA\x1d1729123121S-1\x1d3012"
    scanned = read(raw)
    assert (scanned.raw, scanned.aim, scanned.text) == (raw, "]C1", raw[3:])
    assert scanned.kind == "element-string"
    assert (scanned.gtin, scanned.lot, scanned.serial) == (GTIN, "LOTA", "S-1")
    assert (scanned.expiry, scanned.quantity, scanned.warnings) == ("2029-12-31", 12, ())


@pytest.mark.parametrize("aim", ["", "]C1", "]d2", "]Q3", "]e0", "]J1"])
def test_every_gs1_symbology_and_none_reads_the_same_element_string(aim: str) -> None:
    assert read(f"{aim}01{GTIN}10AB").lot == "AB"


def test_what_a_pallet_holds_is_its_gtin_and_count() -> None:
    scanned = read(f"]C100{SSCC}02{GTIN}3740\x1d10AB")
    assert (scanned.sscc, scanned.gtin, scanned.quantity, scanned.lot) == (SSCC, GTIN, 40, "AB")


def test_the_bracketed_form_reads_like_the_symbol() -> None:
    scanned = read(f"(01){GTIN} (17)291231 (10)AB(C)")
    assert (scanned.gtin, scanned.expiry, scanned.lot) == (GTIN, "2029-12-31", "AB(C)")


@pytest.mark.parametrize(
    "raw",
    [
        f"https://id.gs1.org/01/{GTIN}/10/AB%2F1?17=291231",
        f"HTTPS://example.com/some/path/01/{GTIN[1:]}/10/AB%2F1?17=291231&utm=x",
        f"]Q1https://example.com/01/{GTIN}/10/AB%2F1?17=291231",
    ],
)
def test_a_digital_link_says_item_lot_and_expiry(raw: str) -> None:
    scanned = read(raw)
    assert scanned.kind == "digital-link"
    assert (scanned.gtin, scanned.lot, scanned.expiry) == (GTIN, "AB/1", "2029-12-31")


def test_eighteen_digits_are_an_sscc() -> None:
    assert (read(SSCC).kind, read(SSCC).sscc) == ("sscc", SSCC)
    assert read("00" + SSCC).sscc == SSCC


@pytest.mark.parametrize(
    "raw",
    [
        "A-01-02",
        "SKU 4711",
        "]C0PICK-7",
        "]A012345678",  # Code 39 carries any text: eight digits need not be a GTIN
        "https://example.com/",
        "https://example.com/01/about",
        "http://[broken",
        "]",
        "]C",
        "Größe 42",
        "1012345",  # could be (10)12345, but nothing says so
        "(see page 2)",
    ],
)
def test_other_texts_are_plain(raw: str) -> None:
    scanned = read(raw)
    assert scanned.kind == "plain"
    assert scanned.gtin is scanned.sscc is scanned.lot is None


@pytest.mark.parametrize(
    ("yymmdd", "expiry"),
    [
        ("290200", "2029-02-28"),
        ("280200", "2028-02-29"),
        ("291200", "2029-12-31"),
        ("761231", "2076-12-31"),
        ("771231", "1977-12-31"),
    ],
)
def test_expiry_day_zero_is_the_last_and_the_century_is_the_nearest(
    yymmdd: str, expiry: str
) -> None:
    assert read(f"01{GTIN}17{yymmdd}", year=2026).expiry == expiry


def test_the_century_follows_the_present_year() -> None:
    assert read(f"01{GTIN}17050101", year=2060).expiry == "2105-01-01"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "scan.empty"),
        (" \r\n", "scan.empty"),
        ("]C1", "scan.empty"),
        ("\x1d", "scan.empty"),
        ("A" * 10_000, "scan.too-long"),
        ("AB\x00C", "scan.malformed"),
        ("AB\x85C", "scan.malformed"),
        ("AB\ud800C", "scan.malformed"),
        ("[)>\x1e06\x1dP1\x1e\x04", "scan.malformed"),
        ("9506000134353", "gs1.check-digit"),
        ("96385075", "gs1.check-digit"),
        ("]E09506000134353", "gs1.check-digit"),
        ("]I119506000134350", "gs1.check-digit"),
        ("106141412345678909", "gs1.check-digit"),
        ("0109506000134353", "gs1.check-digit"),
        ("]C100106141412345678909", "gs1.check-digit"),
        ("https://id.gs1.org/01/09506000134353", "gs1.check-digit"),
        ("https://id.gs1.org/01/095060001343521", "gs1.syntax"),
        (f"01{GTIN}17291331", "gs1.syntax"),
        (f"01{GTIN}17290230", "gs1.syntax"),
        (f"]C101{GTIN}10", "gs1.syntax"),
        (f"]C101{GTIN}30", "gs1.syntax"),
        (f"01{GTIN}XY", "gs1.syntax"),
        (f"01{GTIN}10A\x1d10B", "gs1.syntax"),
        (f"02{GTIN}", "gs1.syntax"),
        (f"]C102{GTIN}10AB", "gs1.syntax"),
        ("]C1HELLO", "gs1.syntax"),
        ("]Q3https://example.com/", "gs1.syntax"),
        ("]E0ABC", "gs1.syntax"),
        ("(01)123", "gs1.syntax"),
        ("]d2Größe", "gs1.syntax"),
        (f"01{GTIN}3932040EUR", "gs1.syntax"),
        (f"01{GTIN}393204055GBP", "gs1.syntax"),  # a bad currency has nothing to do with GS
        (f"01{GTIN}10A\x1d30123456789X", "gs1.syntax"),  # nor has a scanner that sends it
        # Arabic digits are digits to Python, not to GS1.
        ("]C101٠٩٥٠٦٠٠٠١٣٤٣٥٢", "gs1.syntax"),
        (f"01{GTIN}10LOTA71729123121SERIAL4711", "gs1.lost-separator"),
        (f"02{GTIN}374010LOT", "gs1.lost-separator"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_code(raw: str, code: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        read(raw)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "tail",
    [
        "10LOTA717291231",
        "10LOTA715291200",
        "10LOTA71729123121AB",
        "21SER11260101",
        "10L3103001250",
        "10" + "L" * 20 + "2012",  # to the maximum length, and more
    ],
)
def test_a_lost_separator_is_warned_about_and_nothing_is_repaired(tail: str) -> None:
    raw = f"01{GTIN}{tail}"
    scanned = read(raw)
    assert scanned.warnings == ("gs1.lost-separator",)
    assert scanned.raw == raw
    assert scanned.expiry is None


@pytest.mark.parametrize(
    "raw",
    [
        f"01{GTIN}10LOT21SERIAL",
        f"01{GTIN}1017291231",  # the lot is the eight digits themselves
        f"01{GTIN}10LOTA717291331",  # no thirteenth month
        f"01{GTIN}10LOTA717991231",  # 1999: nobody ships what expired then
        f"01{GTIN}1729123110LOTA717291231",  # the expiry is already there
        f"01{GTIN}21S1\x1d10LOTA717291231",  # this scanner sends its separators
        f"01{GTIN}10LOTA717291231\x1d",
        f"(01){GTIN}(10)LOTA717291231",
        f"https://id.gs1.org/01/{GTIN}/10/LOTA717291231",
    ],
)
def test_an_ordinary_lot_is_not_suspected(raw: str) -> None:
    assert read(raw).warnings == ()


@pytest.mark.parametrize(
    "whole",
    [
        f"]C101{GTIN}1729123110LOT-7\x1d21S-1",
        f"]d201{GTIN}1729123110LOT-7\x1d21S-1",
        f"(01){GTIN}(17)291231(10)LOT-7",
        f"https://id.gs1.org/01/{GTIN}/10/LOT-7?17=291231",
    ],
)
def test_a_label_that_is_cut_names_no_other_goods_and_no_other_day(whole: str) -> None:
    for end in range(1, len(whole)):
        try:
            scanned = read(whole[:end])
        except QuartermasterError:
            continue
        assert scanned.gtin in {GTIN, None}, whole[:end]
        assert scanned.expiry in {"2029-12-31", None}, whole[:end]
        assert scanned.gtin is None or "LOT-7".startswith(scanned.lot or ""), whole[:end]


def test_check_digits_are_those_of_the_general_specifications() -> None:
    assert check_digit("950600013435") == 2
    assert with_check_digit("10614141234567890") == SSCC
    assert is_valid(GTIN)
    assert not is_valid("")
    assert not is_valid("5")
    assert not is_valid("٠٩٥٠٦٠٠٠١٣٤٣٥٢")
    with pytest.raises(QuartermasterError):
        check_digit("12a")
