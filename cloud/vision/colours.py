"""What the surfaces of rendered scenes are mixed from: one colour, and cloudy noise."""

from __future__ import annotations

from typing import Any, Final

import cv2 as _cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place
Image = NDArray[np.uint8]
SIZE: Final = 96


def octaves(rng: Generator, size: int, coarsest: int, *, roughness: float = 0.5) -> Any:
    """Cloudy noise around 0, about -1 to 1: ever finer grids, ever weaker."""
    total = np.zeros((size, size), np.float32)
    weight, grid = 1.0, coarsest
    while grid <= size:
        cells = rng.standard_normal((grid, grid), dtype=np.float32)
        total += weight * cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC)
        weight, grid = weight * roughness, grid * 2
    return total * np.float32(0.6)


def hued(rng: Generator, hue: tuple[float, float], sat: Any, value: Any) -> Any:
    """A BGR colour from ranges: hue in degrees, saturation and value in 0..1."""
    hsv = np.array(
        [[[rng.uniform(*hue) / 2 % 180, 255 * rng.uniform(*sat), 255 * rng.uniform(*value)]]]
    )
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def flat(colour: Any, size: int = SIZE) -> Any:
    """One colour all over."""
    return np.full((size, size, 3), colour, np.float32)


def whole(picture: Any) -> Image:
    """A picture in bytes."""
    return np.clip(picture, 0, 255).astype(np.uint8)
