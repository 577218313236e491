"""Single picture files, bounded before they are decoded.

A file of some kilobytes can unfold into gigabytes of pixels. So the size is read from the header
first, and only formats whose header is understood here are accepted: PNG, JPEG, WebP, BMP, GIF.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from shared.errors import QuartermasterError

SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
"""A 48-megapixel phone fits; its decoded picture takes 150 MB."""

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # we name the errors ourselves

_JPEG_SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})


class Picture(NamedTuple):
    """A decoded file: BGR pixels, and the SHA-256 of the file as it lay there."""

    image: Any
    sha256: bytes


def load_picture(path: Path) -> Picture:
    """Read one picture file.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _unreadable(path, reason or "cannot be opened") from None
    if len(data) > MAX_BYTES:
        raise _unreadable(path, f"more than {MAX_BYTES} bytes")
    return Picture(decode_picture(data, where=str(path)), hashlib.sha256(data).digest())


def decode_picture(data: bytes, *, where: str = "") -> Any:
    """The BGR pixels of an encoded picture.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    try:
        size = _size_of(data)
    except (struct.error, IndexError):
        size = None
    if size is None:
        raise _unreadable(where, "neither PNG, JPEG, WebP, BMP nor GIF, or cut short")
    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise _unreadable(where, f"{width} x {height} pixels, {MAX_PIXELS} are allowed")
    try:
        # OpenCV refuses a WebP of 30 bytes for being shorter than 32, though it is complete.
        padded = np.frombuffer(data.ljust(32, b"\0"), np.uint8)
        image = cv2.imdecode(padded, cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None or image.size == 0:
        raise _unreadable(where, "damaged: it cannot be decoded")
    return image


def _unreadable(where: Path | str, reason: str) -> QuartermasterError:
    return QuartermasterError("file.unreadable", reason, where=str(where))


def _size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height by the header; None for unknown formats."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    if data[:2] == b"BM":
        width, height = struct.unpack_from("<ii", data, 18)
        return abs(width), abs(height)
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments to the frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """The first chunk tells (RFC 9649, 2.5 to 2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
