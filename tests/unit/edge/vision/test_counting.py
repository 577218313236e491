"""What crossed a line is counted once, and not when it went back."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.counting import LineCounter, inside
from edge.vision.lanes import CountingLine
from edge.vision.tracking import Tracker
from edge.vision.tracks import Spot
from shared.events.sights import Seen

WIDTH, HEIGHT = 640, 360
UP = CountingLine("door", (0.5, 1.0), (0.5, 0.0))
"""From the bottom to the top: right of it is the picture's right."""
TRACK = b"t" * 16


def spots(*across: float, y: float = 180.0) -> list[Spot]:
    return [Spot(number / 5, x, y, 60.0, 50.0) for number, x in enumerate(across)]


def net_after(line: CountingLine, *across: float, seen: str = "carton") -> int:
    counter = LineCounter(line, WIDTH, HEIGHT)
    for spot in spots(*across):
        counter.observe(TRACK, seen, [spot])
    return counter.net(TRACK)


def test_from_left_to_right_is_in_and_the_other_way_is_out() -> None:
    assert net_after(UP, 200, 280, 360, 440) == 1
    assert net_after(UP, 440, 360, 280, 200) == -1
    down = CountingLine("door", UP.end, UP.start)
    assert net_after(down, 200, 280, 360, 440) == -1


def test_there_and_back_is_nothing_and_each_change_is_told() -> None:
    counter = LineCounter(UP, WIDTH, HEIGHT)
    told = [counter.observe(TRACK, "carton", [it]) for it in spots(200, 400, 420, 200, 180, 400)]
    assert [it and it.net for it in told] == [None, 1, None, 0, None, 1]


def test_who_stands_on_the_line_has_not_crossed() -> None:
    assert net_after(UP, 200, 318, 322, 319, 324, 316, 321) == 0


def test_who_was_first_seen_on_the_line_has_come_from_nowhere() -> None:
    assert net_after(UP, 320, 322, 440) == 0


def test_what_a_track_did_before_it_was_confirmed_counts() -> None:
    counter = LineCounter(UP, WIDTH, HEIGHT)
    crossing = counter.observe(TRACK, "carton", spots(220, 320, 420))
    assert crossing is not None
    assert (crossing.line, crossing.net) == ("door", 1)


def test_past_the_end_of_a_line_is_not_across_it() -> None:
    short = CountingLine("half", (0.5, 1.0), (0.5, 0.6))
    assert net_after(short, 200, 280, 360, 440) == 0


def test_round_the_end_and_in_again_counts_once() -> None:
    short = CountingLine("half", (0.5, 1.0), (0.5, 0.5))
    counter = LineCounter(short, WIDTH, HEIGHT)
    for turn in range(3):
        counter.observe(TRACK, "carton", spots(200, 440, y=300))
        counter.observe(TRACK, "carton", spots(440, 200, y=20))
        assert counter.net(TRACK) == 1, turn
    counter.observe(TRACK, "carton", spots(200, 440, 200, y=300))
    assert counter.net(TRACK) == 0


def test_a_line_counts_only_what_it_is_for() -> None:
    pallets = UP._replace(counts=("pallet",))
    assert net_after(pallets, 200, 440) == 0
    assert net_after(pallets, 200, 440, seen="pallet") == 1
    assert net_after(UP, 200, 440, seen="person") == 0


def test_what_was_counted_is_uncounted_whatever_it_is_called_by_then() -> None:
    counter = LineCounter(UP._replace(counts=("pallet",)), WIDTH, HEIGHT)
    counter.observe(TRACK, "pallet", spots(200, 440))
    back = counter.observe(TRACK, "carton", spots(440, 200))
    assert back is not None
    assert back.net == 0


def test_a_line_without_length_counts_nothing() -> None:
    assert net_after(CountingLine("dot", (0.5, 0.5), (0.5, 0.5)), 200, 440) == 0


def test_a_forgotten_track_begins_anew() -> None:
    counter = LineCounter(UP, WIDTH, HEIGHT)
    counter.observe(TRACK, "carton", spots(200, 440))
    counter.forget(TRACK)
    assert counter.net(TRACK) == 0


def test_what_a_part_counted_for_goes_over_to_its_whole_once() -> None:
    counter = LineCounter(UP, WIDTH, HEIGHT)
    for part in (b"1", b"2"):
        counter.observe(part, "carton", spots(200, 440))
    first, heir = counter.absorb(b"1", TRACK)
    second, nobody = counter.absorb(b"2", TRACK)
    assert (first and first.net, heir and heir.net) == (0, 1)
    assert (second and second.net, nobody) == (0, None)
    assert counter.absorb(b"3", TRACK) == (None, None)
    assert counter.net(TRACK) == 1
    counter.observe(TRACK, "pallet", spots(440, 200))
    assert counter.net(TRACK) == 0


def test_inside_a_polygon_with_a_notch() -> None:
    notched = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0))
    assert inside(notched, (0.1, 0.3))
    assert not inside(notched, (0.5, 0.6))
    assert not inside(notched, (1.2, 0.1))


@given(
    st.lists(st.floats(20, 620), min_size=1, max_size=40),
    st.floats(20, 260),
    st.sampled_from([1, -1]),
)
def test_there_and_back_is_nothing_whatever_the_jitter(
    between: list[float], start: float, way: Literal[1, -1]
) -> None:
    start = start if way > 0 else WIDTH - start
    assert net_after(UP, start, *between, start) == 0
    assert net_after(UP, start, *between, WIDTH - start) == way


class Found(NamedTuple):
    """One detection."""

    box: tuple[float, float, float, float]
    seen: Seen = "carton"
    score: float = 0.9


def counted(frames: list[list[Found]], skipped: int = -1) -> tuple[list[int], int]:
    """What each track counts for, and how many tracks were confirmed."""
    numbers = iter(range(1, 1_000_000))
    tracker = Tracker(lambda: next(numbers).to_bytes(16, "big"))
    counter = LineCounter(UP, WIDTH, HEIGHT)
    nets: dict[bytes, int] = {}
    for number, frame in enumerate(frames):
        if number == skipped:
            continue
        for track, places in tracker.step(frame, number / 5, WIDTH, HEIGHT).seen:
            crossing = counter.observe(track.id or b"", track.seen, places)
            if crossing:
                nets[track.id or b""] = crossing.net
    return list(nets.values()), next(numbers) - 1


def jittered(seed: int, speed: float) -> list[list[Found]]:
    """One carton across the picture, its box two pixels off now and then."""
    rng = np.random.default_rng(seed)
    frames: list[list[Found]] = []
    x = 40.0
    while x < 600:
        left, top, right, bottom = np.array([x - 30, 155, x + 30, 205]) + rng.normal(0, 2, 4)
        frames.append([Found((float(left), float(top), float(right), float(bottom)))])
        x += speed / 5
    return frames


@pytest.mark.parametrize("speed", [60.0, 150.0, 240.0])
def test_no_single_dropped_frame_changes_the_count(speed: float) -> None:
    frames = jittered(7, speed)
    assert [counted(frames, skipped)[0] for skipped in range(-1, len(frames))] == [
        [1] for _ in range(len(frames) + 1)
    ]


@given(
    st.lists(
        st.lists(
            st.builds(
                Found,
                st.tuples(st.floats(0, 600), st.floats(0, 320)).map(
                    lambda it: (it[0], it[1], it[0] + 60, it[1] + 50)
                ),
                st.sampled_from(["carton", "pallet"]),
                st.floats(0.1, 1.0),
            ),
            max_size=6,
        ),
        max_size=12,
    )
)
def test_never_more_counts_than_confirmed_tracks(frames: list[list[Found]]) -> None:
    nets, confirmed = counted(frames)
    assert len(nets) <= confirmed
