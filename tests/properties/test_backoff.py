"""Reconnects after a broker's restart: 200 gateways come back evenly over at least 30 seconds."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from edge.link.backoff import Backoff
from edge.settings import Broker

LONGEST = Broker().longest_delay_seconds
GATEWAYS = 200


def comes_back(chance: random.Random, down_for: float) -> float:
    """When one gateway is connected again, seconds after the broker went."""
    backoff = Backoff(LONGEST)
    now = chance.uniform(0.0, backoff.after(3600.0, deliberate=False))
    while now < down_for:
        now += 0.1 + chance.uniform(0.0, backoff.after(None, deliberate=False))
    return now


@given(st.integers(0, 2**32), st.floats(0.0, 120.0))
def test_two_hundred_gateways_spread_and_never_come_in_a_wave(seed: int, down_for: float) -> None:
    chance = random.Random(seed)
    times = sorted(comes_back(chance, down_for) for _ in range(GATEWAYS))
    assert times[-1] - times[0] >= 30.0
    assert times[-1] <= down_for + LONGEST + 0.1
    busiest = max(sum(at <= other < at + 1.0 for other in times) for at in times)
    assert busiest <= GATEWAYS / 8, f"{busiest} within one second"


@given(st.lists(st.sampled_from([None, 0.5, 9.0]), min_size=1, max_size=30))
def test_who_was_never_settled_begins_with_seconds_and_never_waits_longer_than_the_longest(
    ends: list[float | None],
) -> None:
    backoff = Backoff(LONGEST)
    ceilings = [backoff.after(each, deliberate=False) for each in ends]
    assert ceilings == sorted(ceilings)
    assert ceilings[0] == 2.0
    assert all(ceiling <= LONGEST for ceiling in ceilings)


def test_who_ended_the_connection_itself_is_back_within_a_second() -> None:
    backoff = Backoff(LONGEST)
    assert backoff.after(3600.0, deliberate=True) == 1.0
    assert backoff.after(3600.0, deliberate=False) == LONGEST
    assert backoff.after(None, deliberate=False) == LONGEST
    assert backoff.after(3600.0, deliberate=True) == 1.0
