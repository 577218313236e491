"""Where a picture moved, in about a third of a millisecond: the gate before everything dearer.

Pictures are compared small (160 pixels across) and grey, each place with what it looked like when
it was last looked at for the same task: what came and stayed is seen once, however slowly it came.
Masks are blanked before anything is compared or looked at.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.lanes import Box, Point

_ACROSS: Final = 160
_DIFFERENCE: Final = 18
"""Of 255, of a place's mean: above a sensor's noise and what a codec makes of it."""
_LEAST_PLACES: Final = 2
_MOST_BOXES: Final = 16

Grey = NDArray[np.uint8]


def pixels_of(polygon: Sequence[Point], width: int, height: int) -> NDArray[np.int32]:
    """A polygon's corners in pixels."""
    return np.rint(np.asarray(polygon) * (width, height)).astype(np.int32)


def box_of(polygon: Sequence[Point], width: int, height: int) -> Box:
    """The whole pixels around a polygon, within the picture and never none.

    As ``cloud/vision/cutting.py`` does it, for what learns from such cuts.
    """
    corners = np.asarray(polygon, np.float64) * (width, height)
    low, high = corners.min(axis=0), corners.max(axis=0)
    left, top = np.floor(np.clip(low, 0, (width - 1, height - 1))).astype(int)
    right, bottom = np.ceil(np.clip(high, (left + 1, top + 1), (width, height))).astype(int)
    return int(left), int(top), int(right), int(bottom)


def blank(image: Any, masks: Sequence[Sequence[Point]]) -> None:
    """Make black what lies within masks: nothing is looked for there, and nobody sees it."""
    height, width = image.shape[:2]
    for mask in masks:
        cv2.fillPoly(image, [pixels_of(mask, width, height)], (0, 0, 0))


class Gate:
    """Compares one camera's pictures, place by place."""

    def __init__(self) -> None:
        self._picture: Grey = np.zeros((1, 1), np.uint8)
        self._scale = (1.0, 1.0)
        self._before: dict[Hashable, Grey] = {}
        self._areas: dict[Hashable, Grey] = {}

    def see(self, image: Any) -> None:
        """Take the newest picture."""
        height, width = image.shape[:2]
        size = (_ACROSS, max(1, round(_ACROSS * height / width)))
        step = max(1, width // (2 * _ACROSS))
        small = cv2.resize(
            np.ascontiguousarray(image[::step, ::step]), size, interpolation=cv2.INTER_AREA
        )
        grey = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        if grey.shape != self._picture.shape:  # another resolution: nothing can be compared
            self._before.clear()
            self._areas.clear()
        self._picture = np.asarray(grey, dtype=np.uint8)
        self._scale = (width / size[0], height / size[1])

    def changed(self, key: Hashable, polygon: Sequence[Point] | None) -> list[Box]:
        """Where it differs from when :meth:`looked` was last called for ``key``; pixels.

        All of it where it never was.
        """
        height, width = self._picture.shape
        before = self._before.get(key)
        if before is None:
            return [self._in_pixels(box_of(polygon or _WHOLE, width, height))]
        differing = cv2.absdiff(self._picture, before)
        _, moved = cv2.threshold(differing, _DIFFERENCE, 255, cv2.THRESH_BINARY)
        if polygon is not None:
            moved = cv2.bitwise_and(moved, self._area(key, polygon))
        if cv2.countNonZero(moved) < _LEAST_PLACES:
            return []
        return self._boxes(np.asarray(moved, dtype=np.uint8))

    def looked(self, key: Hashable) -> None:
        """What there is to see for ``key`` has been seen."""
        self._before[key] = self._picture

    def _area(self, key: Hashable, polygon: Sequence[Point]) -> Grey:
        area = self._areas.get(key)
        if area is None:
            height, width = self._picture.shape
            area = np.zeros((height, width), np.uint8)
            cv2.fillPoly(area, [pixels_of(polygon, width, height)], 255)
            self._areas[key] = area
        return area

    def _boxes(self, moved: Grey) -> list[Box]:
        joined = cv2.dilate(moved, np.ones((3, 3), np.uint8))
        outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = sorted((cv2.boundingRect(each) for each in outlines), key=lambda it: -it[2] * it[3])
        return [
            self._in_pixels((left, top, left + width, top + height))
            for left, top, width, height in found[:_MOST_BOXES]
        ]

    def _in_pixels(self, box: Box) -> Box:
        across, down = self._scale
        left, top, right, bottom = box
        return int(left * across), int(top * down), int(right * across), int(bottom * down)


_WHOLE: Final[tuple[Point, ...]] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
