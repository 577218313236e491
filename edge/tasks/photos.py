"""Photos of exceptions: files named by their hash, in a folder that may hold so much.

When it is full, photos that no open exception names go first, the oldest before the others; when
that is not enough, a new photo is not kept. The exception is, in any case: its event has the hash.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

from shared.errors import QuartermasterError

MAX_PHOTO: Final = 150 * 1024
QUOTA: Final = 256 * 1024 * 1024
_JPEG: Final = (b"\xff\xd8\xff", b"\xff\xd9")
_SUFFIX: Final = ".jpg"


class Photo(bytes):
    """A JPEG of bearable size."""

    __slots__ = ()

    @property
    def sha256(self) -> bytes:
        """Its name."""
        return hashlib.sha256(self).digest()


def decode_photo(text: str) -> Photo:
    """A photo from its base64 text.

    Raises:
        QuartermasterError: ``exception.photo``.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise QuartermasterError("exception.photo", "not base64", where="photo") from None
    if len(content) > MAX_PHOTO:
        raise QuartermasterError("exception.photo", f"{len(content)} bytes", where="photo")
    begins, ends = _JPEG
    if not content.startswith(begins) or not content.rstrip(b"\x00").endswith(ends):
        raise QuartermasterError("exception.photo", "not a whole JPEG", where="photo")
    return Photo(content)


class Photos:
    """The folder.

    Args:
        folder: made when the first photo is kept.
        quota: bytes.
    """

    def __init__(self, folder: Path, *, quota: int = QUOTA) -> None:
        self._folder = folder
        self._quota = quota

    def keep(self, photo: Photo, wanted: frozenset[str]) -> bool:
        """Store a photo, forced to disk; False where there is no room.

        Args:
            photo: what to keep.
            wanted: the photos that must stay, by their hash as hex.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if not self._make_room(len(photo), wanted):
                return False
            path = self._folder / f"{photo.sha256.hex()}{_SUFFIX}"
            aside = path.with_suffix(".new")
            with aside.open("wb") as file:
                file.write(photo)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError:
            return False
        return True

    def read(self, sha256: bytes) -> bytes | None:
        """A photo's bytes; None where it was not kept, or is not what it was."""
        with contextlib.suppress(OSError):
            content = (self._folder / f"{sha256.hex()}{_SUFFIX}").read_bytes()
            if hashlib.sha256(content).digest() == sha256:
                return content
        return None

    def _make_room(self, size: int, wanted: frozenset[str]) -> bool:
        files = sorted(
            ((file.stat().st_mtime_ns, file.stat().st_size, file) for file in self._files()),
            key=lambda each: each[0],
        )
        held = sum(each for _, each, _ in files)
        for _, freed, file in files:
            if held + size <= self._quota:
                break
            if file.stem not in wanted:
                file.unlink(missing_ok=True)
                held -= freed
        return held + size <= self._quota

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"*{_SUFFIX}"))
