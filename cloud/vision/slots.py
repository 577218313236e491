"""A shelf slot as it stands: its size, its grid, its surfaces, and the eye that sees it."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from cloud.vision.perspective import Eye, Picture, Points

State = Literal["empty", "low", "full", "unknown"]
STATES: Final[tuple[State, ...]] = ("empty", "low", "full", "unknown")
Good = Literal["carton", "box", "bag", "bottle", "tote"]
GOODS: Final[tuple[Good, ...]] = ("carton", "box", "bag", "bottle", "tote")
LOW: Final = 0.3
FULL: Final = 0.6
SHOWS: Final = 0.04
HIDDEN: Final = 0.4
GLIMPSED: Final = 0.125


class Slot(NamedTuple):
    """Its inner width, height and depth; its grid; its surfaces; the eye that sees it."""

    size: tuple[float, float, float]
    grid: tuple[int, int, int]
    good: Good
    tiles: list[Picture]
    rack: list[Picture]
    neighbours: list[Picture]
    seen: Eye
    canvas: tuple[int, int]
    open_back: bool
    polygon: Points
