"""What happens at a dock door for half a minute, with what truly went in and out.

A clip is a plan first: a camera, and who moves where and when on the floor, in metres. Where
everybody is in the picture, how much of each can be seen behind the others, and what crossed the
line follow from the plan without drawing anything (:mod:`cloud.vision.filming` draws it). Cartons
ride on a conveyor, or are pushed by people: singly, stacked, two at a time, on pallets; people and
pillars hide them; some stand on the line, some go back. All of it comes from the seed alone.

What nobody could count is not in a clip: goods of which less than half can be seen for longer than
``HIDDEN_S`` at a stretch, or more than half for less than ``SEEN_S`` on a side of the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.vision.actors import Actor, Box, What
from cloud.vision.painting import Block, View, look
from cloud.vision.traffic import conveyor, pillars, traffic, walkers

WIDTH: Final = 640
HEIGHT: Final = 360
HIDDEN: Final = 0.5
"""Of whom less can be seen is hidden."""
HIDDEN_S: Final = 1.2
SEEN_S: Final = 1.0
_GOODS: Final = ("carton", "pallet")
_CELL: Final = 4
"""Pixels a side of the cells in which it is reckoned who hides whom."""


class Line(NamedTuple):
    """The door's line, as fractions of the picture; from its left to its right is in."""

    start: tuple[float, float]
    end: tuple[float, float]


class Plan(NamedTuple):
    """A clip before it is drawn; ``belt`` is how far away a conveyor runs, and how high."""

    seed: int
    seconds: float
    frames_per_second: float
    view: View
    line: Line
    belt: tuple[float, float]
    actors: tuple[Actor, ...]


class Shown(NamedTuple):
    """One actor in one frame: its whole box, the box of what can be seen, and how much that is."""

    actor: int
    what: What
    box: Box
    seen_box: Box
    share: float


class Truth(NamedTuple):
    """What a clip's goods did in the end: went in, came out; ``back`` went and came back."""

    entered: int
    left: int
    back: int


def plan(seed: int, *, frames_per_second: float = 5.0, seconds: float = 30.0) -> Plan:
    """A clip made up from ``seed``."""
    rng = np.random.default_rng(seed)
    view = look(
        (WIDTH, HEIGHT),
        height=float(rng.uniform(3.2, 3.7)),
        pitch=float(rng.uniform(27, 32)),
        field=float(rng.uniform(56, 64)),
    )
    middle, slant = float(rng.uniform(0.42, 0.58)), float(rng.uniform(-0.06, 0.06))
    line = Line((middle + slant, 0.98), (middle - slant, 0.02))
    belt = (float(rng.uniform(5.7, 6.2)), float(rng.uniform(0.6, 0.8)))
    actors = [
        *conveyor(rng, view, seconds, belt),
        *traffic(rng, view, seconds, 4.8),
        *traffic(rng, view, seconds, 3.8),
        *walkers(rng, view, seconds),
        *pillars(rng),
    ]
    return _fair(Plan(seed, seconds, frames_per_second, view, line, belt, tuple(actors)))


def moments(clip: Plan) -> Iterator[tuple[float, list[Shown]]]:
    """The time of each frame, and who is in it, the farthest first."""
    for number in range(int(clip.seconds * clip.frames_per_second)):
        at = number / clip.frames_per_second
        yield at, shown(clip, at)


def shown(clip: Plan, at: float) -> list[Shown]:
    """Who is in the picture at a time, the farthest first; how much of each can be seen."""
    present = [
        (index, actor, box_of(clip.view, actor, block))
        for index, actor, block in on_stage(clip, at)
    ]
    owner = np.full((clip.view.height // _CELL, clip.view.width // _CELL), -1, dtype=np.int32)
    for index, _, box in present:
        left, top, right, bottom = _cells(box)
        owner[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = index
    return [
        it for index, actor, box in present if (it := _shown(owner, index, actor, box)) is not None
    ]


def on_stage(clip: Plan, at: float) -> list[tuple[int, Actor, Block]]:
    """Who is there at a time, and where, the farthest from the camera first."""
    there = [
        (index, actor, block)
        for index, actor in enumerate(clip.actors)
        if (block := actor.block(at)) is not None
    ]
    return sorted(
        there, key=lambda it: (-float(np.hypot(it[2].x, it[2].y)) + 1e-3 * it[2].z, it[0])
    )


def box_of(view: View, actor: Actor, block: Block) -> Box:
    """What an actor covers of the picture, also beyond its edges."""
    if actor.what == "person":  # a figure is painted flat, as wide as it is
        x, y = block.x, block.y
        half = block.width / 2
        points = [(x + side * half, y, z) for side in (-1, 1) for z in (0.0, block.height)]
        corners = np.array(points)
    else:
        corners = block.corners()
    pixels, _ = view.project(corners)
    (left, top), (right, bottom) = pixels.min(0), pixels.max(0)
    return float(left), float(top), float(right), float(bottom)


def truth(clip: Plan) -> Truth:
    """What the goods did, from their plans."""
    goods = [actor for actor in clip.actors if actor.what in _GOODS]
    sides = [_sides(clip, actor) for actor in goods]
    nets = [net(clip, actor) for actor in goods]
    back = sum(1 for way, total in zip(sides, nets, strict=True) if not total and np.ptp(way) > 0)
    return Truth(nets.count(1), nets.count(-1), back)


def net(clip: Plan, actor: Actor) -> int:
    """1 when its centre went in and stayed, -1 out, 0 when it did not cross or came back."""
    sides = _sides(clip, actor)
    return int(sides[-1] - sides[0]) // 2


def _sides(clip: Plan, actor: Actor) -> NDArray[np.int64]:
    """On which side of the line the centre of its box is at each waypoint."""
    boxes = [box_of(clip.view, actor, actor.standing(it.x)) for it in actor.path]
    return np.array([_side(clip, box) for box in boxes], dtype=np.int64)


def _side(clip: Plan, box: Box) -> int:
    """1 where the centre of a box is in, -1 where it is not."""
    x0, y0 = clip.line.start[0] * clip.view.width, clip.line.start[1] * clip.view.height
    x1, y1 = clip.line.end[0] * clip.view.width, clip.line.end[1] * clip.view.height
    x, y = (box[0] + box[2]) / 2 - x0, (box[1] + box[3]) / 2 - y0
    return 1 if (x1 - x0) * y - (y1 - y0) * x > 0 else -1


def _fair(clip: Plan) -> Plan:
    """Without goods that nobody could count, the worst first: without them others are seen."""
    while True:
        worst = _unseen(clip)
        if max(worst) <= 0:
            return clip
        most = 0.8 * max(worst)
        actors = tuple(it for it, bad in zip(clip.actors, worst, strict=True) if bad < most)
        clip = clip._replace(actors=actors)


def _unseen(clip: Plan) -> list[float]:
    """By how many seconds each of the goods is hidden too long or seen too briefly; 0 is fair."""
    every = 0.2
    waits, worst = [0.0] * len(clip.actors), [0.0] * len(clip.actors)
    clear = [{-1: 0.0, 1: 0.0} for _ in clip.actors]
    for number in range(int(clip.seconds / every)):
        at = number * every
        shares = {it.actor: it.share for it in shown(clip, at)}
        for index, actor in enumerate(clip.actors):
            block = actor.block(at)
            if actor.what not in _GOODS or block is None:
                continue
            box = box_of(clip.view, actor, block)
            share = shares.get(index, 0.0)
            waits[index] = waits[index] + every if share < HIDDEN * _inside(clip, box) else 0.0
            worst[index] = max(worst[index], waits[index] - HIDDEN_S)
            clear[index][_side(clip, box)] += every if share > HIDDEN else 0.0
    for index, actor in enumerate(clip.actors):
        if actor.what in _GOODS:
            sides = {int(side) for side in _sides(clip, actor)}
            worst[index] = max(worst[index], *(SEEN_S - clear[index][side] for side in sides))
    return worst


def _inside(clip: Plan, box: Box) -> float:
    """The share of a box that lies within the picture."""
    across = min(box[2], clip.view.width) - max(box[0], 0)
    down = min(box[3], clip.view.height) - max(box[1], 0)
    return max(across, 0) * max(down, 0) / ((box[2] - box[0]) * (box[3] - box[1]))


def _cells(box: Box) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(edge / _CELL) for edge in box)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _shown(owner: NDArray[np.int32], index: int, actor: Actor, box: Box) -> Shown | None:
    left, top, right, bottom = _cells(box)
    rows, columns = np.nonzero(
        owner[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] == index
    )
    if not rows.size:
        return None
    x, y = max(left, 0), max(top, 0)
    seen_box = (
        max(box[0], float((x + int(columns.min())) * _CELL - _CELL / 2)),
        max(box[1], float((y + int(rows.min())) * _CELL - _CELL / 2)),
        min(box[2], float((x + int(columns.max()) + 1) * _CELL + _CELL / 2)),
        min(box[3], float((y + int(rows.max()) + 1) * _CELL + _CELL / 2)),
    )
    whole = (right - left) * (bottom - top)
    return Shown(index, actor.what, box, seen_box, rows.size / whole)
