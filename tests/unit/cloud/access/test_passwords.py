"""Passwords are long and not what everybody tries; nothing else is asked of them."""

from __future__ import annotations

import pytest

from cloud.access.passwords import prepared, refuse_guessable
from shared.errors import QuartermasterError

GOOD = [
    "lamp violet kettle Tuesday",
    "vier kleine igel tanzen",
    "h8Zk-2pQv-77Lm-xRty",
    "日本語の長い合言葉をここに書く十五",
]
GUESSABLE = [
    "short and good",
    "passwordpassword",
    "P@ssw0rdP@ssw0rd1",
    "qwertyuiopasdfghjkl",
    "123456789012345678",
    "aaaaaaaaaaaaaaaaaaaa",
    "Welcome2026Welcome2026",
    "olga.smith.olga.smith",
    "Quartermaster2026!",
    "ababababababababab",
]


@pytest.mark.parametrize("password", GOOD)
def test_long_and_own_is_good_without_further_rules(password: str) -> None:
    refuse_guessable(prepared(password), account="olga.smith", name="Olga Smith")


@pytest.mark.parametrize("password", GUESSABLE)
def test_what_is_tried_first_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        refuse_guessable(prepared(password), account="olga.smith", name="Olga Smith")
    assert refusal.value.code == "request.invalid"
    assert password not in refusal.value.detail


def test_composed_and_decomposed_letters_are_one_password() -> None:
    assert prepared("cafe\u0301 noir") == prepared("caf\u00e9 noir")
    for wrong in ("x" * 257, "\ud800"):
        with pytest.raises(QuartermasterError):
            prepared(wrong)
