"""Scenes before they are painted: a camera, and what stands where."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from cloud.vision.cartons import any_carton, any_stack
from cloud.vision.colours import Image
from cloud.vision.painting import Block, Points, View, look
from cloud.vision.pallets import any_pallet
from cloud.vision.people import any_person
from cloud.vision.racks import lay_on_table, shelve
from cloud.vision.textures import Bank, Texture
from cloud.vision.things import Thing, foot
from cloud.vision.vehicles import any_forklift


class Stage(NamedTuple):
    """A scene before it is painted: everything stands still and could be moved."""

    view: View
    sun: Points
    shine: float
    floor: Image
    floor_scale: float
    wall: Image
    wall_at: float
    rack: tuple[tuple[Block, Texture], ...]
    things: tuple[Thing, ...]


def any_stage(rng: Generator, surfaces: Bank, size: tuple[int, int]) -> Stage:
    """A camera and what stands before it."""
    kind = rng.choice(["hall", "close", "shelves", "table"], p=[0.45, 0.28, 0.17, 0.1])
    if kind == "close":
        view, reach = close_view(rng, size)
    else:
        view = look(
            size,
            height=float(rng.uniform(1.3, 4.5)),
            pitch=float(rng.uniform(8, 42)),
            field=float(rng.uniform(48, 85)),
            roll=float(rng.normal(0, 2)),
        )
        reach = float(rng.uniform(5, 16))
    sun = any_sun(rng)
    wall_at = reach + float(rng.uniform(0.5, 8))
    rack: list[tuple[Block, Texture]] = []
    things: list[Thing] = []
    if kind == "shelves" or (kind == "hall" and rng.random() < 0.35):
        away = float(rng.uniform(2.6, 5.0)) if kind == "shelves" else min(reach, 9.0)
        wall_at = away + float(rng.uniform(1.4, 5))
        shelve(rng, surfaces, away, rack, things)
        reach = away - 0.3
    if kind == "table":
        reach = float(rng.uniform(1.8, 3.2))
        lay_on_table(rng, surfaces, reach, rack, things)
    most = {"hall": 11, "close": 3, "shelves": 4, "table": 2}[str(kind)]
    least = 1 if kind in {"hall", "close"} else 0
    count = int(rng.integers(least, most + 1))
    _place(rng, surfaces, view, things, reach=reach, count=count, kind=str(kind))
    if kind == "table":  # the table stands at the back of the same spot: nothing right before it
        things = [each for each in things if foot(each).z > 0 or foot(each).y > reach + 1]
    return Stage(
        view=view,
        sun=sun,
        shine=float(rng.uniform(0.15, 1.0)),
        floor=surfaces.floors[int(rng.integers(len(surfaces.floors)))],
        floor_scale=float(rng.uniform(1.5, 7)),
        wall=surfaces.walls[int(rng.integers(len(surfaces.walls)))],
        wall_at=wall_at,
        rack=tuple(rack),
        things=tuple(things),
    )


def any_sun(rng: Generator) -> Points:
    """From where the light comes, as a direction of length one."""
    sun = np.array([rng.normal(0, 0.8), rng.normal(-0.4, 0.6), rng.uniform(0.5, 1.6)])
    return sun / np.linalg.norm(sun)


def close_view(rng: Generator, size: tuple[int, int]) -> tuple[View, float]:
    """A camera that looks down at one spot two to five metres away."""
    away = float(rng.uniform(2.0, 5.5))
    pitch = float(rng.uniform(15, 55))
    height = max(0.8, away * float(np.sin(np.deg2rad(pitch))) + float(rng.uniform(-0.2, 0.6)))
    field = float(rng.uniform(40, 75))
    view = look(size, height=height, pitch=pitch, field=field, roll=float(rng.normal(0, 3)))
    return view, away * float(np.cos(np.deg2rad(pitch))) + 1.5


def _place(
    rng: Generator,
    surfaces: Bank,
    view: View,
    things: list[Thing],
    *,
    reach: float,
    count: int,
    kind: str,
) -> None:
    """Things on the floor that do not stand in each other."""
    taken: list[tuple[float, float, float]] = []
    for _ in range(count):
        for _ in range(8):
            u = float(rng.uniform(0.02, 0.98)) * view.width
            v = float(rng.uniform(0.1, 1.0)) * view.height
            if kind == "close" and not taken:
                u = float(rng.uniform(0.3, 0.7)) * view.width
                v = float(rng.uniform(0.45, 0.8)) * view.height
            spot = view.floor_at(u, v)
            if spot is None or not 0.9 < spot[1] < reach:
                continue
            group = _any_group(rng, surfaces, spot, kind)
            block = foot(group[0])
            radius = max(0.3, *(float(np.hypot(foot(g).width, foot(g).depth)) / 2 for g in group))
            if block.y - radius < 0.7 or any(
                float(np.hypot(spot[0] - x, spot[1] - y)) < radius * 0.9 + r * 0.9
                for x, y, r in taken
            ):
                continue
            taken.append((*spot, radius))
            things.extend(group)
            break


def _any_group(rng: Generator, surfaces: Bank, spot: tuple[float, float], kind: str) -> list[Thing]:
    chance = rng.random()
    pallets, persons, lifts = (0.62, 0.7, 0.74) if kind == "close" else (0.34, 0.56, 0.68)
    if chance < pallets:
        return [any_pallet(rng, surfaces, *spot)]
    if chance < persons:
        return [any_person(rng, *spot)]
    if chance < lifts:
        return [any_forklift(rng, surfaces, *spot)]
    if rng.random() < 0.5:
        return [any_carton(rng, surfaces, *spot)]
    return list(any_stack(rng, surfaces, *spot))
