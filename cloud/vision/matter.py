"""What a world is made of: the makers of its surfaces and of its light.

A world is a family of procedures, not a choice of numbers: no two worlds share a maker. Common to
all are the shapes by which people know a thing (a pallet's openings, a label) and the lens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

World = Literal["train", "test", "fresh"]
WORLDS: Final[tuple[World, ...]] = get_args(World)
Field = NDArray[np.float32]


class Scenery(NamedTuple):
    """Of whole scenes: makers of square surfaces (BGR, 0-255), and of light.

    ``light`` is given rows and columns, and says what each place is multiplied with.
    """

    carton: Callable[[Generator], Any]
    carton_top: Callable[[Generator], Any]
    wood: Callable[[Generator], Any]
    film: Callable[[Generator], Any]
    metal: Callable[[Generator], Any]
    floor: Callable[[Generator], Any]
    wall: Callable[[Generator], Any]
    light: Callable[[Generator, int, int], Any]


class Shelving(NamedTuple):
    """Of shelves and cartons from close by.

    ``patterns`` make tiles of shares between one colour (0) and another (1); ``ink`` a colour
    between grey (0) and strong (1); ``board`` that of cardboard and ``steel`` that of bare steel;
    ``grained`` a tile of a surface, as rough as is said; ``lights`` what each pixel is multiplied
    with; ``noise`` what is added.
    """

    patterns: tuple[Callable[[Generator], Field], ...]
    ink: Callable[[Generator, tuple[float, float]], Field]
    board: Callable[[Generator], Field]
    steel: Callable[[Generator], Field]
    grained: Callable[[Generator, Any, float], NDArray[np.uint8]]
    lights: tuple[Callable[[Generator, int, int], Field], ...]
    noise: Callable[[Generator, Any], Field]
