"""Warehouse scenes drawn from a seed, with the boxes of what a detector is to find in them.

A scene is a camera, a floor with walls or racks, and things that stand about; then light, lens,
sensor and JPEG. ``world`` chooses the surfaces and the light: no two worlds share either. Fixed
before anything was measured: a box counts from 24 pixels (the root of its area) if it is nowhere
narrower than 12, and when at least 40 % of it can be seen; what film of some haze covers is hidden
by that much. The rest is ``ignored``: neither asked for nor held against anybody.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from cloud.vision.colours import Image
from cloud.vision.lenses import as_seen, lamplit
from cloud.vision.marks import Mark, Seen, plain_block, within
from cloud.vision.matter import World
from cloud.vision.painting import Block, Canvas, Points
from cloud.vision.rooms import paint_room, paint_shadows
from cloud.vision.stages import Stage, any_stage
from cloud.vision.textures import Bank, bank
from cloud.vision.things import draw, foot

SMALLEST: Final = 24
"""The root of a box's area, in pixels, from which it counts: its size as COCO reckons it."""
NARROWEST: Final = 12
"""Pixels of a box's shorter side from which it counts."""
LEAST_SEEN: Final = 0.4
"""The part of a thing that must be seen for it to count."""


class Box(NamedTuple):
    """A thing in a picture: the box around what is seen of it, and how much that is of the whole.

    ``ignored`` boxes are too small or too hidden to be asked for.
    """

    seen: Seen
    box: tuple[float, float, float, float]
    visible: float
    ignored: bool


class Scene(NamedTuple):
    """A picture (BGR), and everything in it."""

    image: Image
    boxes: tuple[Box, ...]


def render(
    rng: Generator, world: World = "train", size: tuple[int, int] = (416, 416), *, made_of: int = 0
) -> Scene:
    """One scene, ``size`` wide and high; all chance comes from ``rng``.

    ``made_of`` is the seed of its world's surfaces.
    """
    surfaces = bank(world, made_of)
    stage = any_stage(rng, surfaces, size)
    canvas, marks = paint(stage)
    if rng.random() < 0.12:
        post_before(rng, canvas, surfaces)
    boxes = boxes_of(canvas, marks)
    lit = lamplit(rng, canvas.image, world)
    return Scene(as_seen(rng, lit, surfaces), boxes)


def paint(stage: Stage) -> tuple[Canvas, list[Mark]]:
    """Paint a stage from back to front, without light and lens."""
    canvas = Canvas(stage.view, stage.sun)
    paint_room(canvas, stage)
    paint_shadows(canvas, stage)
    marks: list[Mark] = []
    place = stage.view.place
    pieces: list[tuple[float, int]] = []
    for number, (block, _) in enumerate(stage.rack):
        pieces.append((_away(place, block), number))
    for number, thing in enumerate(stage.things):
        pieces.append((_away(place, foot(thing)), len(stage.rack) + number))
    for _, number in sorted(pieces, reverse=True):
        if number >= len(stage.rack):
            draw(canvas, stage.things[number - len(stage.rack)], marks, stage.shine)
            continue
        block, texture = stage.rack[number]
        plain_block(canvas, block, (texture, texture), owner=0, shine=stage.shine)
    return canvas, marks


def boxes_of(canvas: Canvas, marks: list[Mark]) -> tuple[Box, ...]:
    """What of each mark can still be seen, in the smallest box that holds it."""
    width, height = canvas.view.width, canvas.view.height
    counts = np.concatenate([[0], np.cumsum(np.bincount(canvas.owner.ravel(), minlength=1))])
    most = len(counts) - 1
    found: list[Box] = []
    for mark in marks:
        pixels = int(counts[min(mark.last + 1, most)] - counts[min(mark.first, most)])
        if not mark.drawn or pixels < 6:
            continue
        whole = (mark.box[2] - mark.box[0]) * (mark.box[3] - mark.box[1])
        left, top, right, bottom = within(mark.box, width, height)
        cut = min(1.0, (right - left) * (bottom - top) / max(whole, 1.0))
        # Within the picture by pixels; the part outside by the box, for it was never painted.
        visible = min(1.0, pixels / mark.drawn * cut * (1 - mark.haze))
        if visible <= 0.02:
            continue
        patch = canvas.owner[top:bottom, left:right]
        mine = (patch >= mark.first) & (patch <= mark.last)
        across, down = np.flatnonzero(mine.any(0)), np.flatnonzero(mine.any(1))
        if not len(across):
            continue
        x1, x2 = left + int(across[0]), left + int(across[-1]) + 1
        y1, y2 = top + int(down[0]), top + int(down[-1]) + 1
        wide, high = x2 - x1, y2 - y1
        small = wide * high < SMALLEST**2 or min(wide, high) < NARROWEST
        box = (float(x1), float(y1), float(x2), float(y2))
        found.append(Box(mark.seen, box, visible, small or visible < LEAST_SEEN))
    return tuple(found)


def _away(place: Points, block: Block) -> float:
    return float(np.hypot(block.x - place[0], block.y - place[1])) - 1e-3 * block.z


def post_before(rng: Generator, canvas: Canvas, surfaces: Bank) -> None:
    """A post or a beam close to the camera."""
    width, height = canvas.view.width, canvas.view.height
    thick = float(rng.uniform(0.02, 0.12)) * width
    at = float(rng.uniform(0, 1))
    lean = float(rng.uniform(-0.1, 0.1)) * width
    if rng.random() < 0.7:
        x = at * width
        points = [(x, 0), (x + thick, 0), (x + thick + lean, height), (x + lean, height)]
    else:
        y = at * height
        points = [(0, y), (width, y + lean), (width, y + lean + thick), (0, y + thick)]
    texture = surfaces.metals[int(rng.integers(len(surfaces.metals)))]
    canvas.quad(np.array(points, float), texture, owner=0, gain=float(rng.uniform(0.4, 1.1)))
