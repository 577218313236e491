"""What a camera's worker does with a picture: lanes look, and say what they found.

A lane is plain code without threads, clocks and settings. One worker owns its lanes and asks them
in turn; what a lane keeps between two looks is its own. Pixels are of the whole frame, also where
only a zone of it is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from edge.ports import Frame
from shared.events import EventData
from shared.units import Micros

Task = Literal["scan", "detect", "damage", "slots"]

Point = tuple[float, float]
"""Across and down, as fractions of the picture."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""


class Zone(NamedTuple):
    """A part of a camera's picture, as ``gateway.toml`` draws it; its priority 1 comes first."""

    name: str
    polygon: tuple[Point, ...]
    tasks: tuple[Task, ...] = ("scan",)
    symbologies: tuple[str, ...] = ()
    location: str | None = None
    priority: int = 5


class CountingLine(NamedTuple):
    """What crosses from the left of ``start`` → ``end`` to its right goes in, and back out."""

    name: str
    start: Point
    end: Point
    counts: tuple[str, ...] = ("carton", "pallet")


class Look(NamedTuple):
    """One frame, and where in it to look: a zone, or the whole picture without one.

    ``taken_at`` is the gateway's time of the frame, ``changed`` is where the picture moved since
    the zone was last looked at for this task: boxes in pixels; empty when it is looked at for its
    age.
    """

    frame: Frame
    taken_at: Micros
    zone: Zone | None = None
    changed: Sequence[Box] = ()


class Uncertain(NamedTuple):
    """A classifier was not sure: which, what it said, and what the backbone made of the crop.

    ``embedding`` holds little-endian float16 numbers.
    """

    head: str
    predicted: str
    embedding: bytes


class Finding(NamedTuple):
    """A fact, the crop that shows it (JPEG), and whether a person's word on it would help."""

    fact: EventData
    crop: bytes | None = None
    uncertain: Uncertain | None = None


class Lane(Protocol):
    """One way of looking."""

    @property
    def name(self) -> str:
        """The task of a zone that it does, see :data:`Task`."""
        ...

    def look(self, look: Look) -> Sequence[Finding]:
        """What this look completes; often nothing."""
        ...
