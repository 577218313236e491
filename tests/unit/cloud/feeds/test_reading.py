"""Text of other systems is read strictly: nothing that could be understood in two ways."""

from __future__ import annotations

import pytest

from cloud.feeds.reading import amount, moment, strict_json
from shared.errors import QuartermasterError


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a": 1,}', ""),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"id": 1, "id": 2}', "'id' stands twice"),
        (b'{"a": {"b": [{"c": 1, "c": 1}]}}', "'c' stands twice"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"a": "x\\u0000"}', "NUL"),
        (b'{"a\\u0000": 1}', "NUL"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 60 + b"]" * 60, "nested too deeply"),
        (b"1" * 5000, ""),
        (b'{"id": 9223372036854775808}', "too large a number"),
        (b"<xml/>", "Expecting value"),
    ],
)
def test_json_that_is_none_or_means_two_things_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(QuartermasterError) as refused:
        strict_json(content)
    assert refused.value.code == "feed.content"
    assert says in refused.value.detail


def test_a_place_in_the_text_is_named() -> None:
    with pytest.raises(QuartermasterError) as refused:
        strict_json(b'{\n  "a": 1 "b"\n}')
    assert refused.value.where == "line 2 column 10"


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2008-01-10T11:00:00-05:00", 1_199_980_800_000_000),
        ("2023-03-29T18:00:27.877041743Z", 1_680_112_827_877_041),
    ],
)
def test_a_time_is_exact_to_the_microsecond(text: str, micros: int) -> None:
    assert moment(text, where="at") == micros


@pytest.mark.parametrize("text", ["", "2008-01-10", "2008-01-10T11:00:00", "yesterday", "1e9"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(QuartermasterError, match=r"feed\.document"):
        moment(text, where="at")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("199.00", "USD", 19900), ("199.00", "JPY", 199), ("0.1250", "KWD", 125), ("7", "EUR", 700)],
)
def test_money_is_whole_minor_units(text: str, currency: str, minor: int) -> None:
    assert amount(text, currency, where="price") == minor


@pytest.mark.parametrize("text", ["1,000.00", "-1.00", "1.005", "abc", ""])
def test_money_that_does_not_come_out_is_refused(text: str) -> None:
    with pytest.raises(QuartermasterError, match=r"feed\.document"):
        amount(text, "EUR", where="price")
