"""What stands on surfaces of more than one world: print, tape, boards of pallets, labels.

These are shapes, by which people know a carton or a pallet; what they are drawn on is the world's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2 as _cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.colours import SIZE, flat

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place
_INK: Final = (35.0, 40.0, 48.0)


def print_on(rng: Generator, face: Any) -> None:
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


def tape(rng: Generator, face: Any) -> None:
    """A band of tape over the flaps, across or along."""
    at, width = int(rng.integers(38, 54)), int(rng.integers(5, 14))
    tint = rng.uniform(60, 210, 3).astype(np.float32)
    strength = float(rng.uniform(0.15, 0.6))
    band = face[:, at : at + width] if rng.random() < 0.5 else face[at : at + width]
    band *= 1 - strength
    band += tint * strength


def worn_edges(rng: Generator, face: Any) -> None:
    """Edges and corners are rubbed lighter or are dirty and darker."""
    gain = float(rng.choice([rng.uniform(0.55, 0.9), rng.uniform(1.05, 1.25)]))
    for thick in range(int(rng.integers(1, 4))):
        side = SIZE - 1 - thick
        face[[thick, side]] *= gain
        face[:, [thick, side]] *= gain


def pallet_side(rng: Generator, wood: Callable[[Generator], Any]) -> Any:
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


def pallet_top(rng: Generator, wood: Callable[[Generator], Any]) -> Any:
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


def label(rng: Generator) -> Any:
    """A logistics label: white or pale, lines of text, a code of bars or squares."""
    paper = rng.uniform(205, 255) * np.array([1, 1, 1]) - rng.uniform(0, 22, 3)
    label = flat(paper)
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
