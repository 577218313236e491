"""Shelves and cartons from close by in the world that is learnt from: print, light, noise."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.matter import Field, Shelving
from cloud.vision.tiles import TILE, clouds, colour, grained, tinted

# Patterns: each returns a tile of shares between 0 (one colour) and 1 (the other).


def _bands(rng: Generator) -> Field:
    across = np.arange(TILE, dtype=np.float32)
    wave = (across % rng.integers(8, 30) < rng.integers(2, 10)).astype(np.float32)
    tile = np.repeat(wave[None, :], TILE, axis=0)
    return tile if rng.random() < 0.5 else np.ascontiguousarray(tile.T)


def _blocks(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.integers(0, TILE - 8, 2)
        w, h = rng.integers(5, TILE // 2, 2)
        tile[y : y + h, x : x + w] = rng.uniform(0.3, 1)
    return tile


def _speckle(rng: Generator) -> Field:
    return (rng.random((TILE, TILE)) < 0.25).astype(np.float32) * np.float32(0.6)


def _frame(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    edge = int(rng.integers(3, 10))
    cv2.rectangle(tile, (edge, edge), (TILE - edge, TILE - edge), 1.0, int(rng.integers(1, 5)))
    return tile


def _plain(rng: Generator) -> Field:
    return np.full((TILE, TILE), rng.uniform(0, 0.2), np.float32)


# Light: each returns what every pixel is multiplied with, by colour.


def _even(rng: Generator, rows: int, columns: int) -> Field:
    field = 1 + rng.uniform(0, 0.5) * (clouds(rng, rows, columns, 2) - 0.5)
    return tinted(rng, field, 0.08)


def _ramp(rng: Generator, rows: int, columns: int) -> Field:
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    along = (x / columns - 0.5) * np.cos(turn) + (y / rows - 0.5) * np.sin(turn)
    return tinted(rng, np.asarray(1 + rng.uniform(0.2, 1.0) * along, np.float32), 0.15)


def _tubes(rng: Generator, rows: int, columns: int) -> Field:
    y = np.arange(rows, dtype=np.float32)[:, None]
    bands = 1 + rng.uniform(0, 0.15) * np.sin(y * rng.uniform(0.05, 0.4) + rng.uniform(0, 6))
    return tinted(rng, np.repeat(bands, columns, axis=1).astype(np.float32), 0.25)


def _beam_shadow(rng: Generator, rows: int, columns: int) -> Field:
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    edge, soft = rng.uniform(0.1, 0.6), rng.uniform(0.02, 0.2)
    step = 1 / (1 + np.exp(-(y - edge) / soft))
    field = rng.uniform(0.3, 0.8) + (1.1 - rng.uniform(0.3, 0.8)) * step
    return tinted(rng, np.repeat(field, columns, axis=1).astype(np.float32), 0.12)


def _noise(rng: Generator, lit: Any) -> Field:
    """Of each pixel and colour by itself."""
    strength = float(rng.uniform(0.5, 8))
    return rng.normal(0, strength, (*lit.shape[:2], 3)).astype(np.float32)


_HUES: Final[tuple[tuple[float, float], ...]] = (
    (0, 25),
    (50, 90),
    (130, 170),
    (215, 255),
    (300, 330),
)


def _ink(rng: Generator, strong: tuple[float, float]) -> Field:
    return colour(rng, _HUES[rng.integers(len(_HUES))], strong)


def _board(rng: Generator) -> Field:
    return colour(rng, (22, 32), (0.25, 0.5))


def _steel(rng: Generator) -> Field:
    return colour(rng, (0, 360), (0.0, 0.12))


SHELVING: Final = Shelving(
    patterns=(_bands, _blocks, _speckle, _frame, _plain),
    ink=_ink,
    board=_board,
    steel=_steel,
    grained=grained,
    lights=(_even, _ramp, _tubes, _beam_shadow),
    noise=_noise,
)
