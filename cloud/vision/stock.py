"""Goods in a shelf slot, piece by piece: boxes, totes, bottles, bags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.perspective import Eye, Picture, put
from cloud.vision.slots import Good, Slot
from cloud.vision.tiles import TILE

_Room = tuple[tuple[float, float, float], tuple[float, float, float], float]


def put_goods(
    rng: Generator,
    slot: Slot,
    seen: Eye,
    canvas: Picture,
    places: list[tuple[int, int, int]],
) -> None:
    """Draw pieces at places of the slot's grid, from back to front."""
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
