"""Cursors come back as they went; anything else is refused."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from cloud.api.paging import Cursor
from shared.errors import QuartermasterError

CURSOR = Cursor("stock", "int", "bigint", "text")


class Row(BaseModel):
    """A row of a list of numbers."""

    number: int


@given(
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1),
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)),
)
def test_a_cursor_is_read_back(small: int, large: int, text: str) -> None:
    assert CURSOR.read(CURSOR.write((small, large, text))) == (small, large, text)


def _made_up(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%%%",
        "é",
        _made_up([]),
        _made_up({}),
        _made_up(["other", 1, 1, ""]),
        _made_up(["stock", 1, 1]),
        _made_up(["stock", "1", 1, ""]),
        _made_up(["stock", True, 1, ""]),
        _made_up(["stock", 2**31, 1, ""]),
        _made_up(["stock", 1, -1, ""]),
        _made_up(["stock", 1, 2**63, ""]),
        _made_up(["stock", 1, 1, "a\0b"]),
        _made_up(["stock", 1, 1.5, ""]),
        _made_up([[[[[[[[]]]]]]]]),
    ],
)
def test_a_made_up_cursor_is_refused(text: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        CURSOR.read(text)
    assert (refusal.value.code, refusal.value.where) == ("request.invalid", "cursor")


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(QuartermasterError, match=r"request\.invalid"):  # nobody guesses the name
        CURSOR.read(text)


@given(st.integers(0, 40), st.integers(1, 10))
def test_pages_put_together_are_the_whole_list(count: int, limit: int) -> None:
    cursor = Cursor("numbers", "int")
    seen: list[int] = []
    after: str | None = None
    while True:
        key = cursor.read(after)
        start = 0 if key is None else int(key[0]) + 1
        rows = [(Row(number=n), (n,)) for n in range(start, count)][: limit + 1]
        items, after = cursor.page(rows, limit)
        assert len(items) <= limit
        seen += [row.number for row in items]
        if after is None:
            break
    assert seen == list(range(count))
