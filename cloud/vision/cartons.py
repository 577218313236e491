"""Cartons in rendered scenes: how they are printed and labelled, alone and in stacks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from cloud.vision.marks import Mark, bounds, mark_of, next_owner
from cloud.vision.painting import Block, Canvas, Side
from cloud.vision.textures import Bank, Texture


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


def draw_carton(
    canvas: Canvas, carton: Carton, marks: list[Mark], shine: float, haze: float
) -> Any:
    """Paint a carton with its labels; its box, or None where it is not seen."""
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
                labels.append(mark_of(canvas, "label", range(last, last + 1), box, haze))
    box = bounds(np.concatenate([side.pixels for side in sides]))
    marks.append(mark_of(canvas, "carton", range(owner, last + 1), box, haze))
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
    return bounds(pixels)


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
