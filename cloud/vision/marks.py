"""What is noted of a thing when it is painted: which pixels are its own, and its box."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import numpy as np

from cloud.vision.painting import Block, Canvas, Points
from cloud.vision.textures import Texture

Seen = Literal["carton", "pallet", "person", "forklift", "label"]
CLASSES: Final[tuple[Seen, ...]] = ("carton", "pallet", "person", "forklift", "label")


class Mark(NamedTuple):
    """A thing on the canvas: owners ``first`` up to ``last`` are its pixels.

    ``box`` is where it would be seen if nothing hid it, also outside the picture; ``drawn`` is
    how many pixels it had when it was painted, ``haze`` how much film lies over it.
    """

    seen: Seen
    first: int
    last: int
    box: tuple[float, float, float, float]
    drawn: int
    haze: float


def next_owner(marks: list[Mark]) -> int:
    """The first number that no pixel has yet."""
    return 1 + max((mark.last for mark in marks), default=0)


def bounds(points: Points) -> tuple[float, float, float, float]:
    """The box around points."""
    low, high = points.min(0), points.max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def united(boxes: list[tuple[float, float, float, float]]) -> Any:
    """The box around boxes."""
    array = np.array(boxes)
    return (*(float(v) for v in array[:, :2].min(0)), *(float(v) for v in array[:, 2:].max(0)))


def within(box: tuple[float, ...], width: int, height: int) -> tuple[int, int, int, int]:
    """The whole pixels of a box that lie in the picture."""
    return (
        min(width, max(0, int(np.floor(box[0])))),
        min(height, max(0, int(np.floor(box[1])))),
        min(width, max(0, int(np.ceil(box[2])))),
        min(height, max(0, int(np.ceil(box[3])))),
    )


def mark_of(canvas: Canvas, seen: Seen, owners: range, box: Any, haze: float = 0.0) -> Mark:
    """The mark of what has just been painted with some owners' numbers."""
    pixels = within(box, canvas.view.width, canvas.view.height)
    return Mark(seen, owners.start, owners.stop - 1, box, canvas.owned(pixels, owners), haze)


def plain_block(
    canvas: Canvas,
    block: Block,
    sides_top: tuple[Texture, Texture],
    *,
    owner: int,
    shine: float,
    gain: float = 1.0,
) -> Any:
    """A plain block; its box, or None where it is not seen."""
    sides = canvas.sides(block)
    for each in sides:
        texture = sides_top[each.number == 4]
        canvas.quad(each.pixels, texture, owner=owner, gain=float(gain * canvas.shade(each, shine)))
    return bounds(np.concatenate([each.pixels for each in sides])) if sides else None
