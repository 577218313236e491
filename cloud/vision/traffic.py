"""What comes and goes at a dock door: a conveyor, loads that people push, walkers, pillars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from cloud.vision.actors import Actor, Way, Waypoint, place
from cloud.vision.painting import View


class _Lane(NamedTuple):
    """A way across the picture, so far from the camera, and to which side."""

    view: View
    away: float
    way: Way


def conveyor(rng: Generator, view: View, seconds: float, belt: tuple[float, float]) -> list[Actor]:
    """Cartons in a row at one speed, farthest from the camera; sometimes the belt halts."""
    away, up = belt
    speed = float(rng.uniform(0.45, 1.1))
    way: Way = 1 if rng.random() < 0.7 else -1
    halt, pause = float(rng.uniform(0.2, 0.8)) * seconds, float(rng.uniform(0.0, 3.0))
    actors: list[Actor] = []
    at = float(rng.uniform(0, 2))
    while True:
        width, height = float(rng.uniform(0.4, 0.65)), float(rng.uniform(0.3, 0.5))
        path = _halting(_across(_Lane(view, away, way), at, speed, width), halt, pause)
        if path[-1].at > seconds:
            return actors
        depth = float(rng.uniform(0.3, 0.5))
        actors.append(Actor("carton", width, depth, height, away, up, path, _seed(rng)))
        at += (width + 0.35) / speed + float(rng.exponential(1.2))


def traffic(rng: Generator, view: View, seconds: float, away: float) -> list[Actor]:
    """One lane on the floor: loads come one after the other, pushed by people."""
    actors: list[Actor] = []
    at = float(rng.uniform(0, 3))
    while True:
        lane = away + float(rng.uniform(-0.1, 0.1))
        load = _load(rng, lane)
        half = max(abs(part.path[0].x) + part.width / 2 for part in load)
        way: Way = 1 if rng.random() < 0.6 else -1
        path = _journey(rng, _Lane(view, lane, way), at, float(rng.uniform(0.8, 1.6)), half)
        if path[-1].at > seconds:
            return actors
        actors.extend(part._replace(path=_beside(path, part.path[0].x)) for part in load)
        tall = float(rng.uniform(1.55, 1.9))
        pushing = _beside(path, -way * (half + 0.35))
        actors.append(Actor("person", 0.6, 0.3, tall, lane + 0.05, 0.0, pushing, _seed(rng)))
        at = path[-1].at + float(rng.uniform(0.3, 2.5))


def _load(rng: Generator, away: float) -> list[Actor]:
    """What is moved together; each one's way says only how far it is beside the middle."""
    kind = rng.choice(["one", "stack", "pair", "pallet"], p=[0.35, 0.2, 0.2, 0.25])
    middle = (Waypoint(0.0, 0.0),)
    if kind == "pallet":
        wide, high = float(rng.uniform(1.15, 1.35)), float(rng.uniform(0.5, 1.2))
        return [Actor("pallet", wide, 0.9, high, away, 0.0, middle, _seed(rng))]
    first = _carton(rng, away, 0.15, 0.0)
    if kind == "stack":
        upper = _carton(rng, away, 0.15 + first.height, 0.0)
        shrunk = first.width * float(rng.uniform(0.75, 1.0))
        return [first, upper._replace(width=shrunk, depth=first.depth * 0.9)]
    if kind == "pair":
        second = _carton(rng, away, 0.15, 0.0)
        apart = (first.width + second.width) / 2 + float(rng.uniform(0.02, 0.3))
        return [
            first._replace(path=(Waypoint(0.0, -apart / 2),)),
            second._replace(path=(Waypoint(0.0, apart / 2),)),
        ]
    return [first]


def _carton(rng: Generator, away: float, up: float, x: float) -> Actor:
    width, depth = float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.35, 0.6))
    height = float(rng.uniform(0.3, 0.55))
    return Actor("carton", width, depth, height, away, up, (Waypoint(0.0, x),), _seed(rng))


def _journey(
    rng: Generator, lane: _Lane, at: float, speed: float, half: float
) -> tuple[Waypoint, ...]:
    """Across the picture; one in five stands on the line for a while, one in six goes back."""
    across = _across(lane, at, speed, 2 * half)
    start, end = across[0], across[-1]
    chance = rng.random()
    if chance < 0.2:
        middle = at + (end.at - at) * float(rng.uniform(0.42, 0.58))
        return _halting(across, middle, float(rng.uniform(1.0, 3.0)))
    if chance < 0.37:
        turn = lane.way * (end.x * lane.way - 2 * half - 0.3) * float(rng.uniform(0.4, 0.75))
        share = (turn - start.x) / (end.x - start.x)
        reached = at + share * (end.at - at)
        rested = reached + float(rng.uniform(0.5, 2.0))
        return (
            start,
            Waypoint(reached, turn),
            Waypoint(rested, turn),
            Waypoint(rested + share * (end.at - at), start.x),
        )
    return across


def walkers(rng: Generator, view: View, seconds: float) -> list[Actor]:
    """People who walk past between the lanes, and hide what is behind them."""
    actors: list[Actor] = []
    for _ in range(int(rng.integers(2, 6))):
        away = float(rng.choice([3.2, 4.3, 5.3]))
        speed = float(rng.uniform(0.9, 1.6))
        way: Way = 1 if rng.random() < 0.5 else -1
        path = _across(_Lane(view, away, way), float(rng.uniform(0, seconds - 4)), speed, 0.6)
        tall = float(rng.uniform(1.55, 1.9))
        actors.append(Actor("person", 0.6, 0.3, tall, away, 0.0, path, _seed(rng)))
    return actors


def pillars(rng: Generator) -> list[Actor]:
    """A pillar in front of it all in six of ten clips; now and then at the line itself."""
    if rng.random() < 0.4:
        return []
    width, x = float(rng.uniform(0.06, 0.16)), float(rng.uniform(-0.8, 0.8))
    path = (Waypoint(-1.0, x), Waypoint(1e6, x))
    return [Actor("pillar", width, width, 3.5, 1.9, 0.0, path, _seed(rng))]


def _across(lane: _Lane, at: float, speed: float, width: float) -> tuple[Waypoint, ...]:
    """From one edge of the picture to the other, beginning and ending out of sight."""
    view = lane.view
    _, depth = view.project(np.array([(0.0, lane.away, 0.0)]))
    end = float(depth[0]) * view.width / 2 / view.focal + width + 0.3
    return Waypoint(at, -lane.way * end), Waypoint(at + 2 * end / speed, lane.way * end)


def _halting(path: tuple[Waypoint, ...], at: float, pause: float) -> tuple[Waypoint, ...]:
    """The same way with a rest at ``at``; later where it has not begun by then."""
    if path[0].at >= at:
        return tuple(Waypoint(it.at + pause, it.x) for it in path)
    if path[-1].at <= at:
        return path
    before = [it for it in path if it.at < at]
    after = [Waypoint(it.at + pause, it.x) for it in path if it.at >= at]
    x = place(path, at)
    return (*before, Waypoint(at, x), Waypoint(at + pause + 1e-3, x), *after)


def _beside(path: tuple[Waypoint, ...], x: float) -> tuple[Waypoint, ...]:
    return tuple(Waypoint(it.at, it.x + x) for it in path)


def _seed(rng: Generator) -> int:
    return int(rng.integers(0, 2**31))
