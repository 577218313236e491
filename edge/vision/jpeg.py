"""Pictures as JPEG, for people to judge by and as evidence."""

from __future__ import annotations

from typing import Any, Final

import cv2

_CV: Final[Any] = cv2


def encoded(picture: Any, quality: int, *, longest: int | None = None) -> bytes | None:
    """A picture as a JPEG, made smaller where a side is longer than ``longest`` pixels.

    Returns:
        None where it cannot be encoded.
    """
    if longest is not None and (shrink := longest / max(picture.shape[:2])) < 1:
        picture = _CV.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    made, jpeg = _CV.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes() if made else None
