"""The detect lane: what is seen in a camera's picture, followed, and counted across its lines.

Every look takes in the whole frame, whichever zone moved, and a frame once; so one tracker knows
everything that is in the picture. What lies outside all zones with the task ``detect``, or within a
mask, is left out. A carton that stands on a pallet is the pallet's load: it is not followed and
not counted by itself.

A track is told when it is confirmed, when what it counts for changes, and when it ends. A line's
count is the sum of ``net`` over the last word on each of its tracks. The best crop goes along once
and is then known by its hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol
from uuid import UUID

from edge.ports import TrackShown
from edge.vision.counting import Crossing, LineCounter, inside
from edge.vision.damage import Followed
from edge.vision.evidence import Best, pixels_of
from edge.vision.kalman import Box, overlap
from edge.vision.lanes import Box as Pixels
from edge.vision.lanes import CountingLine, Finding, Look, Point, Zone
from edge.vision.parts import Parts
from edge.vision.tracking import Rules, Tracker
from edge.vision.tracks import Seeable, Track
from shared.events import ObjectTracked
from shared.units import Micros

_FOLLOWED: Final = frozenset({"carton", "pallet", "person", "forklift"})
_LOADED: Final = 0.75
"""A carton is a pallet's load when so much of its box lies in the pallet's."""
_SECOND: Final = 0.8
"""Of two boxes of one kind, so much of one in the other, only the surer is an object's."""
_KNOWN: Final = 0.2
_FLICKER: Final = 2
"""So many looks may miss a pallet before its load is taken for itself."""
_PERSON: Final = 0.2
"""From this score on somebody may be there, and is blurred."""

Phase = Literal["new", "update", "end"]


class Looking(Protocol):
    """A detector, as :class:`edge.vision.detector.Detector` is one."""

    @property
    def provenance(self) -> tuple[str, bytes]:
        """The model's name with version, and its SHA-256."""
        ...

    def look(self, image: Any) -> Sequence[Seeable]:
        """What a frame shows."""
        ...


class _Passed(NamedTuple):
    line: str | None = None
    net: Literal[-1, 0, 1] = 0


_NOWHERE: Final = _Passed()


@dataclass(slots=True)
class _Known:
    """What is kept of a confirmed track."""

    seen_at: Micros
    best: Best = field(default_factory=Best)
    passed: _Passed = _NOWHERE
    counted: str = ""
    """As what it is in the counts: it may be called otherwise when it goes back."""


class DetectLane:
    """Looks for goods, people and forklifts; implements :class:`edge.vision.lanes.Lane`.

    Args:
        camera: its name.
        detector: finds things in a frame.
        new_id: makes the UUID of a track, 16 bytes.
        zones: the camera's; those with the task ``detect`` count, all of the picture without one.
        masks: where nothing is looked for.
        lines: what is counted.
        rules: when tracks begin and end.
    """

    name: Final = "detect"

    def __init__(
        self,
        camera: str,
        detector: Looking,
        new_id: Callable[[], bytes],
        *,
        zones: Sequence[Zone] = (),
        masks: Sequence[Sequence[Point]] = (),
        lines: Sequence[CountingLine] = (),
        rules: Rules | None = None,
    ) -> None:
        self._camera = camera
        self._detector = detector
        wanted = [zone for zone in zones if "detect" in zone.tasks]
        self._zones = sorted(wanted, key=lambda zone: zone.priority)
        self._masks = masks
        self._lines = lines
        self._rules = rules or Rules()
        self._tracker = Tracker(new_id, self._rules)
        self._parts = Parts()
        self._counters: list[LineCounter] = []
        self._known: dict[bytes, _Known] = {}
        self._nets: dict[str, Counter[str]] = {line.name: Counter() for line in lines}
        self._frame: tuple[int, float] | None = None
        self._size = (0, 0)
        self.persons: tuple[Pixels, ...] | None = None
        """Where somebody may be in the last frame looked at, tracked or not; None before one."""

    @property
    def tracks(self) -> tuple[TrackShown, ...]:
        """What is in the last frame, for people."""
        width, height = self._size
        return tuple(
            TrackShown(
                str(UUID(bytes=each.track)),
                each.seen,
                (
                    min(max(each.box[0] / width, 0.0), 1.0),
                    min(max(each.box[1] / height, 0.0), 1.0),
                    min(max(each.box[2] / width, 0.0), 1.0),
                    min(max(each.box[3] / height, 0.0), 1.0),
                ),
            )
            for each in self.followed()
        )

    @property
    def nets(self) -> dict[str, dict[str, int]]:
        """By line, how many of each kind went in, less those that went out."""
        return {line: dict(counts) for line, counts in self._nets.items()}

    @property
    def unfinished(self) -> bool:
        """Whether the next frame should be looked at, though nothing may move in it."""
        return self._tracker.begun

    def followed(self) -> list[Followed]:
        """The confirmed tracks that the last frame shows."""
        return [
            Followed(track.id, track.seen, pixels_of(track.box))
            for track in self._tracker.tracks
            if track.id is not None and not track.lost
        ]

    def look(self, look: Look) -> list[Finding]:
        """What this frame completes; nothing where it was looked at already.

        Raises:
            QuartermasterError: ``model.scores`` or ``model.shape``, by the detector.
        """
        frame = look.frame
        if self._frame == (frame.number, frame.at):
            return []
        image = frame.image
        height, width = image.shape[:2]
        found = self._resized(width, height)
        detections = self._detector.look(image)
        self._frame = (frame.number, frame.at)
        self.persons = tuple(
            pixels_of(it.box)
            for it in detections
            if it.seen == "person" and it.score >= _PERSON and _is_finite(it.box)
        )
        wanted = [it for it in detections if self._is_wanted(it, width, height)]
        step = self._tracker.step(self._without_parts(wanted), frame.at, width, height)
        new = {id(track) for track in step.new}
        for track, spots in step.seen:
            known = self._known.setdefault(track.id or b"", _Known(look.taken_at))
            known.seen_at = look.taken_at
            known.best.see(track, image, self.persons)
            if id(track) in new:
                found.append(self._finding(track, "new", _NOWHERE))
            for counter in self._counters:
                crossing = counter.observe(track.id or b"", track.seen, spots)
                if crossing is not None:
                    found.append(self._cross(track, crossing))
        found.extend(self._end(step.ended))
        for part, whole in self._parts.observe(self._tracker.tracks):
            found.extend(self._absorb(part, whole))
        return found

    def finish(self) -> list[Finding]:
        """End what is still followed, as the camera stops."""
        return self._end(self._tracker.finish())

    def _resized(self, width: int, height: int) -> list[Finding]:
        """Begin anew where the picture has another size; places in it mean others then."""
        if self._size == (width, height):
            return []
        found = self.finish()
        self._size = (width, height)
        self._counters = [LineCounter(line, width, height) for line in self._lines]
        return found

    def _absorb(self, part: Track, whole: Track) -> list[Finding]:
        """End a track that is a part of another; nothing is counted twice."""
        found: list[Finding] = []
        for counter in self._counters:
            changed = counter.absorb(part.id or b"", whole.id or b"")
            for track, crossing in zip((part, whole), changed, strict=True):
                if crossing is not None:
                    found.append(self._cross(track, crossing))
        self._tracker.drop(part)
        return [*found, *self._end((part,))]

    def _cross(self, track: Track, crossing: Crossing) -> Finding:
        known = self._known[track.id or b""]
        counts = self._nets[crossing.line]
        if crossing.before:
            counts[known.counted] -= crossing.before
        known.counted = track.seen
        counts[track.seen] += crossing.net
        known.passed = _Passed(crossing.line, crossing.net)
        return self._finding(track, "update", known.passed)

    def _end(self, ended: Sequence[Track]) -> list[Finding]:
        found: list[Finding] = []
        for track in ended:
            known = self._known.get(track.id or b"")
            if known is not None:
                found.append(self._finding(track, "end", known.passed))
            self._known.pop(track.id or b"", None)
            for counter in self._counters:
                counter.forget(track.id or b"")
        return found

    def _finding(self, track: Track, phase: Phase, passed: _Passed) -> Finding:
        known = self._known[track.id or b""]
        model, sha256 = self._detector.provenance
        fact = ObjectTracked(
            camera=self._camera,
            zone=self._zone_of(track.box),
            frame_at=known.seen_at,
            model=model,
            model_sha256=sha256,
            confidence=min(max(round(1000 * track.confidence), 0), 1000),
            image_sha256=known.best.sha256,
            track=track.id or b"",
            phase=phase,
            seen=track.seen,
            frames=track.frames,
            line=passed.line,
            net=passed.net,
        )
        return Finding(fact, known.best.give())

    def _zone_of(self, box: Box) -> str | None:
        point = _middle(box, *self._size)
        return next((it.name for it in self._zones if inside(it.polygon, point)), None)

    def _is_wanted(self, it: Seeable, width: int, height: int) -> bool:
        """Whether it is followed at all, and lies where something is looked for."""
        if it.seen not in _FOLLOWED or not _is_finite(it.box):
            return False
        point = _middle(it.box, width, height)
        if any(inside(mask, point) for mask in self._masks):
            return False
        return not self._zones or any(inside(zone.polygon, point) for zone in self._zones)

    def _without_parts(self, detections: Sequence[Seeable]) -> list[Seeable]:
        """Without second boxes of an object, and cartons that stand on a pallet.

        The pallet is seen now, or was just followed there. A carton that was followed before may
        pass behind it, and stays.
        """
        sure = self._rules.sure
        near = [track for track in self._tracker.tracks if track.misses <= _FLICKER]
        pallets = [it.box for it in detections if it.seen == "pallet" and it.score >= sure]
        pallets += [it.motion.box for it in near if it.seen == "pallet"]
        cartons = [it.motion.box for it in near if it.seen == "carton"]
        kept: list[Seeable] = []
        for it in sorted(detections, key=lambda it: (-it.score, it.seen, it.box)):
            surer = [other.box for other in kept if other.seen == it.seen]
            if any(_within(it.box, box) for box in surer):
                continue
            is_load = it.seen == "carton" and any(_share(it.box, box) > _LOADED for box in pallets)
            if not is_load or any(overlap(it.box, box) > _KNOWN for box in cartons):
                kept.append(it)
        return kept


def _within(box: Box, other: Box) -> bool:
    """Whether one of two boxes lies mostly in the other."""
    return max(_share(box, other), _share(other, box)) > _SECOND


def _middle(box: Box, width: int, height: int) -> Point:
    return (box[0] + box[2]) / 2 / width, (box[1] + box[3]) / 2 / height


def _is_finite(box: Box) -> bool:
    return all(abs(edge) < 1e9 for edge in box)


def _share(box: Box, other: Box) -> float:
    """How much of a box lies in the other."""
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(across, 0.0) * max(down, 0.0) / area if area > 0 else 0.0
