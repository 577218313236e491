"""Codes in one picture, by zxing-cpp.

A single picture has no next frame as its second look. So it is also looked at enlarged and slightly
turned, and closer where a code may be (:mod:`edge.vision.ladder`); what protects itself weakly
counts only when several of these looks agree. Where frames follow each other, the scan lane
(:mod:`edge.vision.scanning`) takes the single looks, as many as it has time for.

Texts are raw (FNC1 as GS), with the AIM identifier beside them; what they mean is
:mod:`shared.gs1`'s business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import zxingcpp
import zxingcpp.zxingcpp as binary

from edge.ports import Barcode
from edge.vision.ladder import Matrix, Reading, Rung, agreed, box_of, climb, mapped, u8
from edge.vision.locating import Candidate, Gray, candidates, differing, meet
from edge.vision.symbologies import formats_of, is_wanted, is_weak

MAX_SIDE: Final = 4096
"""Longer pictures are reduced first; a label that needs more pixels is too far away."""

_ENLARGED_SIDE: Final = 2400
_TURN_DEGREES: Final = 3.0
_SMALL: Final = 640
"""A picture of this size is one candidate by itself."""

_STILL_PIXELS: Final = 1_500_000
_STILL_BOXES: Final = 6


class Provenance(NamedTuple):
    """What reads: name and version, and the SHA-256 of its bytes."""

    name: str
    sha256: bytes


@lru_cache(maxsize=1)
def provenance() -> Provenance:
    """Which zxing-cpp this is, by the bytes of its library."""
    content = Path(str(binary.__file__)).read_bytes()
    return Provenance(f"zxing-cpp-{version('zxing-cpp')}", hashlib.sha256(content).digest())


class ZxingReader:
    """Finds codes with zxing-cpp.

    Args:
        symbologies: the only ones to look for, by their names in
            :data:`edge.vision.symbologies.FORMATS`; none named means all.
    """

    def __init__(self, *, symbologies: Sequence[str] = ()) -> None:
        self._formats = formats_of(symbologies)

    def read(self, image: Any) -> list[Barcode]:
        """All codes in a BGR or grey picture of 8 bits a channel, in no particular order."""
        return [reading.code for reading in self.readings(image)]

    def readings(self, image: Any) -> list[Reading]:
        """All codes, with how many looks agreed on each."""
        if np.size(image) == 0:
            return []
        grey, scale = prepared(image)
        found = self._agreed(grey)
        if scale == 1.0:
            return found
        back = np.eye(2, 3) / scale
        return [each._replace(code=mapped(each.code, back)) for each in found]

    def fast(self, grey: Gray) -> list[Barcode]:
        """A look at a grey picture as it stands."""
        return self._look(grey, thorough=False)

    def thorough(self, grey: Gray) -> list[Barcode]:
        """A look in all directions and sizes, at light codes on dark ground, too."""
        return self._look(grey, thorough=True)

    def upright(self, grey: Gray, rung: Rung) -> list[Barcode]:
        """A look at what a rung of the ladder shows, along and across only."""
        return self._look(grey, thorough=True, small=False, binarizer=_threshold(rung))

    def _closer(self, grey: Gray, rung: Rung) -> list[Barcode]:
        return self._look(grey, thorough=True, binarizer=_threshold(rung))

    def _agreed(self, grey: Gray) -> list[Reading]:
        looks = [self.thorough(grey)]
        for seen, back in _other_views(grey):
            looks.append([mapped(code, back) for code in self.thorough(seen)])
        for candidate in _places(grey):
            if any(meet(candidate.box, box_of(it.code)) for it in agreed(looks) if _is_sure(it)):
                continue
            looks.extend(climb(grey, candidate, self._closer, most_pixels=_STILL_PIXELS))
        return agreed(looks)

    def _look(
        self,
        grey: Gray,
        *,
        thorough: bool,
        small: bool = True,
        binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage,
    ) -> list[Barcode]:
        found = zxingcpp.read_barcodes(
            grey,
            formats=self._formats,
            try_rotate=thorough,
            try_downscale=thorough and small,
            try_invert=thorough and small,
            text_mode=zxingcpp.TextMode.Plain,
            binarizer=binarizer,
        )
        return [code for code in _whole([_barcode(code) for code in found]) if is_wanted(code)]


def prepared(image: Any) -> tuple[Gray, float]:
    """The picture in grey, at most :data:`MAX_SIDE` long, and the factor it was reduced by."""
    picture: Gray = np.asarray(image, dtype=np.uint8)
    if picture.ndim == 3:
        code = cv2.COLOR_BGRA2GRAY if picture.shape[2] == 4 else cv2.COLOR_BGR2GRAY
        picture = picture[:, :, 0] if picture.shape[2] == 1 else u8(cv2.cvtColor(picture, code))
    longest = max(picture.shape)
    if longest <= MAX_SIDE:
        return np.ascontiguousarray(picture), 1.0
    scale = MAX_SIDE / longest
    return u8(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)), scale


def _is_sure(reading: Reading) -> bool:
    """Whether looking closer at it is of no use."""
    return reading.against == 0 and reading.looks >= (4 if is_weak(reading.code) else 2)


def _threshold(rung: Rung) -> zxingcpp.Binarizer:
    if rung.contrast == "soft":
        return zxingcpp.Binarizer.GlobalHistogram
    return zxingcpp.Binarizer.LocalAverage


def _places(grey: Gray) -> list[Candidate]:
    """Where to look closer: what looks like a code, and a small picture as a whole."""
    height, width = grey.shape
    places = candidates(grey, most=_STILL_BOXES)
    if min(height, width) >= 8 and max(height, width) <= _SMALL:
        places.insert(0, Candidate((0, 0, width, height), 0.0))
    return differing(places)


def _other_views(grey: Gray) -> list[tuple[Gray, Matrix]]:
    """The picture enlarged and turned either way, each with the matrix that leads back."""
    height, width = grey.shape
    scale = max(1.25, min(2.0, _ENLARGED_SIDE / max(height, width)))
    views: list[tuple[Gray, Matrix]] = []
    if max(height, width) * scale <= MAX_SIDE:
        larger = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        views.append((u8(larger), np.eye(2, 3) / scale))
    for degrees in (_TURN_DEGREES, -_TURN_DEGREES):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turned = cv2.warpAffine(grey, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        back: Matrix = np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)
        views.append((u8(turned), back))
    return views


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
