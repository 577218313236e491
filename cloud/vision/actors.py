"""Who or what moves at a dock door, how large it is, and its way through half a minute."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np

from cloud.vision.painting import Block

What = Literal["carton", "pallet", "person", "pillar"]
Box = tuple[float, float, float, float]
Way = Literal[1, -1]
_EASE_S: Final = 0.6


class Waypoint(NamedTuple):
    """How far to the right an actor is at a time: metres, and seconds from the clip's start."""

    at: float
    x: float


class Actor(NamedTuple):
    """Who or what moves, or stands: its size, how far away and how high, and its way.

    Before the first and after the last waypoint it is not there. ``seed`` is for how it looks.
    """

    what: What
    width: float
    depth: float
    height: float
    away: float
    up: float
    path: tuple[Waypoint, ...]
    seed: int

    def block(self, at: float) -> Block | None:
        """Where it is at a time; None when it is not there."""
        if not self.path[0].at <= at < self.path[-1].at:
            return None
        return self.standing(eased(self.path, at))

    def standing(self, x: float) -> Block:
        """The room it takes at a place of its way."""
        return Block(x, self.away, self.up, self.width, self.depth, self.height)


def place(path: tuple[Waypoint, ...], at: float) -> float:
    """How far to the right a way is at a time."""
    for one, other in pairwise(path):
        if at < other.at:
            return one.x + max(at - one.at, 0.0) / (other.at - one.at) * (other.x - one.x)
    return path[-1].x


def eased(path: tuple[Waypoint, ...], at: float) -> float:
    """Where it is at a time; what starts, halts or turns takes ``_EASE_S`` for it."""
    times = np.clip(at + _EASE_S * (np.arange(9) / 8 - 0.5), path[0].at, path[-1].at)
    return sum(place(path, float(it)) for it in times) / len(times)
