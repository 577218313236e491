"""The light of the world ``fresh``: roof windows, an open door, nets before the sun, rows of tubes.

Each is given rows and columns, and says what each place is multiplied with, by colour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.random import Generator

from cloud.vision.grounds_fresh import spectral
from cloud.vision.matter import Field


def _places(rows: int, columns: int) -> tuple[Any, Any]:
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    return down, across


def _soft(values: Any, width: float) -> Any:
    """From 0 to 1 around 0, within about ``width``: without a hard edge, or with one."""
    return 0.5 + 0.5 * np.tanh(values / width)


def _coloured(rng: Generator, light: Any, warm: float) -> Field:
    """The light in a colour between lamp (warm) and sky, its mean as bright as chance says."""
    lean = rng.uniform(-warm, warm)
    tint = np.array([1 - lean, 1.0, 1 + lean])
    mean = rng.uniform(0.62, 1.05)
    return (light / light.mean() * mean)[:, :, None].astype(np.float32) * tint.astype(np.float32)


def roof_windows(rng: Generator, rows: int, columns: int) -> Field:
    """Panes of daylight on everything, in rows that run away from the camera."""
    down, across = _places(rows, columns)
    away = 1 / (0.35 + down)
    x = (across - rng.uniform(0.2, 0.8)) * away * rng.uniform(1.5, 4) + rng.random()
    y = away * rng.uniform(1, 3) + rng.random()
    edge = rng.uniform(0.03, 0.15)
    panes = _soft(0.3 - np.abs(x % 1 - 0.5), edge) * _soft(0.32 - np.abs(y % 1 - 0.5), edge)
    return _coloured(rng, 1 + rng.uniform(0.15, 0.8) * panes, 0.08)


def open_door(rng: Generator, rows: int, columns: int) -> Field:
    """A fan of light from a door beside the picture, the rest in half shade."""
    down, across = _places(rows, columns)
    x = across - (rng.uniform(-0.4, 0.0) if rng.random() < 0.5 else rng.uniform(1.0, 1.4))
    y = down - rng.uniform(-0.1, 0.7)
    turn = np.abs(np.angle(np.exp(1j * (np.arctan2(y, np.abs(x)) - rng.uniform(-0.2, 0.6)))))
    fan = _soft(rng.uniform(0.15, 0.5) - turn, rng.uniform(0.03, 0.2))
    return _coloured(rng, 1 + rng.uniform(0.3, 1.1) * fan / (0.6 + np.hypot(x, y)), 0.12)


def netted_sun(rng: Generator, rows: int, columns: int) -> Field:
    """Sun through nets or leaves: patches without a form."""
    patches = spectral(rng, (rows, columns), rng.uniform(1.6, 2.4))
    lit = _soft(patches - rng.uniform(-0.8, 0.8), rng.uniform(0.15, 0.8))
    return _coloured(rng, 1 + rng.uniform(0.2, 0.8) * lit, 0.1)


def tube_rows(rng: Generator, rows: int, columns: int) -> Field:
    """Long lamps above, each a line in the picture from which light falls off."""
    down, across = _places(rows, columns)
    light = np.full((rows, columns), 0.5)
    for _ in range(int(rng.integers(2, 5))):
        start = np.array([rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 1.2)])
        way = np.array([rng.uniform(0.3, 1.2), rng.uniform(-0.6, 0.6)])
        along = ((down - start[0]) * way[0] + (across - start[1]) * way[1]) / (way @ way)
        along = np.clip(along, 0, 1)
        far = np.hypot(down - start[0] - along * way[0], across - start[1] - along * way[1])
        light = light + rng.uniform(0.04, 0.2) / (far + rng.uniform(0.12, 0.4))
    return _coloured(rng, light, 0.15)


LIGHTS: Final[tuple[Callable[[Generator, int, int], Field], ...]] = (
    roof_windows,
    open_door,
    netted_sun,
    tube_rows,
)


def any_light(rng: Generator, rows: int, columns: int) -> Field:
    """One of this world's lights."""
    return LIGHTS[rng.integers(len(LIGHTS))](rng, rows, columns)
