"""A site's forms of lots settle what kind of character was seen, never which one of a kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.forms import LETTERS, fit

FORMS = ("AA99999", "999999A", "9999999", "A9999A9", "A9-9999")


def _seen(text: str) -> list[dict[str, float]]:
    return [{char: 1.0} for char in text]


def test_half_a_two_and_half_a_z_is_surely_a_z_where_a_letter_stands() -> None:
    found = fit([{"2": 0.5, "Z": 0.5}, *_seen("4-2427")], FORMS)
    assert found is not None
    assert (found.lot, found.sure) == ("Z4-2427", 1.0)


def test_half_an_eight_and_half_a_three_stays_in_doubt() -> None:
    found = fit([*_seen("123456"), {"8": 0.5, "3": 0.5}], ["9999999"])
    assert found is not None
    assert found.sure == pytest.approx(0.5)


def test_of_two_forms_the_likelier_counts_as_far_as_it_is() -> None:
    found = fit([*_seen("123456"), {"5": 0.9, "S": 0.1}], FORMS)
    assert found is not None
    assert (found.lot, found.alone) == ("1234565", pytest.approx(0.9))


@pytest.mark.parametrize("char", ["8", "B", "0", "D"])
def test_where_only_an_eight_or_a_b_tells_two_forms_apart_being_sure_says_nothing(
    char: str,
) -> None:
    found = fit(_seen(f"123456{char}"), FORMS)
    assert found is not None
    assert found.alone == 0.0
    alone = fit(_seen(f"123456{char}"), ["9999999" if char.isdigit() else "999999A"])
    assert alone is not None
    assert alone.alone == 1.0


def test_one_character_that_is_surely_of_its_kind_rules_another_form_out() -> None:
    found = fit(_seen("8123458"), ["9999999", "A9999A9"])
    assert found is not None
    assert (found.lot, found.alone) == ("8123458", pytest.approx(1.0, abs=1e-5))


@pytest.mark.parametrize("text", ["123", "XXXXXXX", "1234-56", ""])
def test_what_has_no_form_is_none(text: str) -> None:
    assert fit(_seen(text), FORMS) is None


def test_what_is_mostly_something_else_is_none() -> None:
    assert fit([*_seen("123456"), {"7": 0.3, "X": 0.7}], ["9999999"]) is None


@given(st.sampled_from(FORMS), st.randoms(use_true_random=False))
def test_what_is_seen_clearly_is_told_as_it_is(form: str, random: object) -> None:
    pick = random.choice  # type: ignore[attr-defined]
    kinds = {"9": "0123456789", "A": "".join(sorted(LETTERS))}
    lot = "".join(pick(kinds.get(wanted, wanted)) for wanted in form)
    found = fit(_seen(lot), FORMS)
    assert found is not None
    assert (found.lot, found.sure) == (lot, 1.0)
