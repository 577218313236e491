"""Reconnects: 200 gateways come back evenly over at least 30 seconds, one alone comes back at once.

What a gateway sees of an outage depends on how the broker went: its process, and the system says so
to everybody at once; or its machine, and there is silence until somebody misses an answer, and a
refusal as soon as the machine is back and hears of connections that it knows nothing of.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from edge.link.backoff import Backoff
from edge.settings import Broker, Uplink

LONGEST = Broker().longest_delay_seconds
KEEPALIVE = float(Broker().keepalive_seconds)
WATCHDOG = Uplink().watchdog_seconds
GATEWAYS = 200
SETTLED = 3600.0


def tries(chance: random.Random, backoff: Backoff, at: float, until: float, cost: float) -> float:
    """Try from a moment on, each try in vain costing so many seconds, until one succeeds."""
    while at < until:
        at += cost + chance.uniform(0.0, backoff.after(None, by_broker=False))
    return at


def after_a_restart(chance: random.Random, back_at: float) -> float:
    """The broker's process ends at 0: connections are closed, new ones refused until it is back."""
    backoff = Backoff(LONGEST)
    at = chance.uniform(0.0, backoff.after(SETTLED, by_broker=True))
    return tries(chance, backoff, at, back_at, cost=0.1)


def after_a_power_cut(chance: random.Random, back_at: float) -> float:
    """The broker's machine stops at 0: silence, and tries that nobody answers."""
    backoff = Backoff(LONGEST)
    busy = chance.random() < 0.5
    speaks = 1.0 if busy else chance.uniform(0.0, KEEPALIVE)
    misses = WATCHDOG + chance.uniform(0.0, 1.0) if busy else speaks + KEEPALIVE
    if back_at <= misses:  # what it says meets a machine that does not know the connection
        at = max(back_at, speaks)
        return at + chance.uniform(0.0, backoff.after(SETTLED, by_broker=True))
    at = misses + chance.uniform(0.0, backoff.after(SETTLED, by_broker=False))
    return tries(chance, backoff, at, back_at, cost=10.0)


def evenly(
    come_back: Callable[[random.Random, float], float], seed: int, back_at: float, *, most: int
) -> None:
    chance = random.Random(seed)
    times = sorted(come_back(chance, back_at) for _ in range(GATEWAYS))
    assert times[-1] - times[0] >= 30.0
    assert times[-1] <= back_at + WATCHDOG + KEEPALIVE + LONGEST + 10.0
    busiest = max(sum(at <= other < at + 1.0 for other in times) for at in times)
    assert busiest <= most, f"{busiest} within one second"


@given(st.integers(0, 2**32), st.floats(0.0, 120.0))
def test_two_hundred_gateways_spread_after_a_brokers_restart(seed: int, back_at: float) -> None:
    evenly(after_a_restart, seed, back_at, most=GATEWAYS // 6)


@given(st.integers(0, 2**32), st.floats(5.0, 300.0))
def test_two_hundred_gateways_spread_after_its_machine_lost_power(
    seed: int, back_at: float
) -> None:
    evenly(after_a_power_cut, seed, back_at, most=GATEWAYS // 5)


@given(st.lists(st.sampled_from([None, 0.5, 9.0]), min_size=1, max_size=30))
def test_who_was_never_settled_begins_with_seconds_and_never_waits_longer_than_the_longest(
    ends: list[float | None],
) -> None:
    backoff = Backoff(LONGEST)
    ceilings = [backoff.after(each, by_broker=True) for each in ends]
    assert ceilings == sorted(ceilings)
    assert ceilings[0] == 2.0
    assert all(ceiling <= LONGEST for ceiling in ceilings)


def test_who_lost_a_silent_line_or_ended_the_connection_itself_is_back_within_seconds() -> None:
    backoff = Backoff(LONGEST)
    assert backoff.after(SETTLED, by_broker=False) == 10.0
    assert backoff.after(SETTLED, by_broker=True) == LONGEST
    assert backoff.after(None, by_broker=False) == LONGEST
    assert backoff.after(SETTLED, by_broker=False) == 10.0
    assert Backoff(3.0).after(SETTLED, by_broker=False) == 3.0


def test_only_the_first_try_is_quick_for_the_broker_may_have_gone_after_all() -> None:
    backoff = Backoff(LONGEST)
    assert backoff.after(SETTLED, by_broker=False) == 10.0
    assert [backoff.after(None, by_broker=False) for _ in range(3)] == [LONGEST] * 3
    assert backoff.after(2.0, by_broker=True) == LONGEST, "back, and lost before it had settled"
