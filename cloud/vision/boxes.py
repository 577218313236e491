"""How well boxes found agree with boxes that are there: overlap, matching, average precision."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]]

ENOUGH: Final = 0.5
"""The overlap from which a box found is the one that is there (mAP50)."""

_MOST: Final = 400  # boxes of one class that are compared: no scene has as many things


class Picture(NamedTuple):
    """The boxes of one class in one picture: found (n, 4) with scores (n,), there (m, 4).

    Of those that are there, the ``ignored`` (m,) are not asked for, nor is it held against the
    finder to have found them.
    """

    found: Boxes
    scores: NDArray[np.floating[Any]]
    there: Boxes
    ignored: NDArray[np.bool_]


def overlaps(one: Boxes, other: Boxes) -> Boxes:
    """Intersection over union of each (n, 4) with each (m, 4)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    sizes = (one[:, 2:] - one[:, :2]).prod(1)[:, None] + (other[:, 2:] - other[:, :2]).prod(1)
    return both / np.maximum(sizes - both, 1e-9)


def judged(picture: Picture) -> list[tuple[float, bool]]:
    """Score and rightness of each box found that counts, the surest first.

    Each box that is there is found once at most; a second box on it is wrong. A box found on an
    ignored one, or mostly within it, counts neither way.
    """
    order = np.argsort(-picture.scores, kind="stable")
    shared = overlaps(picture.found, picture.there)
    taken = np.zeros(len(picture.there), np.bool_)
    verdicts: list[tuple[float, bool]] = []
    for index in order:
        open_ = np.where(taken | picture.ignored, 0.0, shared[index])
        best = int(np.argmax(open_)) if len(open_) else 0
        if len(open_) and open_[best] >= ENOUGH:
            taken[best] = True
            verdicts.append((float(picture.scores[index]), True))
        elif not _within(picture.found[index], picture.there[picture.ignored]):
            verdicts.append((float(picture.scores[index]), False))
    return verdicts


def _within(box: Boxes, ignored: Boxes) -> bool:
    if not len(ignored):
        return False
    low, high = np.maximum(box[:2], ignored[:, :2]), np.minimum(box[2:], ignored[:, 2:])
    both = np.clip(high - low, 0, None).prod(1)
    return bool(both.max() >= ENOUGH * float((box[2:] - box[:2]).prod()))


def average_precision(pictures: list[Picture]) -> float:
    """The area under precision over recall of all pictures.

    Precision is made to fall, as PASCAL VOC does since 2010; nan where nothing was asked for.
    """
    asked = sum(int(np.count_nonzero(~each.ignored)) for each in pictures)
    if not asked:
        return float("nan")
    verdicts = sorted((each for picture in pictures for each in judged(picture)), reverse=True)
    right = np.cumsum([each for _, each in verdicts], dtype=float)
    if not len(right):
        return 0.0
    precision = right / np.arange(1, len(right) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], right / asked])
    return float(np.sum(np.diff(recall) * falling))


def surest(boxes: Boxes, scores: NDArray[np.floating[Any]], most: float) -> list[int]:
    """Which boxes (n, 4) are kept, the surest first: none overlaps a surer kept one by ``most``."""
    order = np.argsort(-scores, kind="stable")[:_MOST]
    shared = overlaps(boxes[order], boxes[order])
    kept: list[int] = []
    for index in range(len(order)):
        if not kept or float(shared[index, kept].max()) <= most:
            kept.append(index)
    return order[kept].tolist()
