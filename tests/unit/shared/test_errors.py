"""The catalogue keeps its promises."""

from __future__ import annotations

import pytest

from shared.errors import CATALOGUE, Code, QuartermasterError


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_entry_says_what_is_wrong_and_what_to_do(code: Code) -> None:
    entry = CATALOGUE[code]
    assert 400 <= entry.status <= 599
    assert entry.says.endswith(".")
    assert entry.do.endswith(".")
    assert "traceback" not in entry.says.lower()


def test_an_error_reads_as_one_line_with_code_and_remedy() -> None:
    text = str(QuartermasterError("gs1.check-digit", "expected 1, found 2", where="raw"))
    assert text.startswith("gs1.check-digit: The check digit is wrong")
    assert "(raw; expected 1, found 2)" in text
    assert "\n" not in text


def test_particulars_are_bounded() -> None:
    error = QuartermasterError("payload.malformed", "x" * 10_000, where="y" * 10_000)
    assert len(error.detail) == 500
    assert len(error.where) == 200
