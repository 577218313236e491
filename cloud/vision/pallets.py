"""Pallets in rendered scenes, with their load and the film around it; the box holds all of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from cloud.vision.cartons import Carton, any_labels, any_look, draw_carton
from cloud.vision.marks import Mark, mark_of, next_owner, plain_block, united
from cloud.vision.painting import Block, Canvas
from cloud.vision.textures import Bank, Texture


class Pallet(NamedTuple):
    """A pallet with what stands on it, perhaps wrapped in film of some ``haze``."""

    base: Block
    side: Texture
    deck: Texture
    gain: float
    load: tuple[Carton, ...] = ()
    film: Texture | None = None
    haze: float = 0.0


def draw_pallet(canvas: Canvas, pallet: Pallet, marks: list[Mark], shine: float) -> None:
    """Paint a pallet, what stands on it, and the film around that."""
    owner = next_owner(marks)
    box = plain_block(
        canvas, pallet.base, (pallet.side, pallet.deck), owner=owner, shine=shine, gain=pallet.gain
    )
    if box is None:
        return
    at = len(marks)
    marks.append(Mark("pallet", owner, owner, box, 0, 0.0))
    boxes = [box]
    for carton in far_to_near(canvas, pallet.load):
        found = draw_carton(canvas, carton, marks, shine, pallet.haze)
        if found is not None:
            boxes.append(found)
    if pallet.film is not None and pallet.load:
        _wrap(canvas, pallet, shine)
    whole = united(boxes)
    marks[at] = mark_of(canvas, "pallet", range(owner, next_owner(marks)), whole)


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
