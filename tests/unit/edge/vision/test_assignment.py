"""Pairs that cost least, held against every pairing there is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from math import inf, isclose, nan

from hypothesis import given
from hypothesis import strategies as st

from edge.vision.assignment import pair

LIMIT = 1.0
COSTS = st.integers(0, 5).flatmap(
    lambda columns: st.lists(
        st.lists(
            st.one_of(st.floats(-1.0, 1.5), st.sampled_from([0.25, 0.5, inf, nan])),
            min_size=columns,
            max_size=columns,
        ),
        max_size=5,
    )
)


def pairings(rows: int, columns: int) -> Iterator[tuple[tuple[int, int], ...]]:
    for count in range(min(rows, columns) + 1):
        for some in combinations(range(rows), count):
            for others in permutations(range(columns), count):
                yield tuple(zip(some, others, strict=True))


def gain(
    costs: list[list[float]], pairs: list[tuple[int, int]] | tuple[tuple[int, int], ...]
) -> float:
    return sum(costs[row][column] - LIMIT for row, column in pairs)


@given(COSTS)
def test_no_pairing_costs_less(costs: list[list[float]]) -> None:
    pairs = pair(costs, LIMIT)
    columns = len(costs[0]) if costs else 0
    allowed = [
        some
        for some in pairings(len(costs), columns)
        if all(costs[row][column] < LIMIT for row, column in some)
    ]
    best = min((gain(costs, some) for some in allowed), default=0.0)
    assert isclose(gain(costs, pairs), best, abs_tol=1e-9)
    assert all(costs[row][column] < LIMIT for row, column in pairs)


@given(COSTS)
def test_nobody_is_paired_twice(costs: list[list[float]]) -> None:
    pairs = pair(costs, LIMIT)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


def test_what_is_cheap_for_one_may_be_dear_for_all() -> None:
    assert pair([[0.1, 0.2], [0.15, 0.9]], 1.0) == [(0, 1), (1, 0)]
