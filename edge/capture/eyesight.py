"""Whether a camera still sees: a frozen or a black picture is none.

A live camera's picture is never twice the same, its noise alone changes it. The very same pixels
for seconds mean that something between lens and network has stopped. A picture is black when
hardly a pixel of it is lit: the light is off, or the lens is covered.
"""

from __future__ import annotations

import zlib
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Sight = Literal["watching", "frozen", "black"]

FROZEN_AFTER_S: Final = 10.0
BLACK_AFTER_S: Final = 5.0
_DARK: Final = 24
"""Of 255: video black is 16, and a cheap sensor's noise in the dark stays below 24."""
_LIT_SHARE: Final = 0.002


class Eyesight:
    """Judges one camera's pictures.

    Args:
        frozen_after_s: how long the same picture may come.
        black_after_s: how long it may be black.
    """

    def __init__(
        self, *, frozen_after_s: float = FROZEN_AFTER_S, black_after_s: float = BLACK_AFTER_S
    ) -> None:
        self._frozen_after_s = frozen_after_s
        self._black_after_s = black_after_s
        self._picture: int | None = None
        self._changed_at = 0.0
        self._lit_at: float | None = None
        self.frozen = 0
        """Frames that were the same picture as the one before."""

    def judge(self, image: Any, at: float) -> Sight:
        """What the camera's sight is with this picture, taken at ``at`` (seconds, monotonic)."""
        sample = np.ascontiguousarray(np.asarray(image, dtype=np.uint8)[::4, ::4])
        picture = zlib.crc32(sample.tobytes())
        if picture == self._picture:
            self.frozen += 1
        else:
            self._picture, self._changed_at = picture, at
        if self._lit_at is None or not is_black(sample):
            self._lit_at = at
        if at - self._lit_at >= self._black_after_s:
            return "black"
        return "frozen" if at - self._changed_at >= self._frozen_after_s else "watching"


def is_black(sample: NDArray[np.uint8]) -> bool:
    """Whether hardly a pixel is lit."""
    grey = sample if sample.ndim == 2 else cv2.cvtColor(sample, cv2.COLOR_BGR2GRAY)
    _, lit = cv2.threshold(grey, _DARK, 255, cv2.THRESH_BINARY)
    return cv2.countNonZero(lit) <= _LIT_SHARE * lit.size
