"""A worker's look at each frame: its lanes in order, within the budget, and nobody in a crop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import pytest

from edge.app.seeing import Seeing, jpeg_within, lanes_of, places_of
from edge.app.worker_words import Job
from edge.ports import Frame
from edge.simulator.labels import print_label
from edge.vision.detector import Detection
from edge.vision.lanes import CountingLine, Finding, Lane, Look, Uncertain, Zone
from edge.vision.scheduler import Budget
from shared.errors import QuartermasterError
from shared.events import CodeSeen, ObjectTracked
from shared.units import Micros

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RNG = np.random.default_rng(2)


def job(*zones: Zone, masks: Any = (), lines: Any = (), keep_crops: bool = False) -> Job:
    return Job(
        camera="cam",
        source="x",
        zone="D1",
        zones=zones,
        masks=masks,
        lines=lines,
        frames_per_second=5.0,
        cpu=0.25,
        keep_crops=keep_crops,
        offset=0,
        heads=b"",
    )


class Fake:
    """A lane that says what it is told to."""

    def __init__(self, name: str, look: Callable[[Look], Sequence[Finding]] = lambda _: ()) -> None:
        self.name = name
        self.looks: list[Look] = []
        self._look = look

    def look(self, look: Look) -> Sequence[Finding]:
        self.looks.append(look)
        return self._look(look)


def picture() -> Any:
    return RNG.integers(60, 200, (180, 320, 3), dtype=np.uint8)


def seeing(of: Job, *lanes: Fake, left: float = 1.0, **more: Any) -> Seeing:
    budget = Budget(1.0, lambda: 0.0, time.monotonic)
    if left <= 0:
        used = iter([0.0])
        budget = Budget(1.0, lambda: next(used, 1000.0), lambda: 0.0)
    return Seeing(of, [cast("Lane", lane) for lane in lanes], budget, **more)


def see(one: Seeing, at: float = 0.0) -> list[Finding]:
    return list(one.see(Frame(picture(), round(5 * at), at), Micros(7)))


FOUND = Finding(CodeSeen("cam", "qr", "x"), b"jpeg", Uncertain("damage", "suspect", b""))


def test_each_zone_is_looked_at_for_its_tasks_and_masks_are_black_for_every_lane() -> None:
    zone = Zone("dock", LEFT, tasks=("scan", "detect"))
    scan, detect = Fake("scan"), Fake("detect")
    one = seeing(job(zone, masks=(LEFT,)), scan, detect)
    see(one)
    assert [(look.zone, look.taken_at) for look in scan.looks + detect.looks] == [(zone, 7)] * 2
    assert not scan.looks[0].frame.image[:, :150].any()
    assert one.scheduler.looked == {("dock", "scan"): 1, ("dock", "detect"): 1}
    assert (one.seen.frame_at, one.seen.width, one.seen.height) == (7, 320, 180)


def test_without_zones_the_whole_picture_is_read_and_counted_where_there_are_lines() -> None:
    line = CountingLine("in", (0.5, 0.0), (0.5, 1.0))
    every = frozenset({"scan", "detect", "damage", "slots"})
    assert [each.task for each in places_of(job(), every)] == ["scan", "slots"]
    assert [each.task for each in places_of(job(lines=(line,)), every)] == [
        "scan",
        "detect",
        "slots",
    ]
    assert places_of(job(Zone("a", LEFT, tasks=("damage",))), frozenset({"scan"})) == []


def test_what_there_is_no_budget_for_is_skipped_and_counted() -> None:
    scan = Fake("scan")
    one = seeing(job(Zone("dock", LEFT)), scan, left=0.0)
    see(one)
    assert scan.looks == []
    assert one.scheduler.skipped == {("dock", "scan"): 1}


def test_files_wait_for_the_budget_instead() -> None:
    waited: list[float] = []
    scan = Fake("scan")
    one = seeing(job(), scan, left=0.0, wait=waited.append)
    see(one)
    assert len(scan.looks) == 1
    assert waited[0] > 0
    assert one.scheduler.skipped == {}


def test_a_lane_that_fails_is_named_and_blinds_no_other() -> None:
    def fail(_: Look) -> Sequence[Finding]:
        raise QuartermasterError("model.scores", "NaN")

    zone = Zone("dock", LEFT, tasks=("detect", "scan"))
    one = seeing(job(zone), Fake("detect", fail), Fake("scan", lambda _: [FOUND]))
    assert [found.fact for found in see(one)] == [FOUND.fact]
    assert "NaN" in one.failing["detect"]


def test_a_black_picture_is_not_looked_at() -> None:
    scan = Fake("scan")
    one = seeing(job(), scan)
    dark = np.zeros((180, 320, 3), np.uint8)
    for at in (0.0, 6.0):
        list(one.see(Frame(dark.copy(), 0, at), Micros(0)))
    assert one.sight == "black"
    assert len(scan.looks) == 1


@pytest.mark.parametrize(
    ("people", "stays"),
    [(lambda _: [], True), (lambda _: [(0, 0, 9, 9)], False), (None, False)],
)
def test_a_crop_leaves_only_where_somebody_looked_for_people_and_found_none(
    people: Any, *, stays: bool
) -> None:
    zone = Zone("dock", LEFT, tasks=("damage",))
    one = seeing(job(zone), Fake("damage", lambda _: [FOUND]), people=people)
    (found,) = see(one)
    assert found.fact == FOUND.fact
    assert (found.crop, found.uncertain) == (
        (FOUND.crop, FOUND.uncertain) if stays else (None,) * 2
    )


def _fails(_: Any) -> list[Any]:
    raise QuartermasterError("model.scores", "NaN")


def test_a_detector_that_fails_has_not_looked_for_people() -> None:
    zone = Zone("dock", LEFT, tasks=("damage",))
    one = seeing(job(zone), Fake("damage", lambda _: [FOUND]), people=_fails)
    assert see(one)[0].crop is None


def test_a_still_is_small_and_a_jpeg() -> None:
    import cv2

    one = seeing(job(), Fake("scan"), people=lambda _: [])
    assert one.still() == b""
    large = RNG.integers(0, 255, (1440, 2560, 3), dtype=np.uint8)
    list(one.see(Frame(large, 0, 0.0), Micros(0)))
    still = one.still()
    assert 0 < len(still) <= 64 * 1024
    shown = cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (360, 640, 3)


@pytest.mark.parametrize("people", [None, _fails])
def test_there_is_no_still_where_nobody_can_look_for_people(people: Any) -> None:
    one = seeing(job(), Fake("scan"), people=people)
    see(one)
    assert one.still() == b""


def test_a_picture_that_fits_at_no_quality_is_not_shown() -> None:
    assert jpeg_within(picture(), 100) == b""


def test_a_lane_whose_model_may_not_be_used_is_lacking_and_the_others_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def untrusted() -> Any:
        raise QuartermasterError("model.untrusted", "another hash")

    monkeypatch.setattr("edge.app.seeing.shipped", untrusted)
    zone = Zone("dock", LEFT, tasks=("scan", "detect"))
    lanes, lacking, people = lanes_of(job(zone), lambda _: None, apart=False)
    assert [lane.name for lane in lanes] == ["scan"]
    assert "another hash" in lacking["detect"]
    assert people is None


def test_a_camera_that_only_reads_codes_looks_for_people_when_a_still_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import cv2

    made: list[Rolling] = []
    monkeypatch.setattr("edge.app.seeing.shipped", lambda: made.append(Rolling()) or made[-1])
    lanes, _, people = lanes_of(job(), lambda _: None, apart=False)
    one = Seeing(job(), lanes, Budget(1.0, lambda: 0.0, time.monotonic), people=people)
    for number in range(3):
        see(one, number / 5)
    assert made == []
    assert one.seen.blurred == ()
    stills = [one.still() for _ in range(2)]
    (hidden,) = one.seen.blurred
    assert hidden[2] > hidden[0] > 0.5
    assert (len(made), made[0].looks) == (1, 1)
    assert stills[0] == stills[1]
    shown = cv2.imdecode(np.frombuffer(stills[0], np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown[40:150, 260:300].std() < shown[40:150, 160:200].std() / 2


class Rolling:
    """A detector that sees a carton roll from left to right, and somebody beside it."""

    provenance = ("detector-1", bytes(32))

    def __init__(self) -> None:
        self.looks = 0

    def look(self, _: Any) -> list[Detection]:
        self.looks += 1
        left = 10.0 + 20 * self.looks
        return [
            Detection((left, 60.0, left + 50, 110.0), "carton", 0.9),
            Detection((250.0, 20.0, 310.0, 170.0), "person", 0.9),
        ]


def test_what_rolls_over_a_line_is_counted_and_ends_with_its_camera_and_people_are_blurred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import cv2

    monkeypatch.setattr("edge.app.seeing.shipped", Rolling)
    line = CountingLine("in", (0.5, 1.0), (0.5, 0.0))
    of = job(lines=(line,))
    lanes, lacking, people = lanes_of(of, lambda _: None, apart=False)
    one = Seeing(of, lanes, Budget(1.0, lambda: 0.0, time.monotonic), people=people)
    found = [fact for number in range(10) for fact in see(one, number / 5)]
    tracked = [it.fact for it in found if isinstance(it.fact, ObjectTracked)]
    carton = [(it.phase, it.line, it.net) for it in tracked if it.seen == "carton"]
    assert carton == [("new", None, 0), ("update", "in", 1)]
    assert one.seen.nets == {"in": {"carton": 1}}
    assert {it.seen for it in one.seen.tracks} == {"carton", "person"}
    assert lacking == {}
    ended = [it.fact for it in one.finish() if isinstance(it.fact, ObjectTracked)]
    assert {it.phase for it in ended} == {"end"}
    shown = cv2.imdecode(np.frombuffer(one.still(), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown[40:150, 260:300].std() < shown[40:150, 160:200].std() / 2


def test_a_pallet_that_is_announced_is_a_fact_at_first_sight() -> None:
    asked: list[str] = []

    def sku_of(code: str) -> str | None:
        asked.append(code)
        return "TEA-1" if code == "(00)106141412345678908" else None

    lanes = lanes_of(job(), sku_of, apart=False)
    (scan,) = (lane for lane in lanes.lanes if lane.name == "scan")
    label = np.array(print_label("]C100106141412345678908"))
    (finding,) = scan.look(Look(Frame(label, 0, 0.0), Micros(1)))
    assert isinstance(finding.fact, CodeSeen)
    assert (finding.fact.sku, finding.fact.frames) == (None, 1)
    assert "(00)106141412345678908" in asked
