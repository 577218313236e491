"""The scan lane: codes in a zone, confirmed over frames, each with the crop that shows it.

A look goes only as far as it must. *Fast* on the zone as it stands. *Thorough* on what looks like
a code and was not read. *The ladder*, closer and turned, on what is still not read, and on weak
codes (EAN/UPC, ITF…) that are neither known nor expected: a still life gives the same wrong read
frame after frame, so their second witness is another geometry. The ladder has 40 ms a frame; what
it had no time for is counted, and it goes on with other rungs at the next frame.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import cv2
import msgspec
import numpy as np

from edge.ports import Barcode, Frame, ReadShown, system_steady
from edge.vision.barcodes import ZxingReader, prepared
from edge.vision.confirm import WINDOW_S, Confirmation, Expected, SkuOf
from edge.vision.jpeg import encoded
from edge.vision.ladder import (
    RUNGS,
    Reading,
    box_of,
    closer,
    mapped,
    may_stand,
    print_of,
    weighed,
)
from edge.vision.lanes import Box, Finding, Look, Zone
from edge.vision.locating import Candidate, Gray, candidates, meet, moved
from edge.vision.motion import box_of as around
from edge.vision.motion import pixels_of
from shared.events import CodeSeen

Effort = Literal["live", "still"]

LADDER_S: Final = 0.040
_THOROUGH_S: Final = 0.008
"""After so long no further place is looked at thoroughly: without the ladder a frame is short."""

_PLACES: Final = 3
_CLOSER_PIXELS: Final = 160_000
_THOROUGH_PIXELS: Final = 250_000
_SECOND_GLANCE: Final = 4
"""Beside codes that were read, every so many looks others are searched for."""

_CROP_MARGIN: Final = 0.25
_CROP_SIDE: Final = 320
_CROP_QUALITY: Final = 80
_REMEMBERED: Final = 5
_OURS_S: Final = 30.0
_MOST_ASKED: Final = 512


class ScanLane:
    """Reads codes where a look says; implements :class:`edge.vision.lanes.Lane`.

    Args:
        camera: the camera's name.
        sku_of: asks the item master.
        expected: asks whether an open task or an announced delivery names what was read.
        place: what events say where the whole picture is looked at.
        effort: ``still`` for pictures that do not follow each other: there is no budget, and two
            that agree may lie any time apart.
        ladder_s: seconds that the ladder may take per look; 0 leaves it out.
        clock: monotonic seconds.
    """

    name: str = "scan"

    def __init__(
        self,
        camera: str,
        *,
        sku_of: SkuOf,
        expected: Expected = lambda _: False,
        place: str | None = None,
        effort: Effort = "live",
        ladder_s: float = LADDER_S,
        clock: Callable[[], float] = system_steady,
    ) -> None:
        self._camera = camera
        self._sku_of = sku_of
        self._expected = expected
        self._place = place
        self._effort: Effort = effort
        self._ladder_s = ladder_s
        self._clock = clock
        self._readers: dict[tuple[str, ...], ZxingReader] = {}
        self._confirmations: dict[str, Confirmation] = {}
        self._ours: dict[tuple[str, str], tuple[bool, float]] = {}
        self._looks = 0
        self.unfinished = False
        """The last look read a code that another frame has yet to confirm."""
        self.out_of_time = 0
        """Looks whose ladder ended for want of time."""
        self.climbed = 0
        """Looks that needed the ladder."""
        self.doubted = 0
        """Weak reads that no second geometry confirmed."""
        self.read: list[Barcode] = []
        """What the last look read and what may stand, whether it became an event or not."""
        self.doubts: list[Barcode] = []
        """Weak reads of the last look that another geometry has yet to confirm."""
        self.reads: deque[ReadShown] = deque(maxlen=_REMEMBERED)
        """What became events last, the newest first."""

    @property
    def suppressed(self) -> int:
        """Reads of codes that had been told already."""
        return sum(each.suppressed for each in self._confirmations.values())

    def look(self, look: Look) -> list[Finding]:
        """The codes that this look confirms."""
        self._looks += 1
        left, top, right, bottom = _box_in(look)
        part = look.frame.image[top:bottom, left:right]
        confirmation = self._confirmation(look.zone)
        readings = [
            reading
            for reading in self._readings(part, look, confirmation)
            if look.zone is None or _is_within(reading.code, look.zone, look.frame.image.shape)
        ]
        self.read = [reading.code for reading in readings]
        before = _settled(confirmation)
        facts = confirmation.observe(Frame(part, look.frame.number, look.frame.at), readings)
        self.unfinished = len(readings) > len(facts) + _settled(confirmation) - before
        return [self._finding(fact, readings, look) for fact in facts]

    def _readings(self, part: Any, look: Look, confirmation: Confirmation) -> list[Reading]:
        """What may stand in this part, in pixels of the whole frame."""
        self.doubts = []
        if np.size(part) == 0:
            return []
        left, top, _, _ = _box_in(look)
        reader = self._reader(look.zone)
        if self._effort == "still":
            found = reader.readings(part)
        else:
            grey, scale = prepared(part)
            changed = [
                tuple(
                    int(scale * (edge - origin))
                    for edge, origin in zip(box, (left, top, left, top), strict=True)
                )
                for box in look.changed
            ]
            found = [
                each._replace(code=mapped(each.code, np.eye(2, 3) / scale))
                for each in self._live(grey, reader, confirmation, look.frame.at, changed)
            ]
        return [each._replace(code=_moved(each.code, left, top)) for each in found]

    def _live(
        self,
        grey: Gray,
        reader: ZxingReader,
        confirmation: Confirmation,
        at: float,
        changed: Sequence[Sequence[int]],
    ) -> list[Reading]:
        began = self._clock()
        looks = [reader.fast(grey)]
        places = self._unread(grey, looks, changed)
        for place in places:
            if self._clock() - began > _THOROUGH_S:
                break
            looks.append(_thorough(grey, place, reader))

        def stands(reading: Reading) -> bool:
            return may_stand(reading) or (
                reading.looks > reading.against and self._is_settled(reading.code, confirmation, at)
            )

        self._climb(grey, places, looks, reader, stands)
        readings = weighed(looks)
        standing = [each for each in readings if stands(each)]
        doubted = [each for each in readings if each not in standing]
        self.doubted += len(doubted)
        self.doubts = [each.code for each in doubted if each.looks > each.against]
        return standing

    def _unread(
        self, grey: Gray, looks: list[list[Barcode]], changed: Sequence[Sequence[int]]
    ) -> list[Candidate]:
        """Where something looks like a code that the first look did not read."""
        if looks[0] and self._looks % _SECOND_GLANCE:
            return []
        found = [print_of(code) for code in looks[0]]
        places = [
            place
            for place in candidates(grey, most=2 * _PLACES)
            if not any(meet(place.box, box) for box in found)
        ]
        return moved(places, changed)[:_PLACES]

    def _climb(
        self,
        grey: Gray,
        places: Sequence[Candidate],
        looks: list[list[Barcode]],
        reader: ZxingReader,
        stands: Callable[[Reading], bool],
    ) -> None:
        """Looks closer, the doubtful reads first, until each stands or the time is used up."""
        doubtful = [_around(each.code, grey) for each in weighed(looks) if not stands(each)]
        read = [box_of(each.code) for each in weighed(looks)]
        unread = [place for place in places if not any(meet(place.box, box) for box in read)]
        if self._ladder_s <= 0 or not (doubtful or unread):
            return
        self.climbed += 1
        until = self._clock() + self._ladder_s
        for place in (*doubtful, *unread):
            for look in self._rungs(grey, place, reader):
                looks.append(look)
                if self._clock() >= until:
                    self.out_of_time += 1
                    return
                here = [each for each in weighed(looks) if meet(box_of(each.code), place.box)]
                if here and all(stands(each) for each in here):
                    break

    def _rungs(self, grey: Gray, place: Candidate, reader: ZxingReader) -> Iterator[list[Barcode]]:
        """Other rungs come first at each look: what one frame has no time for, the next has."""
        first = self._looks % len(RUNGS)
        for rung in (*RUNGS[first:], *RUNGS[:first]):
            cut, back = closer(grey, place, rung, most_pixels=_CLOSER_PIXELS)
            yield [mapped(code, back) for code in reader.upright(cut, rung)]

    def _is_settled(self, code: Barcode, confirmation: Confirmation, at: float) -> bool:
        """Whether it needs no second geometry: it was told already, or it is ours."""
        if confirmation.is_told(code, at):
            return True
        key = (code.aim, code.text)
        ours, asked_at = self._ours.get(key, (False, at - 2 * _OURS_S))
        if at - asked_at > _OURS_S:
            ours = confirmation.is_ours(code)
            if len(self._ours) >= _MOST_ASKED:
                self._ours.clear()
            self._ours[key] = (ours, at)
        return ours

    def _reader(self, zone: Zone | None) -> ZxingReader:
        wanted = () if zone is None else tuple(zone.symbologies)
        if wanted not in self._readers:
            self._readers[wanted] = ZxingReader(symbologies=wanted)
        return self._readers[wanted]

    def _confirmation(self, zone: Zone | None) -> Confirmation:
        name = zone.name if zone is not None else ""
        if name not in self._confirmations:
            window_s = math.inf if self._effort == "still" else WINDOW_S
            self._confirmations[name] = Confirmation(
                self._camera, sku_of=self._sku_of, expected=self._expected, window_s=window_s
            )
        return self._confirmations[name]

    def _finding(self, fact: CodeSeen, readings: Sequence[Reading], look: Look) -> Finding:
        code = next((it.code for it in readings if it.code.aim + it.code.text == fact.raw), None)
        crop = crop_of(look.frame.image, box_of(code)) if code is not None else None
        self.reads.appendleft(ReadShown(fact.raw, fact.sku, look.taken_at))
        placed = msgspec.structs.replace(
            fact,
            zone=look.zone.name if look.zone is not None else self._place,
            frame_at=look.taken_at,
            image_sha256=hashlib.sha256(crop).digest() if crop is not None else None,
        )
        return Finding(placed, crop)


def crop_of(image: Any, box: Sequence[int]) -> bytes | None:
    """What is within a box and a little around, as a JPEG; None where that is nothing."""
    height, width = image.shape[:2]
    left, top, right, bottom = box
    margin = int(_CROP_MARGIN * max(right - left, bottom - top))
    left, right = max(0, left - margin), min(width, right + margin)
    top, bottom = max(0, top - margin), min(height, bottom + margin)
    if left >= right or top >= bottom:
        return None
    part = np.ascontiguousarray(image[top:bottom, left:right])
    return encoded(part, _CROP_QUALITY, longest=_CROP_SIDE)


def _thorough(grey: Gray, place: Candidate, reader: ZxingReader) -> list[Barcode]:
    """A thorough look at one place; one too large for the time is left to the ladder."""
    left, top, right, bottom = place.box
    if (right - left) * (bottom - top) > _THOROUGH_PIXELS:
        return []
    cut = np.ascontiguousarray(grey[top:bottom, left:right])
    return [_moved(code, left, top) for code in reader.thorough(cut)]


def _around(code: Barcode, grey: Gray) -> Candidate:
    """The print of a code with its quiet zones."""
    height, width = grey.shape
    left, top, right, bottom = print_of(code)
    margin = 8 + (right - left + bottom - top) // 8
    box = (
        max(0, left - margin),
        max(0, top - margin),
        min(width, right + margin),
        min(height, bottom + margin),
    )
    return Candidate(box, 0.0)


def _box_in(look: Look) -> Box:
    """The part of the frame that is read: the upright box around the zone."""
    height, width = look.frame.image.shape[:2]
    if look.zone is None:
        return 0, 0, width, height
    return around(look.zone.polygon, width, height)


def _is_within(code: Barcode, zone: Zone, shape: Sequence[int]) -> bool:
    """Whether the middle of the code lies in the zone, not only in the box around it."""
    left, top, right, bottom = box_of(code)
    middle = ((left + right) / 2, (top + bottom) / 2)
    corners = pixels_of(zone.polygon, shape[1], shape[0])
    return cv2.pointPolygonTest(corners, middle, measureDist=False) >= 0


def _settled(confirmation: Confirmation) -> int:
    return confirmation.suppressed + sum(confirmation.refused.values())


def _moved(code: Barcode, left: int, top: int) -> Barcode:
    return code._replace(position=tuple((x + left, y + top) for x, y in code.position))
