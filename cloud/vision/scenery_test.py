"""Scenes in the world ``test``: its surfaces and its light."""

from __future__ import annotations

from typing import Any, Final

import cv2 as _cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.colours import SIZE, flat, hued
from cloud.vision.matter import Scenery
from cloud.vision.prints import tape

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place


def _cells(rng: Generator, size: int, grid: int) -> Any:
    """A mosaic of hard-edged cells, slightly turned."""
    cells = rng.standard_normal((grid, grid), dtype=np.float32)
    big = cv2.resize(cells, (size, size), interpolation=cv2.INTER_NEAREST)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.uniform(0, 90)), 1.3)
    return cv2.warpAffine(big, turn, (size, size), borderMode=cv2.BORDER_REFLECT)


def _waves(rng: Generator, size: int) -> Any:
    """Bent stripes."""
    down, across = np.mgrid[0:size, 0:size].astype(np.float32)
    bent = across + rng.uniform(2, 10) * np.sin(down * rng.uniform(0.03, 0.15))
    return np.sin(bent * rng.uniform(0.1, 0.6))


def _base(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.55:
        return hued(rng, (12, 46), (0.15, 0.68), (0.32, 0.94))
    if kind < 0.75:
        return hued(rng, (180, 260), (0.0, 0.12), (0.6, 1.0))
    return hued(rng, (0, 360), (0.3, 1.0), (0.25, 0.95))


def _carton(rng: Generator) -> Any:
    face = flat(_base(rng))
    kind = int(rng.integers(5))
    if kind == 0:  # recycled board, speckled
        specks = rng.random((SIZE, SIZE)) < rng.uniform(0.01, 0.08)
        face[specks] *= rng.uniform(0.4, 0.8)
        face += (_cells(rng, SIZE, 32) * rng.uniform(1, 6))[:, :, None]
    elif kind == 1:  # printed all over with waves
        face += (_waves(rng, SIZE) * rng.uniform(4, 24))[:, :, None]
    elif kind == 2:  # glossy: a gradient and a highlight
        ramp = np.linspace(-1, 1, SIZE)[:, None] * rng.uniform(-30, 30)
        face += (ramp + np.linspace(-1, 1, SIZE)[None, :] * rng.uniform(-30, 30))[:, :, None]
        cv2.ellipse(face, (int(rng.integers(96)), 20), (30, 8), 30, 0, 360, (240.0,) * 3, -1)
        face[:] = cv2.GaussianBlur(face, (0, 0), 3)
    elif kind == 3:
        _dot(rng, face)
    else:  # a picture: a few polygons in the middle
        for _ in range(int(rng.integers(2, 6))):
            points = rng.integers(14, 82, (int(rng.integers(3, 6)), 2)).astype(np.int32)
            cv2.fillPoly(face, [points], tuple(float(each) for each in _base(rng)))
        face += (_cells(rng, SIZE, 12) * rng.uniform(0, 5))[:, :, None]
    if rng.random() < 0.5:
        tape(rng, face)
    if rng.random() < 0.4:  # strapping
        for at in rng.integers(12, 84, 2):
            face[:, int(at) : int(at) + 3] = rng.uniform(10, 230)
    return face


def _dot(rng: Generator, face: Any) -> None:
    pitch, ink = int(rng.integers(8, 22)), tuple(float(each) for each in _base(rng))
    for y in range(pitch // 2, SIZE, pitch):
        for x in range(pitch // 2, SIZE, pitch):
            cv2.circle(face, (x, y), max(1, pitch // 5), ink, -1)


def _top(rng: Generator) -> Any:
    face = _carton(rng)
    face[:, 46:49] *= rng.uniform(0.4, 0.8)
    return face


def _wood(rng: Generator) -> Any:
    """Weathered boards: cells stretched along the grain, knots."""
    wood = flat(hued(rng, (15, 60), (0.05, 0.5), (0.3, 0.8)))
    cells = rng.standard_normal((24, 5), dtype=np.float32)
    cells = cv2.resize(cells, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    wood *= (1 + cells * rng.uniform(0.03, 0.1))[:, :, None]
    for _ in range(5):
        at = (int(rng.integers(SIZE)), int(rng.integers(SIZE)))
        cv2.ellipse(wood, at, (5, 2), 0, 0, 360, (40.0, 55.0, 75.0), -1)
    return wood


def _film(rng: Generator) -> Any:
    """Film with creases like a net and blue, green or grey in it."""
    film = flat(hued(rng, (80, 260), (0.0, 0.25), (0.55, 1.0)))
    for _ in range(int(rng.integers(6, 20))):
        a, b = rng.integers(0, SIZE, 2), rng.integers(0, SIZE, 2)
        tone = (float(rng.uniform(120, 255)),) * 3
        cv2.line(film, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), tone, 1, cv2.LINE_8)
    return film


def _metal(rng: Generator) -> Any:
    metal = flat(hued(rng, (0, 360), (0.0, 1.0), (0.15, 0.9)))
    metal += (_waves(rng, SIZE) * rng.uniform(0, 12))[:, :, None]
    return metal


def _floor(rng: Generator) -> Any:
    """Asphalt, chequer plate, tiles, planks."""
    size = 256
    floor = flat(hued(rng, (0, 360), (0.0, 0.3), (0.15, 0.85)), size)
    kind = int(rng.integers(4))
    if kind == 0:
        floor += rng.standard_normal((size, size, 1), dtype=np.float32) * rng.uniform(4, 22)
    elif kind == 1:
        floor += (_waves(rng, size) * _waves(rng, size).T * rng.uniform(5, 30))[:, :, None]
    elif kind == 2:
        floor += (_cells(rng, size, int(rng.integers(4, 24))) * rng.uniform(3, 18))[:, :, None]
    else:
        planks = np.repeat(rng.standard_normal(16), size // 16) * rng.uniform(4, 20)
        floor += planks[:, None, None]
    for _ in range(int(rng.integers(0, 3))):  # puddles
        at = (int(rng.integers(size)), int(rng.integers(size)))
        axes = (int(rng.integers(10, 50)), int(rng.integers(5, 25)))
        cv2.ellipse(
            floor, at, axes, 0, 0, 360, tuple(float(e) for e in rng.uniform(60, 220, 3)), -1
        )
    return floor


def _wall(rng: Generator) -> Any:
    """Bricks, slats, curtains, and things that hang there."""
    size = 256
    wall = flat(hued(rng, (0, 360), (0.0, 0.5), (0.2, 0.95)), size)
    kind = int(rng.integers(3))
    if kind == 0:
        height = int(rng.integers(8, 20))
        for row in range(0, size, height):
            wall[row] *= 0.7
            wall[row : row + height, (row // height % 2) * height :: 2 * height] *= 0.75
    elif kind == 1:
        wall += (np.sin(np.arange(size) * rng.uniform(0.2, 0.9)) * 22)[:, None, None]
    else:
        wall += (_waves(rng, size) * 18)[:, :, None]
    for _ in range(int(rng.integers(0, 6))):
        points = rng.integers(0, size, 2) + rng.integers(-45, 45, (4, 2))
        hull = cv2.convexHull(points.astype(np.int32))
        cv2.fillPoly(wall, [hull], tuple(float(each) for each in rng.uniform(10, 245, 3)))
    return wall


def _light(rng: Generator, rows: int, columns: int) -> Any:
    """Sun through windows in stripes, coloured lamps at one side, a dusk that falls off."""
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j].astype(np.float32)
    kind = int(rng.integers(3))
    if kind == 0:
        slant = across * rng.uniform(0.5, 1) + down * rng.uniform(-1, 1)
        stripes = (np.sin(slant * rng.uniform(8, 30)) > rng.uniform(-0.3, 0.7)).astype(np.float32)
        light = (0.7 + rng.uniform(0.2, 0.6) * stripes)[:, :, None] * np.array([0.95, 1.0, 1.06])
    elif kind == 1:
        warm, cold = np.array([0.62, 0.95, 1.2]), np.array([1.2, 1.0, 0.8])
        share = 1 / (1 + np.exp(-(across - rng.uniform(0.2, 0.8)) * rng.uniform(-9, 9)))
        light = share[:, :, None] * warm + (1 - share[:, :, None]) * cold
    else:
        away = np.hypot(down - rng.uniform(0, 1), across - rng.uniform(0, 1))
        light = (1.35 / (1 + rng.uniform(0.8, 2.2) * away**2))[:, :, None]
    return light.astype(np.float32)


SCENERY: Final = Scenery(
    carton=_carton,
    carton_top=_top,
    wood=_wood,
    film=_film,
    metal=_metal,
    floor=_floor,
    wall=_wall,
    light=_light,
)
