"""Frames from picture files and videos, by OpenCV: at the reader's pace, nothing is dropped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2

from edge.capture import ffmpeg
from edge.capture.pictures import MAX_PIXELS, SUFFIXES, load_picture
from edge.ports import Frame
from shared.errors import QuartermasterError

VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mjpg", ".mjpeg", ".mpg", ".ts", ".y4m"}
)
MAX_FILES: Final = 100_000


def list_pictures(path: Path) -> list[Path]:
    """A picture file itself, or all picture and video files under a folder, sorted.

    Raises:
        QuartermasterError: ``file.unreadable`` when there is nothing of the kind.
    """
    try:
        if not path.is_dir():
            return [path]
        known = SUFFIXES | VIDEO_SUFFIXES
        found = sorted(
            file for file in path.rglob("*") if file.suffix.lower() in known and file.is_file()
        )
    except (OSError, ValueError) as error:
        raise QuartermasterError("file.unreadable", str(error), where=str(path)) from None
    if not found:
        raise QuartermasterError("file.unreadable", "no pictures in it", where=str(path))
    if len(found) > MAX_FILES:
        raise QuartermasterError("file.unreadable", f"{len(found)} files", where=str(path))
    return found


class PictureFiles:
    """Picture files, one frame each. A file that cannot be read is left out and kept in mind."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._closed = False
        self.dropped = 0
        self.unreadable: list[QuartermasterError] = []

    def frames(self) -> Iterator[Frame]:
        """The pictures, in the given order."""
        number = 0
        for path in self._paths:
            if self._closed:
                return
            try:
                image = load_picture(path).image
            except QuartermasterError as error:
                self.unreadable.append(error)
                continue
            yield Frame(image, number, time.monotonic())
            number += 1

    def close(self) -> None:
        """End :meth:`frames`."""
        self._closed = True


class VideoFile:
    """A recorded video, every frame of it. Frame times are the recording's, from its frame rate.

    Raises:
        QuartermasterError: ``file.unreadable`` from :meth:`frames`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = False
        self.dropped = 0

    def frames(self) -> Iterator[Frame]:
        """The frames in order, until the video ends or is closed."""
        if not self._path.is_file():
            raise QuartermasterError("file.unreadable", "no such file", where=str(self._path))
        capture = ffmpeg.opened(str(self._path))
        try:
            pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
            if not capture.isOpened() or pixels > MAX_PIXELS:
                reason = "no video that can be decoded" if pixels <= MAX_PIXELS else "too large"
                raise QuartermasterError("file.unreadable", reason, where=str(self._path))
            rate = capture.get(cv2.CAP_PROP_FPS)
            rate = rate if 1.0 <= rate <= 1000.0 else 25.0
            number = 0
            while not self._closed:
                good, image = capture.read()
                if not good:
                    break
                yield Frame(image, number, number / rate)
                number += 1
        finally:
            capture.release()
        if number == 0 and not self._closed:
            raise QuartermasterError("file.unreadable", "no frame in it", where=str(self._path))

    def close(self) -> None:
        """End :meth:`frames`."""
        self._closed = True
