"""Shelves and cartons from close by in the world ``fresh``: print, light, noise.

The rules of ``scenery_fresh.py`` hold here, too.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.grounds_fresh import (
    Tone,
    burst,
    cells,
    lattice,
    quarter_arcs,
    seams,
    spectral,
    toned,
)
from cloud.vision.light_fresh import LIGHTS
from cloud.vision.matter import Field, Shelving

_TILE: Final = 48
_KRAFT: Final = Tone((46, 78), (14, 34), (62, 82))


def _rays(rng: Generator) -> Field:
    return burst(rng, _TILE).astype(np.float32)


def _loops(rng: Generator) -> Field:
    return quarter_arcs(rng, _TILE, int(rng.integers(8, 20))).astype(np.float32)


def _combs(rng: Generator) -> Field:
    part = lattice(_TILE, rng.uniform(5, 14))
    return (part % 5 / 4).astype(np.float32)


def _crackle(rng: Generator) -> Field:
    nearest, _ = cells(rng, _TILE, int(rng.integers(6, 30)))
    return seams(nearest).astype(np.float32)


def _rings(rng: Generator) -> Field:
    """A brand: open arcs around one middle."""
    tile = np.zeros((_TILE, _TILE), np.float32)
    middle = (int(rng.integers(14, 34)), int(rng.integers(14, 34)))
    for radius in range(5, int(rng.integers(8, 20)), 5):
        turn, around = float(rng.uniform(0, 360)), float(rng.uniform(150, 330))
        cv2.ellipse(tile, middle, (radius, radius), turn, 0, around, 1.0, 2, cv2.LINE_AA)
    return tile


def _ink(rng: Generator, strong: tuple[float, float]) -> Field:
    return toned(rng, Tone((34, 92), (80 * strong[0], 80 * strong[1])))


def _board(rng: Generator) -> Field:
    return toned(rng, _KRAFT)


def _steel(rng: Generator) -> Field:
    return toned(rng, Tone((38, 88), (0, 7)))


def _grained(rng: Generator, surface: Any, depth: float) -> NDArray[np.uint8]:
    grain = spectral(rng, (_TILE, _TILE), rng.uniform(0.5, 1.3), (1.0, rng.uniform(0.2, 1.0)))
    return np.clip(surface * (1 + depth / 3 * grain)[:, :, None], 0, 255).astype(np.uint8)


def _noise(rng: Generator, lit: Any) -> Field:
    """Photons as they are counted, and rows that are read out a little too light or too dark."""
    gain = float(rng.uniform(0.3, 6))
    light = np.clip(lit, 0, 400)
    counted = np.asarray(rng.poisson(light * gain), np.float64) / gain - light
    rows = rng.normal(0, rng.uniform(0, 1.5), (int(lit.shape[0]), 1, 1))
    return (counted + rows).astype(np.float32)


SHELVING: Final = Shelving(
    patterns=(_rays, _loops, _combs, _crackle, _rings),
    ink=_ink,
    board=_board,
    steel=_steel,
    grained=_grained,
    lights=LIGHTS,
    noise=_noise,
)
