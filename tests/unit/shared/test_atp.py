"""Available to promise: never more than there is, never less later, and honest about silence."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.replenishment import (
    Coming,
    Outlook,
    Range,
    Rate,
    Standing,
    Unseen,
    kit,
    outlook,
    quantile,
    rate,
    summed,
    unseen,
)

units = st.integers(0, 200)
chances = st.lists(st.floats(0, 1), min_size=4, max_size=4)
comings = st.lists(st.builds(Coming, units, chances), max_size=4)
silences = st.builds(
    lambda mean, span: unseen(Rate(mean, 2.0), span), st.floats(0, 50), st.floats(0, 3)
)
standings = st.builds(Standing, units, units, units, units, units, silences)
outlooks = st.builds(lambda s, c: outlook(s, c, 4), standings, comings)


@settings(max_examples=150, deadline=None)
@given(standing=standings, coming=comings)
def test_a_range_is_one_and_never_falls_with_time(standing: Standing, coming: list[Coming]) -> None:
    found = outlook(standing, coming, 4).moments
    for each in found:
        assert 0 <= each.low <= each.expected <= each.high
    for earlier, later in itertools.pairwise(found):
        assert all(a <= b for a, b in zip(earlier, later, strict=True))


@settings(max_examples=150, deadline=None)
@given(standing=standings, coming=comings)
def test_what_may_be_promised_is_there_or_all_but_sure_to_come(
    standing: Standing, coming: list[Coming]
) -> None:
    last = outlook(standing, coming, 4).moments[-1]
    everything = standing.free() + sum(each.quantity for each in coming)
    assert last.high <= max(everything, 0)
    sure = sum(each.quantity for each in coming if max(each.chances) >= 0.95)
    assert last.low <= max(standing.free() + sure, 0)


@settings(max_examples=100, deadline=None)
@given(itself=outlooks, parts=st.lists(st.tuples(outlooks, st.integers(1, 5)), max_size=3))
def test_kits_are_as_many_as_their_scarcest_component_allows(
    itself: Outlook, parts: list[tuple[Outlook, int]]
) -> None:
    for at, found in enumerate(kit(itself, parts, 4).moments):
        made = found.low - itself.moments[at].low
        assert all(made * each <= part.moments[at].low for part, each in parts)
        assert made == min((p.moments[at].low // n for p, n in parts), default=0)
        assert found.low <= found.expected <= found.high


def test_what_a_silent_site_may_have_sold_is_told_as_an_interval() -> None:
    """Eight a day and 17 minutes of silence; Poisson quantiles of a table (m = 8: 3 and 14)."""
    day = unseen(Rate(8.0, 1.0), 1.0)
    assert (day.low, day.high) == (3, 14)
    assert outlook(Standing(50, 4, 4, unseen=day), [], 1).now == Range(28, 34, 39)
    minutes = unseen(Rate(300.0, 1.0), 17 / 1440)
    assert outlook(Standing(42, unseen=minutes), [], 1).now == Range(34, 38, 42)
    assert unseen(Rate(0.0, 1.0), 9.0) == Unseen(0, 0.0, 0)


def test_days_that_vary_more_than_they_are_large_widen_it() -> None:
    steady, lumpy = rate([4, 5, 3, 4, 4]), rate([0, 0, 20, 0, 0])
    assert steady == Rate(4.0, 1.0)
    assert lumpy.dispersion == pytest.approx(20.0)
    assert unseen(lumpy, 1).high > unseen(steady, 1).high
    assert rate([]) == rate([0, 0]) == Rate(0.0, 1.0)


@settings(max_examples=100, deadline=None)
@given(mean=st.floats(0.01, 3000), dispersion=st.floats(1, 20))
def test_quantiles_ascend_and_bracket_the_mean(mean: float, dispersion: float) -> None:
    low, half, high = (quantile(share, mean, dispersion) for share in (0.025, 0.5, 0.975))
    assert 0 <= low <= half <= high
    spread = 2.5 * math.sqrt(dispersion * mean)
    assert low <= mean
    assert high <= mean + 2.2 * spread + dispersion * 5
    assert high + 1 >= mean


def test_sums_add_up() -> None:
    one, two = outlook(Standing(5), [], 2), outlook(Standing(0, 3), [Coming(9, (0.0, 1.0))], 2)
    assert summed([one, two], 2).moments == (Range(5, 5, 5), Range(11, 11, 11))
