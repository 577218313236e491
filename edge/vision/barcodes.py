"""Codes in one picture, by zxing-cpp.

Two ways of looking. *Live*: fast first, thorough only where fast saw nothing; the next frame is
the second look. *Still*: there is no next frame, so the picture is also looked at enlarged and
slightly turned, one way and the other. Symbologies with little or no error protection of their
own (EAN/UPC, ITF, Code 39, Codabar) count only when two of the four looks agree, and more of them
than say anything else. A turn makes the scan lines cross other pixels; a mere change of contrast
does not, and repeats a wrong read faithfully.

Texts are raw (FNC1 as GS), with the AIM identifier beside them; what they mean is
:mod:`shared.gs1`'s business.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, Literal

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from edge.ports import Barcode

Effort = Literal["live", "still"]
Gray = NDArray[np.uint8]
Matrix = NDArray[np.float64]

FORMATS: Final = (
    "EAN/UPC|ITF|Code 128|Code 39|Code 93|Codabar|DataBar|QR Code|Data Matrix|Aztec|PDF417"
)
"""What stands on goods, cartons and shelves; the rest of the zoo only invites misreads."""

MAX_SIDE: Final = 4096
"""Longer pictures are reduced first; a label that needs more pixels is too far away."""

_ENLARGED_SIDE: Final = 2400
_TURN_DEGREES: Final = 3.0
_WEAK: Final = frozenset({"EAN/UPC", "ITF", "Code 39", "Codabar"})


class ZxingReader:
    """Finds codes with zxing-cpp; implements :class:`edge.ports.BarcodeReader`.

    Args:
        effort: ``live`` for frames that follow each other, ``still`` for single pictures.
        formats: zxing-cpp's names, separated by ``|``.
    """

    def __init__(self, effort: Effort = "live", *, formats: str = FORMATS) -> None:
        self._effort: Effort = effort
        self._formats = zxingcpp.barcode_formats_from_str(formats)

    def read(self, image: Any) -> list[Barcode]:
        """All codes in a BGR or grey picture of 8 bits a channel, in no particular order."""
        grey, scale = _prepared(image)
        if self._effort == "live":
            found = self._look(grey, thorough=False) or self._look(grey, thorough=True)
        else:
            found = self._read_still(grey)
        return found if scale == 1.0 else [_mapped(code, np.eye(2, 3) / scale) for code in found]

    def _read_still(self, grey: Gray) -> list[Barcode]:
        looks = [self._look(grey, thorough=True)]
        for seen, back in _other_views(grey):
            looks.append([_mapped(code, back) for code in self._look(seen, thorough=True)])
        return _agreed(looks)

    def _look(self, grey: Gray, *, thorough: bool) -> list[Barcode]:
        found = zxingcpp.read_barcodes(
            grey,
            formats=self._formats,
            try_rotate=thorough,
            try_downscale=thorough,
            try_invert=thorough,
            text_mode=zxingcpp.TextMode.Plain,
        )
        return _whole([_barcode(code) for code in found])


def _prepared(image: Any) -> tuple[Gray, float]:
    """The picture in grey, at most :data:`MAX_SIDE` long, and the factor it was reduced by."""
    picture: Gray = np.asarray(image, dtype=np.uint8)
    if picture.ndim == 3:
        code = cv2.COLOR_BGRA2GRAY if picture.shape[2] == 4 else cv2.COLOR_BGR2GRAY
        picture = picture[:, :, 0] if picture.shape[2] == 1 else _u8(cv2.cvtColor(picture, code))
    longest = max(picture.shape)
    if longest <= MAX_SIDE:
        return np.ascontiguousarray(picture), 1.0
    scale = MAX_SIDE / longest
    return _u8(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)), scale


def _other_views(grey: Gray) -> list[tuple[Gray, Matrix]]:
    """The picture enlarged and turned either way, each with the matrix that leads back."""
    height, width = grey.shape
    scale = max(1.25, min(2.0, _ENLARGED_SIDE / max(height, width)))
    views: list[tuple[Gray, Matrix]] = []
    if max(height, width) * scale <= MAX_SIDE:
        larger = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        views.append((_u8(larger), np.eye(2, 3) / scale))
    for degrees in (_TURN_DEGREES, -_TURN_DEGREES):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turned = cv2.warpAffine(grey, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        back: Matrix = np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)
        views.append((_u8(turned), back))
    return views


def _agreed(looks: list[list[Barcode]]) -> list[Barcode]:
    """Each text once, where it was seen first; weak symbologies by two looks and a majority."""
    first: dict[tuple[str, str], Barcode] = {}
    votes: Counter[tuple[str, str]] = Counter()
    for look in looks:
        for code in {(code.text, code.aim): code for code in look}.values():
            key = (code.text, code.aim)
            first.setdefault(key, code)
            votes[key] += 1
    return [code for key, code in first.items() if _may_stand(code, votes[key], first, votes)]


def _may_stand(
    code: Barcode,
    agreeing: int,
    found: dict[tuple[str, str], Barcode],
    votes: Counter[tuple[str, str]],
) -> bool:
    if not _is_weak(code):
        return True
    rivals = [
        votes[key]
        for key, other in found.items()
        if other is not code and _is_weak(other) and _overlap(code, other)
    ]
    return agreeing >= 2 and agreeing > max(rivals, default=0)


def _is_weak(code: Barcode) -> bool:
    return code.symbology in _WEAK or code.symbology.startswith(("EAN", "UPC", "ITF"))


def _overlap(one: Barcode, other: Barcode) -> bool:
    """Whether the codes' upright boxes meet: then they are readings of the same print."""
    left, top, right, bottom = _box(one)
    other_left, other_top, other_right, other_bottom = _box(other)
    return (
        left <= other_right and other_left <= right and top <= other_bottom and other_top <= bottom
    )


def _box(code: Barcode) -> tuple[int, int, int, int]:
    across = [x for x, _ in code.position]
    down = [y for _, y in code.position]
    return min(across), min(down), max(across), max(down)


def _whole(codes: list[Barcode]) -> list[Barcode]:
    """Without fragments: a scan line that leaves an ITF sideways reads the digits so far."""
    return [
        code
        for code in codes
        if not code.aim.startswith("]I")
        or not any(
            other.aim.startswith("]I")
            and len(other.text) > len(code.text)
            and code.text in other.text
            for other in codes
        )
    ]


def _barcode(code: zxingcpp.Barcode) -> Barcode:
    corners = code.position
    return Barcode(
        text=code.text,
        symbology=str(code.format),
        aim=code.symbology_identifier,
        position=tuple(
            (point.x, point.y)
            for point in (
                corners.top_left,
                corners.top_right,
                corners.bottom_right,
                corners.bottom_left,
            )
        ),
    )


def _mapped(code: Barcode, matrix: Matrix) -> Barcode:
    """The code with its corners moved by an affine ``matrix``."""
    corners = np.asarray(code.position, dtype=np.float64)
    moved = np.rint(corners @ matrix[:, :2].T + matrix[:, 2]).astype(int)
    return code._replace(position=tuple((int(x), int(y)) for x, y in moved))


def _u8(picture: Any) -> Gray:
    return np.asarray(picture, dtype=np.uint8)
