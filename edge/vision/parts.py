"""Which tracks are a part of another: a pallet's load, or a second track on one object.

What lies in another box in one frame may stand before it or pass behind it. What stays in it while
both go the same way, for several looks and a good part of its own size, belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from typing import Final

from edge.vision.kalman import Box, overlap
from edge.vision.tracks import Track

LOOKS: Final = 4
_WITHIN: Final = 0.7
_OVER: Final = 0.5
_ALIKE: Final = 0.35
"""Difference of the velocities, in sizes of the larger a second."""
_MOVED: Final = 0.4
"""In sizes of the smaller: so far both have gone together."""
_MISSED: Final = 3


@dataclass(slots=True)
class _Together:
    looks: int
    x: float
    y: float


class Parts:
    """What the confirmed tracks of one camera have been to each other of late."""

    def __init__(self) -> None:
        self._together: dict[tuple[bytes, bytes], _Together] = {}

    def observe(self, tracks: Sequence[Track]) -> list[tuple[Track, Track]]:
        """Each part that has shown to be one by now, and its whole."""
        together: dict[tuple[bytes, bytes], _Together] = {}
        found: list[tuple[Track, Track]] = []
        for whole in tracks:
            if whole.misses > _MISSED:
                continue
            for part in tracks:
                if part is whole or not _may_belong(part, whole):
                    continue
                key = (part.id or b"", whole.id or b"")
                place = part.motion.x.place, part.motion.y.place
                before = self._together.get(key, _Together(0, *place))
                now = together[key] = _Together(before.looks + 1, before.x, before.y)
                gone = hypot(place[0] - now.x, place[1] - now.y)
                if now.looks >= LOOKS and gone >= _MOVED * part.motion.size:
                    found.append((part, whole))
        self._together = together
        return _once(found)


def _may_belong(part: Track, whole: Track) -> bool:
    """Whether one lies in the other now, and goes its way."""
    if part.misses > _MISSED or not (
        _is_load(part, whole) or (part.seen == whole.seen and _is_younger(part, whole))
    ):
        return False
    if _share(part.motion.box, whole.motion.box) < _WITHIN and (
        part.seen != whole.seen or overlap(part.motion.box, whole.motion.box) < _OVER
    ):
        return False
    one, other = part.motion, whole.motion
    apart = hypot(one.x.velocity - other.x.velocity, one.y.velocity - other.y.velocity)
    return apart < _ALIKE * max(one.size, other.size)


def _is_load(part: Track, whole: Track) -> bool:
    return part.seen == "carton" and whole.seen == "pallet"


def _is_younger(part: Track, whole: Track) -> bool:
    return (part.frames, part.id or b"") < (whole.frames, whole.id or b"")


def _share(box: Box, other: Box) -> float:
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(across, 0.0) * max(down, 0.0) / area


def _once(found: list[tuple[Track, Track]]) -> list[tuple[Track, Track]]:
    """Each part once, and no whole that is a part itself."""
    parts = {id(part) for part, _ in found}
    kept: dict[int, tuple[Track, Track]] = {}
    for part, whole in found:
        if id(whole) not in parts:
            kept.setdefault(id(part), (part, whole))
    return list(kept.values())
