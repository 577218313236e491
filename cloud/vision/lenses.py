"""What light, lens, sensor and JPEG make of a rendered scene."""

from __future__ import annotations

from typing import Any, Final

import cv2 as _cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.colours import Image
from cloud.vision.matter import World
from cloud.vision.painting import through_jpeg
from cloud.vision.textures import Bank
from cloud.vision.worlds import SCENERY

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place


def lamplit(rng: Generator, image: Image, world: World) -> Image:
    """The picture under this world's lamps: a map of gains an eighth as fine, then the colour."""
    height, width = image.shape[:2]
    rows, columns = max(4, height // 8), max(4, width // 8)
    light = SCENERY[world].light(rng, rows, columns)
    tint = rng.uniform(0.88, 1.12, 3) * rng.uniform(0.75, 1.15)
    gains = np.clip(light * tint.astype(np.float32) * 128, 8, 255).astype(np.uint8)
    big = cv2.resize(gains, (width, height), interpolation=cv2.INTER_LINEAR)
    lit = cv2.multiply(image, big, scale=1 / 128)
    if rng.random() < 0.06:  # a camera at night
        grey = cv2.cvtColor(lit, cv2.COLOR_BGR2GRAY)
        lit = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.5:  # contrast and haze of the lens
        contrast = float(rng.uniform(0.65, 1.2))
        lit = cv2.convertScaleAbs(lit, alpha=contrast, beta=float(rng.uniform(0, 40)))
    return lit


def as_seen(rng: Generator, image: Image, surfaces: Bank) -> Image:
    """What lens, sensor and JPEG make of a picture."""
    blur = rng.random()
    if blur < 0.45:
        sigma = float(rng.uniform(0.4, 0.8) if blur < 0.3 else rng.uniform(0.8, 1.6))
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    elif blur < 0.6:
        length = int(rng.integers(2, 7))
        kernel = np.zeros((length, length), np.float32)
        if rng.random() < 0.6:
            kernel[length // 2] = 1 / length
        else:
            np.fill_diagonal(kernel, 1 / length)
        image = cv2.filter2D(image, -1, kernel)
    if rng.random() < 0.75:
        image = noisy(rng, image, surfaces, float(rng.uniform(1.0, 9.0)))
    if rng.random() < 0.6:
        image = through_jpeg(image, int(rng.integers(35, 95)))
    return image


def noisy(rng: Generator, image: Image, surfaces: Bank, strength: float) -> Image:
    """A picture with a sensor's grain, of the strength of so many steps of 255."""
    height, width = int(image.shape[0]), int(image.shape[1])
    field: NDArray[Any] = surfaces.noise
    high, wide = int(field.shape[0]), int(field.shape[1])
    if height > high or width > wide:
        down, across = -(-height // high), -(-width // wide)
        field = np.tile(surfaces.noise, (down, across))
        high, wide = high * down, wide * across
    top, left = int(rng.integers(high - height + 1)), int(rng.integers(wide - width + 1))
    grain = field[top : top + height, left : left + width]
    scaled = (grain * np.float32(strength / 32)).astype(np.int8)
    thrice = cv2.merge([scaled, scaled, scaled])
    return cv2.add(image, thrice, dtype=cv2.CV_8U)
