"""The plainest H.264 there is: each picture whole, its samples as they are (ITU-T H.264, I_PCM).

Nothing is compressed, every decoder must take it; that is enough to try a decoder's whole path.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np

_MACROBLOCK: Final = 16
_I_PCM: Final = b"\x0d\x00"
"""mb_type 25 as ue(v), and zeros up to a whole byte."""
_LEAST: Final = 4
"""Smaller samples would look like a start code (§7.4.1)."""


class _Bits:
    """Bits in a row (§7.2 and §9.1)."""

    def __init__(self) -> None:
        self._bits = ""

    def u(self, value: int, width: int) -> _Bits:
        """An unsigned number of so many bits."""
        self._bits += format(value, f"0{width}b")
        return self

    def ue(self, *values: int) -> _Bits:
        """Exp-Golomb codes."""
        for value in values:
            code = format(value + 1, "b")
            self._bits += "0" * (len(code) - 1) + code
        return self

    def whole(self) -> bytes:
        """With zeros up to a whole byte."""
        bits = self._bits + "0" * (-len(self._bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


def parameter_sets(width: int, height: int) -> tuple[bytes, bytes]:
    """The sequence's and the picture's (§7.3.2.1.1, §7.3.2.2); sides are multiples of 16."""
    sequence = _Bits().u(0x67_42_C0_28, 32).ue(0, 0, 2, 1).u(0, 1)  # baseline, level 4
    sequence.ue(width // _MACROBLOCK - 1, height // _MACROBLOCK - 1).u(0b1100, 4).u(1, 1)
    picture = _Bits().u(0x68, 8).ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0).u(0b1001, 4)
    return sequence.whole(), picture.whole()


def slice_of(image: Any, number: int) -> bytes:
    """One picture as the one slice of an access unit that needs no other (§7.3.3, §7.3.5)."""
    height, width = image.shape[:2]
    head = _Bits().u(0x65, 8).ue(0, 7, 0).u(0, 4).ue(number % 2).u(0, 2).ue(0, 1)
    planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8).ravel().clip(_LEAST)
    luma, blue, red = np.split(planes, [height * width, height * width * 5 // 4])
    half = _MACROBLOCK // 2
    blocks = np.concatenate(
        [
            _blocks(luma.reshape(height, width), _MACROBLOCK),
            _blocks(blue.reshape(height // 2, width // 2), half),
            _blocks(red.reshape(height // 2, width // 2), half),
        ],
        axis=1,
    )
    return head.ue(25).whole() + _I_PCM.join(block.tobytes() for block in blocks) + b"\x80"


def _blocks(plane: Any, side: int) -> Any:
    """The plane's squares in their order, a row each."""
    down, across = plane.shape[0] // side, plane.shape[1] // side
    return plane.reshape(down, side, across, side).swapaxes(1, 2).reshape(-1, side * side)
