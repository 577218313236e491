"""Forklifts in rendered scenes: blocks, wheels, and perhaps who drives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from cloud.vision.marks import Mark, mark_of, next_owner, plain_block, united
from cloud.vision.painting import Block, Canvas
from cloud.vision.people import Person, any_person, draw_person
from cloud.vision.textures import Bank, Texture


class Forklift(NamedTuple):
    """A forklift: the middle of its foot, where it heads, its colour, perhaps a driver."""

    block: Block
    body: Texture
    dark: Texture
    lifted: float
    driver: Person | None
    guard: bool


def draw_forklift(canvas: Canvas, lift: Forklift, marks: list[Mark], shine: float) -> None:
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
            if draw_person(canvas, seated, marks, seat[2] - 0.2) is not None:
                driver = marks[-1].last
        elif block is not None:
            boxes.append(plain_block(canvas, block, (texture, texture), owner=owner, shine=shine))
    boxes = [box for box in boxes if box is not None]
    if len(boxes) < len(parts) // 2:
        del marks[at]
        return
    marks[at] = mark_of(canvas, "forklift", range(owner, (driver or owner) + 1), united(boxes))


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
