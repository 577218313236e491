"""Lot and expiry by grammar and plausibility: what is told, and what is rather not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.printed import MAX_ROWS, Order, Printed, Row, is_plausible, understand

TODAY = date(2026, 11, 21)


def says(*lines: str, order: Order | None = None) -> Printed:
    return understand([Row(line, [1.0] * len(line)) for line in lines], received=TODAY, order=order)


def lot(*lines: str) -> str | None:
    claim = says(*lines).lot
    return claim.value if claim is not None else None


def expiry(*lines: str, order: Order | None = None) -> str | None:
    claim = says(*lines, order=order).expiry
    return claim.value if claim is not None else None


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("LOT B50SO18", "B50SO18"),
        ("Lot: a7-0421", "A7-0421"),
        ("BATCH NO. 12345", "12345"),
        ("8ATCH 12345", "12345"),
        ("L0T 12345", "12345"),
        ("CH-B: 4711", "4711"),
        ("CHARGE 23/0415", "23/0415"),
        ("L 2304A", "2304A"),
        ("(10)AB123", "AB123"),
        ("(17)271231(10)AB123", "AB123"),
        ("LOT A12 EXP 31.08.2027", "A12"),
    ],
)
def test_a_lot_stands_behind_its_keyword(line: str, value: str) -> None:
    assert lot(line) == value


@pytest.mark.parametrize(
    "line",
    [
        "B50SO18",
        "LOT",
        "LOTION 5",
        "LOT ABCDEF",
        "LOT A12 34",
        "L2304A",
        "PILOT 12345",
        "LOT 123456789012345678901234",
        "LOT A\x00B12",
    ],
)
def test_what_has_no_lots_form_or_may_be_cut_is_none(line: str) -> None:
    assert lot(line) is None


def test_two_lots_on_a_label_are_none() -> None:
    assert lot("LOT A123", "BATCH A124") is None
    assert lot("LOT A123", "LOT A123") == "A123"


def test_a_value_may_stand_below_its_keyword() -> None:
    assert lot("LOT", "AB123") == "AB123"
    assert expiry("EXP:", "31.08.2027") == "2027-08-31"


def test_a_lot_that_runs_into_its_keyword_is_not_clear() -> None:
    claim = says("LOTB50").lot
    assert claim is not None
    assert (claim.value, claim.clear) == ("B50", False)


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("EXP 31.08.2027", "2027-08-31"),
        ("EXP31.08.27", "2027-08-31"),
        ("EXP. DATE 31. 08. 2027", "2027-08-31"),
        ("USE BY 2027-06-05", "2027-06-05"),
        ("BEST BEFORE END 31 DEC 2026", "2026-12-31"),
        ("BBE 06/2027", "2027-06-30"),
        ("BBE 02/28", "2028-02-29"),
        ("MHD 30.06.27", "2027-06-30"),
        ("EXP FEB 2027", "2027-02-28"),
        ("EXP 12MAR27", "2027-03-12"),
        ("EXP 2027-06", "2027-06-30"),
        ("EXP 20271231", "2027-12-31"),
        ("EXP 31082027", "2027-08-31"),
        ("(17)271231", "2027-12-31"),
        ("(17)270200", "2027-02-28"),
        ("EXP 25/06/2027", "2027-06-25"),
        ("EXP 06/25/2027", "2027-06-25"),
        ("EXP 06/06/2027", "2027-06-06"),
        ("EXP 2O27-O1-3l", "2027-01-31"),
        ("5EXP 1.1.2027 EXP 31.O8.2O27", "2027-08-31"),
        ("MFG 01.01.2026 EXP 01.01.2028", "2028-01-01"),
        ("USE BY 17 0CT 2027", "2027-10-17"),
        ("MHO 22.01.29", "2029-01-22"),
        ("BB: 31.08.2027", "2027-08-31"),
    ],
)
def test_an_expiry_is_told_in_all_forms(line: str, day: str) -> None:
    assert expiry(line) == day


@pytest.mark.parametrize(
    "line",
    [
        "EXP 31 FEB",
        "EXP 31 FEB 2027",
        "EXP 31.02.2027",
        "EXP 05/06/2027",
        "EXP 05-06-27",
        "EXP 271231",
        "EXP 99/99/9999",
        "EXP 31.08.2025",
        "EXP 31.08.2055",
        "EXP 31.08.20271",
        "31.08.2027",
        "MFG 31.08.2027",
        "EXP 12 XYZ 2027",
        "EXP",
    ],
)
def test_no_day_no_plausible_day_or_more_than_one_is_none(line: str) -> None:
    assert expiry(line) is None


@pytest.mark.parametrize("lot", ["K3-8836", "W8-8875", "B8061H0", "88-1234"])
def test_a_lot_whose_eights_look_like_bb_hides_no_expiry(lot: str) -> None:
    assert expiry(f"LOT {lot} EXP 14.03.2030") == "2030-03-14"
    assert expiry(f"LOT {lot}", "EXP 14.03.2030") == "2030-03-14"


def test_a_point_that_decides_nothing_need_not_be_seen() -> None:
    def seen(line: str, points: float) -> float:
        sure = [points if char in ".-" else 1.0 for char in line]
        claim = understand([Row(line, sure)], received=TODAY).expiry
        assert claim is not None
        return claim.sure

    assert seen("EXP 14.03.2030", 0.4) == 1.0
    assert seen("EXP 2030-03-04", 0.4) == 1.0
    assert seen("EXP 04.03.2030", 0.4) == 0.4, "with a slash it might be April"


def test_two_different_expiries_are_none_and_so_is_one_that_cannot_be_told_beside_another() -> None:
    assert expiry("EXP 01.01.2028", "BBE 02.01.2028") is None
    assert expiry("EXP 01.01.2028", "EXP 31 FEB 2028") is None


@pytest.mark.parametrize(
    ("order", "day"),
    [("day-first", "2027-06-05"), ("month-first", "2027-05-06"), ("year-first", None)],
)
def test_where_the_site_says_how_it_writes_dates_the_doubtful_one_is_told(
    order: Order, day: str | None
) -> None:
    assert expiry("EXP 05/06/2027", order=order) == day


def test_six_digits_are_read_as_the_site_writes_them() -> None:
    assert expiry("EXP 271231", order="year-first") == "2027-12-31"
    assert expiry("EXP 271231", order="day-first") == "2031-12-27"
    assert expiry("EXP 271331") is None


def test_the_weakest_character_says_how_sure_a_value_is() -> None:
    text = "LOT AB123"
    sure = [0.1, 0.2, 0.3, 0.4, 0.99, 0.97, 0.6, 0.98, 0.99]
    claim = understand([Row(text, sure)], received=TODAY).lot
    assert claim is not None
    assert claim.sure == 0.6


def test_numbers_that_are_none_make_nothing_sure() -> None:
    claim = understand([Row("LOT AB123", [float("nan")] * 9)], received=TODAY).lot
    assert claim is not None
    assert claim.sure == 0.0
    assert understand([Row("LOT AB123", ())], received=TODAY).lot == ("AB123", 0.0, True, 0.0)


def test_ten_thousand_characters_and_a_thousand_rows_are_cut_not_searched() -> None:
    long = "LOT " * 2500 + "A1234"
    assert says(long).lot is None
    rows = ["X"] * MAX_ROWS + ["LOT A1234"]
    assert says(*rows).lot is None


@given(st.lists(st.text(max_size=60), max_size=6))
def test_whatever_is_printed_nothing_breaks_and_what_is_told_is_plausible(lines: list[str]) -> None:
    told = says(*lines)
    if told.expiry is not None:
        assert is_plausible(date.fromisoformat(told.expiry.value), TODAY)
    if told.lot is not None:
        assert 3 <= len(told.lot.value) <= 20
        assert told.lot.value.isprintable()


@given(st.dates(TODAY, TODAY + timedelta(days=5000)), st.sampled_from(["%d.%m.%Y", "%Y-%m-%d"]))
def test_every_day_to_come_is_told_as_it_was_printed(day: date, form: str) -> None:
    assert expiry("EXP " + day.strftime(form)) == day.isoformat()


@given(st.dates(TODAY, TODAY + timedelta(days=5000)))
def test_a_day_with_slashes_is_told_right_or_not_at_all(day: date) -> None:
    for form in ("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m-%d-%y", "%y-%m-%d", "%d%m%y", "%m%d%Y"):
        assert expiry("EXP " + day.strftime(form)) in {None, day.isoformat()}


@pytest.mark.parametrize(
    ("read", "forms", "value"),
    [
        ("57-8792", ["A9-9999"], "S7-8792"),
        ("S7-8792", ["A9-9999", "999999A"], "S7-8792"),
        ("K490327", ["A9999A9", "999999A"], "K4903Z7"),
        ("F032228", ["AA99999"], None),
        ("12345", ["AA99999"], None),
        ("8S5OS1", ["999999"], "855051"),
        ("AB/12", ["AA/99"], "AB/12"),
        ("AB-12", ["AA/99"], None),
    ],
)
def test_a_site_that_says_how_lots_are_written_settles_what_looks_alike(
    read: str, forms: list[str], value: str | None
) -> None:
    rows = [Row(f"LOT {read}", [1.0] * (4 + len(read)))]
    claim = understand(rows, received=TODAY, forms=forms).lot
    assert (claim.value if claim is not None else None) == value


def test_what_fits_two_forms_is_told_with_how_surely_its_ends_were_seen() -> None:
    rows = [Row("LOT 1234565", [1.0] * 10 + [0.6])]
    one = understand(rows, received=TODAY, forms=["9999999"]).lot
    two = understand(rows, received=TODAY, forms=["9999999", "999999A"]).lot
    assert one is not None
    assert two is not None
    assert (one.border, two.border) == (1.0, pytest.approx(0.6))
