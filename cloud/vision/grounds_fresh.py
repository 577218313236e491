"""What the world ``fresh`` is mixed from: noise by its spectrum, cells around points, Lab colours.

Nothing here is used by another world, nor is theirs used by this one.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2 as _cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.matter import Field

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place

Span = tuple[float, float]


class Tone(NamedTuple):
    """Ranges of CIE Lab in polar form: lightness (0-100), chroma, and hue angle in degrees."""

    light: Span
    chroma: Span
    angle: Span = (0.0, 360.0)


def toned(rng: Generator, tone: Tone) -> Field:
    """A colour (BGR, 0-255) from ranges of lightness, chroma and angle."""
    light, chroma = rng.uniform(*tone.light), rng.uniform(*tone.chroma)
    turn = np.deg2rad(rng.uniform(*tone.angle))
    lab = np.array([[[light, chroma * np.cos(turn), chroma * np.sin(turn)]]], np.float32)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2BGR)[0, 0] * 255, 0, 255)


def ink(colour: Any) -> tuple[float, float, float]:
    """A colour as OpenCV draws with it."""
    b, g, r = (float(each) for each in colour)
    return b, g, r


def spectral(
    rng: Generator, shape: tuple[int, int], slope: float, stretch: Span = (1.0, 1.0)
) -> Field:
    """Noise whose amplitude falls with frequency to the power of ``slope``: mean 0, deviation 1.

    ``stretch`` says how much longer than otherwise its grains are, down and across.
    """
    rows, columns = shape
    down = np.fft.fftfreq(rows)[:, None] * rows * stretch[0]
    across = np.fft.rfftfreq(columns)[None, :] * columns * stretch[1]
    reach = np.hypot(down, across)
    reach[0, 0] = 1.0
    waves = np.fft.rfft2(rng.standard_normal(shape)) * reach**-slope
    waves[0, 0] = 0.0
    field = np.fft.irfft2(waves, s=shape)
    return (field / (field.std() + 1e-9)).astype(np.float32)


def cells(rng: Generator, size: int, count: int) -> tuple[NDArray[np.int32], Field]:
    """To which of some random points each place is nearest, and how far that is, in pixels."""
    points = np.full((size, size), 255, np.uint8)
    spots = rng.integers(0, size, (count, 2))
    points[spots[:, 0], spots[:, 1]] = 0
    far, nearest = cv2.distanceTransformWithLabels(
        points, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return nearest, far


def seams(nearest: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where cells meet."""
    beside, below = np.roll(nearest, 1, 1), np.roll(nearest, 1, 0)
    return (nearest != beside) | (nearest != below)


def quarter_arcs(rng: Generator, size: int, pitch: int) -> NDArray[np.bool_]:
    """Tiles with two quarter circles each, turned by chance, whose ends meet (Truchet's)."""
    rows, columns = np.mgrid[0:size, 0:size]
    turned = rng.random((size // pitch + 1, size // pitch + 1)) < 0.5
    y, x = rows % pitch, columns % pitch
    x = x + turned[rows // pitch, columns // pitch] * (pitch - 1 - 2 * x)
    near = np.minimum(np.hypot(y, x), np.hypot(pitch - 1 - y, pitch - 1 - x))
    return np.abs(near - pitch / 2) < max(1.0, pitch / 9)


def burst(rng: Generator, size: int) -> NDArray[np.bool_]:
    """Rays around a point."""
    down, across = np.mgrid[0:size, 0:size] - rng.uniform(0.2, 0.8, 2)[:, None, None] * size
    turn = np.arctan2(down, across) / (2 * np.pi) * int(rng.integers(5, 18))
    return (turn + rng.random()) % 1 < rng.uniform(0.3, 0.6)


def lattice(size: int, pitch: float) -> NDArray[np.int64]:
    """The number of the hexagon that each place lies in."""
    down, across = np.mgrid[0:size, 0:size].astype(np.float64) / pitch
    q, r = across - down / np.sqrt(3), 2 * down / np.sqrt(3)
    s = -q - r
    a, b, c = q.round(), r.round(), s.round()
    off = np.stack([np.abs(a - q), np.abs(b - r), np.abs(c - s)]).argmax(0)
    a = a - (off == 0) * (a + b + c)
    b = b - (off == 1) * (a + b + c)
    return (a * 1009 + b).astype(np.int64)
