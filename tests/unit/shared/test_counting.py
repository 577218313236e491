"""Cycle counts: how exact, how often repeated, how often due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy import BUILT_IN, Policy
from shared.policy.counting import (
    MAX_COUNTS,
    Accuracy,
    CountClass,
    accuracy,
    is_due,
    judge_count,
    tolerance,
)
from shared.units import DAY


@pytest.mark.parametrize(
    ("count_class", "expected", "allowed"),
    [("A", 1000, 0), ("B", 1000, 10), ("B", 99, 0), ("C", 1000, 20), ("C", -1000, 20), ("C", 0, 0)],
)
def test_the_tolerance_is_of_the_class(
    count_class: CountClass, expected: int, allowed: int
) -> None:
    assert tolerance(BUILT_IN, count_class, expected) == allowed


@pytest.mark.parametrize(
    ("expected", "counted", "earlier", "verdict"),
    [
        (100, 100, (), "exact"),
        (100, 99, (), "within"),
        (100, 98, (), "again"),
        (100, 98, (-2,), "beyond"),
        (100, 98, (-1,), "beyond"),
        (100, 98, (-9,), "again"),
        (100, 98, (-9, 5), "unsettled"),
        (100, 98, (-9, -2), "beyond"),
        (100, 100, (-9,), "exact"),
        (94, 92, (-2,), "beyond"),
        (0, 3, (), "again"),
        (-4, 0, (), "again"),
    ],
)
def test_a_difference_beyond_the_tolerance_needs_a_second_count_that_agrees(
    expected: int, counted: int, earlier: tuple[int, ...], verdict: str
) -> None:
    policy = Policy(count_tolerance_permille=(10, 10, 10))
    found = judge_count(policy, "A", expected=expected, counted=counted, earlier=earlier)
    assert found == verdict


@given(
    st.integers(-50, 500),
    st.lists(st.integers(0, 500), min_size=MAX_COUNTS, max_size=MAX_COUNTS),
    st.sampled_from(["A", "B", "C"]),
)
def test_every_position_is_settled_after_three_counts(
    expected: int, counts: list[int], count_class: CountClass
) -> None:
    earlier: tuple[int, ...] = ()
    for counted in counts:
        verdict = judge_count(
            BUILT_IN, count_class, expected=expected, counted=counted, earlier=earlier
        )
        if verdict != "again":
            return
        earlier = (*earlier, counted - expected)
    raise AssertionError(verdict)


def test_what_is_due_follows_the_cadence_of_its_class() -> None:
    policy = Policy(count_every_days=(30, 90, 0))
    for count_class, days in (("A", 30), ("B", 90)):
        assert not is_due(policy, count_class, counted_at=DAY, now=days * DAY)  # type: ignore[arg-type]
        assert is_due(policy, count_class, counted_at=DAY, now=(days + 1) * DAY)  # type: ignore[arg-type]
    assert not is_due(policy, "C", counted_at=0, now=10_000 * DAY)


def test_accuracy_is_the_share_of_positions_within_their_tolerance() -> None:
    found = accuracy(["exact", "within", "beyond", "unsettled"])
    assert found == Accuracy(positions=4, exact=1, within=2)
    assert found.permille == 500
    assert Accuracy(0, 0, 0).permille == 1000
