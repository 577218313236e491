"""Warehouse scenes drawn from a seed, with the boxes of what a detector is to find in them.

A scene is a camera, a floor with walls or racks, and things that stand about; then light, lens,
sensor and JPEG. ``world`` chooses the surfaces and the light: ``test`` shares neither textures nor
light with ``train``. Fixed before anything was measured on ``test``: a box counts from 24 pixels
(the root of its area) if it is nowhere narrower than 12, and when at least 40 % of it can be seen;
what film of some haze covers is hidden by that much. The rest is ``ignored``: neither asked for nor
held against anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import cv2 as _cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.painting import Block, Canvas, Points, View, look, through_jpeg
from cloud.vision.textures import Bank, Texture, World, bank
from cloud.vision.things import (
    CLASSES,
    Carton,
    Forklift,
    Mark,
    Pallet,
    Person,
    Seen,
    Thing,
    any_carton,
    any_forklift,
    any_labels,
    any_look,
    any_pallet,
    any_person,
    any_stack,
    draw,
    foot,
    shadow_of,
    within,
)

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place

Image = NDArray[np.uint8]

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


class Stage(NamedTuple):
    """A scene before it is painted: everything stands still and could be moved."""

    view: View
    sun: Points
    shine: float
    floor: Image
    floor_scale: float
    wall: Image
    wall_at: float
    rack: tuple[tuple[Block, Texture], ...]
    things: tuple[Thing, ...]


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
        _in_front(rng, canvas, surfaces)
    boxes = boxes_of(canvas, marks)
    lit = _lit(rng, canvas.image, world)
    return Scene(as_seen(rng, lit, surfaces), boxes)


def any_stage(rng: Generator, surfaces: Bank, size: tuple[int, int]) -> Stage:
    """A camera and what stands before it."""
    kind = rng.choice(["hall", "close", "shelves", "table"], p=[0.45, 0.28, 0.17, 0.1])
    if kind == "close":
        view, reach = _close_view(rng, size)
    else:
        view = look(
            size,
            height=float(rng.uniform(1.3, 4.5)),
            pitch=float(rng.uniform(8, 42)),
            field=float(rng.uniform(48, 85)),
            roll=float(rng.normal(0, 2)),
        )
        reach = float(rng.uniform(5, 16))
    sun = _sun(rng)
    wall_at = reach + float(rng.uniform(0.5, 8))
    rack: list[tuple[Block, Texture]] = []
    things: list[Thing] = []
    if kind == "shelves" or (kind == "hall" and rng.random() < 0.35):
        away = float(rng.uniform(2.6, 5.0)) if kind == "shelves" else min(reach, 9.0)
        wall_at = away + float(rng.uniform(1.4, 5))
        _shelve(rng, surfaces, away, rack, things)
        reach = away - 0.3
    if kind == "table":
        reach = float(rng.uniform(1.8, 3.2))
        _lay_on_table(rng, surfaces, reach, rack, things)
    most = {"hall": 11, "close": 3, "shelves": 4, "table": 2}[str(kind)]
    least = 1 if kind in {"hall", "close"} else 0
    count = int(rng.integers(least, most + 1))
    _place(rng, surfaces, view, things, reach=reach, count=count, kind=str(kind))
    if kind == "table":  # the table stands at the back of the same spot: nothing right before it
        things = [each for each in things if foot(each).z > 0 or foot(each).y > reach + 1]
    return Stage(
        view=view,
        sun=sun,
        shine=float(rng.uniform(0.15, 1.0)),
        floor=surfaces.floors[int(rng.integers(len(surfaces.floors)))],
        floor_scale=float(rng.uniform(1.5, 7)),
        wall=surfaces.walls[int(rng.integers(len(surfaces.walls)))],
        wall_at=wall_at,
        rack=tuple(rack),
        things=tuple(things),
    )


def paint(stage: Stage) -> tuple[Canvas, list[Mark]]:
    """Paint a stage from back to front, without light and lens."""
    canvas = Canvas(stage.view, stage.sun)
    _paint_room(canvas, stage)
    _paint_shadows(canvas, stage)
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
        for side in canvas.sides(block):
            gain = float(canvas.shade(side, stage.shine))
            canvas.quad(side.pixels, texture, owner=0, gain=gain)
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


def as_seen(rng: Generator, image: Image, surfaces: Bank) -> Image:
    """What lens, sensor and JPEG make of a picture."""
    blur = rng.random()
    if blur < 0.45:
        sigma = float(rng.uniform(0.4, 0.8) if blur < 0.3 else rng.uniform(0.8, 1.6))
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    elif blur < 0.6:
        length = int(rng.integers(2, 7))
        kernel = np.zeros((length, length), np.float32)
        if rng.random() < 0.6:
            kernel[length // 2] = 1 / length
        else:
            np.fill_diagonal(kernel, 1 / length)
        image = cv2.filter2D(image, -1, kernel)
    if rng.random() < 0.75:
        image = _noisy(rng, image, surfaces, float(rng.uniform(1.0, 9.0)))
    if rng.random() < 0.6:
        image = through_jpeg(image, int(rng.integers(35, 95)))
    return image


def _noisy(rng: Generator, image: Image, surfaces: Bank, strength: float) -> Image:
    height, width = int(image.shape[0]), int(image.shape[1])
    field: NDArray[Any] = surfaces.noise
    high, wide = int(field.shape[0]), int(field.shape[1])
    if height > high or width > wide:
        down, across = -(-height // high), -(-width // wide)
        field = np.tile(surfaces.noise, (down, across))
        high, wide = high * down, wide * across
    top, left = int(rng.integers(high - height + 1)), int(rng.integers(wide - width + 1))
    grain = field[top : top + height, left : left + width]
    scaled = (grain * np.float32(strength / 32)).astype(np.int8)
    thrice = cv2.merge([scaled, scaled, scaled])
    return cv2.add(image, thrice, dtype=cv2.CV_8U)


# ---------------------------------------------------------------- the room


def _away(place: Points, block: Block) -> float:
    return float(np.hypot(block.x - place[0], block.y - place[1])) - 1e-3 * block.z


def _paint_room(canvas: Canvas, stage: Stage) -> None:
    view = canvas.view
    size = (view.width, view.height)
    # The wall stands across the whole view, its texture scaled to 24 m.
    x, y, high = 14.0, stage.wall_at, 9.0
    wall = np.array([(-x, y, high), (x, y, high), (x, y, 0.0), (-x, y, 0.0)])
    pixels, depth = view.project(wall)
    picture = stage.wall
    if depth.min() > 0.1:
        side = float(picture.shape[0])
        flat = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
        matrix = cv2.getPerspectiveTransform(flat, pixels.astype(np.float32))
        cv2.warpPerspective(
            picture,
            matrix,
            size,
            dst=canvas.image,
            borderMode=cv2.BORDER_REFLECT_101,
            hint=cv2.ALGO_HINT_APPROX,
        )
    # The floor reaches to the wall: below the line where both meet.
    ground = _floor_seen(view, stage)
    mask = np.zeros((view.height, view.width), np.uint8)
    corners = _floor_corners(view, stage.wall_at)
    cv2.fillPoly(mask, [corners], 255)
    cv2.copyTo(ground, mask, canvas.image)


def _floor_corners(view: View, wall_at: float) -> NDArray[np.int32]:
    pixels, depth = view.project(np.array([(-60.0, wall_at, 0.0), (60.0, wall_at, 0.0)]))
    low = 4 * view.height
    if depth.min() <= 0.1:
        return np.array([[0, 0], [view.width, 0], [view.width, low], [0, low]], np.int32)
    pixels = np.clip(pixels, -20000, 20000)
    (ax, ay), (bx, by) = pixels
    return np.rint([(ax, ay), (bx, by), (bx, max(by, 0) + low), (ax, max(ay, 0) + low)]).astype(
        np.int32
    )


def _floor_seen(view: View, stage: Stage) -> Image:
    """The floor's texture laid out on the plane z = 0, mirrored where it ends."""
    texels = stage.floor.shape[0] / stage.floor_scale
    # From pixels to the floor: the homography of the plane, inverted by OpenCV's flag.
    columns = np.stack([view.turn[:, 0], view.turn[:, 1], -view.turn @ view.place], axis=1)
    lens = np.array([[view.focal, 0, view.width / 2], [0, view.focal, view.height / 2], [0, 0, 1]])
    to_metres = np.diag([1 / texels, 1 / texels, 1.0])
    matrix = lens @ columns @ to_metres
    return cv2.warpPerspective(
        stage.floor,
        matrix,
        (view.width, view.height),
        borderMode=cv2.BORDER_REFLECT_101,
        hint=cv2.ALGO_HINT_APPROX,
    )


def _paint_shadows(canvas: Canvas, stage: Stage) -> None:
    """Soft shadows on the floor, a quarter as fine as the picture."""
    view = canvas.view
    width, height = view.width // 4, view.height // 4
    mask = np.zeros((height, width), np.uint8)
    feet = [foot(each) for each in stage.things] + [block for block, _ in stage.rack]
    for block in feet:
        if block.z > 0.4:
            continue
        wide = block._replace(
            width=block.width + 0.1, depth=block.depth + 0.1, height=min(block.height, 1.2)
        )
        spots = shadow_of(wide, stage.sun)
        pixels, depth = view.project(np.column_stack([spots, np.zeros(len(spots))]))
        if depth.min() > 0.2 and np.abs(pixels).max() < 5000:
            cv2.fillConvexPoly(mask, np.rint(pixels / 4).astype(np.int32), 255)
    if not mask.any():
        return
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5)
    deep = 0.25 + 0.45 * min(1.0, stage.shine)
    gain = cv2.resize(255 - (soft * np.float32(deep)).astype(np.uint8), (view.width, view.height))
    cv2.multiply(canvas.image, cv2.merge([gain, gain, gain]), dst=canvas.image, scale=1 / 255)


def _sun(rng: Generator) -> Points:
    sun = np.array([rng.normal(0, 0.8), rng.normal(-0.4, 0.6), rng.uniform(0.5, 1.6)])
    return sun / np.linalg.norm(sun)


def _close_view(rng: Generator, size: tuple[int, int]) -> tuple[View, float]:
    """A camera that looks down at one spot two to five metres away."""
    away = float(rng.uniform(2.0, 5.5))
    pitch = float(rng.uniform(15, 55))
    height = max(0.8, away * float(np.sin(np.deg2rad(pitch))) + float(rng.uniform(-0.2, 0.6)))
    field = float(rng.uniform(40, 75))
    view = look(size, height=height, pitch=pitch, field=field, roll=float(rng.normal(0, 3)))
    return view, away * float(np.cos(np.deg2rad(pitch))) + 1.5


# ---------------------------------------------------------------- where things stand


def _place(
    rng: Generator,
    surfaces: Bank,
    view: View,
    things: list[Thing],
    *,
    reach: float,
    count: int,
    kind: str,
) -> None:
    """Things on the floor that do not stand in each other."""
    taken: list[tuple[float, float, float]] = []
    for _ in range(count):
        for _ in range(8):
            u = float(rng.uniform(0.02, 0.98)) * view.width
            v = float(rng.uniform(0.1, 1.0)) * view.height
            if kind == "close" and not taken:
                u = float(rng.uniform(0.3, 0.7)) * view.width
                v = float(rng.uniform(0.45, 0.8)) * view.height
            spot = view.floor_at(u, v)
            if spot is None or not 0.9 < spot[1] < reach:
                continue
            group = _any_group(rng, surfaces, spot, kind)
            block = foot(group[0])
            radius = max(0.3, *(float(np.hypot(foot(g).width, foot(g).depth)) / 2 for g in group))
            if block.y - radius < 0.7 or any(
                float(np.hypot(spot[0] - x, spot[1] - y)) < radius * 0.9 + r * 0.9
                for x, y, r in taken
            ):
                continue
            taken.append((*spot, radius))
            things.extend(group)
            break


def _any_group(rng: Generator, surfaces: Bank, spot: tuple[float, float], kind: str) -> list[Thing]:
    chance = rng.random()
    pallets, persons, lifts = (0.62, 0.7, 0.74) if kind == "close" else (0.34, 0.56, 0.68)
    if chance < pallets:
        return [any_pallet(rng, surfaces, *spot)]
    if chance < persons:
        return [any_person(rng, *spot)]
    if chance < lifts:
        return [any_forklift(rng, surfaces, *spot)]
    if rng.random() < 0.5:
        return [any_carton(rng, surfaces, *spot)]
    return list(any_stack(rng, surfaces, *spot))


def _shelve(
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


def _lay_on_table(
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


def _in_front(rng: Generator, canvas: Canvas, surfaces: Bank) -> None:
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


# ---------------------------------------------------------------- light


def _lit(rng: Generator, image: Image, world: World) -> Image:
    """The picture under this world's lamps: a map of gains an eighth as fine, then the colour."""
    height, width = image.shape[:2]
    rows, columns = max(4, height // 8), max(4, width // 8)
    light = (_LIGHTS["train"] if world == "train" else _LIGHTS["test"])(rng, rows, columns)
    tint = rng.uniform(0.88, 1.12, 3) * rng.uniform(0.75, 1.15)
    gains = np.clip(light * tint.astype(np.float32) * 128, 8, 255).astype(np.uint8)
    big = cv2.resize(gains, (width, height), interpolation=cv2.INTER_LINEAR)
    lit = cv2.multiply(image, big, scale=1 / 128)
    if rng.random() < 0.06:  # a camera at night
        grey = cv2.cvtColor(lit, cv2.COLOR_BGR2GRAY)
        lit = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.5:  # contrast and haze of the lens
        contrast = float(rng.uniform(0.65, 1.2))
        lit = cv2.convertScaleAbs(lit, alpha=contrast, beta=float(rng.uniform(0, 40)))
    return lit


def _train_light(rng: Generator, rows: int, columns: int) -> Any:
    """Lamps above: bright spots that fade, a slope across the hall, darker corners."""
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j].astype(np.float32)
    slope = rng.uniform(-0.4, 0.4, 2)
    light = 0.85 + slope[0] * (down - 0.5) + slope[1] * (across - 0.5)
    for _ in range(int(rng.integers(0, 3))):
        y, x = rng.uniform(-0.2, 1.2, 2)
        far = (down - y) ** 2 + (across - x) ** 2
        light = light + rng.uniform(-0.3, 0.6) * np.exp(-far / rng.uniform(0.02, 0.4))
    if rng.random() < 0.4:
        light = light * (1.1 - rng.uniform(0, 0.7) * ((down - 0.5) ** 2 + (across - 0.5) ** 2))
    if rng.random() < 0.4:  # the shadows of beams, doors and vehicles out of sight: hard-edged
        for _ in range(int(rng.integers(1, 4))):
            (y, x), turn = rng.uniform(0, 1, 2), rng.uniform(0, np.pi)
            side = (across - x) * np.cos(turn) + (down - y) * np.sin(turn)
            shaded = (side > 0) & (side < rng.uniform(0.05, 0.9))
            light = light * np.where(shaded, np.float32(rng.uniform(0.4, 0.85)), np.float32(1))
    light = light[:, :, None]
    if rng.random() < 0.4:  # lamps of different kinds: another colour in each corner
        corners = rng.uniform(0.7, 1.3, (2, 2, 3)).astype(np.float32)
        light = light * cv2.resize(corners, (columns, rows))
    return light


def _test_light(rng: Generator, rows: int, columns: int) -> Any:
    """Sun through windows in stripes, coloured lamps at one side, a dusk that falls off."""
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j].astype(np.float32)
    kind = int(rng.integers(3))
    if kind == 0:
        slant = across * rng.uniform(0.5, 1) + down * rng.uniform(-1, 1)
        stripes = (np.sin(slant * rng.uniform(8, 30)) > rng.uniform(-0.3, 0.7)).astype(np.float32)
        light = (0.7 + rng.uniform(0.2, 0.6) * stripes)[:, :, None] * np.array([0.95, 1.0, 1.06])
    elif kind == 1:
        warm, cold = np.array([0.62, 0.95, 1.2]), np.array([1.2, 1.0, 0.8])
        share = 1 / (1 + np.exp(-(across - rng.uniform(0.2, 0.8)) * rng.uniform(-9, 9)))
        light = share[:, :, None] * warm + (1 - share[:, :, None]) * cold
    else:
        away = np.hypot(down - rng.uniform(0, 1), across - rng.uniform(0, 1))
        light = (1.35 / (1 + rng.uniform(0.8, 2.2) * away**2))[:, :, None]
    return light.astype(np.float32)


_LIGHTS: Final[dict[str, Callable[[Generator, int, int], Any]]] = {
    "train": _train_light,
    "test": _test_light,
}

__all__ = [
    "CLASSES", "Box", "Carton", "Forklift", "Pallet", "Person", "Scene", "Seen", "Stage",
    "any_stage", "as_seen", "boxes_of", "paint", "render", "within",
]  # fmt: skip
