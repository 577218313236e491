"""Where in a picture a code may be, and how its bars lie.

Codes are dense edges. Scharr gradients of a reduced picture are summed over small windows; what
stands out is closed to boxes, and the structure tensor of a box tells the direction of its bars.
Finding nothing here costs about a millisecond on a 720p frame, which is what makes it worth asking
before looking closer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

_SIDE: Final = 480
"""A picture is reduced to this; a module of a readable code may vanish, its texture does not."""

_WINDOW: Final = 9
_SHARE: Final = 0.45
_LEAST: Final = 24.0
"""Mean gradient (grey levels a pixel) below which texture is noise."""

_SAME: Final = 0.6
_MARGIN: Final = 0.12
_STRAIGHT: Final = 0.35
"""Coherence of the gradients from which a box holds bars rather than a matrix or print."""


class Candidate(NamedTuple):
    """A box in pixels (left, top, right, bottom), and by how many degrees its bars lean."""

    box: tuple[int, int, int, int]
    lean: float


def candidates(grey: Gray, *, most: int) -> list[Candidate]:
    """The boxes in which a code may be, the most likely first, ``most`` at most."""
    height, width = grey.shape
    if min(height, width) < 8:
        return []
    scale = min(1.0, _SIDE / max(height, width))
    small = (
        grey
        if scale == 1.0
        else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )
    across = cv2.Scharr(small, cv2.CV_32F, 1, 0, scale=1 / 16)
    down = cv2.Scharr(small, cv2.CV_32F, 0, 1, scale=1 / 16)
    texture = cv2.boxFilter(cv2.magnitude(across, down), -1, (_WINDOW, _WINDOW))
    level = max(_LEAST / 4, _SHARE * float(np.percentile(texture[::2, ::2], 99.0)))
    dense = np.asarray(texture > level, dtype=np.uint8)
    kernel = np.ones((_WINDOW, _WINDOW), np.uint8)
    dense = cv2.morphologyEx(dense, cv2.MORPH_OPEN, kernel)
    dense = cv2.morphologyEx(dense, cv2.MORPH_CLOSE, kernel)
    return _boxes(dense, (across, down, texture), scale, most)


def _boxes(dense: Any, fields: tuple[Any, Any, Any], scale: float, most: int) -> list[Candidate]:
    """The dense patches as boxes of the whole picture, by their texture times their area."""
    across, down, texture = fields
    found: list[tuple[float, Candidate]] = []
    limits = dense.shape
    stats = np.asarray(cast("Any", cv2.connectedComponentsWithStats(dense, connectivity=8))[2])
    rows: list[list[int]] = stats.tolist()
    for left, top, width, height, area in rows[1:]:
        if min(width, height) < _WINDOW or area < 2 * _WINDOW * _WINDOW:
            continue
        there = np.s_[top : top + height, left : left + width]
        weight = float(texture[there].mean()) * math.sqrt(area)
        lean = _lean(across[there], down[there])
        margin = _MARGIN * max(width, height) + 4
        box = (
            max(0, int((left - margin) / scale)),
            max(0, int((top - margin) / scale)),
            min(int(limits[1] / scale), int((left + width + margin) / scale)),
            min(int(limits[0] / scale), int((top + height + margin) / scale)),
        )
        found.append((weight, Candidate(box, lean)))
    found.sort(key=lambda each: -each[0])
    return [candidate for _, candidate in found[:most]]


def differing(boxes: Sequence[Candidate]) -> list[Candidate]:
    """Without those that nearly repeat an earlier one: looking there again adds nothing."""
    kept: list[Candidate] = []
    for each in boxes:
        if all(_shared(each.box, other.box) < _SAME for other in kept):
            kept.append(each)
    return kept


def _shared(one: Sequence[int], other: Sequence[int]) -> float:
    """The area in common as a share of the area of both."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (_area(one) + _area(other) - common)


def _area(box: Sequence[int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _lean(across: NDArray[np.float32], down: NDArray[np.float32]) -> float:
    """Degrees by which bars are off the nearer axis; 0 for what has no one direction."""
    xx, yy = float(np.mean(across**2)), float(np.mean(down**2))
    xy = float(np.mean(across * down))
    coherence = math.hypot(xx - yy, 2 * xy) / max(xx + yy, 1e-6)
    if coherence < _STRAIGHT:
        return 0.0
    degrees = math.degrees(0.5 * math.atan2(2 * xy, xx - yy))
    return (degrees + 45.0) % 90.0 - 45.0


def moved(boxes: Sequence[Candidate], changed: Sequence[Sequence[int]]) -> list[Candidate]:
    """Those that meet what has changed first, the order otherwise kept."""
    return sorted(boxes, key=lambda each: not any(meet(each.box, other) for other in changed))


def meet(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two boxes have a point in common."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]
