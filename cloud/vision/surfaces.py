"""What rendered goods and shelves are made of, and what a camera of the floor makes of them."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.matter import Field, World
from cloud.vision.painting import through_jpeg
from cloud.vision.perspective import Picture
from cloud.vision.tiles import TILE
from cloud.vision.worlds import SHELVING

_CV: Final[Any] = cv2


def board(rng: Generator, world: World) -> Picture:
    """Plain cardboard, with its grain."""
    base = SHELVING[world].board(rng) * np.float32(rng.uniform(0.7, 1.0))
    return SHELVING[world].grained(rng, np.broadcast_to(base, (TILE, TILE, 3)), 0.1)


def printed(rng: Generator, world: World, *, on: Field | None = None) -> Picture:
    """A printed surface: a pattern in two colours, or of one colour on cardboard."""
    made = SHELVING[world]
    one = made.ink(rng, (0.1, 0.95)) if on is None else on
    other = made.ink(rng, (0.0, 0.9))
    share = made.patterns[rng.integers(len(made.patterns))](rng)[:, :, None]
    return made.grained(rng, one * (1 - share) + other * share, 0.05)


def metal(rng: Generator, world: World) -> Picture:
    """What racks and shelf boards are made of: painted steel, bare steel, chipboard."""
    made = SHELVING[world]
    if rng.random() < 0.5:
        base = made.steel(rng)
    elif rng.random() < 0.5:
        base = made.ink(rng, (0.4, 0.9))
    else:
        base = made.board(rng)
    return made.grained(rng, np.broadcast_to(base * np.float32(0.85), (TILE, TILE, 3)), 0.12)


def cloth(rng: Generator, world: World) -> Field:
    """One colour of clothes."""
    return SHELVING[world].ink(rng, (0.0, 0.9)) * np.float32(rng.uniform(0.25, 1.0))


def skin(rng: Generator) -> Field:
    """One colour of hands and faces, of all people."""
    light, dark = np.array([175, 200, 240]), np.array([35, 50, 80])
    share = rng.random()
    return np.asarray(light * share + dark * (1 - share), np.float32)


def photographed(rng: Generator, world: World, scene: Picture) -> Picture:
    """A scene in one of the world's lights, as a camera of the floor delivers it."""
    rows, columns = scene.shape[:2]
    lights = SHELVING[world].lights
    lit = scene * lights[rng.integers(len(lights))](rng, rows, columns)
    lit *= np.float32(np.exp(rng.uniform(-0.4, 0.5)))
    if rng.random() < 0.5:
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < 0.15:
        lit = _shaken(rng, lit)
    lit = lit + SHELVING[world].noise(rng, lit)
    gamma = rng.uniform(0.85, 1.15)
    seen = (np.clip(lit / 255, 0, 1) ** np.float32(gamma) * 255).astype(np.uint8)
    quality = int(rng.integers(50, 95))
    return np.asarray(through_jpeg(seen, quality), np.uint8)


def _shaken(rng: Generator, lit: Any) -> Any:
    length = int(rng.integers(2, 5))
    aslant = rng.random() < 0.5
    kernel: Field = np.eye(length, dtype=np.float32) if aslant else np.ones((1, length), np.float32)
    return _CV.filter2D(lit, -1, kernel / float(kernel.sum()))
