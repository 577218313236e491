"""Cartons as a detector crops them, whole and damaged: drawn, not photographed.

Damaged is a crushed corner, a tear, a hole, a wet stain or an open flap. Whole ones carry what
looks like it: tape, print, labels, straps, shadows and the holes that hands go in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from cloud.vision.matter import World
from cloud.vision.perspective import Eye, Picture, Points, eye, fill, put
from cloud.vision.surfaces import board, cloth, metal, photographed, printed
from cloud.vision.tiles import clouds

Harm = Literal["none", "crushed", "torn", "hole", "wet", "flap"]
HARMS: Final[tuple[Harm, ...]] = ("none", "crushed", "torn", "hole", "wet", "flap")
_FACE: Final = 96
_OF_TEN_WHOLE: Final = 0.5
_STREAMS: Final[dict[World, int]] = {"train": 2, "test": 3, "fresh": 4}
"""Other numbers than shelves are drawn from."""


class Crop(NamedTuple):
    """A crop of a carton, as large as the detector's box around it was."""

    picture: Picture
    harm: Harm
    large: float


def crops(seed: int, number: int, world: World) -> Iterator[Crop]:
    """So many crops, half of them of whole cartons. ``large`` is the harm's share of a face."""
    rng = default_rng([seed, _STREAMS[world]])
    for _ in range(number):
        harm = "none" if rng.random() < _OF_TEN_WHOLE else HARMS[rng.integers(1, len(HARMS))]
        yield _crop(rng, world, harm)


def _crop(rng: Generator, world: World, harm: Harm) -> Crop:
    size = np.array([1.0, rng.uniform(0.45, 1.1), rng.uniform(0.5, 1.2)])
    turn = math.radians(rng.uniform(12, 60)) * (1 if rng.random() < 0.5 else -1)
    pitch = math.radians(rng.uniform(2, 40))
    roll = math.radians(rng.uniform(-4, 4))
    bare = eye(turn, pitch, roll, list(size / 2), float(rng.uniform(2.5, 6)))
    corners = [(x, y, z) for x in (0, size[0]) for y in (0, size[1]) for z in (0, size[2])]
    flat: Any = bare.sees(corners)
    pixels = math.exp(rng.uniform(math.log(44), math.log(150)))
    scale = pixels / float((flat.max(axis=0) - flat.min(axis=0)).max())
    low, high = flat.min(axis=0) * scale, flat.max(axis=0) * scale
    # A detector's box is a little too large or too small, by side.
    around = rng.uniform(-0.03, 0.14, 4) * pixels
    columns, rows = (
        int(np.ceil(high[0] - low[0] + around[0] + around[1])),
        int(np.ceil(high[1] - low[1] + around[2] + around[3])),
    )
    seen = Eye(bare.place, bare.axes, scale, (float(around[0] - low[0]), float(around[2] - low[1])))
    canvas = _surroundings(rng, world, rows, columns)
    large = float(rng.uniform(0.22, 0.6))
    _carton(_Scene(rng, world, canvas, seen), size, harm, large)
    _cast_shadow(rng, canvas)
    return Crop(photographed(rng, world, canvas), harm, large)


def _surroundings(rng: Generator, world: World, rows: int, columns: int) -> Picture:
    canvas = cv2.resize(metal(rng, world), (columns, rows)).astype(np.uint8)
    canvas = (canvas * rng.uniform(0.3, 0.9)).astype(np.uint8)
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-0.3, 1, 2) * (columns, rows)
        w, h = rng.uniform(0.1, 0.6, 2) * (columns, rows)
        tile = printed(rng, world) if rng.random() < 0.5 else board(rng, world)
        corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
        put(canvas, tile, corners, rng.uniform(0.4, 0.9))
    return canvas


class _Scene(NamedTuple):
    """What is drawn on, by chance and in which world, and from where it is seen."""

    rng: Generator
    world: World
    canvas: Picture
    seen: Eye


_Corner = tuple[int, int, int]
"""Of a carton: left or right, below or above, near or far."""


def _carton(scene: _Scene, size: Points, harm: Harm, large: float) -> None:
    rng, world, canvas, seen = scene
    w, h, d = (float(each) for each in size)
    base = cv2.resize(board(rng, world), (_FACE, _FACE))
    right = seen.place[0] > w / 2
    x = w if right else 0.0
    point: dict[_Corner, Points] = {
        (a, b, c): np.array([a * w, b * h, c * d]) for a in (0, 1) for b in (0, 1) for c in (0, 1)
    }
    near = (1 if right else 0, int(rng.random() < 0.6), 0)
    if harm == "crushed":
        middle = np.array([w, h, d]) / 2
        point[near] = point[near] + (middle - point[near]) * rng.uniform(0.3, 0.75) * (0.4 + large)
    front_at = [point[0, 1, 0], point[1, 1, 0], point[1, 0, 0], point[0, 0, 0]]
    a = 1 if right else 0
    side_at = [point[a, 1, 0], point[a, 1, 1], point[a, 0, 1], point[a, 0, 0]]
    if not right:
        side_at = [side_at[1], side_at[0], side_at[3], side_at[2]]
    top_at = [point[0, 1, 1], point[1, 1, 1], point[1, 1, 0], point[0, 1, 0]]
    front, side, top = (_face(rng, world, base) for _ in range(3))
    if harm in _PAINT:
        which = rng.random()
        shown_top = seen.place[1] > 1.5 * h
        if which < 0.6:
            front = _PAINT[harm](rng, front, large)
        elif which < 0.85 or not shown_top:
            side = _PAINT[harm](rng, side, large)
        else:
            top = _PAINT[harm](rng, top, large)
    lift = _Lift(float(rng.uniform(0.5, 1.9)), (0.25 + 0.5 * large) * h)
    if harm == "flap":
        _flap(scene, (point[0, 1, 1], point[1, 1, 1]), (0, 1), base, lift)
    if seen.place[1] > h or harm == "flap":
        put(canvas, top, seen.sees(np.array(top_at)), 0.25 if harm == "flap" else 1.12)
    put(canvas, side, seen.sees(np.array(side_at)), rng.uniform(0.6, 0.85))
    put(canvas, front, seen.sees(np.array(front_at)), 1.0)
    if harm == "flap" and rng.random() < 0.6:
        edge = (point[a, 1, 0], point[a, 1, 1])
        _flap(scene, edge, (1 if x else -1, 0), base, lift)
    if harm == "crushed":
        _creases(scene, point, near, large)


def _face(rng: Generator, world: World, base: Any) -> Picture:
    """One face, with what whole cartons carry."""
    face = np.ascontiguousarray(base).astype(np.uint8)
    for paint, likely in ((_print, 0.35), (_tape, 0.4), (_label, 0.35), (_strap, 0.12)):
        if rng.random() < likely:
            face = paint(rng, world, face)
    if rng.random() < 0.1:
        x, y = int(rng.integers(36, 60)), int(rng.integers(18, 34))
        cv2.ellipse(face, (x, y), (12, 5), 0, 0, 360, (25, 30, 35), -1, cv2.LINE_AA)
    return face


def _print(rng: Generator, world: World, face: Picture) -> Picture:
    x, y = rng.integers(4, 50, 2)
    w, h = rng.integers(18, 44, 2)
    part = face[y : y + h, x : x + w]
    flat = part.reshape(-1, 3).mean(axis=0).astype(np.float32)
    part[:] = cv2.resize(printed(rng, world, on=flat), (part.shape[1], part.shape[0]))
    return face


def _tape(rng: Generator, _world: World, face: Picture) -> Picture:
    at, wide = int(rng.integers(30, 58)), int(rng.integers(6, 14))
    tone = np.array([150, 185, 205]) * rng.uniform(0.6, 1.15)
    rows, columns = (slice(at, at + wide), slice(None))
    if rng.random() < 0.5:
        rows, columns = columns, rows
    face[rows, columns] = np.clip(face[rows, columns] * 0.45 + tone * 0.55, 0, 255)
    return face


def _label(rng: Generator, _world: World, face: Picture) -> Picture:
    x, y = rng.integers(4, 60, 2)
    w, h = int(rng.integers(18, 34)), int(rng.integers(14, 26))
    cv2.rectangle(face, (int(x), int(y)), (int(x + w), int(y + h)), (225, 230, 230), -1)
    for column in range(int(x) + 3, int(x) + w - 2, int(rng.integers(2, 5))):
        cv2.line(face, (column, int(y) + 3), (column, int(y) + h // 2), (30, 30, 30), 1)
    for row in range(int(y) + h // 2 + 3, int(y) + h - 1, 4):
        cv2.line(face, (int(x) + 3, row), (int(x) + w - 5, row), (70, 70, 70), 1)
    return face


def _strap(rng: Generator, world: World, face: Picture) -> Picture:
    at = int(rng.integers(10, 80))
    face[:, at : at + int(rng.integers(2, 5))] = cloth(rng, world).astype(np.uint8)
    return face


def _blob(rng: Generator, reach: float, rough: float, corners: int = 14) -> Points:
    """An irregular outline within a face."""
    middle = rng.uniform(0.3, 0.7, 2) * _FACE
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 1)
    far = reach * _FACE * (1 + rng.normal(0, rough, corners)).clip(0.3, 1.8) / 2
    squeeze = rng.uniform(0.5, 1.0)
    return middle + np.stack([np.cos(turn) * far, np.sin(turn) * far * squeeze], axis=1)


def _hole(rng: Generator, face: Picture, large: float) -> Picture:
    outline = _blob(rng, large, 0.25)
    middle = outline.mean(axis=0)
    tone = face.reshape(-1, 3).mean(axis=0)
    fill(face, middle + (outline - middle) * 1.2, np.minimum(tone * 1.25 + 15, 255))
    fill(face, outline, tone * rng.uniform(0.08, 0.25))
    return face


def _torn(rng: Generator, face: Picture, large: float) -> Picture:
    steps = int(rng.integers(6, 11))
    turn = rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(turn), np.sin(turn)]) * large * 1.4 * _FACE
    across = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    share = np.linspace(-0.5, 0.5, steps)[:, None]
    spine = rng.uniform(0.3, 0.7, 2) * _FACE + share * along
    jag = rng.normal(0, 3.0, (steps, 1)) * across
    wide = (1 - (2 * share) ** 2) * rng.uniform(4, 11) * across
    tone = face.reshape(-1, 3).mean(axis=0)
    raw = np.minimum(tone * 1.3 + 20, 255)
    fill(face, np.concatenate([spine + jag + wide * 1.7, (spine + jag)[::-1]]), raw)
    fill(face, np.concatenate([spine + jag + wide * 0.4, (spine + jag - wide)[::-1]]), tone * 0.2)
    return face


def _wet(rng: Generator, face: Picture, large: float) -> Picture:
    outline = _blob(rng, 0.35 + large, 0.12, 20)
    if rng.random() < 0.6:
        outline[:, 1] += 0.95 * _FACE - outline[:, 1].max()  # it stood in water
    mask = np.zeros((_FACE, _FACE), np.float32)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1.0)
    soft: Any = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1.0, 3.0))
    wide: Any = cv2.GaussianBlur(mask, (0, 0), 5.0)
    rim: Any = np.clip(soft * (1 - wide) * 4, 0, 1)
    uneven = 0.85 + 0.3 * clouds(rng, _FACE, _FACE, 6)
    dark = 1 - soft * uneven * rng.uniform(0.3, 0.5) - rim * 0.15
    return np.clip(face * np.asarray(dark)[:, :, None], 0, 255).astype(np.uint8)


_PAINT: Final[dict[str, Callable[[Generator, Picture, float], Picture]]] = {
    "hole": _hole,
    "torn": _torn,
    "wet": _wet,
}


class _Lift(NamedTuple):
    """How far a flap is open (radians from flat), and how long it is."""

    turn: float
    long: float


def _flap(
    scene: _Scene,
    edge: tuple[Points, Points],
    out: tuple[int, int],
    tile: Any,
    lift: _Lift,
) -> None:
    """A flap of the top that stands open along an edge, away from the middle by ``out``."""
    away = np.array([out[0], 0, out[1]], dtype=float)
    reach = lift.long * (np.cos(lift.turn) * away + np.sin(lift.turn) * np.array([0, 1.0, 0]))
    corners = np.array([edge[0] + reach, edge[1] + reach, edge[1], edge[0]])
    put(scene.canvas, np.asarray(tile, np.uint8), scene.seen.sees(corners), 0.8)


def _creases(scene: _Scene, point: dict[_Corner, Points], near: _Corner, large: float) -> None:
    """Facets and folds around a corner that was pushed in."""
    rng, _, canvas, seen = scene
    tip = point[near]
    ends = [
        tip + (point[other] - tip) * rng.uniform(0.3, 0.6) * (0.5 + large)
        for other in (
            (1 - near[0], near[1], near[2]),
            (near[0], 1 - near[1], near[2]),
            (near[0], near[1], 1 - near[2]),
        )
    ]
    flat = seen.sees(np.array([tip, *ends]))
    x, y = np.clip(flat[0], 0, (canvas.shape[1] - 1, canvas.shape[0] - 1)).astype(int)
    tone = canvas[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].reshape(-1, 3).mean(axis=0)
    for one, other in ((1, 2), (2, 3)):
        fill(canvas, flat[[0, one, other]], tone * rng.uniform(0.35, 0.8))
    for one, other in ((1, 2), (2, 3)):
        ends_at = np.rint(flat[[one, other]]).astype(int)
        cv2.line(canvas, ends_at[0].tolist(), ends_at[1].tolist(), (tone * 0.4).tolist(), 1, 16)


def _cast_shadow(rng: Generator, canvas: Picture) -> None:
    """Something beside the carton keeps light from a part of it."""
    if rng.random() > 0.35:
        return
    rows, columns = canvas.shape[:2]
    mask = np.zeros((rows, columns), np.float32)
    outline = rng.uniform(-0.3, 1.3, (4, 2)) * (columns, rows)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(outline).astype(np.int32)), 1.0)
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 5)), np.float32)
    dark = 1 - soft * np.float32(rng.uniform(0.2, 0.55))
    canvas[:] = (canvas * dark[:, :, None]).astype(np.uint8)
