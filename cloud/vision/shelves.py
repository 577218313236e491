"""Shelf slots as a camera sees them obliquely, with goods of many kinds: drawn, not photographed.

A slot is a box that is open in front; its goods stand on a grid of columns, layers and rows and are
taken from the front and from above. Empty is none of them, low at most three tenths, full at
least six tenths; what lies between is not drawn, for either would be right. Of goods that are there
at least a twenty-fifth of the opening shows some: what no look can find is no slot to look at.
Somebody may stand in front: what covers at least two fifths of the opening makes a slot unknown,
what covers at most an eighth does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from cloud.vision.bystanders import stand_before
from cloud.vision.matter import World
from cloud.vision.perspective import Eye, Picture, Points, eye, fill, put
from cloud.vision.slots import FULL, GLIMPSED, GOODS, HIDDEN, LOW, SHOWS, STATES, Good, Slot, State
from cloud.vision.stock import put_goods
from cloud.vision.surfaces import board, cloth, metal, photographed, printed
from cloud.vision.worlds import NUMBERS

_ATTEMPTS: Final = 6


class Example(NamedTuple):
    """A slot now and as it was when somebody drew it; polygons in pixels of either picture.

    ``covered`` is the share of the opening that somebody stood in front of.
    """

    now: Picture
    then: Picture
    polygon: Points
    shows: Literal["empty", "full"]
    state: State
    covered: float
    good: Good


def examples(
    seed: int, number: int, world: World, *, looks: int = 4, hidden: float = 0.12
) -> Iterator[Example]:
    """So many looks at slots; each slot is looked at a few times, in other light each time.

    Args:
        seed: of everything.
        number: of examples.
        world: whose surfaces and light.
        looks: at each slot.
        hidden: share of looks at which somebody stands in front.
    """
    rng = default_rng([seed, NUMBERS[world]])
    made = 0
    while made < number:
        slot = _slot(rng, world)
        shows: Literal["empty", "full"] = "full" if rng.random() < 0.5 else "empty"
        then = _seen(rng, world, slot, shows, 0.0)[0]
        for _ in range(min(looks, number - made)):
            is_hidden = rng.random() < hidden
            state = STATES[rng.integers(3)]
            wanted = rng.uniform(HIDDEN, 0.95) if is_hidden else 0.0
            if not is_hidden and rng.random() < 0.15:
                wanted = rng.uniform(0.01, GLIMPSED)
            now, covered = _seen(rng, world, slot, state, wanted)
            if GLIMPSED < covered < HIDDEN:
                now, covered = _seen(rng, world, slot, state, 0.0)
            told: State = "unknown" if covered >= HIDDEN else state
            yield Example(now, then, slot.polygon, shows, told, covered, slot.good)
            made += 1


def _slot(rng: Generator, world: World) -> Slot:
    good = GOODS[rng.integers(len(GOODS))]
    size = (1.0, float(rng.uniform(0.55, 1.2)), float(rng.uniform(0.6, 1.3)))
    grid = _grid(rng, good)
    yaw, pitch = math.radians(rng.uniform(-38, 38)), math.radians(rng.uniform(-6, 36))
    target = (0.5 + rng.uniform(-0.4, 0.4), size[1] / 2 + rng.uniform(-0.3, 0.3), 0.0)
    roll = math.radians(rng.uniform(-3, 3))
    bare = eye(yaw, pitch, roll, target, float(rng.uniform(2.2, 5)))
    corners: Any = bare.sees(_opening(size))
    pixels = math.exp(rng.uniform(math.log(38), math.log(120)))
    scale = pixels / float(corners[:, 0].max() - corners[:, 0].min())
    low, high = corners.min(axis=0) * scale, corners.max(axis=0) * scale
    margin = 0.18 * (high - low) + 4
    canvas = tuple(int(each) for each in np.ceil(high - low + 2 * margin))
    x, y = margin - low
    seen = Eye(bare.place, bare.axes, scale, (float(x), float(y)))
    polygon = seen.sees(_opening(size))
    polygon += rng.normal(0, 0.022, polygon.shape) * np.ptp(polygon, axis=0)
    kinds = int(rng.integers(1, 4))
    return Slot(
        size,
        grid,
        good,
        [_surface(rng, world, good) for _ in range(kinds)],
        [metal(rng, world) for _ in range(4)],
        [_surface(rng, world, GOODS[rng.integers(len(GOODS))]) for _ in range(4)],
        seen,
        (canvas[1], canvas[0]),
        bool(rng.random() < 0.35),
        polygon,
    )


def _opening(size: tuple[float, float, float]) -> list[tuple[float, float, float]]:
    """The corners of the open front, clockwise from the upper left."""
    width, height, _ = size
    return [(0, height, 0), (width, height, 0), (width, 0, 0), (0, 0, 0)]


def _grid(rng: Generator, good: Good) -> tuple[int, int, int]:
    """Columns, layers and rows: at least four pieces, so that one of them is low."""
    while True:
        across = int(rng.integers(3, 6) if good == "bottle" else rng.integers(1, 4))
        layers = 1 if good == "bottle" else int(rng.integers(1, 4))
        grid = (across, layers, int(rng.integers(1, 4)))
        if 4 <= np.prod(grid) <= 20:
            return grid


def _surface(rng: Generator, world: World, good: Good) -> Picture:
    if good == "carton":
        plain = board(rng, world)
        if rng.random() < 0.5:
            return plain
        return printed(rng, world, on=plain.reshape(-1, 3).mean(axis=0).astype(np.float32))
    surface = printed(rng, world)
    if good == "tote":
        flat = surface.reshape(-1, 3).mean(axis=0)
        return np.clip(surface * 0.15 + flat * 0.85, 0, 255).astype(np.uint8)
    return surface


def _seen(
    rng: Generator, world: World, slot: Slot, state: State, wanted: float
) -> tuple[Picture, float]:
    """One look at a slot in a state, and how much of its opening somebody covers."""
    nudge = rng.normal(0, 0.7, 2)
    seen = slot.seen._replace(
        centre=(slot.seen.centre[0] + nudge[0], slot.seen.centre[1] + nudge[1])
    )
    canvas = _rack(rng, slot, seen)
    if state != "empty":
        canvas = _stocked(rng, slot, seen, canvas, state)
    if state == "empty" and rng.random() < 0.3:
        _leave_litter(rng, world, slot, seen, canvas)
    _rack_front(rng, slot, seen, canvas)
    covered = stand_before(rng, world, slot, canvas, wanted) if wanted else 0.0
    return photographed(rng, world, canvas), covered


def _stocked(rng: Generator, slot: Slot, seen: Eye, bare: Picture, state: State) -> Picture:
    """The slot with its goods, as often anew as it takes until some of them show."""
    opening = np.zeros(bare.shape[:2], np.uint8)
    cv2.fillPoly(opening, [np.rint(slot.polygon).astype(np.int32)], 1)
    canvas = bare
    for attempt in range(_ATTEMPTS):
        canvas = bare.copy()
        places = [(slot.grid[0] // 2, 0, 0)] if attempt == _ATTEMPTS - 1 else None
        put_goods(rng, slot, seen, canvas, places or _taken(rng, slot, state))
        shown = (canvas != bare).any(axis=2) & (opening == 1)
        if shown.sum() >= SHOWS * opening.sum():
            break
    return canvas


def _taken(rng: Generator, slot: Slot, state: State) -> list[tuple[int, int, int]]:
    """Which places of the grid hold a piece: taken from above and from the front."""
    columns, layers, rows = slot.grid
    total = columns * layers * rows
    low, high = (1, int(LOW * total)) if state == "low" else (int(np.ceil(FULL * total)), total)
    left = total if state == "full" and rng.random() < 0.4 else int(rng.integers(low, high + 1))
    stacks = [(x, z) for z in range(rows) for x in range(columns)]
    heights = dict.fromkeys(stacks, layers)
    for _ in range(total - left):
        # Mostly the front stacks; of the last few sometimes any: people are not tidy.
        tidy = state == "full" or rng.random() < 0.9
        filled = [stack for stack in stacks if heights[stack]]
        front = min(z for _, z in filled)
        mine = [stack for stack in filled if stack[1] == front] if tidy else filled
        heights[mine[rng.integers(len(mine))]] -= 1
    return [(x, y, z) for (x, z), height in heights.items() for y in range(height)]


def _rack(rng: Generator, slot: Slot, seen: Eye) -> Picture:
    """What is behind and around the goods."""
    rows, columns = slot.canvas
    width, height, depth = slot.size
    steel = slot.rack
    backdrop = float(rng.uniform(25, 70))
    canvas = np.full((rows, columns, 3), backdrop, np.uint8)
    dim = rng.uniform(0.45, 0.85)
    if not slot.open_back:
        back = [(0, height, depth), (width, height, depth), (width, 0, depth), (0, 0, depth)]
        put(canvas, steel[0], seen.sees(back), 0.55 * dim)
    else:
        for _ in range(int(rng.integers(1, 4))):
            x, y = rng.uniform(0, 0.8), rng.uniform(0, 0.7 * height)
            w, h = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.5)
            far = [(x, y + h, 2.2), (x + w, y + h, 2.2), (x + w, y, 2.2), (x, y, 2.2)]
            tile = slot.neighbours[rng.integers(len(slot.neighbours))]
            put(canvas, tile, seen.sees(far), 0.3 * dim)
    sides = (
        [(0, height, 0), (0, height, depth), (0, 0, depth), (0, 0, 0)],
        [(width, height, depth), (width, height, 0), (width, 0, 0), (width, 0, depth)],
    )
    if not slot.open_back:
        for side in sides:
            put(canvas, steel[1], seen.sees(side), 0.6 * dim)
    floor = [(0, 0, depth), (width, 0, depth), (width, 0, 0), (0, 0, 0)]
    put(canvas, steel[2], seen.sees(floor), 0.85 * dim)
    if seen.place[1] < height:
        above = [(0, height, 0), (width, height, 0), (width, height, depth), (0, height, depth)]
        put(canvas, steel[2], seen.sees(above), 0.4 * dim)
    return canvas


def _rack_front(rng: Generator, slot: Slot, seen: Eye, canvas: Picture) -> None:
    """Beams, uprights, the neighbours' goods beside them, and a price label."""
    width, height, _ = slot.size
    beam, post = 0.09, 0.05
    for left in (-1.2 - post, width + post):
        for step in range(2):
            x = left + 0.6 * step
            top = rng.uniform(0.2, 0.9) * height
            near = [(x, top, 0.1), (x + 0.55, top, 0.1), (x + 0.55, 0, 0.1), (x, 0, 0.1)]
            tile = slot.neighbours[rng.integers(len(slot.neighbours))]
            put(canvas, tile, seen.sees(near), 0.8)
    for low in (-beam, height):
        ends = [(-2, low + beam), (3, low + beam), (3, low), (-2, low)]
        put(canvas, slot.rack[3], seen.sees([(x, y, 0) for x, y in ends]), 0.9)
    for left in (-post, width):
        sides = [(left, height), (left + post, height), (left + post, 0), (left, 0)]
        put(canvas, slot.rack[1], seen.sees([(x, y, 0) for x, y in sides]), 0.8)
    if rng.random() < 0.6:
        x = rng.uniform(0.1, 0.7)
        label = [(x, -0.01), (x + 0.2, -0.01), (x + 0.2, -0.08), (x, -0.08)]
        fill(canvas, seen.sees([(a, b, 0) for a, b in label]), (235, 240, 240))


def _leave_litter(rng: Generator, world: World, slot: Slot, seen: Eye, canvas: Picture) -> None:
    """A strap, a scrap or a stain on the floor of an empty slot: nothing that could be picked."""
    _, _, depth = slot.size
    for _ in range(int(rng.integers(1, 3))):
        x, z = rng.uniform(0.1, 0.7), rng.uniform(0.1, 0.7) * depth
        w, d = (0.4, 0.03) if rng.random() < 0.5 else rng.uniform(0.08, 0.22, 2)
        flat = [(x, 0, z + d), (x + w, 0, z + d), (x + w, 0, z), (x, 0, z)]
        fill(canvas, seen.sees(flat), cloth(rng, world), 0.8)
