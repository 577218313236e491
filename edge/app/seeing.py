"""What a camera's worker does with each frame: gate, schedule, look, and what there is to show.

No process and no camera is needed for it: frames are given in, findings come out.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import cv2

from edge.app.worker_words import Job, Seen
from edge.capture.eyesight import Eyesight, Sight
from edge.capture.window import MAX_STILL
from edge.ports import Frame, ReadShown, TrackShown
from edge.vision.barcodes import Effort
from edge.vision.confirm import SkuOf
from edge.vision.lanes import Box, Finding, Lane, Look
from edge.vision.motion import Gate, blank
from edge.vision.scanning import ScanLane
from edge.vision.scheduler import Budget, Due, Place, Scheduler
from shared.units import Micros

STILL_SIDE: Final = 640
_QUALITIES: Final = (75, 40, 15)
_TIMED: Final = 300


class Seeing:
    """One camera's lanes at work.

    Args:
        job: what is to be looked at.
        lanes: the ways of looking, by task.
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
        apart: bool = False,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._job = job
        self._lanes = {lane.name: lane for lane in lanes}
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
        self._image: Any = None

    def see(self, frame: Frame, taken_at: Micros) -> Iterator[Finding]:
        """What this frame completes, one finding after the other."""
        blank(frame.image, self._job.masks)
        if not self._apart:
            self.sight = self._eyes.judge(frame.image, frame.at)
        self._image = frame.image
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
        """The newest picture as a small JPEG, people in it blurred; empty before the first."""
        image = self._image
        if image is None:
            return b""
        height, width = image.shape[:2]
        scale = min(1.0, STILL_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return jpeg_within(cv2.resize(image, size, interpolation=cv2.INTER_AREA), MAX_STILL)

    def _due(self, at: float) -> list[Due]:
        if self.sight == "black":
            return []
        if self._apart:
            return [Due(place, ()) for place in self.scheduler.places]
        return self.scheduler.due(at, self._changed)

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
        self._gate.looked(due.place.key)
        again = bool(getattr(lane, "unfinished", False))
        self.scheduler.done(due.place, frame.at, again=again)
        return found

    def _show(self, frame: Frame, taken_at: Micros) -> None:
        height, width = frame.image.shape[:2]
        tracks: list[TrackShown] = []
        reads: list[ReadShown] = []
        nets: dict[str, dict[str, int]] = {}
        for lane in self._lanes.values():
            tracks.extend(getattr(lane, "tracks", ()))
            reads.extend(getattr(lane, "reads", ()))
            nets.update(getattr(lane, "nets", {}))
        self.seen = Seen(taken_at, width, height, tuple(tracks), tuple(reads), nets)


def places_of(job: Job, tasks: frozenset[str]) -> list[Place]:
    """Every task at every zone that it is wanted in and that there is a lane for."""
    if not job.zones:
        wanted = ("scan", "detect") if job.lines else ("scan",)
        places = [Place(task) for task in wanted]
    else:
        places = [Place(task, zone) for zone in job.zones for task in zone.tasks]
    places.append(Place("slots"))
    return [place for place in places if place.task in tasks]


def lanes_of(job: Job, sku_of: SkuOf, *, apart: bool) -> tuple[list[Lane], dict[str, str]]:
    """The ways of looking that a job wants, and those that it lacks, with why."""
    effort: Effort = "still" if apart else "live"
    lanes: list[Lane] = [ScanLane(job.camera, sku_of=sku_of, place=job.zone, effort=effort)]
    lacking: dict[str, str] = {}
    return lanes, lacking


def jpeg_within(image: Any, most: int) -> bytes:
    """A JPEG of so many bytes at most, as good as that allows; empty where nothing does."""
    for quality in _QUALITIES:
        made, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if made and len(jpeg) <= most:
            return jpeg.tobytes()
    return b""
