"""The detect lane: what it tells of tracks, what it counts, and whom it never shows."""

from __future__ import annotations

import hashlib
from math import nan
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

from edge.ports import Frame
from edge.vision.detect import DetectLane
from edge.vision.lanes import CountingLine, Finding, Lane, Look, Zone
from shared.errors import QuartermasterError
from shared.events import ObjectTracked
from shared.events.sights import Seen
from shared.units import Micros

WIDTH, HEIGHT = 640, 360
UP = CountingLine("door", (0.5, 1.0), (0.5, 0.0))
Box = tuple[float, float, float, float]


class Found(NamedTuple):
    """One detection."""

    box: Box
    seen: Seen = "carton"
    score: float = 0.9


class Eyes:
    """A detector that sees what it is told."""

    def __init__(self) -> None:
        self.told: list[Found] = []
        self.looks = 0

    @property
    def provenance(self) -> tuple[str, bytes]:
        return "detector-1", b"m" * 32

    def look(self, image: Any) -> list[Found]:
        assert image is not None
        self.looks += 1
        return self.told


def box(x: float, y: float = 180.0, width: float = 60.0, height: float = 50.0) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def picture(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


class Watched:
    """A lane, its eyes, and all it told."""

    def __init__(self, **settings: Any) -> None:
        numbers = iter(range(1, 1000))
        self.eyes = Eyes()
        self.lane = DetectLane(
            "dock", self.eyes, lambda: next(numbers).to_bytes(16, "big"), **settings
        )
        self.findings: list[Finding] = []
        self.number = 0

    def see(self, *told: Found, image: Any = None) -> list[Finding]:
        self.eyes.told = list(told)
        shown = picture(self.number) if image is None else image
        frame = Frame(shown, self.number, self.number / 5)
        found = self.lane.look(Look(frame, Micros(1_000_000 + 200_000 * self.number)))
        self.number += 1
        self.findings += found
        return found

    @property
    def facts(self) -> list[ObjectTracked]:
        return [it.fact for it in self.findings if isinstance(it.fact, ObjectTracked)]


def test_it_is_a_lane() -> None:
    lane: Lane = Watched().lane
    assert lane.name == "detect"


def test_a_carton_through_the_door_is_new_then_in_then_ended() -> None:
    watched = Watched(lines=[UP])
    for x in range(160, 500, 30):
        watched.see(Found(box(x)))
    for _ in range(18):
        watched.see()
    new, update, end = watched.facts
    assert [it.phase for it in watched.facts] == ["new", "update", "end"]
    assert (new.line, new.net, new.frames) == (None, 0, 3)
    assert (update.line, update.net) == ("door", 1)
    assert (end.line, end.net, end.frames) == ("door", 1, 12)
    assert {it.track for it in watched.facts} == {new.track}
    assert (new.camera, new.model, new.model_sha256) == ("dock", "detector-1", b"m" * 32)
    assert (new.frame_at, end.frame_at) == (1_400_000, 3_200_000)
    assert new.confidence == 900
    assert watched.lane.nets == {"door": {"carton": 1}}


def test_there_and_back_is_told_twice_and_counts_nothing() -> None:
    watched = Watched(lines=[UP])
    for x in [*range(220, 440, 20), *range(440, 200, -20)]:
        watched.see(Found(box(x)))
    assert [it.net for it in watched.facts if it.phase == "update"] == [1, 0]
    assert watched.lane.nets == {"door": {"carton": 0}}


def test_the_best_crop_goes_along_once_and_is_known_by_its_hash() -> None:
    watched = Watched(lines=[UP])
    for x in range(160, 500, 30):
        watched.see(Found(box(x)))
    crops = [it.crop for it in watched.findings if it.crop]
    assert len(crops) == 1
    assert {it.image_sha256 for it in watched.facts} == {hashlib.sha256(crops[0]).digest()}
    assert cv2.imdecode(np.frombuffer(crops[0], np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_sharper_larger_view_is_the_better_crop() -> None:
    watched = Watched()
    flat = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for _ in range(3):
        watched.see(Found(box(300)), image=flat)
    for _ in range(3):
        watched.see(Found(box(300)))
    before = watched.facts[0].image_sha256
    watched.findings += watched.lane.finish()
    after = watched.facts[-1].image_sha256
    assert before != after
    assert watched.findings[-1].crop is not None


def test_a_person_is_tracked_without_a_picture() -> None:
    watched = Watched()
    for x in range(160, 300, 20):
        watched.see(Found(box(x, 180, 60, 160), "person"))
    (new,) = watched.facts
    assert (new.seen, new.image_sha256) == ("person", None)
    assert watched.findings[0].crop is None
    assert watched.lane.persons == ((250, 100, 310, 260),)


def test_goods_behind_a_person_have_no_crop() -> None:
    watched = Watched()
    for _ in range(4):
        watched.see(Found(box(300)), Found(box(300, 180, 50, 160), "person", 0.25))
    facts = [it for it in watched.facts if it.seen == "carton"]
    assert [it.image_sha256 for it in facts] == [None]


def test_what_lies_outside_the_zones_or_in_a_mask_is_left_out() -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    corner = ((0.0, 0.0), (0.2, 0.0), (0.2, 1.0), (0.0, 1.0))
    zones = [Zone("bay", left, ("scan", "detect")), Zone("desk", ((0, 0), (1, 0), (1, 1)))]
    watched = Watched(zones=zones, masks=[corner])
    for _ in range(4):
        watched.see(Found(box(50)), Found(box(240)), Found(box(500)))
    assert [it.zone for it in watched.facts] == ["bay"]
    (track,) = watched.lane.tracks
    assert (track.seen, round(track.box[0], 3)) == ("carton", round(210 / WIDTH, 3))


def test_cartons_on_a_pallet_are_its_load() -> None:
    watched = Watched(lines=[UP])
    for number, x in enumerate(range(160, 500, 20)):
        load = [Found(box(x - 25, 160, 45, 40)), Found(box(x + 25, 160, 45, 40))]
        pallet = [Found(box(x, 180, 110, 100), "pallet")] if number % 4 != 3 else []
        watched.see(*load, *pallet)
    assert watched.lane.nets == {"door": {"pallet": 1}}


def test_a_load_that_was_counted_before_its_pallet_was_seen_is_counted_once() -> None:
    watched = Watched(lines=[UP])
    for number, x in enumerate(range(160, 620, 20)):
        load = [Found(box(x - 25, 160, 45, 40)), Found(box(x + 25, 160, 45, 40))]
        pallet = [Found(box(x, 180, 110, 100), "pallet")] if number > 12 else []
        watched.see(*load, *pallet)
    nets = watched.lane.nets["door"]
    assert (nets["pallet"], nets["carton"]) == (1, 0)
    last = {it.track: (it.seen, it.net) for it in watched.facts if it.phase == "update"}
    assert sorted(last.values()) == [("carton", 0), ("carton", 0), ("pallet", 1)]
    assert [it.seen for it in watched.facts if it.phase == "end"] == ["carton", "carton"]


def test_labels_are_not_followed() -> None:
    watched = Watched()
    for _ in range(5):
        watched.see(Found(box(300), "label"))
    assert watched.facts == []


def test_a_frame_is_looked_at_once_whichever_zone_asks() -> None:
    watched = Watched()
    frame = Frame(picture(), 1, 0.2)
    zone = Zone("bay", ((0, 0), (1, 0), (1, 1)), ("detect",))
    watched.lane.look(Look(frame, Micros(1)))
    watched.lane.look(Look(frame, Micros(1), zone))
    assert watched.eyes.looks == 1


def test_what_was_seen_once_wants_another_frame() -> None:
    watched = Watched()
    watched.see()
    assert not watched.lane.unfinished
    watched.see(Found(box(300)))
    assert watched.lane.unfinished


def test_a_picture_of_another_size_begins_anew() -> None:
    watched = Watched(lines=[UP])
    for _ in range(4):
        watched.see(Found(box(300)))
    watched.see(image=np.zeros((180, 320), np.uint8))
    assert [it.phase for it in watched.facts] == ["new", "end"]
    assert watched.lane.tracks == ()


def test_boxes_that_are_no_numbers_are_harmless() -> None:
    watched = Watched(lines=[UP])
    for x in range(160, 500, 30):
        watched.see(Found((nan, 0, 10, 10)), Found((nan,) * 4, "person"), Found(box(x)))
    assert watched.lane.nets == {"door": {"carton": 1}}
    assert watched.lane.persons == ()


def test_a_model_without_an_answer_is_said_and_the_next_frame_is_looked_at() -> None:
    class Blind(Eyes):
        def look(self, image: Any) -> list[Found]:
            if self.looks == 0:
                self.looks = 1
                raise QuartermasterError("model.scores", "output scores")
            return super().look(image)

    watched = Watched()
    watched.eyes = Blind()
    watched.lane._detector = watched.eyes
    with pytest.raises(QuartermasterError) as caught:
        watched.see(Found(box(300)))
    assert caught.value.code == "model.scores"
    watched.number += 1
    for _ in range(3):
        watched.see(Found(box(300)))
    assert [it.phase for it in watched.facts] == ["new"]
