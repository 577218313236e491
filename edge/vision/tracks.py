"""What one followed object is: where it is believed, what it was taken for, how well a sight fits.

The records and pure functions that :mod:`edge.vision.tracking` and :mod:`edge.vision.beginnings`
share.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf, isfinite, log, sqrt
from typing import Final, NamedTuple, Protocol

from edge.vision.kalman import Box, Motion, Noise, centred, overlap
from shared.events.sights import Seen

MOST_OBJECTS: Final = 64
"""Detections and tracks at a time; the surest are taken. It bounds the work on a frame."""

_LEAST_PIXELS: Final = 2.0
_NEAR_EDGE: Final = 0.08
"""In sizes of the object: so near to the picture's edge a box may be cut off by it."""
_SMALLER: Final = 1 / 8
_LARGER: Final = 4.0
"""Areas beyond these, against what the object is known to have, are another object's."""
_SHRUNK: Final = 0.55
"""A hidden object comes back about as large as it was: lengths."""
_WITHIN: Final = 45.0
_AT_EDGE: Final = 9.0
"""χ² of place and velocity up to which it is the same; 99.7 % of a steady motion's are below 16."""
_ENTERING: Final = 0.75
"""In widths and heights: what is first seen so near to the picture's edge may have come over it."""
_GOODS: Final = frozenset({"carton", "pallet"})
"""A detector may waver between these two, and between no others."""


class Seeable(Protocol):
    """What a detector says: a box in pixels, what it is, and how sure that is (0 to 1)."""

    @property
    def box(self) -> Box:
        """Left, top, right, bottom."""
        ...

    @property
    def seen(self) -> Seen:
        """What it is."""
        ...

    @property
    def score(self) -> float:
        """How sure that is."""
        ...


class Size(NamedTuple):
    """The picture's, in pixels."""

    width: int
    height: int


class Spot(NamedTuple):
    """Where the centre of an object was believed when it was seen, and its size; pixels."""

    at: float
    x: float
    y: float
    width: float
    height: float


class Sight(NamedTuple):
    """A detection within the picture."""

    box: Box
    seen: Seen
    score: float


@dataclass(slots=True, eq=False)
class Track:
    """One object. ``id`` is None until it is confirmed."""

    motion: Motion
    box: Box
    score: float
    id: bytes | None = None
    frames: int = 0
    unseen_s: float = 0.0
    misses: int = 0
    scores: float = 0.0
    votes: dict[Seen, float] = field(default_factory=dict["Seen", float])
    untold: list[Spot] = field(default_factory=list[Spot])

    @property
    def seen(self) -> Seen:
        """What it is, by the scores of all its sights."""
        return max(sorted(self.votes), key=lambda seen: self.votes[seen])

    @property
    def confidence(self) -> float:
        """The mean score of its sights."""
        return self.scores / self.frames if self.frames else 0.0

    @property
    def lost(self) -> bool:
        """Whether the last look did not find it."""
        return self.misses > 0

    def miss(self, seconds: float) -> None:
        """A look ``seconds`` after the one before did not find it."""
        self.unseen_s += seconds
        self.misses += 1

    def go_on(self, other: Track) -> None:
        """``other`` turned out to be the same object, seen again."""
        self.motion, self.box, self.score = other.motion, other.box, other.score
        self.frames += other.frames
        self.scores += other.scores
        self.unseen_s, self.misses = 0.0, 0
        for seen, votes in other.votes.items():
            self.votes[seen] = self.votes.get(seen, 0.0) + votes
        self.untold.extend(other.untold)

    def meet(self, sight: Sight, at: float, noise: Noise, size: Size) -> None:
        """It was seen: believe and remember it."""
        motion, box = fitted(self.motion, sight.box, size)
        self.motion = motion.corrected(box, noise)
        self.unseen_s, self.misses = 0.0, 0
        self.note(sight, at)

    def note(self, sight: Sight, at: float) -> None:
        """Remember a sight that is believed already."""
        motion = self.motion
        self.box, self.score = sight.box, sight.score
        self.frames += 1
        self.scores += sight.score
        self.votes[sight.seen] = self.votes.get(sight.seen, 0.0) + sight.score
        self.untold.append(Spot(at, motion.x.place, motion.y.place, motion.width, motion.height))


class Fit(NamedTuple):
    """How unlike a track and a sight are, and how unlikely the sight is where it is."""

    cost: float
    surprise: float


NO_FIT: Final = Fit(inf, inf)


def fit(track: Track, sight: Sight, noise: Noise, gate: float, size: Size) -> Fit:
    """The cost, 0 to about 1.5, and the negative log likelihood; infinite for another object.

    Half of the cost is what does not overlap (SORT, Bewley 2016, §3.3), half how far the centre is
    from where the filter expects it (DeepSORT, Wojke 2017, eq. 1); what was unseen for long comes
    after what was just there.
    """
    if not _may_be(track.seen, sight.seen):
        return NO_FIT
    motion, box = fitted(track.motion, sight.box, size)
    distance = motion.distance(box, noise)
    _, _, width, height = centred(box)
    larger = width * height / (motion.width * motion.height)
    if distance > gate or not _SMALLER < larger < _LARGER:
        return NO_FIT
    other = 0.15 if track.seen != sight.seen else 0.0
    waited = 0.1 * min(track.unseen_s, 2.0)
    apart = 1 - overlap(motion.box, box)
    cost = 0.5 * apart + 0.5 * sqrt(distance / gate) + other + waited
    return Fit(cost, distance / 2 + log(motion.spread(noise)) + other + abs(log(larger)))


def continues(lost: Track, found: Track, size: Size) -> float:
    """How ill a track that was just confirmed goes on with a lost one, 0 to 1; else infinite.

    Goods do not come out of nothing: what comes into sight within the picture has most likely been
    hidden, what comes in at its edge is most likely new.
    """
    if not _may_be(lost.seen, found.seen):
        return inf
    larger = found.motion.size / lost.motion.size
    if not _SHRUNK < larger < 1 / _SHRUNK:
        return inf
    first = found.untold[0]
    near_x, near_y = _ENTERING * first.width, _ENTERING * first.height
    inside = near_x < first.x < size.width - near_x and near_y < first.y < size.height - near_y
    most = _WITHIN if inside else _AT_EDGE
    other = 0.15 if lost.seen != found.seen else 0.0
    unlike = lost.motion.unlike(found.motion) / most + abs(log(larger)) + other
    return unlike if unlike < 1 else inf


def _may_be(one: Seen, other: Seen) -> bool:
    return one == other or (one in _GOODS and other in _GOODS)


def fitted(motion: Motion, box: Box, size: Size) -> tuple[Motion, Box]:
    """Both with what the picture's edge cuts off, as large as the object is known to be.

    Else an object that enters would seem slow and one that leaves would seem to halt at the edge,
    and take for itself what enters.
    """
    across, down = box[2] - box[0], box[3] - box[1]
    near = _NEAR_EDGE * max(motion.size, sqrt(across * down))
    left, top, right, bottom = motion.box
    x, y = motion.x, motion.y
    if across > motion.width and (left <= near) != (right >= size.width - near):
        more = (across - motion.width) / 2
        x = x._replace(place=x.place + (-more if left <= near else more))
        motion = motion._replace(x=x, width=across)
    if down > motion.height and (top <= near) != (bottom >= size.height - near):
        more = (down - motion.height) / 2
        y = y._replace(place=y.place + (-more if top <= near else more))
        motion = motion._replace(y=y, height=down)
    left, right = _completed(box[0], box[2], motion.width, near, size.width)
    top, bottom = _completed(box[1], box[3], motion.height, near, size.height)
    return motion, (left, top, right, bottom)


def _completed(
    low: float, high: float, known: float, near: float, edge: float
) -> tuple[float, float]:
    if high - low >= known or (low <= near) == (high >= edge - near):
        return low, high
    return (high - known, high) if low <= near else (low, low + known)


def gone(motion: Motion, size: Size) -> bool:
    """Whether more than half of the box should be over the edge by now, going outward."""
    x, y = motion.x, motion.y
    return (
        (x.place < 0 and x.velocity < 0)
        or (x.place > size.width and x.velocity > 0)
        or (y.place < 0 and y.velocity < 0)
        or (y.place > size.height and y.velocity > 0)
    )


def sound(detections: Iterable[Seeable], size: Size) -> list[Sight]:
    """Detections within the picture, in an order that does not depend on theirs."""
    sights: list[Sight] = []
    width, height = float(size.width), float(size.height)
    for it in detections:
        left, top, right, bottom = it.box
        if not all(map(isfinite, (left, top, right, bottom, it.score))):
            continue
        box = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
        if box[2] - box[0] >= _LEAST_PIXELS and box[3] - box[1] >= _LEAST_PIXELS:
            sights.append(Sight(box, it.seen, min(it.score, 1.0)))
    sights.sort(key=lambda it: (-it.score, it.seen, it.box))
    return sights[:MOST_OBJECTS]
