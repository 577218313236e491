"""Two lanes share one window: neither starves the other, and what is new goes at once."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.link.lanes import SHARE, Lanes

WINDOWS = st.integers(1, 60)


class Road:
    """A window, its lanes, and what is under way; the test says what waits and what arrives."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.lanes = Lanes(window)
        self.live: list[int] = []
        self.backlog: list[int] = []
        self.sends: list[str] = []

    def fill(self, live_waiting: int, backlog_waiting: int) -> tuple[int, int]:
        """Send all that may go, new first, as the uplink does; what is left of both."""
        while True:
            if live_waiting and self.may_send_live(backlog_waiting):
                self.send(self.live, live=True, other_waits=backlog_waiting > 0)
                live_waiting -= 1
            elif backlog_waiting and self.may_send_backlog(live_waiting):
                self.send(self.backlog, live=False, other_waits=live_waiting > 0)
                backlog_waiting -= 1
            else:
                assert len(self.live) + len(self.backlog) <= self.window
                return live_waiting, backlog_waiting

    def may_send_live(self, backlog_waiting: int) -> bool:
        return self.lanes.may_send_live(
            len(self.live), len(self.backlog), backlog_waits=backlog_waiting > 0
        )

    def may_send_backlog(self, live_waiting: int) -> bool:
        return self.lanes.may_send_backlog(
            len(self.live), len(self.backlog), live_waits=live_waiting > 0
        )

    def send(self, lane: list[int], *, live: bool, other_waits: bool) -> None:
        lane.append(len(self.sends))
        self.sends.append("live" if live else "backlog")
        self.lanes.sent(live=live, other_waits=other_waits)

    def arrive(self, which: int, seconds: float) -> None:
        """One of what is under way arrives."""
        under_way = sorted(self.live + self.backlog)
        if not under_way:
            return
        number = under_way[which % len(under_way)]
        if number in self.live:
            self.live.remove(number)
        else:
            self.backlog.remove(number)
            self.lanes.arrived(seconds)


ARRIVALS = st.lists(st.tuples(st.integers(0, 1000), st.floats(0.0, 10.0)), min_size=1, max_size=300)


@given(WINDOWS, ARRIVALS)
@settings(deadline=None)
def test_while_both_wait_a_fifth_of_all_sends_is_live_whatever_arrives_first(
    window: int, arrivals: list[tuple[int, float]]
) -> None:
    road = Road(window)
    road.fill(10_000, 10_000)
    for which, seconds in arrivals:
        road.arrive(which, seconds)
        road.fill(10_000, 10_000)
        assert road.sends.count("live") * SHARE >= len(road.sends) - (window > 1)


@given(WINDOWS, st.integers(1, 400), st.floats(0.0, 10.0), st.integers(0, 3))
@settings(deadline=None)
def test_a_backlog_ends_however_much_is_new(
    window: int, backlog: int, seconds: float, live_each: int
) -> None:
    road = Road(window)
    _, left = road.fill(live_each, backlog)
    rounds = 0
    while left:
        road.arrive(0, seconds)
        _, left = road.fill(live_each, left)
        rounds += 1
        assert rounds < 10 * backlog + 100, "backlog starves"


@given(st.integers(2, 60), ARRIVALS)
@settings(deadline=None)
def test_a_new_segment_finds_room_at_once_while_only_backlog_waits(
    window: int, arrivals: list[tuple[int, float]]
) -> None:
    road = Road(window)
    road.fill(0, 10_000)
    for which, seconds in arrivals:
        road.arrive(which, seconds)
        road.fill(0, 10_000)
        assert road.may_send_live(10_000)


@given(WINDOWS, st.integers(1, 500))
def test_what_is_new_may_use_the_whole_window_when_nothing_is_stored(
    window: int, waiting: int
) -> None:
    road = Road(window)
    road.fill(waiting, 0)
    assert len(road.live) == min(window, waiting)


def test_a_way_that_grows_longer_takes_less_backlog_and_more_again_when_it_is_short() -> None:
    lanes = Lanes(16)
    assert lanes.allowed == 12
    lanes.arrived(2.0)
    for _ in range(50):
        lanes.arrived(2.2)
    assert lanes.allowed == 12, "a long way is not a slow one"
    for _ in range(50):
        lanes.arrived(3.0)
    assert lanes.allowed == 1
    for _ in range(100):
        lanes.arrived(2.0)
    assert lanes.allowed == 12
    lanes.arrived(9.0)
    lanes.start_over()
    assert lanes.allowed == 12
