"""How a gateway cuts a polygon out of a picture, for what learns from such cuts.

The same arithmetic as ``edge/vision/embedding.py``, which the cloud does not have: a contract test
holds the two together.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

CUT: Final = 128
"""Pixels of a cut's side, as references are kept."""
SEEN: Final = 64
"""Pixels of a crop's side, as the backbone sees it."""

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]


def cut(image: Picture, polygon: Points) -> Picture:
    """A square picture of what a polygon (pixels) encloses: four corners are straightened."""
    height, width = image.shape[:2]
    corners = _corners(polygon)
    if corners is None:
        low, high = polygon.min(axis=0), polygon.max(axis=0)
        left, top = np.floor(np.clip(low, 0, (width - 1, height - 1))).astype(int)
        right, bottom = np.ceil(np.clip(high, (left + 1, top + 1), (width, height))).astype(int)
        part: Any = image[top:bottom, left:right]
        return np.asarray(cv2.resize(part, (CUT, CUT), interpolation=cv2.INTER_LINEAR), np.uint8)
    square = np.array([[0, 0], [CUT, 0], [CUT, CUT], [0, CUT]], np.float32)
    matrix: Any = cv2.getPerspectiveTransform(corners, square)
    straight = cv2.warpPerspective(image, matrix, (CUT, CUT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(straight, np.uint8)


def small(picture: Picture) -> Picture:
    """A cut as the backbone sees it."""
    return np.asarray(cv2.resize(picture, (SEEN, SEEN), interpolation=cv2.INTER_AREA), np.uint8)


def _corners(polygon: Points) -> NDArray[np.float32] | None:
    """Four corners clockwise from the upper left; None where they enclose no convex shape."""
    if len(polygon) != 4:
        return None
    middle = polygon.mean(axis=0)
    turned = np.arctan2(polygon[:, 1] - middle[1], polygon[:, 0] - middle[0])
    ordered = polygon[np.argsort(turned)].astype(np.float32)
    if not cv2.isContourConvex(ordered) or cv2.contourArea(ordered) < 1:
        return None
    first = int(np.argmin(ordered.sum(axis=1)))
    return np.roll(ordered, -first, axis=0)
