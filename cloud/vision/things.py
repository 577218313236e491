"""What stands in a rendered warehouse, whatever it is: painted, and where it stands."""

from __future__ import annotations

from typing import Any, Final

import cv2 as _cv2
import numpy as np

from cloud.vision.cartons import Carton, draw_carton
from cloud.vision.marks import Mark
from cloud.vision.painting import Block, Canvas, Points
from cloud.vision.pallets import Pallet, draw_pallet
from cloud.vision.people import Person, draw_person
from cloud.vision.vehicles import Forklift, draw_forklift

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place
Thing = Carton | Pallet | Person | Forklift


def draw(canvas: Canvas, thing: Thing, marks: list[Mark], shine: float = 0.5) -> None:
    """Paint one thing, and note it and what belongs to it."""
    if isinstance(thing, Carton):
        draw_carton(canvas, thing, marks, shine, 0.0)
    elif isinstance(thing, Pallet):
        draw_pallet(canvas, thing, marks, shine)
    elif isinstance(thing, Person):
        draw_person(canvas, thing, marks, 0.0)
    else:
        draw_forklift(canvas, thing, marks, shine)


def foot(thing: Thing) -> Block:
    """What a thing covers of the floor, and how high it is."""
    if isinstance(thing, Carton | Forklift):
        return thing.block
    if isinstance(thing, Pallet):
        tops = [c.block.z + c.block.height for c in thing.load]
        return thing.base._replace(height=max([thing.base.height, *tops]))
    return Block(thing.x, thing.y, 0, 0.5, 0.3, thing.height)


def shadow_of(block: Block, sun: Points) -> Points:
    """The corners of a block's shadow on the floor (n, 2): its foot and its top, laid down."""
    corners = block.corners()
    reach = corners[:, 2] / max(0.35, float(sun[2]))
    flat = corners[:, :2] - sun[:2] * reach[:, None]
    return cv2.convexHull(flat.astype(np.float32))[:, 0].astype(np.float64)
