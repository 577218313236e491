"""Shelves and cartons from close by in the world ``test``: print, light, noise."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.matter import Field, Shelving
from cloud.vision.tiles import TILE, colour, grained, tinted

_CV: Final[Any] = cv2

# Patterns: each returns a tile of shares between 0 (one colour) and 1 (the other).


def _dots(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    step, size = int(rng.integers(8, 16)), int(rng.integers(2, 5))
    for x in range(step // 2, TILE, step):
        for y in range(step // 2, TILE, step):
            cv2.circle(tile, (x, y), size, 1.0, -1, cv2.LINE_AA)
    return tile


def _slants(rng: Generator) -> Field:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32)
    along = x * rng.uniform(0.5, 1.5) + y * rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.5)
    return np.asarray(0.5 + 0.5 * np.sin(along * rng.uniform(0.15, 0.6)), np.float32)


def _writing(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    for row in range(int(rng.integers(5, 12)), TILE - 4, int(rng.integers(5, 9))):
        x = int(rng.integers(3, 10))
        while x < TILE - 6:
            wide = int(rng.integers(2, 7))
            tile[row : row + 3, x : x + wide] = 1.0
            x += wide + int(rng.integers(1, 4))
    return tile


def _emblem(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    x, y = rng.integers(14, TILE - 14, 2)
    axes = (int(rng.integers(6, 16)), int(rng.integers(5, 14)))
    cv2.ellipse(tile, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA)
    return tile


def _fade(rng: Generator) -> Field:
    ramp = np.linspace(0, 1, TILE, dtype=np.float32) ** np.float32(rng.uniform(0.6, 2))
    tile = np.repeat(ramp[:, None], TILE, axis=1)
    return tile if rng.random() < 0.5 else np.ascontiguousarray(tile[::-1].T)


# Light: each returns what every pixel is multiplied with, by colour.


def _sun_patch(rng: Generator, rows: int, columns: int) -> Field:
    field = np.full((rows, columns), rng.uniform(0.45, 0.8), np.float32)
    low = rng.uniform(-0.2, 0.7, 2) * (columns, rows)
    wide, high = rng.uniform(0.2, 0.8, 2) * (columns, rows)
    lean = rng.uniform(-0.4, 0.4) * columns
    corners = [(0, 0), (wide, 0), (wide + lean, high), (lean, high)]
    patch = np.rint(np.array(corners) + low).astype(np.int32)
    cv2.fillConvexPoly(field, patch, float(rng.uniform(1.2, 1.6)), cv2.LINE_AA)
    return tinted(rng, field, 0.1)


def _lamp(rng: Generator, rows: int, columns: int) -> Field:
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    cx, cy = rng.uniform(0, 1, 2) * (columns, rows)
    far = ((x - cx) / columns) ** 2 + ((y - cy) / rows) ** 2
    field = 0.35 + 1.1 / (1 + far * rng.uniform(2, 8))
    return tinted(rng, np.asarray(field, np.float32), 0.2)


def _sodium(rng: Generator, rows: int, columns: int) -> Field:
    field = np.full((rows, columns), rng.uniform(0.5, 0.9), np.float32)
    return field[:, :, None] * np.array([rng.uniform(0.35, 0.7), 0.85, 1.15], np.float32)


def _two_lights(rng: Generator, rows: int, columns: int) -> Field:
    share = np.linspace(0, 1, columns, dtype=np.float32)[None, :, None] ** np.float32(
        rng.uniform(0.5, 2)
    )
    warm, cool = np.array([0.75, 0.95, 1.15]), np.array([1.2, 1.0, 0.8])
    field = (warm * share + cool * (1 - share)) * rng.uniform(0.7, 1.1)
    return np.repeat(field, rows, axis=0).astype(np.float32)


def _noise(rng: Generator, lit: Any) -> Field:
    """In grains of two pixels, the stronger the lighter it is."""
    rows, columns = int(lit.shape[0]), int(lit.shape[1])
    coarse = rng.normal(0, 1, (rows // 2 + 1, columns // 2 + 1, 3)).astype(np.float32)
    grown: Field = _CV.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
    grows: Field = np.sqrt(np.maximum(lit, 1))
    return grown * grows * np.float32(rng.uniform(0.1, 0.9))


_HUES: Final[tuple[tuple[float, float], ...]] = (
    (25, 50),
    (90, 130),
    (170, 215),
    (255, 300),
    (330, 360),
)


def _ink(rng: Generator, strong: tuple[float, float]) -> Field:
    return colour(rng, _HUES[rng.integers(len(_HUES))], strong)


def _board(rng: Generator) -> Field:
    return colour(rng, (15, 38), (0.15, 0.6))


def _steel(rng: Generator) -> Field:
    return colour(rng, (0, 360), (0.0, 0.12))


SHELVING: Final = Shelving(
    patterns=(_dots, _slants, _writing, _emblem, _fade),
    ink=_ink,
    board=_board,
    steel=_steel,
    grained=grained,
    lights=(_sun_patch, _lamp, _sodium, _two_lights),
    noise=_noise,
)
