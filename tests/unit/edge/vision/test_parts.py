"""What goes along in another's box belongs to it; what passes behind it does not."""

from __future__ import annotations

from edge.vision.kalman import Axis, Motion
from edge.vision.parts import LOOKS, Parts
from edge.vision.tracks import Track
from shared.events.sights import Seen


def track(
    number: int,
    seen: Seen,
    at: tuple[float, float],
    size: tuple[float, float],
    *,
    speed: float,
    frames: int = 9,
) -> Track:
    x, y = (
        Axis(place, velocity, 1, 0, 1) for place, velocity in zip(at, (speed, 0.0), strict=True)
    )
    motion = Motion(x, y, *size)
    made = Track(motion, motion.box, 0.9, id=number.to_bytes(16, "big"), frames=frames)
    made.votes[seen] = 1.0
    return made


def moved(one: Track, seconds: float = 0.2) -> None:
    x = one.motion.x
    one.motion = one.motion._replace(x=x._replace(place=x.place + seconds * x.velocity))


def watched(*tracks: Track, looks: int = LOOKS + 4) -> list[tuple[Track, Track]]:
    parts, found = Parts(), list[tuple[Track, Track]]()
    for _ in range(looks):
        found += parts.observe(tracks)
        for one in tracks:
            moved(one)
    return found


def test_a_carton_that_rides_on_a_pallet_is_its_load() -> None:
    pallet = track(1, "pallet", (100, 200), (120, 110), speed=80)
    carton = track(2, "carton", (90, 180), (50, 40), speed=82)
    assert watched(carton, pallet)[0] == (carton, pallet)


def test_a_carton_that_passes_behind_a_pallet_is_its_own() -> None:
    pallet = track(1, "pallet", (200, 200), (120, 110), speed=0)
    carton = track(2, "carton", (150, 180), (50, 40), speed=70)
    assert watched(carton, pallet) == []


def test_what_stands_before_a_pallet_that_stands_is_its_own() -> None:
    pallet = track(1, "pallet", (200, 200), (120, 110), speed=0)
    carton = track(2, "carton", (200, 220), (50, 40), speed=0)
    assert watched(carton, pallet) == []


def test_of_two_tracks_on_one_carton_the_older_stays() -> None:
    older = track(2, "carton", (100, 200), (60, 50), speed=80, frames=30)
    younger = track(1, "carton", (104, 203), (56, 50), speed=80)
    assert watched(older, younger)[0] == (younger, older)


def test_two_cartons_side_by_side_are_two() -> None:
    one = track(1, "carton", (100, 200), (60, 50), speed=80)
    other = track(2, "carton", (160, 200), (60, 50), speed=80)
    assert watched(one, other) == []


def test_a_carton_a_person_carries_is_no_part_of_the_person() -> None:
    person = track(1, "person", (100, 200), (70, 180), speed=80)
    carton = track(2, "carton", (100, 190), (50, 40), speed=80)
    assert watched(carton, person) == []
