"""Labels as thermal printers, dot-matrix heads and inkjets print them, seen by a camera.

Fonts are DejaVu (Debian's fonts-dejavu); where they are missing Pillow brings one of its own.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FOLDER: Final = Path("/usr/share/fonts/truetype/dejavu")
FONTS: Final = (
    "DejaVuSansMono.ttf",
    "DejaVuSansMono-Bold.ttf",
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSansCondensed.ttf",
    "DejaVuSansCondensed-Bold.ttf",
)
STYLES: Final = ("thermal", "dots", "inkjet")
BLURS: Final = (0.0, 1.0, 2.0, 3.0)
"""Standard deviations in pixels, for capitals that are 25 pixels high."""

LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
"""Without I, O and Q: who makes up lot numbers leaves them out, since they look like digits."""

LOT_FORMS: Final = ("AA99999", "999999A", "9999999", "A9999A9", "A9-9999")
"""The lots that :func:`made_up` makes, as a reader is told of them."""

LOT_WORDS: Final = ("LOT ", "LOT: ", "BATCH ", "LOT NO. ", "CHARGE ")
_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_SIZE: Final = 34


class Label(NamedTuple):
    """A label's lines, and what they say."""

    lines: tuple[str, str, str]
    lot: str
    expiry: str


def made_up(rng: np.random.Generator, letters: str = LETTERS) -> Label:
    """A label of a product with some lot and some expiry."""

    def digits(count: int) -> str:
        return "".join(str(digit) for digit in rng.integers(0, 10, count))

    def letter(count: int = 1) -> str:
        return "".join(letters[at] for at in rng.integers(0, len(letters), count))

    lots = (
        letter(2) + digits(5),
        digits(6) + letter(),
        digits(7),
        letter() + digits(4) + letter() + digits(1),
        letter() + digits(1) + "-" + digits(4),
    )
    lot = lots[rng.integers(len(lots))]
    day = date(2026, 12, 1) + timedelta(days=int(rng.integers(0, 1400)))
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    expiries = (
        (f"EXP {day:%d.%m.%Y}", day),
        (f"EXP: {day:%Y-%m-%d}", day),
        (f"USE BY {day:%d} {_MONTHS[day.month - 1]} {day:%Y}", day),
        (f"BBE {day:%m/%Y}", last),
        (f"MHD {day:%d.%m.%y}", day),
        (f"(17){day:%y%m%d}", day),
    )
    printed, expires = expiries[rng.integers(len(expiries))]
    word = "(10)" if printed.startswith("(17)") else LOT_WORDS[rng.integers(len(LOT_WORDS))]
    return Label(("OAT FLAKES 500 G", word + lot, printed), lot, expires.isoformat())


def photo(label: Label, rng: np.random.Generator, *, style: str, blur: float) -> Any:
    """The label as a camera sees it: askew, unevenly lit, blurred, with noise (BGR)."""
    font = FONTS[rng.integers(len(FONTS))]
    lines = [_line(text, font, style, rng) for text in label.lines]
    width = max(line.shape[1] for line in lines) + 60
    height = sum(line.shape[0] + 14 for line in lines) + 40
    paper = np.full((height, width), 255, np.float32)
    down = 20
    for line in lines:
        paper[down : down + line.shape[0], 30 : 30 + line.shape[1]] = line
        down += line.shape[0] + 14
    ink, white = rng.uniform(10, 70), rng.uniform(190, 250)
    picture = _askew(ink + (white - ink) * paper / 255, rng)
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
    light = rng.uniform(-0.25, 0.25, 2)
    picture *= (
        1
        + light[0] * (columns / picture.shape[1] - 0.5)
        + light[1] * (rows / picture.shape[0] - 0.5)
    )
    if blur:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    grey = np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def _line(text: str, font: str, style: str, rng: np.random.Generator) -> Any:
    path = FOLDER / font
    drawn: Any = (
        ImageFont.truetype(str(path), _SIZE) if path.exists() else ImageFont.load_default(_SIZE)
    )
    _, _, right, bottom = drawn.getbbox(text)
    image = Image.new("L", (int(right) + 12, int(bottom) + 12), 255)
    ImageDraw.Draw(image).text((6, 4), text, fill=0, font=drawn)
    line = np.asarray(image, np.uint8)
    if style == "dots":
        return _dotted(line)
    return _spattered(line, rng) if style == "inkjet" else line


def _dotted(line: Any) -> Any:
    pitch = 3
    height, width = line.shape
    small = cv2.resize(line, (width // pitch, height // pitch), interpolation=cv2.INTER_AREA)
    dots = np.full_like(line, 255)
    for down, across in zip(*np.nonzero(small < 150), strict=True):
        middle = int(across * pitch + 1), int(down * pitch + 1)
        cv2.circle(dots, middle, 1, 0, -1, cv2.LINE_AA)
    return dots


def _spattered(line: Any, rng: np.random.Generator) -> Any:
    shift = 6 * cv2.GaussianBlur(rng.normal(0, 1, line.shape).astype(np.float32), (0, 0), 1.0)
    rows, columns = np.mgrid[0 : line.shape[0], 0 : line.shape[1]].astype(np.float32)
    ragged = cv2.remap(
        line,
        columns + 0.5 * shift,
        rows + 0.5 * np.roll(shift, 7, axis=1),
        cv2.INTER_LINEAR,
        borderValue=255,
    )
    return np.maximum(ragged, (rng.random(line.shape) < 0.03).astype(np.uint8) * 200)


def _askew(paper: Any, rng: np.random.Generator) -> Any:
    height, width = paper.shape
    size = int(1.2 * width), int(1.25 * height)
    corners = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    bent = 0.04 * min(width, height)
    shift = np.asarray([(size[0] - width) / 2, (size[1] - height) / 2])
    moved = corners + shift + rng.uniform(-bent, bent, (4, 2))
    angle = np.radians(rng.uniform(-4, 4))
    turn = np.asarray([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.asarray(size) / 2
    goal = ((moved - middle) @ turn.T + middle).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, goal)
    ground = float(rng.uniform(80, 170))
    return cv2.warpPerspective(
        paper.astype(np.float32), matrix, size, flags=cv2.INTER_AREA, borderValue=ground
    )
