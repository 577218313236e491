"""What keeps people out of the pictures that a gateway keeps or shows.

Rules:

1. a person is made unrecognizable before anything is stored or shown: of each box, widened a
   little, no more is left than a few flat tiles, from which nothing can be brought back;
2. a crop that may wait for somebody's word never shows a person: where one covers much of it,
   there is no crop; where one reaches into it, that part is blurred;
3. where nobody has looked for people, nobody knows that there are none: no crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np

from edge.vision.jpeg import encoded
from edge.vision.lanes import Box

_WIDER: Final = 0.15
"""Of a box's width and height, on each side: a detector's box is rarely the whole person."""
_TILES: Final = 4
"""Across and down, in each person's box: a face is then a fraction of one tile."""
_MOST: Final = 0.3
"""Of a crop that persons may cover; beyond that there is nothing to learn from the rest."""
_CV: Final[Any] = cv2
_QUALITY: Final = 85
_LONGEST: Final = 320


def blurred(image: Any, persons: Sequence[Box]) -> Any:
    """A picture without people: itself where there are none, else a copy."""
    seen = [box for box in (_widened(person, image) for person in persons) if _area(box)]
    if not seen:
        return image
    shown = image.copy()
    for left, top, right, bottom in seen:
        part = image[top:bottom, left:right]
        few = min(_TILES, right - left), min(_TILES, bottom - top)
        small = _CV.resize(part, few, interpolation=cv2.INTER_AREA)
        size = right - left, bottom - top
        shown[top:bottom, left:right] = _CV.resize(small, size, interpolation=cv2.INTER_NEAREST)
    return shown


def crop_of(image: Any, box: Box, persons: Sequence[Box] | None) -> bytes | None:
    """A part of a picture as a JPEG, with the people in it blurred.

    Args:
        image: the whole picture, BGR or grey.
        box: which part.
        persons: where people are in the whole picture; None where nobody has looked.

    Returns:
        None for a crop that may not be kept, or is empty.
    """
    if persons is None:
        return None
    left, top, right, bottom = _within(box, image)
    if right <= left or bottom <= top:
        return None
    covered = np.zeros((bottom - top, right - left), dtype=bool)
    for person in persons:
        x1, y1, x2, y2 = _widened(person, image)
        covered[max(y1 - top, 0) : max(y2 - top, 0), max(x1 - left, 0) : max(x2 - left, 0)] = True
    if covered.mean() > _MOST:
        return None
    part: Any = blurred(image, persons)[top:bottom, left:right]
    return encoded(part, _QUALITY, longest=_LONGEST)


def _within(box: Box, image: Any) -> Box:
    height, width = image.shape[:2]
    left, top, right, bottom = box
    return (
        min(max(left, 0), width),
        min(max(top, 0), height),
        min(max(right, 0), width),
        min(max(bottom, 0), height),
    )


def _widened(box: Box, image: Any) -> Box:
    left, top, right, bottom = box
    more_x, more_y = round((right - left) * _WIDER), round((bottom - top) * _WIDER)
    wide = left - more_x, top - more_y, right + more_x, bottom + more_y
    return _within(wide, image)


def _area(box: Box) -> int:
    left, top, right, bottom = box
    return max(right - left, 0) * max(bottom - top, 0)
