"""What goods cost once they are here, and when somebody works."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.catalog.calendars import ALWAYS_OPEN, calendar
from cloud.catalog.landed import Part, Price, Rates, landed

PRICE = Price("EUR", 10, ((48, 890), (480, 810)))


def part(name: str, **says: object) -> Part:
    row = Part("", "", "", name, None, "goods", None, "EUR", 1)
    return row._replace(**says)


def test_duty_stands_on_goods_freight_and_insurance_where_customs_say_so() -> None:
    found = landed(
        PRICE,
        480,
        [
            part("duty", percent=1000, base="cif"),
            part("insurance", percent=50),
            part("handling", amount=30, per=12),
        ],
        rates=Rates("EUR", 8000, 2, 1),
    )
    goods, freight, insurance = 38_880, 8000 + 960, Fraction("194.4")
    assert found.goods == goods
    assert dict(found.parts) == {
        "freight": freight,
        "insurance": insurance,
        "duty": (goods + freight + insurance) / 10,
        "handling": 1200,
    }
    assert found.per_unit * 480 == found.total == goods + sum(dict(found.parts).values())


def test_of_each_part_the_row_that_fits_most_closely_counts_and_freight_replaces_the_lanes() -> (
    None
):
    rows = [
        part("duty", percent=100, lane="L", supplier="S"),
        part("duty", percent=700, sku="A"),
        part("duty", percent=300, supplier="S"),
        part("freight", amount=5),
    ]
    for order in (rows, rows[::-1]):
        found = dict(landed(PRICE, 48, order, rates=Rates("EUR", 9999, None, 1)).parts)
        assert found == {"freight": 240, "duty": Fraction(48 * 89 * 7, 100)}


@pytest.mark.parametrize(
    ("quantity", "parts", "says"),
    [
        (47, [], "what 47 cost"),
        (0, [], "what 0 cost"),
        (48, [part("other", amount=1, currency="USD")], "in USD"),
    ],
)
def test_what_has_no_price_or_another_currency_is_refused(
    quantity: int, parts: list[Part], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        landed(PRICE, quantity, parts)


@given(st.integers(48, 10_000), st.integers(0, 5000), st.integers(0, 5000))
def test_more_duty_never_makes_goods_cheaper(quantity: int, one: int, more: int) -> None:
    cheap, dear = (
        landed(PRICE, quantity, [part("duty", percent=percent)]).per_unit
        for percent in (one, one + more)
    )
    assert cheap <= dear


def test_working_days_pass_over_weekends_and_closures() -> None:
    closed = (
        (date(2026, 12, 25), date(2026, 12, 26), "Christmas"),
        (date(2026, 12, 28), None, "inventory"),
    )
    found = calendar("mon tue wed thu fri", closed)
    assert not found.is_open(date(2026, 12, 25))
    assert found.next_open(date(2026, 12, 25)) == date(2026, 12, 29)
    assert found.after(date(2026, 12, 23), 2) == date(2026, 12, 29)
    assert ALWAYS_OPEN.after(date(2026, 12, 24), 2) == date(2026, 12, 26)
    assert calendar("", ()).next_open(date(2026, 1, 1)) is None
