"""Racks and packing benches in rendered scenes, with what lies on them."""

from __future__ import annotations

from numpy.random import Generator

from cloud.vision.cartons import Carton, any_carton, any_labels, any_look
from cloud.vision.painting import Block
from cloud.vision.textures import Bank, Texture
from cloud.vision.things import Thing


def shelve(
    rng: Generator,
    surfaces: Bank,
    away: float,
    rack: list[tuple[Block, Texture]],
    things: list[Thing],
) -> None:
    """A rack across the view: uprights, beams, cartons and pallets on two to four levels."""
    paint_ = surfaces.metals[int(rng.integers(len(surfaces.metals)))]
    beam = surfaces.metals[int(rng.integers(len(surfaces.metals)))]
    board = surfaces.wood_tops[int(rng.integers(len(surfaces.wood_tops)))]
    bay = float(rng.uniform(1.6, 2.8))
    deep = float(rng.uniform(0.7, 1.1))
    step = float(rng.uniform(0.7, 1.7))
    levels = int(rng.integers(2, 5))
    bays = 4
    start = float(rng.uniform(-bay, 0)) - bay * (bays / 2 - 0.5)
    for upright in range(bays + 1):
        x = start + upright * bay
        pair = [Block(x, y, 0, 0.09, 0.09, step * levels + 0.3) for y in (away, away + deep)]
        rack += [(each, paint_) for each in pair]
    dense = float(rng.uniform(0.3, 0.95))
    for level in range(levels):
        z = level * step + 0.02
        for number in range(bays):
            middle = start + (number + 0.5) * bay
            if level:
                shelf = Block(middle, away + deep / 2, z - 0.1, bay - 0.09, deep, 0.1)
                rack.append((shelf, board if rng.random() < 0.3 else beam))
            room = Block(middle, away + deep / 2, z, bay, deep, step)
            things += _fill_bay(rng, surfaces, room, dense)


def _fill_bay(rng: Generator, surfaces: Bank, room: Block, dense: float) -> list[Thing]:
    """Cartons side by side in one bay of a rack, some on another."""
    things: list[Thing] = []
    x, y, z = room.x, room.y, room.z
    bay, deep, step = room.width, room.depth, room.height
    shared = any_look(rng, surfaces)
    at_x = x - bay / 2 + 0.1
    while at_x < x + bay / 2 - 0.35:
        width = float(rng.uniform(0.3, 0.8))
        if width > x + bay / 2 - 0.08 - at_x:
            break
        if rng.random() > dense:
            at_x += width
            continue
        depth = min(deep - 0.05, float(rng.uniform(0.3, 0.9)))
        height = float(rng.uniform(0.2, min(0.75, step - 0.2)))
        shown = shared if rng.random() < 0.5 else any_look(rng, surfaces)
        front = y - deep / 2 + depth / 2 + float(rng.uniform(0.0, 0.12))
        block = Block(at_x + width / 2, front, z, width, depth, height, float(rng.normal(0, 0.04)))
        base = Carton(block, shown, any_labels(rng, surfaces, block, 0.25))
        things.append(base)
        above = z + height
        while above + height < z + step - 0.15 and rng.random() < 0.4:
            upper = block._replace(z=above)
            things.append(Carton(upper, shown, any_labels(rng, surfaces, upper, 0.2)))
            above += height
        at_x += width + float(rng.uniform(0.01, 0.1))
    return things


def lay_on_table(
    rng: Generator,
    surfaces: Bank,
    away: float,
    rack: list[tuple[Block, Texture]],
    things: list[Thing],
) -> None:
    """A packing bench or conveyor with a few cartons in a row on it."""
    top = surfaces.metals[int(rng.integers(len(surfaces.metals)))]
    high = float(rng.uniform(0.5, 0.95))
    rack.append((Block(0, away + 0.45, high - 0.08, 7.0, 0.9, 0.08), top))
    legs = [Block(x, away + 0.9, 0, 0.08, 0.06, high - 0.08) for x in (-2.2, -0.7, 0.7, 2.2)]
    rack += [(each, top) for each in legs]
    x = float(rng.uniform(-2.2, -0.9))
    while x < 1.6:
        carton = any_carton(rng, surfaces, x, away + 0.4, high)
        width = min(0.5, carton.block.width)
        block = carton.block._replace(
            x=x + width / 2, width=width, depth=min(0.5, carton.block.depth),
            height=min(0.45, carton.block.height), yaw=float(rng.normal(0, 0.3)),
        )  # fmt: skip
        things.append(Carton(block, carton.look, any_labels(rng, surfaces, block, 0.35)))
        x += width + float(rng.uniform(0.25, 1.0))
