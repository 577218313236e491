"""Scenes in the world that models learn in: its surfaces and its lamps."""

from __future__ import annotations

from typing import Any, Final

import cv2 as _cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.colours import SIZE, flat, hued, octaves
from cloud.vision.matter import Scenery
from cloud.vision.prints import print_on, tape, worn_edges

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place


def _base(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.6:
        return hued(rng, (18, 38), (0.22, 0.6), (0.4, 0.88))  # kraft
    if kind < 0.78:
        return hued(rng, (0, 360), (0.0, 0.1), (0.55, 0.97))  # white and grey
    return hued(rng, (0, 360), (0.2, 0.9), (0.2, 0.9))


def _stripes(rng: Generator, size: int) -> Any:
    """Straight stripes, perhaps crossed, perhaps hard-edged, turned by chance."""
    down, across = np.mgrid[0:size, 0:size].astype(np.float32)
    turn = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    along = np.sin((across * np.cos(turn) + down * np.sin(turn)) * rng.uniform(0.08, 0.9))
    if rng.random() < 0.4:
        along = along * np.sin(
            (down * np.cos(turn) - across * np.sin(turn)) * rng.uniform(0.08, 0.9)
        )
    return np.sign(along) if rng.random() < 0.5 else along


def _blotches(rng: Generator, size: int) -> Any:
    """Clouds with hard edges."""
    return np.sign(octaves(rng, size, int(rng.integers(2, 12))) + rng.uniform(-0.5, 0.5))


def _scribbles(rng: Generator, picture: Any) -> None:
    """Short straight strokes, like print, dirt or scratches."""
    size = int(picture.shape[0])
    for _ in range(int(rng.integers(5, 40))):
        at, way = rng.integers(0, size, 2), rng.integers(-size // 5, size // 5 + 1, 2)
        ink = tuple(float(each) for each in rng.uniform(10, 245, 3))
        ends = [(int(each[0]), int(each[1])) for each in (at, at + way)]
        cv2.line(picture, ends[0], ends[1], ink, int(rng.integers(1, 4)))


def _blocks(rng: Generator, picture: Any) -> None:
    """A patchwork of upright rectangles."""
    size = int(picture.shape[0])
    for _ in range(int(rng.integers(3, 14))):
        x, y = (int(each) for each in rng.integers(-10, size, 2))
        w, h = (int(each) for each in rng.integers(size // 16, size // 2, 2))
        ink = tuple(float(each) for each in _base(rng))
        cv2.rectangle(picture, (x, y), (x + w, y + h), ink, -1)


def _busy(rng: Generator, picture: Any) -> None:
    """A pattern over the whole surface, weak or strong."""
    size = int(picture.shape[0])
    kind = int(rng.integers(4))
    if kind == 0:
        picture += (_stripes(rng, size) * rng.uniform(3, 40))[:, :, None] * rng.uniform(0.3, 1, 3)
    elif kind == 1:
        picture += (_blotches(rng, size) * rng.uniform(3, 35))[:, :, None] * rng.uniform(0.3, 1, 3)
    elif kind == 2:
        _scribbles(rng, picture)
    else:
        _blocks(rng, picture)


def _carton(rng: Generator) -> Any:
    face = flat(_base(rng))
    if rng.random() < 0.35:
        _busy(rng, face)
    if rng.random() < 0.25:  # lighter on one side
        slope = np.linspace(-1, 1, SIZE, dtype=np.float32) * rng.uniform(-35, 35)
        face += slope[:, None, None] if rng.random() < 0.5 else slope[None, :, None]
    face += (octaves(rng, SIZE, 3) * rng.uniform(1, 14))[:, :, None]
    fibres = octaves(rng, SIZE, 24, roughness=0.9) * rng.uniform(0.5, 7)
    face += fibres[:, :, None]
    if rng.random() < 0.4:
        flutes = np.sin(np.arange(SIZE) * rng.uniform(0.7, 2.6)) * rng.uniform(1, 6)
        face += flutes[None, :, None]
    if rng.random() < 0.18:  # a broad printed band or two-coloured box
        at, width = int(rng.integers(0, 70)), int(rng.integers(10, 60))
        band = face[:, at : at + width] if rng.random() < 0.4 else face[at : at + width]
        band += _base(rng) - _base(rng)
    if rng.random() < 0.7:
        print_on(rng, face)
    if rng.random() < 0.45:
        tape(rng, face)
    if rng.random() < 0.7:
        worn_edges(rng, face)
    return face


def _top(rng: Generator) -> Any:
    face = flat(_base(rng))
    face += (octaves(rng, SIZE, 3) * rng.uniform(1, 12))[:, :, None]
    if rng.random() < 0.8:  # the flaps meet in the middle
        face[47:49] *= rng.uniform(0.35, 0.85)
    if rng.random() < 0.75:
        tape(rng, face)
    if rng.random() < 0.3:
        print_on(rng, face)
    if rng.random() < 0.7:
        worn_edges(rng, face)
    return face


def _wood(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.75:
        base = hued(rng, (22, 42), (0.15, 0.55), (0.35, 0.85))
    else:  # painted, or plastic
        base = hued(rng, (0, 360), (0.2, 0.9), (0.2, 0.75))
    grain = cv2.resize(
        rng.standard_normal((SIZE, 3), dtype=np.float32),
        (SIZE, SIZE),
        interpolation=cv2.INTER_LINEAR,
    )
    wood = flat(base) * (1 + grain * rng.uniform(0.02, 0.12))[:, :, None]
    wood += (octaves(rng, SIZE, 4) * rng.uniform(1, 12))[:, :, None]
    if rng.random() < 0.3:
        _busy(rng, wood)
    return wood


def _film(rng: Generator) -> Any:
    """Stretch film: pale, streaked where it is pulled."""
    tone = rng.uniform(150, 235) if rng.random() < 0.8 else rng.uniform(15, 70)
    tint = np.array([1, 1, 1]) + rng.uniform(-1, 1, 3) * rng.choice([0.08, 0.35])
    streaks = cv2.resize(
        rng.standard_normal((int(rng.integers(8, 40)), 3), dtype=np.float32), (SIZE, SIZE)
    )
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), float(rng.uniform(-35, 35)), 1.5)
    streaks = cv2.warpAffine(streaks, turn, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
    film = flat(tone * tint) + (streaks * rng.uniform(0, 45))[:, :, None]
    if rng.random() < 0.3:
        _busy(rng, film)
    return film


def _metal(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.5:
        base = hued(rng, (0, 60), (0.6, 1.0), (0.4, 0.95))
    elif kind < 0.75:
        base = hued(rng, (90, 260), (0.3, 0.9), (0.2, 0.8))
    else:
        base = hued(rng, (0, 360), (0.0, 0.15), (0.1, 0.8))
    metal = flat(base) + (octaves(rng, SIZE, 2) * rng.uniform(2, 14))[:, :, None]
    if rng.random() < 0.5:
        print_on(rng, metal)
    if rng.random() < 0.2:
        _busy(rng, metal)
    return metal


def _floor(rng: Generator) -> Any:
    size = 256
    kind = rng.random()
    if kind < 0.7:
        base = hued(rng, (0, 360), (0.0, 0.14), (0.18, 0.8))
    else:
        base = hued(rng, (0, 360), (0.1, 0.55), (0.15, 0.7))
    floor = flat(base, size)
    floor += (octaves(rng, size, 2, roughness=rng.uniform(0.4, 0.8)) * rng.uniform(3, 26))[
        :, :, None
    ]
    if rng.random() < 0.4:
        _busy(rng, floor)
    if rng.random() < 0.5:  # joints
        pitch = int(rng.integers(32, 128))
        gain = rng.uniform(0.6, 1.2)
        floor[::pitch] *= gain
        floor[:, ::pitch] *= gain
    for _ in range(int(rng.integers(0, 4))):  # painted lines, tyre marks
        colour = tuple(float(each) for each in rng.uniform(20, 235, 3))
        a, b = rng.integers(0, size, 2), rng.integers(0, size, 2)
        if rng.random() < 0.6:
            b[0] = a[0]
        ends = [(int(each[0]), int(each[1])) for each in (a, b)]
        cv2.line(floor, ends[0], ends[1], colour, int(rng.integers(1, 6)))
    return floor


def _wall(rng: Generator) -> Any:
    size = 256
    floor = flat(hued(rng, (0, 360), (0.0, 0.35), (0.15, 0.95)), size)
    floor += (octaves(rng, size, 2) * rng.uniform(2, 14))[:, :, None]
    if rng.random() < 0.45:
        _busy(rng, floor)
    if rng.random() < 0.5:  # panels
        pitch = int(rng.integers(8, 64))
        floor[:, ::pitch] *= rng.uniform(0.5, 0.95)
    for _ in range(int(rng.integers(0, 7))):  # doors, signs, windows, pipes
        colour = tuple(float(each) for each in rng.uniform(10, 245, 3))
        x, y = (int(each) for each in rng.integers(0, size, 2))
        w, h = (int(each) for each in rng.integers(6, 90, 2))
        cv2.rectangle(floor, (x, y), (x + w, y + h), colour, -1 if rng.random() < 0.7 else 2)
    return floor


def _light(rng: Generator, rows: int, columns: int) -> Any:
    """Lamps above: bright spots that fade, a slope across the hall, darker corners."""
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j].astype(np.float32)
    slope = rng.uniform(-0.4, 0.4, 2)
    light = 0.85 + slope[0] * (down - 0.5) + slope[1] * (across - 0.5)
    for _ in range(int(rng.integers(0, 3))):
        y, x = rng.uniform(-0.2, 1.2, 2)
        far = (down - y) ** 2 + (across - x) ** 2
        light = light + rng.uniform(-0.3, 0.6) * np.exp(-far / rng.uniform(0.02, 0.4))
    if rng.random() < 0.4:
        light = light * (1.1 - rng.uniform(0, 0.7) * ((down - 0.5) ** 2 + (across - 0.5) ** 2))
    if rng.random() < 0.4:  # the shadows of beams, doors and vehicles out of sight: hard-edged
        for _ in range(int(rng.integers(1, 4))):
            (y, x), turn = rng.uniform(0, 1, 2), rng.uniform(0, np.pi)
            side = (across - x) * np.cos(turn) + (down - y) * np.sin(turn)
            shaded = (side > 0) & (side < rng.uniform(0.05, 0.9))
            light = light * np.where(shaded, np.float32(rng.uniform(0.4, 0.85)), np.float32(1))
    light = light[:, :, None]
    if rng.random() < 0.4:  # lamps of different kinds: another colour in each corner
        corners = rng.uniform(0.7, 1.3, (2, 2, 3)).astype(np.float32)
        light = light * cv2.resize(corners, (columns, rows))
    return light


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
