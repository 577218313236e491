"""Objects stay themselves from frame to frame, and nobody is who was not seen often enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf, nan
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.tracking import Step, Tracker
from edge.vision.tracks import MOST_OBJECTS, Track
from shared.events.sights import Seen

Box = tuple[float, float, float, float]
WIDTH, HEIGHT = 640, 360


class Found(NamedTuple):
    """One detection."""

    box: Box
    seen: Seen = "carton"
    score: float = 0.9


def tracker() -> Tracker:
    numbers = iter(range(1, 1_000_000))
    return Tracker(lambda: next(numbers).to_bytes(16, "big"))


def box(x: float, y: float = 180.0, width: float = 60.0, height: float = 50.0) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def run(
    frames: Iterable[Sequence[Found]], every: float = 0.2, followed: Tracker | None = None
) -> list[Step]:
    followed = followed or tracker()
    return [
        followed.step(frame, number * every, WIDTH, HEIGHT) for number, frame in enumerate(frames)
    ]


def seen(steps: list[Step]) -> set[bytes]:
    return {it.track.id for step in steps for it in step.seen if it.track.id}


def passing(
    speed: float, every: float, hidden: Callable[[float], bool] = lambda _: False
) -> list[list[Found]]:
    """One carton that goes from left to right."""
    count = int(520 / speed / every)
    return [
        [] if hidden(number * every) else [Found(box(60 + speed * number * every))]
        for number in range(count)
    ]


def test_two_sights_are_nobody_and_the_third_brings_the_first_two() -> None:
    first, second, third = run(passing(100, 0.2)[:3])
    assert first == second == Step((), (), ())
    (track,) = third.new
    assert track.id is not None
    assert [len(it.spots) for it in third.seen] == [3]


def test_flicker_of_two_in_five_is_nobody() -> None:
    frames = [[Found(box(300))] if number % 5 in {0, 2} else [] for number in range(50)]
    assert seen(run(frames)) == set()


def test_faint_detections_begin_nothing() -> None:
    frames = [[Found(box(300), score=0.45)] for _ in range(50)]
    assert seen(run(frames)) == set()


def test_a_faint_detection_continues_a_track() -> None:
    followed = tracker()
    run([[Found(box(300))] for _ in range(3)], followed=followed)
    step = followed.step([Found(box(302), score=0.25)], 0.6, WIDTH, HEIGHT)
    assert len(step.seen) == 1


@pytest.mark.parametrize("every", [1 / 30, 0.1, 0.2])
@pytest.mark.parametrize("speed", [60.0, 200.0])
def test_a_second_behind_a_pillar_is_survived(every: float, speed: float) -> None:
    middle = 260 / speed
    frames = passing(speed, every, lambda at: middle - 0.5 <= at < middle + 0.5)
    assert len(seen(run(frames, every))) == 1


def test_frames_that_come_when_they_like_are_one_object() -> None:
    rng = np.random.default_rng(3)
    followed, at, ids = tracker(), 0.0, set[bytes]()
    while (x := 60 + 120 * at) < 560:
        ids |= seen([followed.step([Found(box(x))], at, WIDTH, HEIGHT)])
        at += float(rng.uniform(0.02, 0.5))
    assert len(ids) == 1


def test_a_row_of_equal_cartons_is_as_many_as_there_are() -> None:
    # The next comes to lie beside where the first was: at 5 frames a second 40 px on, 66 px apart.
    frames = [
        [Found(box(x)) for place in range(5) if 0 < (x := 40.0 * number - 66 * place) < WIDTH]
        for number in range(26)
    ]
    assert len(seen(run(frames))) == 5


def test_two_that_meet_and_pass_stay_themselves() -> None:
    frames = [
        [Found(box(60 + 20.0 * number)), Found(box(560 - 20.0 * number, 215.0))]
        for number in range(25)
    ]
    steps = run(frames)
    first = {it.track.id for it in steps[3].seen if it.track.motion.x.velocity > 0}
    last = {it.track.id for it in steps[-1].seen if it.track.motion.x.velocity > 0}
    assert len(seen(steps)) == 2
    assert first == last


def test_who_left_over_the_edge_does_not_come_back_as_who_enters_there() -> None:
    leaving = [[Found(box(500 + 30.0 * number))] for number in range(6)]
    entering = [[Found(box(630 - 30.0 * number))] for number in range(6)]
    steps = run([*leaving, [], *entering])
    assert len(seen(steps)) == 2


def test_lost_for_too_long_is_ended_once() -> None:
    steps = run([*[[Found(box(300))] for _ in range(4)], *[[] for _ in range(20)]])
    assert [len(step.ended) for step in steps].count(1) == 1
    assert sum(len(step.ended) for step in steps) == 1


def test_time_in_which_nobody_looked_loses_nobody() -> None:
    followed = tracker()
    run([[Found(box(300))] for _ in range(4)], followed=followed)
    step = followed.step([Found(box(301))], 3600.0, WIDTH, HEIGHT)
    assert len(step.seen) == 1
    assert not step.ended


def test_who_is_left_when_the_camera_stops_is_ended() -> None:
    followed = tracker()
    run(
        [[Found(box(300)), *([Found(box(500))] if number > 2 else [])] for number in range(4)],
        followed=followed,
    )
    assert len(followed.finish()) == 1
    assert followed.tracks == ()


def test_a_carton_that_is_called_a_pallet_once_stays_a_carton() -> None:
    frames = [[Found(box(300), "pallet" if number == 4 else "carton")] for number in range(8)]
    steps = run(frames)
    assert len(seen(steps)) == 1
    assert steps[-1].seen[0].track.seen == "carton"


def test_a_person_is_no_carton() -> None:
    frames = [[Found(box(300), "person" if number % 2 else "carton")] for number in range(12)]
    kinds = {it.track.seen for step in run(frames) for it in step.seen}
    assert kinds == {"carton", "person"}


@pytest.mark.parametrize(
    "bad",
    [
        (nan, 10.0, 50.0, 50.0),
        (10.0, 10.0, inf, nan),
        (-inf, -inf, inf, inf),
        (50.0, 50.0, 10.0, 10.0),
        (5.0, 5.0, 5.0, 5.0),
        (700.0, 400.0, 900.0, 500.0),
        (-1e300, -1e300, -5.0, -5.0),
    ],
)
def test_boxes_that_are_none_are_harmless(bad: Box) -> None:
    frames = [[Found(box(60 + 20.0 * number)), Found(bad)] for number in range(20)]
    assert len(seen(run(frames))) == 1


def test_a_score_that_is_no_number_is_no_detection() -> None:
    assert seen(run([[Found(box(300), score=nan)] for _ in range(9)])) == set()


def test_a_time_that_is_no_number_is_no_time() -> None:
    followed = tracker()
    for at in (0.0, 0.2, nan, 0.6, -5.0, 0.8):
        followed.step([Found(box(300))], at, WIDTH, HEIGHT)
    assert [track.lost for track in followed.tracks] == [False]


def test_more_boxes_than_anybody_can_follow_are_bounded() -> None:
    rng = np.random.default_rng(1)
    crowd = [
        Found(box(float(x), float(y), 20, 20))
        for x, y in rng.uniform((20, 20), (620, 340), (300, 2))
    ]
    followed = tracker()
    run([crowd] * 5, followed=followed)
    assert 0 < len(followed.tracks) <= MOST_OBJECTS


BOXES = st.tuples(st.floats(0, 600), st.floats(0, 320), st.floats(10, 120), st.floats(10, 120)).map(
    lambda it: (it[0], it[1], it[0] + it[2], it[1] + it[3])
)
FRAMES = st.lists(
    st.lists(
        st.builds(
            Found, BOXES, st.sampled_from(["carton", "pallet", "person"]), st.floats(0.1, 1.0)
        ),
        max_size=5,
    ),
    max_size=8,
)


def state(track: Track) -> tuple[object, ...]:
    return track.id, track.seen, track.frames, track.motion, track.unseen_s


@given(FRAMES, st.randoms(use_true_random=False))
def test_the_order_of_detections_changes_nothing(
    frames: list[list[Found]], shuffle: object
) -> None:
    one, other = tracker(), tracker()
    for number, frame in enumerate(frames):
        turned = list(frame)
        shuffle.shuffle(turned)  # type: ignore[attr-defined]
        one.step(frame, number / 5, WIDTH, HEIGHT)
        other.step(turned, number / 5, WIDTH, HEIGHT)
        assert [state(track) for track in one.tracks] == [state(track) for track in other.tracks]


@given(FRAMES)
def test_only_confirmed_tracks_are_heard_of_and_each_ends_at_most_once(
    frames: list[list[Found]],
) -> None:
    steps = run(frames)
    new = [track.id for step in steps for track in step.new]
    ended = [track.id for step in steps for track in step.ended]
    assert None not in new
    assert len(set(new)) == len(new)
    assert seen(steps) <= set(new)
    assert len(set(ended)) == len(ended)
    assert set(ended) <= set(new)
