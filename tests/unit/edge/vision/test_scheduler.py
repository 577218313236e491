"""What is looked at next: zones that moved, by priority and age, within a budget that is kept."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edge.vision.lanes import Box, Zone
from edge.vision.scheduler import ATTENTION_S, PATIENCE_S, Budget, Place, Scheduler

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
MOVED: Sequence[Box] = [(0, 0, 10, 10)]


def place(name: str, priority: int = 5, task: str = "scan") -> Place:
    return Place(task, Zone(name, SQUARE, priority=priority))


class Time:
    """Hands that a test moves."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.cpu = 0.0


def budget(time: Time, share: float) -> Budget:
    return Budget(share, lambda: time.cpu, lambda: time.wall)


def test_a_zone_that_moved_comes_before_one_that_did_not_and_a_prior_one_first() -> None:
    dock, shelf, door = place("dock", 2), place("shelf", 7), place("door", 1)
    scheduler = Scheduler([shelf, dock, door])
    for each in (dock, shelf, door):
        scheduler.done(each, 10.0)
    due = scheduler.due(10.2, lambda each: MOVED if each != door else ())
    assert [each.place for each in due] == [dock, shelf]


def test_attention_stays_for_a_while_after_the_last_move_then_the_zone_rests_until_it_is_old() -> (
    None
):
    dock = place("dock")
    scheduler = Scheduler([dock])
    assert scheduler.due(0.0, lambda _: MOVED)
    scheduler.done(dock, 0.0)
    assert scheduler.due(ATTENTION_S - 0.1, lambda _: ())
    scheduler.done(dock, ATTENTION_S - 0.1)
    assert not scheduler.due(ATTENTION_S + 0.1, lambda _: ())
    assert scheduler.due(ATTENTION_S + PATIENCE_S["scan"], lambda _: ())


def test_a_lane_that_has_begun_something_is_asked_again_though_nothing_moves() -> None:
    dock = place("dock")
    scheduler = Scheduler([dock])
    scheduler.done(dock, 10.0, again=True)
    assert scheduler.due(10.2, lambda _: ())


@given(st.lists(st.integers(1, 9), min_size=2, max_size=8))
def test_no_zone_waits_for_ever_though_there_is_budget_for_one_look_a_frame(
    priorities: list[int],
) -> None:
    places = [place(f"z{number}", priority) for number, priority in enumerate(priorities)]
    scheduler = Scheduler(places)
    for frame in range(300):  # a minute
        at = frame / 5
        first, *others = scheduler.due(at, lambda _: MOVED)
        scheduler.done(first.place, at)
        for due in others:
            scheduler.skip(due.place)
    longest = 10 * PATIENCE_S["scan"]
    assert all(scheduler.looked[each.key] >= 60 / longest for each in places)
    looks = sum(scheduler.looked.values())
    assert looks + sum(scheduler.skipped.values()) == 300 * len(places)


def test_what_was_skipped_is_counted_by_zone_and_task() -> None:
    scheduler = Scheduler([place("dock"), place("dock", task="detect"), Place("scan")])
    scheduler.skip(place("dock"))
    scheduler.skip(place("dock"))
    scheduler.skip(Place("scan"))
    assert scheduler.skipped == {("dock", "scan"): 2, ("", "scan"): 1}


@given(st.lists(st.floats(0.001, 0.2), min_size=50, max_size=200), st.floats(0.05, 1.0))
def test_a_budget_is_kept_over_time_to_within_one_task(costs: list[float], share: float) -> None:
    time = Time()
    own = budget(time, share)
    for cost in costs:
        time.wall += 0.1
        if own.left() > 0:
            time.cpu += cost
    saved = 2.0 * share
    assert time.cpu <= share * time.wall + saved + max(costs)


def test_a_budget_that_is_used_up_says_how_long_to_wait() -> None:
    time = Time()
    own = budget(time, 0.25)
    time.cpu += 1.0
    seconds = own.until_some()
    assert seconds == (1.0 - 0.5) / 0.25
    time.wall += seconds
    assert own.until_some() == 0.0
