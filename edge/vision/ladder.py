"""Closer looks at a part of a picture, and what several looks together are worth.

A rung of the ladder cuts a box out of the picture, upright, enlarged, perhaps turned a little, and
with its contrast evened out; zxing-cpp then reads what it could not read before. It also invents
more: a look is a guess. A mere change of contrast repeats a wrong read faithfully, a turn or
another size makes the scan lines cross other pixels. So weak symbologies need several looks that
agree, and at least twice as many as all that say something else of the same print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.ports import Barcode
from edge.vision.locating import Candidate, Gray, meet
from edge.vision.symbologies import is_weak, looks_needed

Matrix = NDArray[np.float64]
Contrast = Literal["plain", "even", "sharp", "soft"]

_MAJORITY: Final = 2
_TALL: Final = 0.5
"""Bars are at least this tall for their code's length (EAN-13: 0.6 by ISO/IEC 15420)."""

_Key = tuple[str, str]
Box = tuple[int, int, int, int]


class Rung(NamedTuple):
    """One way of looking closer: how much larger, by how many degrees turned, what contrast.

    ``soft`` also blurs, for a reader that sets one threshold for all: a picture printed into a QR
    code breaks up under a local one.
    """

    enlarge: float
    turn: float = 0.0
    contrast: Contrast = "even"


RUNGS: Final = (
    Rung(2.0),
    Rung(1.0, turn=3.0, contrast="plain"),
    Rung(3.0, contrast="sharp"),
    Rung(2.0, turn=3.0),
    Rung(2.0, turn=-3.0),
    Rung(3.0, turn=8.0),
    Rung(3.0, turn=-8.0),
    Rung(1.25, turn=-2.0, contrast="plain"),
    Rung(2.0, contrast="soft"),
    Rung(3.0),
    Rung(2.5, turn=5.0, contrast="sharp"),
)
"""Cheap ones first; no two share their geometry."""


Read = Callable[[Gray, Rung], list[Barcode]]


class Reading(NamedTuple):
    """A code, how many differing looks agreed on it, and how many said something else there."""

    code: Barcode
    looks: int = 1
    against: int = 0


def climb(
    grey: Gray,
    candidate: Candidate,
    read: Read,
    *,
    most_pixels: int,
    rungs: Sequence[Rung] = RUNGS,
) -> Iterator[list[Barcode]]:
    """What each rung reads in the box, in pixels of ``grey``; the caller stops when it may."""
    for rung in rungs:
        cut, back = closer(grey, candidate, rung, most_pixels=most_pixels)
        yield [mapped(code, back) for code in read(cut, rung)]


def closer(
    grey: Gray, candidate: Candidate, rung: Rung, *, most_pixels: int
) -> tuple[Gray, Matrix]:
    """The box as a rung sees it, and the matrix that leads back into ``grey``."""
    left, top, right, bottom = candidate.box
    width, height = max(8, right - left), max(8, bottom - top)
    scale = min(rung.enlarge, math.sqrt(most_pixels / (width * height)))
    matrix = np.asarray(
        cv2.getRotationMatrix2D(
            ((left + right) / 2, (top + bottom) / 2), candidate.lean + rung.turn, scale
        ),
        dtype=np.float64,
    )
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    matrix[:, 2] += (size[0] / 2 - (left + right) / 2, size[1] / 2 - (top + bottom) / 2)
    cut = u8(
        cv2.warpAffine(
            _thinned(grey, scale),
            matrix,
            size,
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )
    back = np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)
    return _evened(cut, rung, scale), back


def _thinned(grey: Gray, scale: float) -> Gray:
    """Without what would alias when the picture is made smaller."""
    return grey if scale > 0.7 else u8(cv2.GaussianBlur(grey, (0, 0), 0.4 / scale))


def _evened(cut: Gray, rung: Rung, scale: float) -> Gray:
    if rung.contrast == "plain":
        return cut
    if rung.contrast == "sharp":
        sigma = max(0.8, scale)
        cut = u8(cv2.addWeighted(cut, 2.0, cv2.GaussianBlur(cut, (0, 0), sigma), -1.0, 0))
        return u8(cv2.createCLAHE(3.0, (4, 4)).apply(cut))
    even = u8(cv2.createCLAHE(3.0, (8, 8)).apply(cut))
    return even if rung.contrast != "soft" else u8(cv2.GaussianBlur(even, (0, 0), 0.7 * scale))


def agreed(looks: Sequence[Sequence[Barcode]]) -> list[Reading]:
    """What may stand by the looks alone."""
    return [reading for reading in weighed(looks) if may_stand(reading)]


def weighed(looks: Sequence[Sequence[Barcode]]) -> list[Reading]:
    """Each text once, where it was seen first, with the looks for it and against it."""
    seen: dict[_Key, list[Barcode]] = {}
    for look in looks:
        for key, code in {(code.text, code.aim): code for code in look}.items():
            seen.setdefault(key, []).append(code)
    return [
        Reading(codes[0], len(codes), _against(key, codes, seen)) for key, codes in seen.items()
    ]


def may_stand(reading: Reading) -> bool:
    """Whether enough looks agree on a code and too few speak against it."""
    if is_weak(reading.code):
        return (
            reading.looks >= looks_needed(reading.code)
            and reading.looks >= _MAJORITY * reading.against
        )
    return _MAJORITY * reading.looks >= reading.against


def _against(key: _Key, codes: list[Barcode], seen: dict[_Key, list[Barcode]]) -> int:
    """Looks that found another code of the same strength at the same place, in the same print.

    Bars say little about where a print ends; a matrix code is found whole.
    """
    weak = is_weak(codes[0])
    same = meet if weak else _is_centred
    prints = [print_of(code) if weak else box_of(code) for code in codes]
    return sum(
        len(others)
        for name, others in seen.items()
        if name != key
        and is_weak(others[0]) == weak
        and any(
            same(one, print_of(other) if weak else box_of(other))
            for other in others
            for one in prints
        )
    )


def _is_centred(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether the middle of one box lies in the other."""
    across, down = (one[0] + one[2]) / 2, (one[1] + one[3]) / 2
    return other[0] <= across <= other[2] and other[1] <= down <= other[3]


def box_of(code: Barcode) -> Box:
    """The upright box around a code."""
    across = [x for x, _ in code.position]
    down = [y for _, y in code.position]
    return min(across), min(down), max(across), max(down)


def print_of(code: Barcode) -> Box:
    """Where the bars of a linear code are, of which perhaps only a few lines were read."""
    left, top, right, bottom = box_of(code)
    least = _TALL * max(right - left, bottom - top)
    across = max(0, round((least - (right - left)) / 2))
    down = max(0, round((least - (bottom - top)) / 2))
    return left - across, top - down, right + across, bottom + down


def mapped(code: Barcode, matrix: Matrix) -> Barcode:
    """The code with its corners moved by an affine ``matrix``."""
    corners = np.asarray(code.position, dtype=np.float64)
    moved = np.rint(corners @ matrix[:, :2].T + matrix[:, 2]).astype(int)
    return code._replace(position=tuple((int(x), int(y)) for x, y in moved))


def u8(picture: Any) -> Gray:
    """What OpenCV gave, by its type."""
    return np.asarray(picture, dtype=np.uint8)
