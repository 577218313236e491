"""What a detector is asked for at each of its cells, and the views that it learns from.

Plain arithmetic without a training library. A picture is covered by cells of 8, 16 and 32 pixels; a
thing is asked for at the cells around its middle, on the grids that its size suits. Cartons have
box outputs of their own, for a carton often fills the pallet that it stands on.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import cv2 as _cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.marks import CLASSES
from cloud.vision.scenes import LEAST_SEEN, Scene

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

STRIDES: Final = (8, 16, 32)
_SIZES: Final = ((0.0, 72.0), (48.0, 160.0), (112.0, 1e9))
"""The longer sides, in pixels, that each grid answers for; they overlap."""
_RADIUS: Final = 1.5
_SMALLEST: Final = 20.0
_NARROWEST: Final = 7.0
"""Learnt from a little below what counts, so that the limit itself is no cliff."""
_GREY: Final = (114, 114, 114)

GROUPS: Final = 2
"""Sets of box outputs: 0 for cartons, 1 for all else."""


class Truth(NamedTuple):
    """Boxes (n, 4), classes (n,) and whether each is ignored (n,)."""

    boxes: Floats
    classes: NDArray[np.int64]
    ignored: NDArray[np.bool_]


class Target(NamedTuple):
    """For each of n cells: wanted classes, where they count, and boxes where ``held``.

    ``wanted`` and ``counted`` are (n, classes); ``boxes`` (groups, n, 4); ``held`` (groups, n).
    """

    wanted: Floats
    counted: Floats
    boxes: Floats
    held: NDArray[np.bool_]


def truth_of(scene: Scene) -> Truth:
    """A scene's boxes as arrays. More is learnt from than counts: what is small or narrow, too."""
    boxes = np.array([each.box for each in scene.boxes], np.float32).reshape(-1, 4)
    classes = np.array([CLASSES.index(each.seen) for each in scene.boxes], np.int64)
    hidden = np.array([each.visible < LEAST_SEEN for each in scene.boxes], np.bool_)
    return Truth(boxes, classes, hidden | _too_small(boxes))


def cells(side: int) -> tuple[Floats, Floats]:
    """Middles (n, 2) and strides (n,) of all cells of a square picture, finest grid first."""
    middles: list[Any] = []
    strides: list[Any] = []
    for stride in STRIDES:
        count = side // stride
        spots = (np.arange(count, dtype=np.float32) + 0.5) * stride
        x, y = np.meshgrid(spots, spots)
        middles.append(np.stack([x.ravel(), y.ravel()], 1))
        strides.append(np.full(count * count, stride, np.float32))
    return np.concatenate(middles), np.concatenate(strides)


def group_of(seen: int) -> int:
    """Which set of box outputs a class uses."""
    return 0 if CLASSES[seen] == "carton" else 1


def assign(truth: Truth, middles: Floats, strides: Floats) -> Target:
    """What is asked for at each cell. Of two things that one cell could tell, the smaller wins."""
    count = len(middles)
    wanted = np.zeros((count, len(CLASSES)), np.float32)
    counted = np.ones((count, len(CLASSES)), np.float32)
    boxes = np.zeros((GROUPS, count, 4), np.float32)
    held = np.zeros((GROUPS, count), np.bool_)
    area = (truth.boxes[:, 2] - truth.boxes[:, 0]) * (truth.boxes[:, 3] - truth.boxes[:, 1])
    x, y = middles[:, 0], middles[:, 1]
    low = np.array([_SIZES[STRIDES.index(int(s))][0] for s in STRIDES], np.float32)
    high = np.array([_SIZES[STRIDES.index(int(s))][1] for s in STRIDES], np.float32)
    grid = np.searchsorted(np.array(STRIDES), strides)
    for index in np.argsort(-area):
        left, top, right, bottom = truth.boxes[index]
        seen = int(truth.classes[index])
        inside = (x > left) & (x < right) & (y > top) & (y < bottom)
        if truth.ignored[index]:
            counted[inside, seen] = 0
            continue
        side = max(right - left, bottom - top)
        reach = strides * _RADIUS
        near = (np.abs(x - (left + right) / 2) < reach) & (np.abs(y - (top + bottom) / 2) < reach)
        mine = inside & near & (side >= low[grid]) & (side < high[grid])
        if not mine.any():  # so narrow that no middle of a cell lies in it: the nearest one
            level = int(np.argmax((side >= low) & (side < high)))
            away = np.hypot(x - (left + right) / 2, y - (top + bottom) / 2)
            mine = np.zeros(count, np.bool_)
            mine[np.argmin(np.where(grid == level, away, np.inf))] = True
        group = group_of(seen)
        for other in range(len(CLASSES)):
            if group_of(other) == group:
                wanted[mine, other] = 0
        wanted[mine, seen] = 1
        counted[mine, seen] = 1
        boxes[group, mine] = truth.boxes[index]
        held[group, mine] = True
    return Target(wanted, counted, boxes, held)


def view_of(
    rng: Generator, image: Image, truth: Truth, side: int, scales: tuple[float, float]
) -> tuple[Image, Truth]:
    """A square cut-out of a scene: scaled, moved, mirrored and recoloured by chance."""
    height, width = image.shape[:2]
    scale = float(np.exp(rng.uniform(math.log(scales[0]), math.log(scales[1]))))
    across = scale * float(rng.uniform(0.9, 1.1))
    # Where the scene is larger than the view the view lies in it, else the scene in the view.
    room_x, room_y = side - across * width, side - scale * height
    x = float(rng.uniform(min(0, room_x), max(0, room_x)))
    y = float(rng.uniform(min(0, room_y), max(0, room_y)))
    mirrored = rng.random() < 0.5
    matrix = np.array([[across, 0, x], [0, scale, y]])
    if mirrored:
        matrix = np.array([[-across, 0, side - x], [0, scale, y]])
    smaller = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    view = cv2.warpAffine(image, matrix, (side, side), flags=smaller, borderValue=_GREY)
    return _recoloured(rng, view), _moved(truth, matrix, side)


def _moved(truth: Truth, matrix: Any, side: int) -> Truth:
    boxes = truth.boxes.copy()
    boxes[:, 0::2] = truth.boxes[:, 0::2] * matrix[0, 0] + matrix[0, 2]
    boxes[:, 1::2] = truth.boxes[:, 1::2] * matrix[1, 1] + matrix[1, 2]
    boxes[:, 0::2] = np.sort(boxes[:, 0::2], axis=1)
    whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    boxes = np.clip(boxes, 0, side)
    sizes = boxes[:, 2:] - boxes[:, :2]
    part = np.prod(sizes, axis=1) / np.maximum(whole, 1e-6)
    kept = (sizes > 2).all(1)
    hidden = truth.ignored | (part < LEAST_SEEN) | _too_small(boxes)
    return Truth(boxes[kept].astype(np.float32), truth.classes[kept], hidden[kept])


def _too_small(boxes: Floats) -> NDArray[np.bool_]:
    sizes = boxes[:, 2:] - boxes[:, :2]
    return (sizes.max(1, initial=0) < _SMALLEST) | (sizes.min(1, initial=1e9) < _NARROWEST)


def _recoloured(rng: Generator, view: Any) -> Image:
    kind = rng.random()
    if kind < 0.1:
        view = view[:, :, rng.permutation(3)]
    elif kind < 0.15:
        view = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    gains = rng.uniform(0.85, 1.15, 3) * rng.uniform(0.7, 1.3)
    blue, green, red = (float(each) for each in gains)
    whole: Any = np.ascontiguousarray(view)
    return cv2.multiply(whole, (blue, green, red, 1.0))
