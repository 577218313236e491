"""For all labels: nothing but a refusal ever comes out, and what was printed is what is read."""

from __future__ import annotations

import datetime as dt
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QuartermasterError
from shared.gs1 import read, with_check_digit

GS = "\x1d"
CHARACTERS = string.ascii_letters + string.digits + "-./_+!%&'()*,:;<=>?\""

digits13 = st.text(string.digits, min_size=13, max_size=13)
gtins = digits13.map(with_check_digit)
lots = st.text(CHARACTERS, min_size=1, max_size=20)
dates = st.dates(dt.date(2010, 1, 1), dt.date(2050, 12, 31))
texts = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(codec=None), max_size=40),  # lone surrogates among them
    st.text(string.digits + GS + "()]C1/", max_size=60),
    st.tuples(
        st.sampled_from(["", "]C1", "]d2", "]Q3", "]E0", "]E4", "]E3", "]I1", "]e0", "]C0", "]Q1"]),
        st.sampled_from(["", "01", "00", "(01)", "http://x/01/", "https://[", "https://a/01/"]),
        st.text(string.digits + string.ascii_letters + GS + "/?=&%().-", max_size=50),
    ).map("".join),
    st.tuples(st.just("01"), gtins, st.text(string.digits + GS, max_size=40)).map("".join),
)


@given(texts)
def test_reading_any_text_answers_or_refuses(raw: str) -> None:
    try:
        scanned = read(raw)
    except QuartermasterError:
        return
    assert scanned.raw == raw
    assert scanned.gtin is None or (len(scanned.gtin) == 14 and scanned.gtin.isdigit())
    assert scanned.expiry is None or len(scanned.expiry) == 10
    assert scanned.quantity is None or scanned.quantity >= 0


@given(gtins, lots, lots, dates, st.integers(1, 99_999_999))
def test_a_label_with_its_separators_says_what_was_printed(
    gtin: str, lot: str, serial: str, date: dt.date, count: int
) -> None:
    raw = f"]C101{gtin}10{lot}{GS}17{date:%y%m%d}21{serial}{GS}30{count}"
    scanned = read(raw)
    assert (scanned.gtin, scanned.lot, scanned.serial) == (gtin, lot, serial)
    assert (scanned.expiry, scanned.quantity) == (f"{date:%Y-%m-%d}", count)
    assert scanned.warnings == ()


@given(gtins, st.text(string.ascii_letters, min_size=1, max_size=12), dates)
def test_an_expiry_behind_a_lot_without_separator_is_noticed(
    gtin: str, lot: str, date: dt.date
) -> None:
    scanned = read(f"01{gtin}10{lot}17{date:%y%m%d}")
    assert scanned.warnings == ("gs1.lost-separator",)
    assert scanned.expiry is None


@given(gtins, st.from_regex(r"[A-Z]{1,3}-?[0-9]{1,6}[A-Z]?", fullmatch=True))
def test_ordinary_lots_at_the_end_are_never_suspected(gtin: str, lot: str) -> None:
    assert read(f"]d201{gtin}10{lot}").warnings == ()


@given(digits13, st.integers(1, 9))
def test_one_wrong_digit_is_always_refused(payload: str, off: int) -> None:
    right = with_check_digit(payload)
    wrong = right[:-1] + str((int(right[-1]) + off) % 10)
    with pytest.raises(QuartermasterError) as refusal:
        read(wrong)
    assert refusal.value.code == "gs1.check-digit"
