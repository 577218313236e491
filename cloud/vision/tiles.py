"""What tiles of shelf surfaces are made with: size, one colour, smooth fields, grain and tint."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.matter import Field

TILE: Final = 48
"""Pixels of a surface's side before it is seen in perspective."""


def clouds(rng: Generator, rows: int, columns: int, cells: int) -> Field:
    """A smooth random field between 0 and 1, with about so many bumps across."""
    coarse = rng.random((max(cells * rows // columns, 2), max(cells, 2)), dtype=np.float32)
    smooth: Any = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth, 0, 1)


def colour(rng: Generator, hue: tuple[float, float], strong: tuple[float, float]) -> Field:
    """A random colour: hue in degrees, from grey (0) to strong (1), not too dark."""
    hsv = np.array(
        [[[rng.uniform(*hue) % 360 / 2, 255 * rng.uniform(*strong), rng.uniform(90, 245)]]]
    )
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR), np.float32)[0, 0]


def grained(rng: Generator, surface: Any, depth: float) -> NDArray[np.uint8]:
    """A surface with grain, as deep as is said (0 to 1)."""
    grain = 1 + depth * (clouds(rng, TILE, TILE, int(rng.integers(3, 14))) - 0.5)
    fine = rng.normal(0, 255 * depth / 8, (TILE, TILE)).astype(np.float32)
    return np.clip(surface * grain[:, :, None] + fine[:, :, None], 0, 255).astype(np.uint8)


def tinted(rng: Generator, field: Field, strength: float) -> Field:
    """A field of light with a colour of its own, so far from white at most."""
    tint = 1 + rng.uniform(-strength, strength, 3)
    return field[:, :, None] * tint.astype(np.float32)
