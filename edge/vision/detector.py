"""Finds cartons, pallets, persons, forklifts and labels in a frame.

The frame is fitted into the model's square with grey beside it, the model answers with a box and
scores for each of its cells, and of boxes of one class that lie on each other the surest is kept.
The model takes the bytes of the picture as they are: scaling and decoding are part of its graph.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.models import Card, Model, load, read_card
from shared.errors import QuartermasterError
from shared.events.sights import Seen

Floats = NDArray[np.float32]

_GREY: Final = 114
_MOST: Final = 600
"""Boxes that are compared with each other, the surest; no frame has as many things."""


class Detection(NamedTuple):
    """Something seen: left, top, right, bottom in the frame's pixels, and how surely."""

    box: tuple[float, float, float, float]
    seen: Seen
    score: float


class Fit(NamedTuple):
    """How a frame lies in the model's square."""

    scale: float
    left: int
    top: int


class Detector:
    """A model and what it needs to look at frames. Not for several threads at once.

    Args:
        model: a model whose card has the input ``picture`` (1, side, side, 3) of bytes and the
            outputs ``boxes`` (groups, cells, 4) and ``scores`` (cells, classes).
        least: the score from which something is told; the card's ``least`` where not given.

    Raises:
        QuartermasterError: ``model.shape`` where the model is no detector.
    """

    def __init__(self, model: Model, *, least: float | None = None) -> None:
        self._model: Final = model
        self._side: Final = _side_of(model.card)
        self._classes: Final = cast("tuple[Seen, ...]", model.card.classes)
        thresholds = model.card.thresholds
        self._least: Final = thresholds.get("least", 0.3) if least is None else least
        self._overlap: Final = thresholds.get("overlap", 0.6)
        shape = (1, self._side, self._side, 3)
        self._square: Final = np.full(shape, _GREY, np.uint8)
        self._fit: tuple[int, int] | None = None

    @property
    def provenance(self) -> tuple[str, bytes]:
        """The model's name with version, and its SHA-256."""
        return self._model.provenance

    def look(self, image: NDArray[np.uint8]) -> list[Detection]:
        """What a frame (BGR or grey) shows, the surest first.

        Raises:
            QuartermasterError: ``model.scores`` where the model's answer is no number,
                ``model.shape`` where it cannot answer.
        """
        if image.size == 0:
            return []
        fit = self._letterbox(image)
        found = self._model.run(self._square)
        scores, boxes = found["scores"], found["boxes"]
        told = np.flatnonzero(scores.ravel() >= self._least)
        if not len(told):
            return []
        cells, classes = np.divmod(told, scores.shape[1])
        sure = scores[cells, classes]
        places = boxes[np.minimum(classes, len(boxes) - 1), cells]
        kept = keep_surest(places, sure, classes, self._overlap)
        return self._told(places[kept], sure[kept], classes[kept], fit, image.shape)

    def _letterbox(self, image: NDArray[np.uint8]) -> Fit:
        height, width = image.shape[:2]
        fit, size = fitted(width, height, self._side)
        square = self._square[0]
        if self._fit != (width, height):  # what is beside the picture is grey, once
            square[:] = _GREY
            self._fit = (width, height)
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)  # pyright: ignore[reportAssignmentType]
        place = square[fit.top : fit.top + size[1], fit.left : fit.left + size[0]]
        if size == (width, height):
            place[:] = image
        else:
            cv2.resize(image, size, dst=place, interpolation=cv2.INTER_LINEAR)
        return fit

    def _told(
        self, places: Floats, sure: Floats, classes: NDArray[np.int64], fit: Fit, shape: Any
    ) -> list[Detection]:
        placed = from_square(places, fit)
        np.clip(placed[:, 0::2], 0, shape[1], out=placed[:, 0::2])
        np.clip(placed[:, 1::2], 0, shape[0], out=placed[:, 1::2])
        return [
            Detection((left, top, right, bottom), self._classes[index], score)
            for (left, top, right, bottom), index, score in zip(
                placed.tolist(), classes.tolist(), sure.tolist(), strict=True
            )
            if right - left >= 1 and bottom - top >= 1
        ]


def shipped(*, least: float | None = None) -> Detector:
    """The detector that ships with the gateway.

    Raises:
        QuartermasterError: as :func:`edge.vision.models.load`.
    """
    return Detector(load(read_card("detector")), least=least)


def fitted(width: int, height: int, side: int) -> tuple[Fit, tuple[int, int]]:
    """How a picture lies in a square: as large as fits, in the middle; and its size there."""
    scale = side / max(width, height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    return Fit(scale, (side - across) // 2, (side - down) // 2), (across, down)


def from_square(places: Floats, fit: Fit) -> Floats:
    """Boxes (n, 4) in the square as boxes in the frame."""
    edge = np.array([fit.left, fit.top, fit.left, fit.top], np.float32)
    return ((places - edge) / np.float32(fit.scale)).astype(np.float32)


def keep_surest(
    places: Floats, sure: Floats, classes: NDArray[np.int64], most: float
) -> NDArray[np.int64]:
    """Which boxes are kept, the surest first: none overlaps a surer one of its class by ``most``.

    Overlap is the intersection over the union.
    """
    sized = places.copy()
    sized[:, 2:] -= sized[:, :2]
    kept = cv2.dnn.NMSBoxesBatched(
        sized,  # pyright: ignore[reportArgumentType] - its stubs know lists of boxes only
        sure,  # pyright: ignore[reportArgumentType]
        classes.astype(np.int32),  # pyright: ignore[reportArgumentType]
        score_threshold=0.0,
        nms_threshold=most,
        top_k=_MOST,
    )
    return np.asarray(kept, np.int64).ravel()


def _side_of(card: Card) -> int:
    shapes = {each.name: each for each in (*card.inputs, *card.outputs)}
    picture, scores, boxes = (shapes.get(name) for name in ("picture", "scores", "boxes"))
    known = set(get_args(Seen))
    if (
        picture is None
        or scores is None
        or boxes is None
        or picture.dtype != "uint8"
        or len(picture.shape) != 4
        or not isinstance(picture.shape[1], int)
        or picture.shape != (1, picture.shape[1], picture.shape[1], 3)
        or scores.shape[1:] != (len(card.classes),)
        or boxes.shape[1:] != (scores.shape[0], 4)
        or not known.issuperset(card.classes)
    ):
        raise QuartermasterError("model.shape", "it is no detector", where=card.file)
    return picture.shape[1]
