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
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from cloud.vision.surfaces import (
    TILE,
    Eye,
    Picture,
    Points,
    World,
    board,
    cloth,
    eye,
    fill,
    metal,
    photographed,
    printed,
    put,
    skin,
)

State = Literal["empty", "low", "full", "unknown"]
STATES: Final[tuple[State, ...]] = ("empty", "low", "full", "unknown")
Good = Literal["carton", "box", "bag", "bottle", "tote"]
GOODS: Final[tuple[Good, ...]] = ("carton", "box", "bag", "bottle", "tote")

LOW: Final = 0.3
FULL: Final = 0.6
SHOWS: Final = 0.04
HIDDEN: Final = 0.4
GLIMPSED: Final = 0.125


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


class _Slot(NamedTuple):
    """Its inner width, height and depth; its grid; its surfaces; the eye that sees it."""

    size: tuple[float, float, float]
    grid: tuple[int, int, int]
    good: Good
    tiles: list[Picture]
    rack: list[Picture]
    neighbours: list[Picture]
    seen: Eye
    canvas: tuple[int, int]
    open_back: bool
    polygon: Points


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
    rng = default_rng([seed, 1 if world == "test" else 0])
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


def _slot(rng: Generator, world: World) -> _Slot:
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
    return _Slot(
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
    rng: Generator, world: World, slot: _Slot, state: State, wanted: float
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
    covered = _stand_before(rng, world, slot, canvas, wanted) if wanted else 0.0
    return photographed(rng, world, canvas), covered


def _stocked(rng: Generator, slot: _Slot, seen: Eye, bare: Picture, state: State) -> Picture:
    """The slot with its goods, as often anew as it takes until some of them show."""
    opening = np.zeros(bare.shape[:2], np.uint8)
    cv2.fillPoly(opening, [np.rint(slot.polygon).astype(np.int32)], 1)
    canvas = bare
    for attempt in range(_ATTEMPTS):
        canvas = bare.copy()
        places = [(slot.grid[0] // 2, 0, 0)] if attempt == _ATTEMPTS - 1 else None
        _put_goods(rng, slot, seen, canvas, places or _taken(rng, slot, state))
        shown = (canvas != bare).any(axis=2) & (opening == 1)
        if shown.sum() >= SHOWS * opening.sum():
            break
    return canvas


def _taken(rng: Generator, slot: _Slot, state: State) -> list[tuple[int, int, int]]:
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


def _rack(rng: Generator, slot: _Slot, seen: Eye) -> Picture:
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


def _rack_front(rng: Generator, slot: _Slot, seen: Eye, canvas: Picture) -> None:
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


def _put_goods(
    rng: Generator,
    slot: _Slot,
    seen: Eye,
    canvas: Picture,
    places: list[tuple[int, int, int]],
) -> None:
    columns, layers, rows = slot.grid
    width, height, depth = slot.size
    cell = (0.96 * width / columns, 0.92 * height / layers, 0.95 * depth / rows)
    tall = rng.uniform(0.75, 1.0)
    eye_x = float(seen.place[0])
    order = sorted(places, key=lambda at: (-at[2], -abs((at[0] + 0.5) * cell[0] - eye_x), at[1]))
    draw = _DRAW[slot.good]
    for x, y, z in order:
        gap = rng.uniform(0.0, 0.08, 2)
        low = (
            0.02 * width + (x + gap[0]) * cell[0],
            y * cell[1] * tall,
            0.03 * depth + (z + gap[1]) * cell[2],
        )
        high = (
            0.02 * width + (x + 1 - gap[1]) * cell[0],
            (y + 1) * cell[1] * tall,
            0.03 * depth + (z + 1 - gap[0]) * cell[2],
        )
        tile = slot.tiles[(x + y) % len(slot.tiles)]
        draw(rng, canvas, seen, tile, (low, high, depth))


_Room = tuple[tuple[float, float, float], tuple[float, float, float], float]


def _shade(away: float, depth: float) -> float:
    """The deeper in the shelf, the darker."""
    return 1.0 - 0.45 * min(max(away / depth, 0.0), 1.0)


def _box(_rng: Generator, canvas: Picture, seen: Eye, tile: Picture, room: _Room) -> None:
    (x0, y0, z0), (x1, y1, z1), depth = room
    lit = _shade(z0, depth)
    if seen.place[0] < x0:
        side = [(x0, y1, z1), (x0, y1, z0), (x0, y0, z0), (x0, y0, z1)]
        put(canvas, tile, seen.sees(side), 0.7 * lit)
    elif seen.place[0] > x1:
        side = [(x1, y1, z0), (x1, y1, z1), (x1, y0, z1), (x1, y0, z0)]
        put(canvas, tile, seen.sees(side), 0.75 * lit)
    if seen.place[1] > y1:
        top = [(x0, y1, z1), (x1, y1, z1), (x1, y1, z0), (x0, y1, z0)]
        put(canvas, tile, seen.sees(top), 1.1 * lit)
    put(canvas, tile, seen.sees([(x0, y1, z0), (x1, y1, z0), (x1, y0, z0), (x0, y0, z0)]), lit)


def _tote(rng: Generator, canvas: Picture, seen: Eye, tile: Picture, room: _Room) -> None:
    (x0, y0, z0), (x1, y1, z1), depth = room
    _box(rng, canvas, seen, tile, room)
    if seen.place[1] > y1:
        rim_x, rim_z = 0.08 * (x1 - x0), 0.08 * (z1 - z0)
        inner = [
            (x0 + rim_x, y1, z1 - rim_z),
            (x1 - rim_x, y1, z1 - rim_z),
            (x1 - rim_x, y1, z0 + rim_z),
            (x0 + rim_x, y1, z0 + rim_z),
        ]
        put(canvas, tile, seen.sees(inner), 0.35 * _shade(z0, depth))
    y = y1 - 0.12 * (y1 - y0)
    rim = [(x0, y, z0), (x1, y, z0), (x1, y - 0.015, z0), (x0, y - 0.015, z0)]
    put(canvas, tile, seen.sees(rim), 0.5 * _shade(z0, depth))


def _standing(canvas: Picture, seen: Eye, tile: Picture, room: _Room, alpha: Picture) -> None:
    """Something round: its front, as a picture with an outline that stands in the middle."""
    (x0, y0, z0), (x1, y1, z1), depth = room
    z = (z0 + z1) / 2
    cut = np.dstack([tile, alpha])
    put(
        canvas,
        cut,
        seen.sees([(x0, y1, z), (x1, y1, z), (x1, y0, z), (x0, y0, z)]),
        _shade(z0, depth),
    )


def _bottle(_rng: Generator, canvas: Picture, seen: Eye, tile: Picture, room: _Room) -> None:
    across = np.linspace(-1, 1, TILE, dtype=np.float32)
    round_ = np.sqrt(1 - 0.85 * across**2) * (1 + 0.25 * np.exp(-(((across + 0.4) / 0.15) ** 2)))
    lit = np.clip(tile * round_[None, :, None], 0, 255).astype(np.uint8)
    alpha = np.zeros((TILE, TILE), np.uint8)
    cv2.rectangle(alpha, (6, 17), (TILE - 7, TILE - 1), 255, -1)
    cv2.ellipse(alpha, (TILE // 2, 17), (TILE // 2 - 7, 9), 0, 180, 360, 255, -1)
    cv2.rectangle(alpha, (TILE // 2 - 7, 0), (TILE // 2 + 6, 12), 255, -1)
    lit[:6] = np.clip(255 - lit[:6].astype(np.int16), 0, 255).astype(np.uint8)
    _standing(canvas, seen, lit, room, alpha)


def _bag(rng: Generator, canvas: Picture, seen: Eye, tile: Picture, room: _Room) -> None:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    power = rng.uniform(0.3, 0.55)
    reach = TILE / 2 * (1 + rng.normal(0, 0.03, 24))
    cos, sin = np.cos(turn), np.sin(turn)
    outline = TILE / 2 + np.stack(
        [np.sign(cos) * np.abs(cos) ** power * reach, np.sign(sin) * np.abs(sin) ** power * reach],
        axis=1,
    )
    alpha = np.zeros((TILE, TILE), np.uint8)
    cv2.fillPoly(alpha, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    y, x = np.mgrid[-1 : 1 : TILE * 1j, -1 : 1 : TILE * 1j].astype(np.float32)
    puffed = 1.1 - 0.45 * (x**2 + (y + 0.2) ** 2) / 2
    lit = np.clip(tile * puffed[:, :, None], 0, 255).astype(np.uint8)
    _standing(canvas, seen, lit, room, alpha)


_DRAW: Final[dict[Good, Callable[[Generator, Picture, Eye, Picture, _Room], None]]] = {
    "carton": _box,
    "box": _box,
    "tote": _tote,
    "bottle": _bottle,
    "bag": _bag,
}


def _leave_litter(rng: Generator, world: World, slot: _Slot, seen: Eye, canvas: Picture) -> None:
    """A strap, a scrap or a stain on the floor of an empty slot: nothing that could be picked."""
    _, _, depth = slot.size
    for _ in range(int(rng.integers(1, 3))):
        x, z = rng.uniform(0.1, 0.7), rng.uniform(0.1, 0.7) * depth
        w, d = (0.4, 0.03) if rng.random() < 0.5 else rng.uniform(0.08, 0.22, 2)
        flat = [(x, 0, z + d), (x + w, 0, z + d), (x + w, 0, z), (x, 0, z)]
        fill(canvas, seen.sees(flat), cloth(rng, world), 0.8)


def _stand_before(
    rng: Generator, world: World, slot: _Slot, canvas: Picture, wanted: float
) -> float:
    """An arm or a person before the slot, about as large as wanted; what of it they cover."""
    opening = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(opening, [np.rint(slot.polygon).astype(np.int32)], 1)
    inside, before = float(opening.sum()), canvas.copy()
    clothes, hand = cloth(rng, world), skin(rng)
    as_person = wanted > 0.5 and rng.random() < 0.6
    side = bool(rng.random() < 0.5)
    place, lean = rng.uniform(0, 1), rng.uniform(-0.3, 0.3)
    large = 0.2 + wanted * (0.8 if as_person else 0.6)
    covered = 0.0
    for _ in range(8):
        canvas[:] = before
        parts = (_person if as_person else _arm)(slot, large, place, lean, side=side)
        mask = np.zeros(canvas.shape[:2], np.uint8)
        for number, outline in enumerate(parts):
            tone = hand if number == len(parts) - 1 else clothes
            mask |= fill(canvas, outline, tone, 0.9)
        covered = float((mask[opening == 1] > 127).sum()) / inside
        if (covered >= HIDDEN) == (wanted >= HIDDEN) and not GLIMPSED < covered < HIDDEN:
            break
        large *= 1.25 if wanted >= HIDDEN else 0.7
    return covered


def _arm(slot: _Slot, large: float, place: float, lean: float, *, side: bool) -> list[Points]:
    """A sleeve that comes in from a side or from below, and a hand."""
    low, high = slot.polygon.min(axis=0), slot.polygon.max(axis=0)
    wide = high - low
    thick = 0.5 * large * float(wide.min())
    end = low + wide * (0.5 + lean, 0.25 + 0.5 * place)
    start = (
        np.array([low[0] - wide[0] if lean < 0 else high[0] + wide[0], high[1] + 0.2 * wide[1]])
        if side
        else np.array([low[0] + wide[0] * place, high[1] + wide[1]])
    )
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1.0)
    across = np.array([-along[1], along[0]]) * thick
    sleeve = np.array(
        [start - 1.3 * across, start + 1.3 * across, end + across * 0.8, end - across * 0.8]
    )
    return [sleeve, _round(end + along * thick, thick * 0.95, thick * 0.8)]


def _person(slot: _Slot, large: float, place: float, lean: float, *, side: bool) -> list[Points]:
    """A back, shoulders and a head."""
    low, high = slot.polygon.min(axis=0), slot.polygon.max(axis=0)
    wide = high - low
    middle = low[0] + wide[0] * (0.15 + 0.7 * place)
    half = 0.55 * large * float(wide[0])
    top = low[1] + wide[1] * (0.25 + lean) * (0.6 if side else 1.0)
    body = np.array(
        [
            (middle - half, high[1] + wide[1]),
            (middle - half, top + half * 0.5),
            (middle - half * 0.6, top),
            (middle + half * 0.6, top),
            (middle + half, top + half * 0.5),
            (middle + half, high[1] + wide[1]),
        ]
    )
    return [body, _round(np.array([middle, top - half * 0.5]), half * 0.5, half * 0.62)]


def _round(middle: Points, wide: float, high: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return middle + np.stack([np.cos(turn) * wide, np.sin(turn) * high], axis=1)
