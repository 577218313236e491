"""What rendered goods and shelves are made of: surfaces, perspective, light, and a camera's faults.

There are two worlds. What is learned is learned in one and measured in the other: their patterns,
colours, kinds of light and of noise have no function in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.painting import through_jpeg

World = Literal["train", "test"]
Picture = NDArray[np.uint8]
Field = NDArray[np.float32]
Points = NDArray[np.float64]

_CV: Final[Any] = cv2
TILE: Final = 48
"""Pixels of a surface's side before it is seen in perspective."""


class Eye(NamedTuple):
    """A camera: where it stands, its turned axes in rows, focal length and centre in pixels."""

    place: Points
    axes: Points
    focal: float
    centre: tuple[float, float]

    def sees(self, points: Sequence[Sequence[float]] | Points) -> Points:
        """Where points in space (across, up, away) are in the picture."""
        turned = (np.asarray(points, dtype=np.float64) - self.place) @ self.axes.T
        away = np.maximum(turned[:, 2], 0.05)
        return np.stack(
            [
                self.centre[0] + self.focal * turned[:, 0] / away,
                self.centre[1] - self.focal * turned[:, 1] / away,
            ],
            axis=1,
        )


def eye(yaw: float, pitch: float, roll: float, target: Sequence[float], away: float) -> Eye:
    """A camera so far from a target, to its right by ``yaw`` and above it by ``pitch`` (radians).

    It looks at the target, with a focal length of one pixel and its centre at the origin.
    """
    ahead = np.array(
        [-np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)], dtype=float
    )
    right = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
    right /= np.linalg.norm(right)
    up = np.cross(ahead, right)
    cos, sin = np.cos(roll), np.sin(roll)
    axes = np.stack([cos * right + sin * up, -sin * right + cos * up, ahead])
    return Eye(np.asarray(target, dtype=float) - away * ahead, axes, 1.0, (0.0, 0.0))


def put(canvas: Picture, tile: Picture, corners: Points, shade: float = 1.0) -> None:
    """Lay a tile (BGR, or BGRA where it has holes) on the canvas, its corners clockwise."""
    height, width = canvas.shape[:2]
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    if right - left < 2 or bottom - top < 2:
        return
    rows, columns = tile.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    moved = (corners - (left, top)).astype(np.float32)
    size = (right - left, bottom - top)
    matrix: Any = cv2.getPerspectiveTransform(source, moved)
    colour = cv2.warpPerspective(
        np.ascontiguousarray(tile[:, :, :3]), matrix, size, borderMode=cv2.BORDER_REPLICATE
    )
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(moved * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    if tile.shape[2] == 4:
        holes = cv2.warpPerspective(np.ascontiguousarray(tile[:, :, 3]), matrix, size)
        mask = np.minimum(mask, holes)
    blend(canvas[top:bottom, left:right], np.asarray(colour), mask, shade)


def blend(onto: Picture, colour: Any, mask: Any, shade: float = 1.0) -> None:
    """Mix a colour into a part of a picture, where the mask (0-255) says."""
    share = mask[:, :, None].astype(np.float32) * np.float32(1 / 255)
    lit = np.minimum(np.asarray(colour, dtype=np.float32) * np.float32(shade), 255)
    onto[:] = (onto * (1 - share) + lit * share).astype(np.uint8)


def fill(canvas: Picture, outline: Points, colour: Any, shade: float = 1.0) -> Picture:
    """Fill any outline with a colour; returns where it is (0-255)."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    blend(canvas, np.asarray(colour, dtype=np.float32).reshape(1, 1, 3), mask, shade)
    return mask


def clouds(rng: Generator, rows: int, columns: int, cells: int) -> Field:
    """A smooth random field between 0 and 1, with about so many bumps across."""
    coarse = rng.random((max(cells * rows // columns, 2), max(cells, 2)), dtype=np.float32)
    smooth: Any = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth, 0, 1)


def colour(rng: Generator, hue: tuple[float, float], strong: tuple[float, float]) -> Field:
    """A random colour: hue in degrees, from grey (0) to strong (1), not too dark."""
    hsv = np.array(
        [[[rng.uniform(*hue) % 360 / 2, 255 * rng.uniform(*strong), rng.uniform(90, 245)]]]
    )
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR), np.float32)[0, 0]


# Patterns: each returns a tile of shares between 0 (one colour) and 1 (the other).


def _bands(rng: Generator) -> Field:
    across = np.arange(TILE, dtype=np.float32)
    wave = (across % rng.integers(8, 30) < rng.integers(2, 10)).astype(np.float32)
    tile = np.repeat(wave[None, :], TILE, axis=0)
    return tile if rng.random() < 0.5 else np.ascontiguousarray(tile.T)


def _blocks(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.integers(0, TILE - 8, 2)
        w, h = rng.integers(5, TILE // 2, 2)
        tile[y : y + h, x : x + w] = rng.uniform(0.3, 1)
    return tile


def _speckle(rng: Generator) -> Field:
    return (rng.random((TILE, TILE)) < 0.25).astype(np.float32) * np.float32(0.6)


def _frame(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    edge = int(rng.integers(3, 10))
    cv2.rectangle(tile, (edge, edge), (TILE - edge, TILE - edge), 1.0, int(rng.integers(1, 5)))
    return tile


def _plain(rng: Generator) -> Field:
    return np.full((TILE, TILE), rng.uniform(0, 0.2), np.float32)


def _dots(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    step, size = int(rng.integers(8, 16)), int(rng.integers(2, 5))
    for x in range(step // 2, TILE, step):
        for y in range(step // 2, TILE, step):
            cv2.circle(tile, (x, y), size, 1.0, -1, cv2.LINE_AA)
    return tile


def _slants(rng: Generator) -> Field:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32)
    along = x * rng.uniform(0.5, 1.5) + y * rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.5)
    return np.asarray(0.5 + 0.5 * np.sin(along * rng.uniform(0.15, 0.6)), np.float32)


def _writing(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    for row in range(int(rng.integers(5, 12)), TILE - 4, int(rng.integers(5, 9))):
        x = int(rng.integers(3, 10))
        while x < TILE - 6:
            wide = int(rng.integers(2, 7))
            tile[row : row + 3, x : x + wide] = 1.0
            x += wide + int(rng.integers(1, 4))
    return tile


def _emblem(rng: Generator) -> Field:
    tile = np.zeros((TILE, TILE), np.float32)
    x, y = rng.integers(14, TILE - 14, 2)
    axes = (int(rng.integers(6, 16)), int(rng.integers(5, 14)))
    cv2.ellipse(tile, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA)
    return tile


def _fade(rng: Generator) -> Field:
    ramp = np.linspace(0, 1, TILE, dtype=np.float32) ** np.float32(rng.uniform(0.6, 2))
    tile = np.repeat(ramp[:, None], TILE, axis=1)
    return tile if rng.random() < 0.5 else np.ascontiguousarray(tile[::-1].T)


_PATTERNS: Final[dict[World, tuple[Callable[[Generator], Field], ...]]] = {
    "train": (_bands, _blocks, _speckle, _frame, _plain),
    "test": (_dots, _slants, _writing, _emblem, _fade),
}
_HUES: Final[dict[World, tuple[tuple[float, float], ...]]] = {
    "train": ((0, 25), (50, 90), (130, 170), (215, 255), (300, 330)),
    "test": ((25, 50), (90, 130), (170, 215), (255, 300), (330, 360)),
}
_BROWN: Final[dict[World, tuple[tuple[float, float], tuple[float, float]]]] = {
    "train": ((22, 32), (0.25, 0.5)),
    "test": ((15, 38), (0.15, 0.6)),
}


def board(rng: Generator, world: World) -> Picture:
    """Plain cardboard, with its grain."""
    base = colour(rng, *_BROWN[world]) * np.float32(rng.uniform(0.7, 1.0))
    return _grained(rng, np.broadcast_to(base, (TILE, TILE, 3)), 0.1)


def printed(rng: Generator, world: World, *, on: Field | None = None) -> Picture:
    """A printed surface: a pattern in two colours, or of one colour on cardboard."""
    patterns, hues = _PATTERNS[world], _HUES[world]
    one = colour(rng, hues[rng.integers(len(hues))], (0.1, 0.95)) if on is None else on
    other = colour(rng, hues[rng.integers(len(hues))], (0.0, 0.9))
    share = patterns[rng.integers(len(patterns))](rng)[:, :, None]
    return _grained(rng, one * (1 - share) + other * share, 0.05)


def metal(rng: Generator, world: World) -> Picture:
    """What racks and shelf boards are made of: painted steel, bare steel, chipboard."""
    hues = _HUES[world]
    if rng.random() < 0.5:
        base = colour(rng, (0, 360), (0.0, 0.12))
    elif rng.random() < 0.5:
        base = colour(rng, hues[rng.integers(len(hues))], (0.4, 0.9))
    else:
        base = colour(rng, *_BROWN[world])
    return _grained(rng, np.broadcast_to(base * np.float32(0.85), (TILE, TILE, 3)), 0.12)


def cloth(rng: Generator, world: World) -> Field:
    """One colour of clothes."""
    hues = _HUES[world]
    return colour(rng, hues[rng.integers(len(hues))], (0.0, 0.9)) * np.float32(
        rng.uniform(0.25, 1.0)
    )


def skin(rng: Generator) -> Field:
    """One colour of hands and faces, of all people."""
    light, dark = np.array([175, 200, 240]), np.array([35, 50, 80])
    share = rng.random()
    return np.asarray(light * share + dark * (1 - share), np.float32)


def _grained(rng: Generator, surface: Any, depth: float) -> Picture:
    grain = 1 + depth * (clouds(rng, TILE, TILE, int(rng.integers(3, 14))) - 0.5)
    fine = rng.normal(0, 255 * depth / 8, (TILE, TILE)).astype(np.float32)
    return np.clip(surface * grain[:, :, None] + fine[:, :, None], 0, 255).astype(np.uint8)


# Light: each returns what every pixel is multiplied with, by colour.


def _even(rng: Generator, rows: int, columns: int) -> Field:
    field = 1 + rng.uniform(0, 0.5) * (clouds(rng, rows, columns, 2) - 0.5)
    return _tinted(rng, field, 0.08)


def _ramp(rng: Generator, rows: int, columns: int) -> Field:
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    along = (x / columns - 0.5) * np.cos(turn) + (y / rows - 0.5) * np.sin(turn)
    return _tinted(rng, np.asarray(1 + rng.uniform(0.2, 1.0) * along, np.float32), 0.15)


def _tubes(rng: Generator, rows: int, columns: int) -> Field:
    y = np.arange(rows, dtype=np.float32)[:, None]
    bands = 1 + rng.uniform(0, 0.15) * np.sin(y * rng.uniform(0.05, 0.4) + rng.uniform(0, 6))
    return _tinted(rng, np.repeat(bands, columns, axis=1).astype(np.float32), 0.25)


def _beam_shadow(rng: Generator, rows: int, columns: int) -> Field:
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    edge, soft = rng.uniform(0.1, 0.6), rng.uniform(0.02, 0.2)
    step = 1 / (1 + np.exp(-(y - edge) / soft))
    field = rng.uniform(0.3, 0.8) + (1.1 - rng.uniform(0.3, 0.8)) * step
    return _tinted(rng, np.repeat(field, columns, axis=1).astype(np.float32), 0.12)


def _sun_patch(rng: Generator, rows: int, columns: int) -> Field:
    field = np.full((rows, columns), rng.uniform(0.45, 0.8), np.float32)
    low = rng.uniform(-0.2, 0.7, 2) * (columns, rows)
    wide, high = rng.uniform(0.2, 0.8, 2) * (columns, rows)
    lean = rng.uniform(-0.4, 0.4) * columns
    corners = [(0, 0), (wide, 0), (wide + lean, high), (lean, high)]
    patch = np.rint(np.array(corners) + low).astype(np.int32)
    cv2.fillConvexPoly(field, patch, float(rng.uniform(1.2, 1.6)), cv2.LINE_AA)
    return _tinted(rng, field, 0.1)


def _lamp(rng: Generator, rows: int, columns: int) -> Field:
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    cx, cy = rng.uniform(0, 1, 2) * (columns, rows)
    far = ((x - cx) / columns) ** 2 + ((y - cy) / rows) ** 2
    field = 0.35 + 1.1 / (1 + far * rng.uniform(2, 8))
    return _tinted(rng, np.asarray(field, np.float32), 0.2)


def _sodium(rng: Generator, rows: int, columns: int) -> Field:
    field = np.full((rows, columns), rng.uniform(0.5, 0.9), np.float32)
    return field[:, :, None] * np.array([rng.uniform(0.35, 0.7), 0.85, 1.15], np.float32)


def _two_lights(rng: Generator, rows: int, columns: int) -> Field:
    share = np.linspace(0, 1, columns, dtype=np.float32)[None, :, None] ** np.float32(
        rng.uniform(0.5, 2)
    )
    warm, cool = np.array([0.75, 0.95, 1.15]), np.array([1.2, 1.0, 0.8])
    field = (warm * share + cool * (1 - share)) * rng.uniform(0.7, 1.1)
    return np.repeat(field, rows, axis=0).astype(np.float32)


_LIGHTS: Final[dict[World, tuple[Callable[[Generator, int, int], Field], ...]]] = {
    "train": (_even, _ramp, _tubes, _beam_shadow),
    "test": (_sun_patch, _lamp, _sodium, _two_lights),
}


def _tinted(rng: Generator, field: Field, strength: float) -> Field:
    tint = 1 + rng.uniform(-strength, strength, 3)
    return field[:, :, None] * tint.astype(np.float32)


def photographed(rng: Generator, world: World, scene: Picture) -> Picture:
    """A scene in one of the world's lights, as a camera of the floor delivers it."""
    rows, columns = scene.shape[:2]
    lights = _LIGHTS[world]
    lit = scene * lights[rng.integers(len(lights))](rng, rows, columns)
    lit *= np.float32(np.exp(rng.uniform(-0.4, 0.5)))
    if rng.random() < 0.5:
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < 0.15:
        lit = _shaken(rng, lit)
    lit = lit + _noise(rng, world, lit)
    gamma = rng.uniform(0.85, 1.15)
    seen = (np.clip(lit / 255, 0, 1) ** np.float32(gamma) * 255).astype(np.uint8)
    quality = int(rng.integers(50, 95))
    return np.asarray(through_jpeg(seen, quality), np.uint8)


def _shaken(rng: Generator, lit: Any) -> Any:
    length = int(rng.integers(2, 5))
    aslant = rng.random() < 0.5
    kernel: Field = np.eye(length, dtype=np.float32) if aslant else np.ones((1, length), np.float32)
    return _CV.filter2D(lit, -1, kernel / float(kernel.sum()))


def _noise(rng: Generator, world: World, lit: Any) -> Field:
    """Independent noise in one world; in the other one that grows with light, in larger grains."""
    rows, columns = int(lit.shape[0]), int(lit.shape[1])
    if world == "train":
        strength = float(rng.uniform(0.5, 8))
        return rng.normal(0, strength, (rows, columns, 3)).astype(np.float32)
    coarse = rng.normal(0, 1, (rows // 2 + 1, columns // 2 + 1, 3)).astype(np.float32)
    grown: Field = _CV.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
    grows: Field = np.sqrt(np.maximum(lit, 1))
    return grown * grows * np.float32(rng.uniform(0.1, 0.9))
