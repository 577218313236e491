"""Labels on cartons, as a warehouse camera sees them.

``content`` is what a scanner would send, AIM identifier in front: ``]C1`` is printed as GS1-128,
``]d2`` as GS1 DataMatrix, ``]Q3`` as GS1 QR code, ``]Q1`` as QR code, ``]E0``/``]E4`` as EAN,
``]I1`` as ITF-14, anything else as Code 128. All chance comes from the generator that is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import cv2
import numpy as np
import zxingcpp
from numpy.random import Generator
from numpy.typing import NDArray

from edge.simulator.scenery import carton_face, place_on_conveyor
from shared.gs1 import Scanned, read

Image = NDArray[np.uint8]

LABEL_SIZE: Final = (840, 440)
"""Width and height of a printed label, in its own pixels (about eight a millimetre)."""

_FORMATS: Final = {
    "]C1": zxingcpp.BarcodeFormat.Code128,
    "]d2": zxingcpp.BarcodeFormat.DataMatrix,
    "]Q3": zxingcpp.BarcodeFormat.QRCode,
    "]Q1": zxingcpp.BarcodeFormat.QRCode,
    "]E0": zxingcpp.BarcodeFormat.EAN13,
    "]E4": zxingcpp.BarcodeFormat.EAN8,
    "]I1": zxingcpp.BarcodeFormat.ITF,
}
_create: Final = cast(
    "Callable[..., zxingcpp.Barcode]",
    zxingcpp.create_barcode,  # pyright: ignore[reportUnknownMemberType] - **kwargs is untyped
)
_GS1: Final = frozenset({"]C1", "]d2", "]Q3"})
_SQUARE: Final = frozenset({"]d2", "]Q3", "]Q1"})
_MARGIN: Final = 18
_BAR_HEIGHT: Final = 150
_WIDEST_MODULE: Final = 12.0


def label_frames(
    content: str,
    *,
    rng: Generator,
    count: int = 1,
    size: tuple[int, int] = (1280, 720),
    title: str = "",
) -> Iterator[Image]:
    """``count`` frames (BGR, ``size`` is width and height) of one carton rolling past.

    Raises:
        QuartermasterError: what :func:`shared.gs1.read` says about ``content``.
    """
    face = carton_face(print_label(content, title=title), rng=rng)
    return place_on_conveyor(face, rng=rng, count=count, size=size)


def print_label(content: str, *, title: str = "") -> Image:
    """The flat label: title, code, and what it says in letters.

    Raises:
        QuartermasterError: what :func:`shared.gs1.read` says about ``content``.
    """
    scanned = read(content)
    width, height = LABEL_SIZE
    label: Image = np.full((height, width, 3), 252, np.uint8)
    square = scanned.aim in _SQUARE
    code = _draw_code(
        scanned,
        width=300 if square else width - 2 * _MARGIN,
        height=300 if square else _BAR_HEIGHT,
    )
    rows, columns = code.shape
    top = height - rows - _MARGIN if square else height - rows - 60
    left = _MARGIN if square else (width - columns) // 2
    label[top : top + rows, left : left + columns] = code[:, :, None]
    cv2.line(label, (_MARGIN, 70), (width - _MARGIN, 70), (30, 30, 30), 3)
    _write(label, (title or scanned.gtin or scanned.text)[:28], (_MARGIN, 52), 40, weight=700)
    if square:
        for number, line in enumerate(_lines(scanned)[:6]):
            _write(label, line, (left + columns + 24, 130 + 46 * number), 30)
    else:
        _write(label, "  ".join(_lines(scanned)), (_MARGIN, 112), 27)
        _write_centred(label, _printed(scanned), height - 22, 29)
    return label


def _draw_code(scanned: Scanned, *, width: int, height: int) -> NDArray[np.uint8]:
    """The code as large as fits; bars are ``height`` high."""
    aim = scanned.aim or ""
    code_format = _FORMATS.get(aim, zxingcpp.BarcodeFormat.Code128)
    if aim in _GS1 and scanned.fields:
        bracketed = "".join(f"[{ai}]{value}" for ai, value in scanned.fields)
        barcode = _create(bracketed, code_format, gs1=True)
    else:
        barcode = _create(scanned.text, code_format)
    drawn = np.asarray(zxingcpp.write_barcode_to_image(barcode, scale=1), dtype=np.uint8)
    if aim not in _SQUARE:  # the rows of a linear code are all the same
        drawn = drawn[drawn.shape[0] // 3][None, :]
    scale = min(_WIDEST_MODULE, width / drawn.shape[1])
    if aim in _SQUARE:
        scale = min(scale, height / drawn.shape[0])
    fine = math.ceil(scale)
    sharp = np.repeat(np.repeat(drawn, fine, axis=1), fine, axis=0)
    across = int(drawn.shape[1] * scale)
    down = int(drawn.shape[0] * scale) if aim in _SQUARE else height
    resized = cv2.resize(sharp, (across, down), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _printed(scanned: Scanned) -> str:
    if scanned.fields:
        return "".join(f"({ai}){value}" for ai, value in scanned.fields)
    return scanned.text


def _lines(scanned: Scanned) -> list[str]:
    said = {
        "GTIN": scanned.gtin,
        "SSCC": scanned.sscc,
        "LOT": scanned.lot,
        "EXP": scanned.expiry,
        "SN": scanned.serial,
        "QTY": None if scanned.quantity is None else str(scanned.quantity),
    }
    return [f"{name} {value}" for name, value in said.items() if value is not None]


def _write_centred(label: Image, text: str, baseline: int, size: int) -> None:
    """One line in the middle, smaller where it would not fit."""
    room = label.shape[1] - 2 * _MARGIN
    font = cv2.FontFace("sans")
    width = cv2.getTextSize((0, 0), text, (0, 0), font, size, 400)[2]
    if width > room:
        size = size * room // width
        width = cv2.getTextSize((0, 0), text, (0, 0), font, size, 400)[2]
    _write(label, text, ((label.shape[1] - width) // 2, baseline), size)


def _write(picture: Any, text: str, at: tuple[int, int], size: int, *, weight: int = 400) -> None:
    cv2.putText(picture, text, at, (25, 25, 25), cv2.FontFace("sans"), size, weight)
