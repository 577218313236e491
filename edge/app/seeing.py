"""What a camera's worker does with each frame: gate, schedule, look, and what there is to show.

No process and no camera is needed for it: frames are given in, findings come out.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, cast

import cv2
import msgspec

from edge.app.worker_words import PALLET, Job, Seen
from edge.capture.eyesight import Eyesight, Sight
from edge.capture.window import MAX_STILL
from edge.ports import Frame, ReadShown, SystemIds, TrackShown
from edge.vision.confirm import SkuOf
from edge.vision.damage import DamageLane
from edge.vision.detect import DetectLane
from edge.vision.detector import Detector, shipped
from edge.vision.embedding import Backbone
from edge.vision.evidence import pixels_of
from edge.vision.jpeg import encoded
from edge.vision.lanes import Box, Finding, Lane, Look
from edge.vision.motion import Gate, blank
from edge.vision.privacy import blurred
from edge.vision.scanning import Effort, ScanLane
from edge.vision.scheduler import Budget, Due, Place, Scheduler
from edge.vision.shadow import WithShadow, shadowed
from edge.vision.slots import SlotLane
from shared.errors import QuartermasterError
from shared.gs1 import Scanned
from shared.heads import Heads, decode_heads
from shared.units import Micros

STILL_SIDE: Final = 640
Made = TypeVar("Made")
People = Callable[[Any], Sequence[Box]]
"""Where people are in a picture.

Raises:
    QuartermasterError: when nobody can tell.
"""

_AFTER_DETECT: Final = frozenset({"damage", "slots"})
_QUALITIES: Final = (75, 40, 15)
_TIMED: Final = 300


class Seeing:
    """One camera's lanes at work.

    Args:
        job: what is to be looked at.
        lanes: the ways of looking.
        people: finds people where no lane has; None where nobody can.
        budget: how much CPU there is.
        apart: pictures do not follow each other (photos): each is looked at for everything.
        wait: where frames can wait (files), waits for budget instead of skipping.
    """

    def __init__(
        self,
        job: Job,
        lanes: Sequence[Lane],
        budget: Budget,
        *,
        people: People | None = None,
        apart: bool = False,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._job = job
        self._lanes = {lane.name: lane for lane in lanes}
        self._detect = next((lane for lane in lanes if isinstance(lane, DetectLane)), None)
        self._people = people
        self._persons: Sequence[Box] | None = None
        """Where people are in this frame; None where nobody has looked."""
        self._budget = budget
        self._apart = apart
        self._wait = wait
        self._gate = Gate()
        self._eyes = Eyesight()
        self._scan_s: deque[float] = deque(maxlen=_TIMED)
        self.scheduler: Final = Scheduler(places_of(job, frozenset(self._lanes)))
        self.sight: Sight = "watching"
        self.failing: dict[str, str] = {}
        """Lanes that failed at their last look, and why."""
        self.seen = Seen(0, 0, 0)
        """What there is to see; after a still, also what of it was blurred."""
        self._image: Any = None

    def see(self, frame: Frame, taken_at: Micros) -> Iterator[Finding]:
        """What this frame completes, one finding after the other."""
        blank(frame.image, self._job.masks)
        if not self._apart:
            self.sight = self._eyes.judge(frame.image, frame.at)
        self._image, self._persons = frame.image, None
        self._gate.see(frame.image)
        scan_s: float | None = None
        for due in self._due(frame.at):
            if not self._has_budget():
                self.scheduler.skip(due.place)
                continue
            began = time.thread_time()
            yield from self._look(frame, taken_at, due)
            if due.place.task == "scan":
                scan_s = (scan_s or 0.0) + time.thread_time() - began
        if scan_s is not None:
            self._scan_s.append(scan_s)
        self._show(frame, taken_at)

    @property
    def scan_p95_ms(self) -> float:
        """What looking for codes cost of late, CPU milliseconds a frame."""
        if not self._scan_s:
            return 0.0
        ordered = sorted(self._scan_s)
        return round(1000 * ordered[math.ceil(0.95 * len(ordered)) - 1], 2)

    @property
    def suppressed(self) -> int:
        """Reads of codes that had been told already."""
        scan = self._lanes.get("scan")
        return scan.suppressed if isinstance(scan, ScanLane) else 0

    def still(self) -> bytes:
        """The newest picture as a small JPEG, people in it blurred.

        Empty before the first, and where nobody can tell whether there are people.
        """
        image = self._image
        if image is None or (persons := self._people_in(image)) is None:
            return b""
        height, width = image.shape[:2]
        scale = min(1.0, STILL_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        hidden = tuple((x / width, y / height, u / width, v / height) for x, y, u, v in persons)
        self.seen = msgspec.structs.replace(self.seen, blurred=hidden)
        shown = blurred(image, persons)
        return jpeg_within(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), MAX_STILL)

    def _due(self, at: float) -> list[Due]:
        if self.sight == "black":
            return []
        if self._apart:
            due = [Due(place, ()) for place in self.scheduler.places]
        else:
            due = self.scheduler.due(at, self._changed)
        # Crops may be judged only where it is known what is followed and where people are.
        return sorted(due, key=lambda each: each.place.task in _AFTER_DETECT)

    def _changed(self, place: Place) -> Sequence[Box]:
        return self._gate.changed(place.key, place.zone.polygon if place.zone is not None else None)

    def _has_budget(self) -> bool:
        if self._wait is not None and (seconds := self._budget.until_some()) > 0:
            self._wait(seconds)
            return True
        return self._budget.left() > 0

    def _look(self, frame: Frame, taken_at: Micros, due: Due) -> Sequence[Finding]:
        task, zone = due.place.task, due.place.zone
        lane = self._lanes[task]
        found: Sequence[Finding] = ()
        try:
            found = lane.look(Look(frame, taken_at, zone, due.changed))
            self.failing.pop(task, None)
        except Exception as error:  # noqa: BLE001 - one way of looking never blinds the others
            self.failing[task] = f"{type(error).__name__}: {error}"[:200]
        if task == "detect" and self._detect is not None:
            self._persons = None if task in self.failing else getattr(self._detect, "persons", None)
        if task in _AFTER_DETECT:
            found = [self._screened(finding, frame.image) for finding in found]
        self._gate.looked(due.place.key)
        again = bool(getattr(lane, "unfinished", False))
        self.scheduler.done(due.place, frame.at, again=again)
        return found

    def _screened(self, finding: Finding, image: Any) -> Finding:
        """Without its crop where people may be in the frame, nor a doubt that nobody could judge.

        What stays at the gateway for a person to judge never shows one.
        """
        if finding.crop is None:
            return finding
        persons = self._people_in(image)
        if persons is not None and not persons:
            return finding
        return finding._replace(crop=None, uncertain=None)

    def _people_in(self, image: Any) -> Sequence[Box] | None:
        """Where people are in this frame; None where nobody can tell."""
        if self._persons is None and self._people is not None:
            try:
                self._persons = self._people(image)
            except QuartermasterError as error:
                self.failing["detect"] = str(error)[:200]
        return self._persons

    def finish(self) -> Sequence[Finding]:
        """The camera stops: what is followed ends."""
        return self._detect.finish() if self._detect is not None else ()

    def _show(self, frame: Frame, taken_at: Micros) -> None:
        height, width = frame.image.shape[:2]
        tracks: list[TrackShown] = []
        reads: list[ReadShown] = []
        nets: dict[str, dict[str, int]] = {}
        for lane in self._lanes.values():
            tracks.extend(getattr(lane, "tracks", ()))
            reads.extend(getattr(lane, "reads", ()))
            nets.update(getattr(lane, "nets", {}))
        hidden = self.seen.blurred
        self.seen = Seen(taken_at, width, height, tuple(tracks), tuple(reads), nets, hidden)


def places_of(job: Job, tasks: frozenset[str]) -> list[Place]:
    """Every task at every zone that it is wanted in and that there is a lane for."""
    if not job.zones:
        wanted = ("scan", "detect") if job.lines else ("scan",)
        places = [Place(task) for task in wanted]
    else:
        places = [Place(task, zone) for zone in job.zones for task in zone.tasks]
    places.append(Place("slots"))
    return [place for place in places if place.task in tasks]


class Lanes(NamedTuple):
    """The ways of looking that a job wants; those it lacks, with why; and who finds people."""

    lanes: list[Lane]
    lacking: dict[str, str]
    people: People | None = None


def lanes_of(job: Job, sku_of: SkuOf, *, apart: bool) -> Lanes:
    """What a job asks for. A model that may not be used leaves its lane out, and no other."""
    effort: Effort = "still" if apart else "live"

    def expected(scanned: Scanned) -> bool:
        return scanned.sscc is not None and sku_of(PALLET + scanned.sscc) is not None

    scan = ScanLane(job.camera, sku_of=sku_of, expected=expected, place=job.zone, effort=effort)
    lacking: dict[str, str] = {}
    tasks = {task for zone in job.zones for task in zone.tasks}
    judges = "damage" in tasks or bool(job.slots)
    detector: Detector | None = None
    if judges or job.lines or "detect" in tasks:
        detector = _unless_lacking("detect", lacking, shipped)
    detect: DetectLane | None = None
    if detector is not None and (job.lines or "detect" in tasks):
        zones, masks, lines = job.zones, job.masks, job.lines
        new_id = SystemIds().uuid7
        detect = DetectLane(job.camera, detector, new_id, zones=zones, masks=masks, lines=lines)
    people: People | None = None
    if detector is not None:
        people = _people(lambda: detector)
    elif "detect" not in lacking:
        people = _people(cache(shipped))
    judging = _judging(job, tasks, detect, lacking) if judges else []
    lanes = [scan, *([detect] if detect is not None else []), *judging]
    return Lanes([cast("Lane", lane) for lane in lanes], lacking, people)


def _judging(
    job: Job, tasks: set[str], detect: DetectLane | None, lacking: dict[str, str]
) -> list[WithShadow]:
    """The lanes that judge crops: one backbone, a head each, perhaps a shadow beside it."""
    backbone = _unless_lacking("backbone", lacking, Backbone)
    if backbone is None:
        return []
    heads = decode_heads(job.heads) if job.heads else Heads(job.camera, [])

    def damage() -> WithShadow:
        head = shadowed("damage", heads)
        followed = detect.followed if detect is not None else None
        lane = DamageLane(job.camera, followed, backbone=backbone, head=head)
        return WithShadow(cast("Lane", lane), "damage", head)

    def slots() -> WithShadow:
        head = shadowed("slots", heads)
        lane = SlotLane(job.camera, job.slots, backbone=backbone, head=head)
        lacking.update({f"slot {name}": why for name, why in lane.left_out.items()})
        return WithShadow(cast("Lane", lane), "slots", head)

    wanted = [
        *([_unless_lacking("damage", lacking, damage)] if "damage" in tasks else []),
        *([_unless_lacking("slots", lacking, slots)] if job.slots else []),
    ]
    return [lane for lane in wanted if lane is not None]


def _people(detector: Callable[[], Detector]) -> People:
    """Finds people; a camera that only reads codes has its detector from the first still on."""

    def people(image: Any) -> list[Box]:
        found = (each for each in detector().look(image) if each.seen == "person")
        return [pixels_of(each.box) for each in found]

    return people


def _unless_lacking(task: str, lacking: dict[str, str], make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except QuartermasterError as error:
        lacking[task] = str(error)[:200]
        return None


def jpeg_within(image: Any, most: int) -> bytes:
    """A JPEG of so many bytes at most, as good as that allows; empty where nothing does."""
    for quality in _QUALITIES:
        jpeg = encoded(image, quality)
        if jpeg is not None and len(jpeg) <= most:
            return jpeg
    return b""
