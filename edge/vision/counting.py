"""What crossed a line, counted once per object, and uncounted when it goes back.

A line has two sides and a band along it. An object is on a side once its centre is beyond the band,
and stays there until it is beyond the band on the other side: jitter on the line counts nothing,
and who stands on it has not crossed. What an object counts for is where it is against where it came
from; so there and back is nothing, whatever happened in between.

Only confirmed tracks come here, with all the places they were seen at since they were tentative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Final, Literal, NamedTuple

from edge.vision.lanes import CountingLine, Point
from edge.vision.tracks import Spot

_BAND_OF_OBJECT: Final = 0.12
"""Half the band, as a share of the object's extent across the line: twice a detector's jitter."""
_BAND_OF_PICTURE: Final = 0.005
"""At least this share of the picture's diagonal."""
_ROUND_THE_END: Final = 0.1
"""An object that was counted is uncounted this far beyond the line's ends, too."""

Side = Literal[-1, 0, 1]
"""1 is right of start → end, that is in; 0 while nobody can tell."""


class Crossing(NamedTuple):
    """What a track counts for at a line from now on: 1 in, -1 out, 0 when it went back."""

    line: str
    net: Literal[-1, 0, 1]
    before: Literal[-1, 0, 1]


@dataclass(slots=True)
class _Passage:
    """One track at one line."""

    side: Side = 0
    offset: float = 0.0
    along: float = 0.0
    where: float = 0.5
    net: Literal[-1, 0, 1] = 0
    told: Literal[-1, 0, 1] = 0


class LineCounter:
    """One line in a picture of ``width`` × ``height`` pixels.

    Tracks are told apart by the ids they are given; ``forget`` those that ended.
    """

    def __init__(self, line: CountingLine, width: int, height: int) -> None:
        self._line = line
        x0, y0 = line.start[0] * width, line.start[1] * height
        x1, y1 = line.end[0] * width, line.end[1] * height
        self._start = (x0, y0)
        self._length = hypot(x1 - x0, y1 - y0)
        scale = self._length or 1.0
        self._toward = ((x1 - x0) / scale, (y1 - y0) / scale)
        self._least_band = _BAND_OF_PICTURE * hypot(width, height)
        self._passages: dict[bytes, _Passage] = {}

    @property
    def name(self) -> str:
        """The line's name."""
        return self._line.name

    def observe(self, track: bytes, seen: str, spots: Iterable[Spot]) -> Crossing | None:
        """Take in the places of a confirmed track; what it counts for now, when that changed."""
        if not self._length:
            return None
        passage = self._passages.setdefault(track, _Passage())
        for spot in spots:
            self._pass(passage, spot)
        net = passage.net
        if net == passage.told or (seen not in self._line.counts and not passage.told):
            return None
        before, passage.told = passage.told, net
        return Crossing(self._line.name, net, before)

    def absorb(self, part: bytes, whole: bytes) -> tuple[Crossing | None, Crossing | None]:
        """``part`` was ``whole`` all along: what it counted for is taken back.

        The whole takes it over where it does not count itself. Returns what changed for each.
        """
        passage = self._passages.get(part)
        if passage is None or not passage.told:
            return None, None
        told = passage.told
        passage.told = passage.net = 0
        lost = Crossing(self._line.name, 0, told)
        heir = self._passages.setdefault(whole, _Passage())
        if heir.told or heir.net:
            return lost, None
        heir.net = heir.told = told
        heir.side, heir.offset = passage.side, passage.offset
        heir.along, heir.where = passage.along, passage.where
        return lost, Crossing(self._line.name, told, 0)

    def net(self, track: bytes) -> Literal[-1, 0, 1]:
        """What a track has been told to count for."""
        passage = self._passages.get(track)
        return passage.told if passage else 0

    def forget(self, track: bytes) -> None:
        """The track has ended; it can cross no more."""
        self._passages.pop(track, None)

    def _pass(self, passage: _Passage, spot: Spot) -> None:
        tx, ty = self._toward
        dx, dy = spot.x - self._start[0], spot.y - self._start[1]
        offset = tx * dy - ty * dx  # y grows downward, so this is positive on the right
        along = (tx * dx + ty * dy) / self._length
        if passage.offset * offset <= 0:
            share = abs(passage.offset) / ((abs(passage.offset) + abs(offset)) or 1.0)
            passage.where = passage.along + share * (along - passage.along)
        extent = abs(ty) * spot.width + abs(tx) * spot.height
        band = max(self._least_band, _BAND_OF_OBJECT * extent)
        passage.offset, passage.along = offset, along
        if abs(offset) <= band:
            return
        side: Side = 1 if offset > 0 else -1
        if passage.side and side != passage.side:
            spare = _ROUND_THE_END if passage.net else 0.0
            if -spare <= passage.where <= 1 + spare:
                passage.net = _bounded(passage.net + side)
        passage.side = side


def _bounded(number: int) -> Literal[-1, 0, 1]:
    """Nobody counts twice who goes round the end of the line and crosses it again."""
    return 0 if number == 0 else 1 if number > 0 else -1


def inside(polygon: Sequence[Point], point: Point) -> bool:
    """Whether a point lies in a polygon: a ray to its right crosses the outline an odd time."""
    x, y = point
    odd = False
    x0, y0 = polygon[-1]
    for x1, y1 in polygon:
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            odd = not odd
        x0, y0 = x1, y1
    return odd
