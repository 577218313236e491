"""What stands in a rendered warehouse: cartons, pallets, labels, persons, forklifts, racks.

Each is a record of where and how it is, so that a clip can move it; ``draw`` paints one and notes
what belongs to it. A pallet's box holds what stands on it; a label's box lies on its carton.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import cv2 as _cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.painting import Block, Canvas, Points, Side
from cloud.vision.textures import Bank, Texture

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place

Seen = Literal["carton", "pallet", "person", "forklift", "label"]

CLASSES: Final[tuple[Seen, ...]] = ("carton", "pallet", "person", "forklift", "label")

_SKIN: Final = ((140, 175, 225), (110, 145, 200), (70, 100, 150), (45, 65, 100), (160, 190, 235))


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


class Look(NamedTuple):
    """How a carton is printed: its sides, its top, and how light and wide-edged it is."""

    sides: tuple[Texture, Texture]
    top: Texture
    gain: tuple[float, float, float]
    edge: float
    dark_edge: bool


class Label(NamedTuple):
    """A label on a carton's side: where its middle is and its size, as fractions of the side."""

    side: int
    at: tuple[float, float]
    size: tuple[float, float]
    texture: Texture


class Carton(NamedTuple):
    """A carton, perhaps with labels."""

    block: Block
    look: Look
    labels: tuple[Label, ...] = ()


class Pallet(NamedTuple):
    """A pallet with what stands on it, perhaps wrapped in film of some ``haze``."""

    base: Block
    side: Texture
    deck: Texture
    gain: float
    load: tuple[Carton, ...] = ()
    film: Texture | None = None
    haze: float = 0.0


class Person(NamedTuple):
    """Somebody who stands or walks: feet, height, colours, and how far the legs are apart."""

    x: float
    y: float
    height: float
    stride: float
    arms: float
    turn: float
    skin: tuple[int, int, int]
    clothes: tuple[Any, Any, Any]
    vest: bool
    helmet: bool


class Forklift(NamedTuple):
    """A forklift: the middle of its foot, where it heads, its colour, perhaps a driver."""

    block: Block
    body: Texture
    dark: Texture
    lifted: float
    driver: Person | None
    guard: bool


Thing = Carton | Pallet | Person | Forklift


def draw(canvas: Canvas, thing: Thing, marks: list[Mark], shine: float = 0.5) -> None:
    """Paint one thing, and note it and what belongs to it."""
    if isinstance(thing, Carton):
        _carton(canvas, thing, marks, shine, 0.0)
    elif isinstance(thing, Pallet):
        _pallet(canvas, thing, marks, shine)
    elif isinstance(thing, Person):
        _person(canvas, thing, marks, 0.0)
    else:
        _forklift(canvas, thing, marks, shine)


def next_owner(marks: list[Mark]) -> int:
    """The first number that no pixel has yet."""
    return 1 + max((mark.last for mark in marks), default=0)


def foot(thing: Thing) -> Block:
    """What a thing covers of the floor, and how high it is."""
    if isinstance(thing, Carton | Forklift):
        return thing.block
    if isinstance(thing, Pallet):
        tops = [c.block.z + c.block.height for c in thing.load]
        return thing.base._replace(height=max([thing.base.height, *tops]))
    return Block(thing.x, thing.y, 0, 0.5, 0.3, thing.height)


def _bounds(points: Points) -> tuple[float, float, float, float]:
    low, high = points.min(0), points.max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _united(boxes: list[tuple[float, float, float, float]]) -> Any:
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


def _mark(canvas: Canvas, seen: Seen, owners: range, box: Any, haze: float = 0.0) -> Mark:
    pixels = within(box, canvas.view.width, canvas.view.height)
    return Mark(seen, owners.start, owners.stop - 1, box, canvas.owned(pixels, owners), haze)


def _block(
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
    return _bounds(np.concatenate([each.pixels for each in sides])) if sides else None


def _carton(canvas: Canvas, carton: Carton, marks: list[Mark], shine: float, haze: float) -> Any:
    sides = canvas.sides(carton.block)
    if not sides:
        return None
    owner = next_owner(marks)
    look = carton.look
    line = (35.0, 40.0, 45.0) if look.dark_edge else (205.0, 215.0, 225.0)
    last = owner
    labels: list[Mark] = []
    for side in sides:
        light = canvas.shade(side, shine)
        gain = tuple(light * each for each in look.gain)
        texture = look.top if side.number == 4 else look.sides[side.number % 2]
        canvas.quad(side.pixels, texture, owner=owner, gain=gain)  # pyright: ignore[reportArgumentType]
        if look.edge > 0:
            canvas.edges(side.pixels, line, look.edge)
        for label in carton.labels:
            if label.side == side.number:
                last += 1
                box = _label(canvas, side, label, last, light)
                labels.append(_mark(canvas, "label", range(last, last + 1), box, haze))
    box = _bounds(np.concatenate([side.pixels for side in sides]))
    marks.append(_mark(canvas, "carton", range(owner, last + 1), box, haze))
    marks.extend(labels)
    return box


def _label(canvas: Canvas, side: Side, label: Label, owner: int, light: float) -> Any:
    (u, v), (w, h) = label.at, label.size
    a, b, _, d = side.corners
    spots = [(u - w / 2, v - h / 2), (u + w / 2, v - h / 2), (u + w / 2, v + h / 2)]
    spots.append((u - w / 2, v + h / 2))
    points = np.array([a + s * (b - a) + t * (d - a) for s, t in spots])
    pixels, _ = canvas.view.project(points)
    canvas.quad(pixels, label.texture, owner=owner, gain=float(min(1.15, light)))
    return _bounds(pixels)


def _pallet(canvas: Canvas, pallet: Pallet, marks: list[Mark], shine: float) -> None:
    owner = next_owner(marks)
    box = _block(
        canvas, pallet.base, (pallet.side, pallet.deck), owner=owner, shine=shine, gain=pallet.gain
    )
    if box is None:
        return
    at = len(marks)
    marks.append(Mark("pallet", owner, owner, box, 0, 0.0))
    boxes = [box]
    for carton in far_to_near(canvas, pallet.load):
        found = _carton(canvas, carton, marks, shine, pallet.haze)
        if found is not None:
            boxes.append(found)
    if pallet.film is not None and pallet.load:
        _wrap(canvas, pallet, shine)
    whole = _united(boxes)
    marks[at] = _mark(canvas, "pallet", range(owner, next_owner(marks)), whole)


def far_to_near(canvas: Canvas, cartons: tuple[Carton, ...]) -> list[Carton]:
    """Columns from far to near, each from the foot up."""
    x, y = float(canvas.view.place[0]), float(canvas.view.place[1])
    return sorted(
        cartons,
        key=lambda each: (
            -round(float(np.hypot(each.block.x - x, each.block.y - y)), 2),
            each.block.z,
        ),
    )


def _wrap(canvas: Canvas, pallet: Pallet, shine: float) -> None:
    """Film around the whole load, as a block a little larger than it."""
    film = pallet.film
    spots = np.concatenate([each.block.corners() for each in pallet.load])
    c, s = float(np.cos(-pallet.base.yaw)), float(np.sin(-pallet.base.yaw))
    flat = (spots[:, :2] - (pallet.base.x, pallet.base.y)) @ np.array([[c, s], [-s, c]])
    low, high = flat.min(0), flat.max(0)
    middle = (low + high) / 2
    bottom, top = float(spots[:, 2].min()), float(spots[:, 2].max())
    x, y, _ = pallet.base.on(float(middle[0]), float(middle[1]), 0)
    width, depth = (float(v) for v in high - low + 0.02)
    around = Block(x, y, bottom - 0.06, width, depth, top - bottom + 0.07, pallet.base.yaw)
    for side in canvas.sides(around):
        if film is not None and (side.number != 4 or pallet.haze > 0.5):
            gain = float(canvas.shade(side, shine))
            canvas.quad(side.pixels, film, owner=0, gain=gain, cover=pallet.haze)


def _person(
    canvas: Canvas, person: Person, marks: list[Mark], lifted: float, share: int = 0
) -> Any:
    """A figure of limbs, painted flat, as tall as it stands there."""
    points = np.array([(person.x, person.y, lifted), (person.x, person.y, lifted + person.height)])
    (ground, crown), depth = canvas.view.project(points)
    if depth.min() < 0.8:
        return None
    owner = share or next_owner(marks)
    up = (crown - ground) / 8.0  # eight heads
    tall = float(np.hypot(up[0], up[1]))
    if tall < 0.8 or tall > 250:
        return None
    right = np.array([-up[1], up[0]])
    # Seen from above, limbs are shorter while the width stays.
    width = max(tall, canvas.view.focal / float(depth.mean()) * person.height / 8.0 * 0.9)
    right = right / tall * width
    trousers, shirt, extra = person.clothes
    spots: list[Points] = []

    def limb(a: Any, b: Any, wide: float, thin: float, colour: Any) -> None:
        way = b - a
        across = np.array([-way[1], way[0]]) / (float(np.hypot(way[0], way[1])) + 1e-6) * width
        corners = np.array(
            [a + across * wide, b + across * thin, b - across * thin, a - across * wide]
        )
        spots.append(corners)
        canvas.polygon(corners, colour, owner=owner)

    hip, neck = ground + up * 4.0, ground + up * 6.7
    slim = 0.55 + 0.45 * abs(float(np.cos(person.turn)))
    for lean in (-1, 1):
        shoe = ground + right * (lean * (0.35 + person.stride))
        knee = ground + up * 2.1 + right * (lean * (0.35 + person.stride * 0.7))
        limb(hip + right * (lean * 0.4 * slim), knee, 0.42, 0.33, trousers)
        limb(knee, shoe, 0.33, 0.24, trousers)
        limb(shoe, shoe + right * 0.4 - up * 0.1, 0.2, 0.16, (30, 30, 35))
    for lean in (-1, 1):
        shoulder = neck + right * (lean * 0.85 * slim)
        elbow = shoulder - up * 1.4 + right * (lean * (0.25 + person.arms * 0.5))
        hand = elbow + up * (person.arms * 2.0 - 1.2) + right * (lean * person.arms * 0.3)
        limb(shoulder, elbow, 0.3, 0.26, shirt)
        limb(elbow, hand, 0.24, 0.18, person.skin if person.arms > 0.4 else shirt)
    torso = np.array(
        [
            neck - right * (0.85 * slim), neck + right * (0.85 * slim),
            hip + right * (0.72 * slim), hip - right * (0.72 * slim),
        ]
    )  # fmt: skip
    spots.append(torso)
    canvas.polygon(torso, extra if person.vest else shirt, owner=owner)
    if person.vest and tall > 3:
        for part in (0.35, 0.7):
            a, b = neck + (hip - neck) * part - right * 0.75 * slim, right * 1.5 * slim
            limb(a, a + b, 0.09, 0.09, (225, 230, 225))
    head = ground + up * 7.35
    axes = (width * 0.46, max(tall, width * 0.8) * 0.58)
    lean = float(np.degrees(np.arctan2(up[0], -up[1])))
    limb(neck - up * 0.1, head, 0.2, 0.2, person.skin)
    canvas.ellipse(head, axes, lean, person.skin, owner=owner)
    hair = head + up * 0.3
    colour = extra if person.helmet else (25, 35, 50)
    canvas.ellipse(hair, (axes[0] * 1.08, axes[1] * 0.62), lean, colour, owner=owner)
    spots.append(np.array([head - axes, head + axes, hair + up * 0.36 * (axes[1] / tall)]))
    box = _bounds(np.concatenate(spots))
    if not share:
        marks.append(_mark(canvas, "person", range(owner, owner + 1), box))
    return box


def _forklift(canvas: Canvas, lift: Forklift, marks: list[Mark], shine: float) -> None:
    """Body, counterweight, mast, forks, guard, wheels, and perhaps who drives it."""
    whole = lift.block
    owner = next_owner(marks)
    parts = _parts(lift)
    camera = canvas.view.place
    seat = whole.on(0, whole.depth * 0.12, 0.5)
    order: list[tuple[float, Block | None, Texture]] = [
        (float(np.hypot(b.x - camera[0], b.y - camera[1])) - b.z * 0.05, b, texture)
        for b, texture in parts
    ]
    if lift.driver is not None:
        away = float(np.hypot(seat[0] - camera[0], seat[1] - camera[1])) - 0.05
        order.append((away, None, lift.body))
    boxes: list[Any] = []
    at = len(marks)
    marks.append(Mark("forklift", owner, owner, (0, 0, 0, 0), 0, 0.0))
    driver = 0
    for _, block, texture in sorted(order, key=lambda each: -each[0]):
        if block is None and lift.driver is not None:
            seated = lift.driver._replace(x=seat[0], y=seat[1], height=1.35)
            if _person(canvas, seated, marks, seat[2] - 0.2) is not None:
                driver = marks[-1].last
        elif block is not None:
            boxes.append(_block(canvas, block, (texture, texture), owner=owner, shine=shine))
    boxes = [box for box in boxes if box is not None]
    if len(boxes) < len(parts) // 2:
        del marks[at]
        return
    marks[at] = _mark(canvas, "forklift", range(owner, (driver or owner) + 1), _united(boxes))


def _parts(lift: Forklift) -> list[tuple[Block, Texture]]:
    """The blocks of a forklift. Its forks point to the near end of its own block."""
    whole = lift.block
    w, d, h = whole.width, whole.depth, whole.height
    front, up = -d / 2, lift.lifted
    fork, post = (0.12, d * 0.26, 0.06), (0.07, 0.07, h * 0.86 - 0.6)
    body = [
        ((0.0, d * 0.30, 0.12), (w, d * 0.32, 0.95)),
        ((0.0, d * 0.02, 0.12), (w * 0.95, d * 0.34, 0.5)),
    ]
    dark = [
        ((-w * 0.30, front + d * 0.30, 0.1), (0.1, 0.12, h * 0.98)),
        ((w * 0.30, front + d * 0.30, 0.1), (0.1, 0.12, h * 0.98)),
        ((0.0, front + d * 0.27, 0.15 + up), (w * 0.9, 0.07, 0.4)),
        ((-w * 0.25, front + d * 0.12, 0.08 + up), fork),
        ((w * 0.25, front + d * 0.12, 0.08 + up), fork),
    ]
    dark += [
        ((across * w, along * d, 0.0), (0.16, 0.5, 0.5))  # wheels
        for across in (-0.46, 0.46)
        for along in (-0.1, 0.32)
    ]
    if lift.guard:
        dark += [
            ((across * w, along * d, 0.6), post)
            for across in (-0.42, 0.42)
            for along in (-0.12, 0.3)
        ]
        dark.append(((0.0, d * 0.09, h * 0.86), (w * 0.92, d * 0.46, 0.08)))
    return [
        (Block(*whole.on(*at), *size, whole.yaw), texture)
        for group, texture in ((body, lift.body), (dark, lift.dark))
        for at, size in group
    ]


# ---------------------------------------------------------------- how things may look


def any_look(rng: Generator, bank: Bank) -> Look:
    """A kind of carton."""
    sides = bank.cartons[int(rng.integers(len(bank.cartons)))]
    other = sides if rng.random() < 0.6 else bank.cartons[int(rng.integers(len(bank.cartons)))]
    kind = rng.random()
    tops = bank.carton_tops
    top = tops[int(rng.integers(len(tops)))] if kind < 0.45 else sides
    light = rng.uniform(0.75, 1.15)
    gain = tuple(float(light * each) for each in rng.uniform(0.93, 1.07, 3))
    edge = float(rng.choice([0.0, rng.uniform(0.2, 0.6), rng.uniform(0.6, 1.0)]))
    return Look((sides, other), top, gain, edge, bool(rng.random() < 0.7))  # pyright: ignore[reportArgumentType]


def any_labels(rng: Generator, bank: Bank, block: Block, chance: float) -> tuple[Label, ...]:
    """No label mostly, sometimes one or two, of 8 to 32 centimetres."""
    labels: list[Label] = []
    for side in range(5):
        if rng.random() > chance:
            continue
        wide = block.depth if side in {1, 3} else block.width
        high = block.depth if side == 4 else block.height
        w, h = rng.uniform(0.09, 0.32), rng.uniform(0.08, 0.24)
        w, h = min(0.75, w / wide), min(0.75, h / high)
        u = rng.uniform(w / 2 + 0.04, 0.96 - w / 2)
        v = rng.uniform(h / 2 + 0.04, 0.96 - h / 2)
        texture = bank.labels[int(rng.integers(len(bank.labels)))]
        labels.append(Label(side, (float(u), float(v)), (float(w), float(h)), texture))
    return tuple(labels)


def any_carton(rng: Generator, bank: Bank, x: float, y: float, z: float = 0.0) -> Carton:
    """A carton of 20 to 80 centimetres."""
    width, depth = rng.uniform(0.22, 0.8, 2)
    height = float(rng.uniform(0.15, 0.7))
    block = Block(x, y, z, float(width), float(depth), height, float(rng.uniform(-3.2, 3.2)))
    return Carton(block, any_look(rng, bank), any_labels(rng, bank, block, 0.2))


def any_stack(rng: Generator, bank: Bank, x: float, y: float) -> list[Carton]:
    """Two to four cartons on each other, none quite like the one below."""
    foot = any_carton(rng, bank, x, y)
    stack = [foot]
    for _ in range(int(rng.integers(1, 4))):
        below = stack[-1].block
        same = rng.random() < 0.5
        shrink = 1.0 if same else rng.uniform(0.7, 1.0)
        block = below._replace(
            x=below.x + float(rng.uniform(-0.04, 0.04)),
            y=below.y + float(rng.uniform(-0.04, 0.04)),
            z=below.z + below.height,
            width=below.width * float(shrink),
            depth=below.depth * float(shrink),
            height=below.height if same else float(rng.uniform(0.15, 0.5)),
            yaw=below.yaw + float(rng.uniform(-0.2, 0.2)),
        )
        look = foot.look if rng.random() < 0.5 else any_look(rng, bank)
        stack.append(Carton(block, look, any_labels(rng, bank, block, 0.2)))
    return stack


def any_pallet(rng: Generator, bank: Bank, x: float, y: float) -> Pallet:
    """A pallet: empty, part full, full, or full and wrapped."""
    width, depth = [(1.2, 0.8), (1.2, 1.0), (0.8, 0.6), (1.1, 1.1)][int(rng.integers(4))]
    yaw = float(rng.normal(0, 0.35) if rng.random() < 0.5 else rng.uniform(-3.2, 3.2))
    base = Block(x, y, 0.0, width, depth, float(rng.uniform(0.12, 0.17)), yaw)
    side = bank.wood_sides[int(rng.integers(len(bank.wood_sides)))]
    deck = bank.wood_tops[int(rng.integers(len(bank.wood_tops)))]
    pallet = Pallet(base, side, deck, float(rng.uniform(0.75, 1.15)))
    kind = rng.random()
    if kind < 0.12:
        return pallet
    load = _load(rng, bank, base, full=kind > 0.4)
    if kind < 0.6:
        return pallet._replace(load=load)
    film = bank.films[int(rng.integers(len(bank.films)))]
    haze = float(rng.choice([rng.uniform(0.1, 0.3), rng.uniform(0.62, 0.95)]))
    return pallet._replace(load=load, film=film, haze=haze)


def _load(rng: Generator, bank: Bank, base: Block, *, full: bool) -> tuple[Carton, ...]:
    """Layers of a grid of like cartons, or a few that differ."""
    columns = int(rng.integers(1, 1 + int(base.width / 0.38)))
    rows = int(rng.integers(1, 1 + int(base.depth / 0.38)))
    height = float(rng.uniform(0.2, 0.55))
    most = max(1, int(rng.uniform(0.4, 1.9) / height))
    layers = min(most, int(rng.integers(1, 6)))
    while columns * rows * layers > 36:
        layers -= 1
    look, mixed = any_look(rng, bank), rng.random() < 0.35
    fill = rng.uniform(0.86, 1.0)
    width, depth = base.width * fill / columns, base.depth * fill / rows
    gap = rng.uniform(0.004, 0.03)
    chance = float(rng.choice([0.0, 0.15, 0.5]))
    label = any_labels(rng, bank, Block(0, 0, 0, width, depth, height), 0.45)
    cartons: list[Carton] = []
    for column in range(columns):
        for row in range(rows):
            if not full and rng.random() < 0.4:
                continue
            up = layers if full and rng.random() < 0.85 else int(rng.integers(1, layers + 1))
            z = base.height
            for _ in range(up):
                across = (column + 0.5 - columns / 2) * width + rng.uniform(-1, 1) * gap * 0.4
                along = (row + 0.5 - rows / 2) * depth + rng.uniform(-1, 1) * gap * 0.4
                at = base.on(float(across), float(along), 0)
                high = height * (float(rng.uniform(0.6, 1.2)) if mixed else 1.0)
                block = Block(at[0], at[1], z, width - gap, depth - gap, high - 0.004, base.yaw)
                shown = look if not mixed or rng.random() < 0.4 else any_look(rng, bank)
                light = float(rng.uniform(0.95, 1.05))
                shown = shown._replace(gain=tuple(each * light for each in shown.gain))  # pyright: ignore[reportArgumentType]
                marked = label if chance and not mixed and rng.random() < chance * 2 else ()
                cartons.append(Carton(block, shown, marked))
                z += high
    return tuple(cartons)


def any_person(rng: Generator, x: float, y: float) -> Person:
    """Somebody, of whatever height, skin and clothes."""

    def cloth() -> tuple[float, float, float]:
        b, g, r = rng.uniform(15, 200, 3) if rng.random() < 0.6 else (rng.uniform(15, 110),) * 3
        return float(b), float(g), float(r)

    vest = bool(rng.random() < 0.6)
    bright: Any = ((40, 240, 220), (30, 130, 255), (60, 230, 120))[int(rng.integers(3))]
    base: tuple[int, int, int] = _SKIN[int(rng.integers(len(_SKIN)))]
    return Person(
        x, y, float(rng.uniform(1.5, 1.95)), float(rng.uniform(0.0, 0.7)),
        float(rng.uniform(0, 1)), float(rng.uniform(-1.6, 1.6)), base,
        (cloth(), cloth(), bright if vest else cloth()), vest, bool(rng.random() < 0.4),
    )  # fmt: skip


def any_forklift(rng: Generator, bank: Bank, x: float, y: float) -> Forklift:
    """A counterbalanced truck, any way round."""
    block = Block(
        x, y, 0.0, float(rng.uniform(0.95, 1.25)), float(rng.uniform(2.3, 3.2)),
        float(rng.uniform(2.0, 2.4)), float(rng.uniform(-3.2, 3.2)),
    )  # fmt: skip
    body = bank.metals[int(rng.integers(len(bank.metals)))]
    dark = Texture(tuple(np.full_like(mip, int(rng.integers(20, 75))) for mip in body.mips))
    driver = any_person(rng, x, y) if rng.random() < 0.6 else None
    lifted = float(rng.choice([0.0, rng.uniform(0, 1.2)]))
    return Forklift(block, body, dark, lifted, driver, bool(rng.random() < 0.85))


def shadow_of(block: Block, sun: Points) -> Points:
    """The corners of a block's shadow on the floor (n, 2): its foot and its top, laid down."""
    corners = block.corners()
    reach = corners[:, 2] / max(0.35, float(sun[2]))
    flat = corners[:, :2] - sun[:2] * reach[:, None]
    return cv2.convexHull(flat.astype(np.float32))[:, 0].astype(np.float64)
