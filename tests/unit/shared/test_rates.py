"""However somebody asks, no more is let through than the bucket held and time brought."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QuartermasterError
from shared.rates import RateLimit


@given(st.lists(st.tuples(st.integers(1, 8), st.floats(0, 5)), max_size=60))
def test_no_more_than_the_burst_and_what_time_brings(asked: list[tuple[int, float]]) -> None:
    limit = RateLimit(per_second=2, burst=6)
    now = let_through = 0.0
    for amount, pause in asked:
        now += pause
        if not limit.wait("a", amount, now):
            let_through += amount
        assert let_through <= 6 + 2 * now + 1e-6


@given(st.lists(st.tuples(st.integers(1, 6), st.floats(0, 5)), max_size=40))
def test_who_waits_as_long_as_told_is_let_through(asked: list[tuple[int, float]]) -> None:
    limit = RateLimit(per_second=2, burst=6)
    now = 0.0
    for amount, pause in asked:
        now += pause
        if wait := limit.wait("a", amount, now):
            now += wait + 1e-6
            assert limit.wait("a", amount, now) == 0.0


def test_one_name_does_not_pay_for_another() -> None:
    limit = RateLimit(per_second=1, burst=2)
    limit.take("a", 2, 0.0)
    with pytest.raises(QuartermasterError) as refusal:
        limit.take("a", 1, 0.5)
    assert refusal.value.code == "request.too-many"
    limit.take("b", 2, 0.5)
