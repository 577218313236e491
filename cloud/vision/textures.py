"""The surfaces of rendered scenes, ready to be laid on things: a bank of them for each world."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import cv2 as _cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.colours import Image, whole
from cloud.vision.matter import World
from cloud.vision.prints import label, pallet_side, pallet_top
from cloud.vision.worlds import NUMBERS, SCENERY

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place
_MIPS: Final = (96, 48, 24)


class Texture(NamedTuple):
    """One surface in three sizes, so that a small face does not shimmer."""

    mips: tuple[Image, ...]

    def for_pixels(self, pixels: float) -> Image:
        """The smallest size that is not coarser than ``pixels`` across."""
        for image in reversed(self.mips):
            if image.shape[0] >= pixels:
                return image
        return self.mips[0]


class Bank(NamedTuple):
    """The surfaces of one world."""

    cartons: tuple[Texture, ...]
    carton_tops: tuple[Texture, ...]
    wood_sides: tuple[Texture, ...]
    wood_tops: tuple[Texture, ...]
    films: tuple[Texture, ...]
    labels: tuple[Texture, ...]
    metals: tuple[Texture, ...]
    floors: tuple[Image, ...]
    walls: tuple[Image, ...]
    noise: NDArray[np.int16]


@lru_cache(maxsize=4)
def bank(world: World, seed: int = 0) -> Bank:
    """All surfaces of a world, made from a seed."""
    rng = np.random.default_rng([seed, NUMBERS[world]])
    make = SCENERY[world]

    def some(count: int, maker: Callable[[Generator], Any]) -> tuple[Texture, ...]:
        return tuple(_mipped(maker(rng)) for _ in range(count))

    return Bank(
        cartons=some(160, make.carton),
        carton_tops=some(60, make.carton_top),
        wood_sides=some(30, lambda rng: pallet_side(rng, make.wood)),
        wood_tops=some(30, lambda rng: pallet_top(rng, make.wood)),
        films=some(30, make.film),
        labels=some(60, label),
        metals=some(30, make.metal),
        floors=tuple(whole(make.floor(rng)) for _ in range(36)),
        walls=tuple(whole(make.wall(rng)) for _ in range(36)),
        noise=np.clip(rng.standard_normal((700, 700)) * 32, -127, 127).astype(np.int16),
    )


def _mipped(picture: Any) -> Texture:
    full = whole(picture)
    return Texture(
        tuple(whole(cv2.resize(full, (side, side), interpolation=cv2.INTER_AREA)) for side in _MIPS)
    )
