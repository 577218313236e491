"""From a part of a picture to the few numbers that classifiers judge by.

A polygon is cut out and straightened to a small square, and the backbone makes an embedding of it.
Of each crop no more is kept than that, in half precision. A classifier ("head") makes
probabilities of embeddings; below its own threshold nobody is told anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.ports import Point
from edge.vision.calibration import check_polygon, check_reference
from edge.vision.jpeg import encoded
from edge.vision.lanes import Box
from edge.vision.models import Model, load, read_card
from edge.vision.motion import box_of
from shared.errors import QuartermasterError

CUT: Final = 128
"""Pixels of a cut's side, as references are kept."""
SEEN: Final = 64
"""Pixels of a crop's side, as the backbone sees it."""
_QUALITY: Final = 90
_SURE: Final = 0.9
"""Of a head that names no threshold of its own."""
_LONGEST: Final = 8192
_JPEG_SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""The markers whose segment says how large a JPEG is (ITU-T T.81, table B.1)."""

Picture = NDArray[np.uint8]
Numbers = NDArray[np.float32]


class Verdict(NamedTuple):
    """What a head takes a crop for, how probable it says that is, and whether that is enough."""

    label: str
    probability: float
    is_sure: bool

    @property
    def per_mille(self) -> int:
        """As events say it."""
        return round(self.probability * 1000)


class Backbone:
    """Makes embeddings.

    Args:
        model: the backbone; the one that ships with the gateway by default.

    Raises:
        QuartermasterError: ``model.card``, ``model.untrusted`` or ``model.shape``.
    """

    def __init__(self, model: Model | None = None) -> None:
        self.model: Final = model or load(read_card("backbone"))

    def embed(self, crops: Sequence[Picture]) -> Numbers:
        """One row of numbers for each crop (as :func:`small` gives them).

        Raises:
            QuartermasterError: ``model.shape`` or ``model.scores``.
        """
        return halved(self.model.run(np.stack(crops))["embedding"])


def judged(head: Model, embeddings: Numbers) -> list[Verdict]:
    """What a head says of each row of embeddings; one that makes no sense is never sure.

    Raises:
        QuartermasterError: ``model.shape`` or ``model.scores``.
    """
    probabilities = head.run(embeddings)["probabilities"]
    classes = head.card.classes
    if probabilities.shape != (len(embeddings), len(classes)):
        detail = f"probabilities {list(probabilities.shape)} of {len(classes)} classes"
        raise QuartermasterError("model.shape", detail, where=head.card.file)
    sure = head.card.thresholds.get("sure", _SURE)
    return [_verdict(row, classes, sure) for row in probabilities]


def _verdict(row: Any, classes: Sequence[str], sure: float) -> Verdict:
    best = int(np.argmax(row))
    makes_sense = bool(np.all(row >= -1e-3)) and abs(float(np.sum(row)) - 1) < 0.01
    probability = min(max(float(row[best]), 0.0), 1.0) if makes_sense else 0.0
    return Verdict(classes[best], probability, probability >= sure)


def halved(numbers: Any) -> Numbers:
    """The same numbers as they come back from where they are kept."""
    return np.asarray(numbers, np.float32).astype(np.float16).astype(np.float32)


def kept(embedding: Any) -> bytes:
    """An embedding as it is kept and sent: little-endian float16."""
    return np.asarray(embedding).astype("<f2").tobytes()


def cut(image: Any, polygon: Sequence[Point]) -> Picture:
    """A square picture of what a polygon encloses: four corners are straightened.

    Args:
        image: the whole picture, BGR or grey.
        polygon: fractions of the picture.
    """
    picture = _coloured(image)
    height, width = picture.shape[:2]
    corners = _corners(np.asarray(polygon, np.float64) * (width, height))
    if corners is None:
        left, top, right, bottom = box_of(polygon, width, height)
        part: Any = picture[top:bottom, left:right]
        return np.asarray(cv2.resize(part, (CUT, CUT), interpolation=cv2.INTER_LINEAR), np.uint8)
    square = np.array([[0, 0], [CUT, 0], [CUT, CUT], [0, CUT]], np.float32)
    matrix: Any = cv2.getPerspectiveTransform(corners, square)
    straight = cv2.warpPerspective(picture, matrix, (CUT, CUT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(straight, np.uint8)


def boxed(image: Any, box: Box) -> Picture | None:
    """What a box (pixels) shows, as the backbone sees it; None where it is nothing."""
    picture = _coloured(image)
    height, width = picture.shape[:2]
    left, top = max(box[0], 0), max(box[1], 0)
    right, bottom = min(box[2], width), min(box[3], height)
    if right - left < 2 or bottom - top < 2:
        return None
    return small(picture[top:bottom, left:right])


def small(picture: Any) -> Picture:
    """A cut as the backbone sees it."""
    return np.asarray(cv2.resize(picture, (SEEN, SEEN), interpolation=cv2.INTER_AREA), np.uint8)


def jpeg_of(picture: Any) -> bytes:
    """A small picture as evidence."""
    return encoded(picture, _QUALITY) or b""


def reference_of(still: bytes, polygon: Sequence[Point]) -> bytes:
    """The slot's part of a camera's still, as it is kept with the slot: a JPEG.

    Raises:
        QuartermasterError: ``slot.invalid`` where either cannot be used.
    """
    check_polygon(tuple(polygon))
    return jpeg_of(cut(_decoded(still), polygon))


def looked_at(reference: bytes) -> Picture:
    """A slot's reference, as the backbone sees it.

    Raises:
        QuartermasterError: ``slot.invalid`` where it cannot be used.
    """
    check_reference(reference)
    return small(_decoded(reference))


def _decoded(jpeg: bytes) -> Picture:
    width, height = _size(jpeg)
    if not (0 < width <= _LONGEST and 0 < height <= _LONGEST):
        raise QuartermasterError("slot.invalid", "no JPEG of a usable size", where="picture")
    decoded: Any = None
    try:
        decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise QuartermasterError("slot.invalid", "it cannot be decoded", where="picture")
    return np.asarray(decoded, np.uint8)


def _size(jpeg: bytes) -> tuple[int, int]:
    """What a JPEG says its size is, before anything is decoded; 0 by 0 where it is none."""
    at = 2
    if not jpeg.startswith(b"\xff\xd8"):
        return 0, 0
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        if jpeg[at + 1] in _JPEG_SIZES:
            high, wide = jpeg[at + 5 : at + 7], jpeg[at + 7 : at + 9]
            return int.from_bytes(wide, "big"), int.from_bytes(high, "big")
        at += 2 + max(int.from_bytes(jpeg[at + 2 : at + 4], "big"), 2)
    return 0, 0


def _coloured(image: Any) -> Picture:
    if image.ndim == 2:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return np.asarray(image, np.uint8)


def _corners(points: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Four corners clockwise from the upper left; None where they enclose no convex shape."""
    if len(points) != 4:
        return None
    middle = points.mean(axis=0)
    turned = np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0])
    ordered = points[np.argsort(turned)].astype(np.float32)
    if not cv2.isContourConvex(ordered) or cv2.contourArea(ordered) < 1:
        return None
    first = int(np.argmin(ordered.sum(axis=1)))
    return np.roll(ordered, -first, axis=0)
