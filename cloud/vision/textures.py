"""The surfaces of rendered scenes, in two worlds that share none.

The world ``train`` is what models are trained on; ``test`` has other families of cardboard, floors,
walls, wood and film. What belongs to which was fixed before the first training, so that a figure
from ``test`` says something about surfaces never seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import cv2 as _cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place

Image = NDArray[np.uint8]
World = Literal["train", "test"]

SIZE: Final = 96
_MIPS: Final = (96, 48, 24)
_INK: Final = (35.0, 40.0, 48.0)


class Texture(NamedTuple):
    """One surface in three sizes, so that a small face does not shimmer."""

    mips: tuple[Image, ...]

    def for_pixels(self, pixels: float) -> Image:
        """The smallest size that is not coarser than ``pixels`` across."""
        for image in reversed(self.mips):
            if image.shape[0] >= pixels:
                return image
        return self.mips[0]


class Bank(NamedTuple):
    """The surfaces of one world."""

    cartons: tuple[Texture, ...]
    carton_tops: tuple[Texture, ...]
    wood_sides: tuple[Texture, ...]
    wood_tops: tuple[Texture, ...]
    films: tuple[Texture, ...]
    labels: tuple[Texture, ...]
    metals: tuple[Texture, ...]
    floors: tuple[Image, ...]
    walls: tuple[Image, ...]
    noise: NDArray[np.int16]


@lru_cache(maxsize=4)
def bank(world: World, seed: int = 0) -> Bank:
    """All surfaces of a world, made from a seed."""
    rng = np.random.default_rng([seed, 0 if world == "train" else 1])
    make = _TRAIN if world == "train" else _TEST

    def some(count: int, maker: Callable[[Generator], Any]) -> tuple[Texture, ...]:
        return tuple(_mipped(maker(rng)) for _ in range(count))

    return Bank(
        cartons=some(160, make.carton),
        carton_tops=some(60, make.carton_top),
        wood_sides=some(30, lambda rng: _pallet_side(rng, make.wood)),
        wood_tops=some(30, lambda rng: _pallet_top(rng, make.wood)),
        films=some(30, make.film),
        labels=some(60, _label),
        metals=some(30, make.metal),
        floors=tuple(_u8(make.floor(rng)) for _ in range(36)),
        walls=tuple(_u8(make.wall(rng)) for _ in range(36)),
        noise=np.clip(rng.standard_normal((700, 700)) * 32, -127, 127).astype(np.int16),
    )


def octaves(rng: Generator, size: int, coarsest: int, *, roughness: float = 0.5) -> Any:
    """Cloudy noise around 0, about -1 to 1: ever finer grids, ever weaker."""
    total = np.zeros((size, size), np.float32)
    weight, grid = 1.0, coarsest
    while grid <= size:
        cells = rng.standard_normal((grid, grid), dtype=np.float32)
        total += weight * cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC)
        weight, grid = weight * roughness, grid * 2
    return total * np.float32(0.6)


def _colour(rng: Generator, hue: tuple[float, float], sat: Any, value: Any) -> Any:
    """A BGR colour from ranges: hue in degrees, saturation and value in 0..1."""
    hsv = np.array(
        [[[rng.uniform(*hue) / 2 % 180, 255 * rng.uniform(*sat), 255 * rng.uniform(*value)]]]
    )
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def _flat(colour: Any, size: int = SIZE) -> Any:
    return np.full((size, size, 3), colour, np.float32)


def _mipped(picture: Any) -> Texture:
    full = _u8(picture)
    return Texture(
        tuple(_u8(cv2.resize(full, (side, side), interpolation=cv2.INTER_AREA)) for side in _MIPS)
    )


def _u8(picture: Any) -> Image:
    return np.clip(picture, 0, 255).astype(np.uint8)


# ---------------------------------------------------------------- what both worlds have: shapes


def _print_on(rng: Generator, face: Any) -> None:
    """What is printed on cardboard: words, arrows, frames, a bar, marks."""
    ink: Any = np.asarray(_INK) if rng.random() < 0.6 else rng.uniform(20, 200, 3)
    ink = tuple(float(each) for each in ink)
    for _ in range(int(rng.integers(0, 5))):
        x, y = (int(each) for each in rng.integers(4, SIZE - 30, 2))
        w, h = (int(each) for each in rng.integers(6, 44, 2))
        kind = int(rng.integers(6))
        if kind == 0:
            cv2.rectangle(face, (x, y), (x + w, y + h), ink, int(rng.integers(1, 3)))
        elif kind == 1:
            cv2.arrowedLine(face, (x, y + 20), (x, y), ink, 2, tipLength=0.4)
            cv2.arrowedLine(face, (x + 10, y + 20), (x + 10, y), ink, 2, tipLength=0.4)
        elif kind == 2:
            text = "".join(chr(int(each)) for each in rng.integers(65, 91, 6))
            scale = float(rng.uniform(0.3, 0.9))
            written = np.zeros((SIZE, SIZE), np.uint8)
            cv2.putText(written, text, (x // 2, y + 12), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1)
            face[written > 127] = ink
        elif kind == 3:
            cv2.circle(face, (x + 12, y + 12), int(rng.integers(5, 14)), ink, 2)
        elif kind == 4:
            cv2.rectangle(face, (x, y), (x + w, y + h // 3 + 2), ink, -1)
        else:
            for row in range(0, 12, 4):
                cv2.line(face, (x, y + row), (x + w, y + row), ink, 1)


def _tape(rng: Generator, face: Any) -> None:
    """A band of tape over the flaps, across or along."""
    at, width = int(rng.integers(38, 54)), int(rng.integers(5, 14))
    tint = rng.uniform(60, 210, 3).astype(np.float32)
    strength = float(rng.uniform(0.15, 0.6))
    band = face[:, at : at + width] if rng.random() < 0.5 else face[at : at + width]
    band *= 1 - strength
    band += tint * strength


def _worn_edges(rng: Generator, face: Any) -> None:
    """Edges and corners are rubbed lighter or are dirty and darker."""
    gain = float(rng.choice([rng.uniform(0.55, 0.9), rng.uniform(1.05, 1.25)]))
    for thick in range(int(rng.integers(1, 4))):
        side = SIZE - 1 - thick
        face[[thick, side]] *= gain
        face[:, [thick, side]] *= gain


def _pallet_side(rng: Generator, wood: Callable[[Generator], Any]) -> Any:
    """A pallet from the side: boards above and below, three blocks, dark openings."""
    side = wood(rng)
    dark = rng.uniform(8, 55)
    upper, lower = int(rng.integers(18, 34)), int(rng.integers(70, 88))
    block = int(rng.integers(8, 20))
    if rng.random() < 0.2:
        lower = SIZE
    holes = side[upper:lower]
    centre = (SIZE - block) // 2
    for left, right in ((block, centre), (centre + block, SIZE - block)):
        holes[:, left:right] = holes[:, left:right] * 0.12 + dark
    side[upper - 2 : upper] *= 0.6
    return side


def _pallet_top(rng: Generator, wood: Callable[[Generator], Any]) -> Any:
    """A pallet from above: five to eight boards with gaps."""
    top = wood(rng)
    boards = int(rng.integers(4, 9))
    pitch = SIZE / boards
    gap = int(rng.integers(2, 7))
    dark = rng.uniform(0.15, 0.5)
    for board in range(1, boards):
        at = int(board * pitch)
        top[at : at + gap] *= dark
    for board in range(boards):
        top[int(board * pitch) : int((board + 1) * pitch)] *= rng.uniform(0.8, 1.15)
    return top


def _label(rng: Generator) -> Any:
    """A logistics label: white or pale, lines of text, a code of bars or squares."""
    paper = rng.uniform(205, 255) * np.array([1, 1, 1]) - rng.uniform(0, 22, 3)
    label = _flat(paper)
    cv2.rectangle(label, (1, 1), (SIZE - 2, SIZE - 2), (150.0,) * 3, int(rng.integers(1, 3)))
    x = 8
    bars = slice(int(rng.integers(40, 56)), int(rng.integers(74, 90)))
    if rng.random() < 0.7:
        while x < SIZE - 10:
            width = int(rng.integers(1, 5))
            label[bars, x : x + width] = 25
            x += width + int(rng.integers(1, 5))
    else:
        cells = (rng.random((12, 12)) < 0.5).astype(np.float32) * 210 + 25
        at = int(rng.integers(6, 50))
        big = cv2.resize(cells, (40, 40), interpolation=cv2.INTER_NEAREST)
        label[46:86, at : at + 40] = big[:, :, None]
    for row in range(10, 40, int(rng.integers(7, 12))):
        cv2.line(label, (8, row), (int(rng.integers(30, 88)), row), (45.0,) * 3, 3)
    if rng.random() < 0.25:
        colour = tuple(float(each) for each in rng.uniform(20, 230, 3))
        cv2.rectangle(label, (0, 0), (SIZE, int(rng.integers(8, 24))), colour, -1)
    return label


# ---------------------------------------------------------------- world "train"


def _train_base(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.6:
        return _colour(rng, (18, 38), (0.22, 0.6), (0.4, 0.88))  # kraft
    if kind < 0.78:
        return _colour(rng, (0, 360), (0.0, 0.1), (0.55, 0.97))  # white and grey
    return _colour(rng, (0, 360), (0.2, 0.9), (0.2, 0.9))


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
        ink = tuple(float(each) for each in _train_base(rng))
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


def _train_carton(rng: Generator) -> Any:
    face = _flat(_train_base(rng))
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
        band += _train_base(rng) - _train_base(rng)
    if rng.random() < 0.7:
        _print_on(rng, face)
    if rng.random() < 0.45:
        _tape(rng, face)
    if rng.random() < 0.7:
        _worn_edges(rng, face)
    return face


def _train_top(rng: Generator) -> Any:
    face = _flat(_train_base(rng))
    face += (octaves(rng, SIZE, 3) * rng.uniform(1, 12))[:, :, None]
    if rng.random() < 0.8:  # the flaps meet in the middle
        face[47:49] *= rng.uniform(0.35, 0.85)
    if rng.random() < 0.75:
        _tape(rng, face)
    if rng.random() < 0.3:
        _print_on(rng, face)
    if rng.random() < 0.7:
        _worn_edges(rng, face)
    return face


def _train_wood(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.75:
        base = _colour(rng, (22, 42), (0.15, 0.55), (0.35, 0.85))
    else:  # painted, or plastic
        base = _colour(rng, (0, 360), (0.2, 0.9), (0.2, 0.75))
    grain = cv2.resize(
        rng.standard_normal((SIZE, 3), dtype=np.float32),
        (SIZE, SIZE),
        interpolation=cv2.INTER_LINEAR,
    )
    wood = _flat(base) * (1 + grain * rng.uniform(0.02, 0.12))[:, :, None]
    wood += (octaves(rng, SIZE, 4) * rng.uniform(1, 12))[:, :, None]
    if rng.random() < 0.3:
        _busy(rng, wood)
    return wood


def _train_film(rng: Generator) -> Any:
    """Stretch film: pale, streaked where it is pulled."""
    tone = rng.uniform(150, 235) if rng.random() < 0.8 else rng.uniform(15, 70)
    tint = np.array([1, 1, 1]) + rng.uniform(-1, 1, 3) * rng.choice([0.08, 0.35])
    streaks = cv2.resize(
        rng.standard_normal((int(rng.integers(8, 40)), 3), dtype=np.float32), (SIZE, SIZE)
    )
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), float(rng.uniform(-35, 35)), 1.5)
    streaks = cv2.warpAffine(streaks, turn, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
    film = _flat(tone * tint) + (streaks * rng.uniform(0, 45))[:, :, None]
    if rng.random() < 0.3:
        _busy(rng, film)
    return film


def _train_metal(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.5:
        base = _colour(rng, (0, 60), (0.6, 1.0), (0.4, 0.95))
    elif kind < 0.75:
        base = _colour(rng, (90, 260), (0.3, 0.9), (0.2, 0.8))
    else:
        base = _colour(rng, (0, 360), (0.0, 0.15), (0.1, 0.8))
    metal = _flat(base) + (octaves(rng, SIZE, 2) * rng.uniform(2, 14))[:, :, None]
    if rng.random() < 0.5:
        _print_on(rng, metal)
    if rng.random() < 0.2:
        _busy(rng, metal)
    return metal


def _train_floor(rng: Generator) -> Any:
    size = 256
    kind = rng.random()
    if kind < 0.7:
        base = _colour(rng, (0, 360), (0.0, 0.14), (0.18, 0.8))
    else:
        base = _colour(rng, (0, 360), (0.1, 0.55), (0.15, 0.7))
    floor = _flat(base, size)
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


def _train_wall(rng: Generator) -> Any:
    size = 256
    floor = _flat(_colour(rng, (0, 360), (0.0, 0.35), (0.15, 0.95)), size)
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


# ---------------------------------------------------------------- world "test"


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


def _test_base(rng: Generator) -> Any:
    kind = rng.random()
    if kind < 0.55:
        return _colour(rng, (12, 46), (0.15, 0.68), (0.32, 0.94))
    if kind < 0.75:
        return _colour(rng, (180, 260), (0.0, 0.12), (0.6, 1.0))
    return _colour(rng, (0, 360), (0.3, 1.0), (0.25, 0.95))


def _test_carton(rng: Generator) -> Any:
    face = _flat(_test_base(rng))
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
            cv2.fillPoly(face, [points], tuple(float(each) for each in _test_base(rng)))
        face += (_cells(rng, SIZE, 12) * rng.uniform(0, 5))[:, :, None]
    if rng.random() < 0.5:
        _tape(rng, face)
    if rng.random() < 0.4:  # strapping
        for at in rng.integers(12, 84, 2):
            face[:, int(at) : int(at) + 3] = rng.uniform(10, 230)
    return face


def _dot(rng: Generator, face: Any) -> None:
    pitch, ink = int(rng.integers(8, 22)), tuple(float(each) for each in _test_base(rng))
    for y in range(pitch // 2, SIZE, pitch):
        for x in range(pitch // 2, SIZE, pitch):
            cv2.circle(face, (x, y), max(1, pitch // 5), ink, -1)


def _test_top(rng: Generator) -> Any:
    face = _test_carton(rng)
    face[:, 46:49] *= rng.uniform(0.4, 0.8)
    return face


def _test_wood(rng: Generator) -> Any:
    """Weathered boards: cells stretched along the grain, knots."""
    wood = _flat(_colour(rng, (15, 60), (0.05, 0.5), (0.3, 0.8)))
    cells = rng.standard_normal((24, 5), dtype=np.float32)
    cells = cv2.resize(cells, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    wood *= (1 + cells * rng.uniform(0.03, 0.1))[:, :, None]
    for _ in range(5):
        at = (int(rng.integers(SIZE)), int(rng.integers(SIZE)))
        cv2.ellipse(wood, at, (5, 2), 0, 0, 360, (40.0, 55.0, 75.0), -1)
    return wood


def _test_film(rng: Generator) -> Any:
    """Film with creases like a net and blue, green or grey in it."""
    film = _flat(_colour(rng, (80, 260), (0.0, 0.25), (0.55, 1.0)))
    for _ in range(int(rng.integers(6, 20))):
        a, b = rng.integers(0, SIZE, 2), rng.integers(0, SIZE, 2)
        tone = (float(rng.uniform(120, 255)),) * 3
        cv2.line(film, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), tone, 1, cv2.LINE_8)
    return film


def _test_metal(rng: Generator) -> Any:
    metal = _flat(_colour(rng, (0, 360), (0.0, 1.0), (0.15, 0.9)))
    metal += (_waves(rng, SIZE) * rng.uniform(0, 12))[:, :, None]
    return metal


def _test_floor(rng: Generator) -> Any:
    """Asphalt, chequer plate, tiles, planks."""
    size = 256
    floor = _flat(_colour(rng, (0, 360), (0.0, 0.3), (0.15, 0.85)), size)
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


def _test_wall(rng: Generator) -> Any:
    """Bricks, slats, curtains, and things that hang there."""
    size = 256
    wall = _flat(_colour(rng, (0, 360), (0.0, 0.5), (0.2, 0.95)), size)
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


class _Maker(NamedTuple):
    carton: Callable[[Generator], Any]
    carton_top: Callable[[Generator], Any]
    wood: Callable[[Generator], Any]
    film: Callable[[Generator], Any]
    metal: Callable[[Generator], Any]
    floor: Callable[[Generator], Any]
    wall: Callable[[Generator], Any]


_TRAIN: Final = _Maker(
    _train_carton, _train_top, _train_wood, _train_film, _train_metal, _train_floor, _train_wall
)
_TEST: Final = _Maker(
    _test_carton, _test_top, _test_wood, _test_film, _test_metal, _test_floor, _test_wall
)
