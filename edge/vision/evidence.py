"""The picture that shows an object best: large, sharp and surely seen; never of a person.

A crop is cut out anew only when it becomes clearly better, so a track costs a few JPEGs, not one a
frame. People who reach into it are blurred, and one that they cover is not taken
(:mod:`edge.vision.privacy`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any, Final

import cv2
import numpy as np

from edge.vision.kalman import Box
from edge.vision.lanes import Box as Pixels
from edge.vision.privacy import crop_of
from edge.vision.tracks import Track

_CV: Final[Any] = cv2
_BETTER: Final = 1.2
_SHOWN: Final = frozenset({"carton", "pallet"})
_MARGIN: Final = 0.05
"""Of the box's sides, around it."""


@dataclass(slots=True)
class Best:
    """The best crop of one track so far."""

    jpeg: bytes | None = None
    sha256: bytes | None = None
    worth: float = 0.0
    given: bytes | None = None
    """The hash of the last crop that went along with a finding."""

    def see(self, track: Track, image: Any, persons: Sequence[Pixels]) -> None:
        """Take this frame's crop where it is better."""
        if track.seen not in _SHOWN:
            self.jpeg = self.sha256 = None
            return
        worth = _worth(track, image)
        if worth <= _BETTER * self.worth:
            return
        jpeg = crop_of(image, pixels_of(track.box, _MARGIN), persons)
        if jpeg is not None:
            self.jpeg, self.sha256, self.worth = jpeg, hashlib.sha256(jpeg).digest(), worth

    def give(self) -> bytes | None:
        """The crop, where it has not gone along yet."""
        if self.sha256 == self.given:
            return None
        self.given = self.sha256
        return self.jpeg


def pixels_of(box: Box, margin: float = 0.0) -> Pixels:
    """A box in whole pixels, with a margin as a share of its sides."""
    left, top, right, bottom = box
    across, down = margin * (right - left), margin * (bottom - top)
    return round(left - across), round(top - down), round(right + across), round(bottom + down)


def _worth(track: Track, image: Any) -> float:
    """How well a track is shown: the side of its box, the strength of its edges, its score."""
    left, top, right, bottom = pixels_of(track.box)
    part = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if not part.size:
        return 0.0
    grey = part if part.ndim == 2 else _CV.cvtColor(part, cv2.COLOR_BGR2GRAY)
    sharp = float(np.std(_CV.Laplacian(grey, cv2.CV_16S)))
    return track.score * float(np.sqrt(part.shape[0] * part.shape[1])) * log1p(sharp)
