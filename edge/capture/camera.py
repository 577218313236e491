"""Frames from live cameras, by OpenCV.

A live camera is never queued behind a slow reader: a thread keeps the latest frame, the ones it
overwrites are counted in ``dropped``. When the camera goes away it is opened again, with
full-jitter backoff.

Addresses may carry a password; no error repeats it, nor what OpenCV says of one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import cv2

from edge.capture import ffmpeg
from edge.capture.files import VIDEO_SUFFIXES, PictureFiles, VideoFile, list_pictures
from edge.capture.pictures import MAX_PIXELS
from edge.ports import Frame, FrameSource, Jitter, system_jitter
from shared.errors import QuartermasterError

SCHEMES: Final = frozenset({"http", "https", "rtsp", "rtsps", "v4l2"})

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_TRIES: Final = 5
_V4L2: Final = "v4l2://"
_DEVICE: Final = "/dev/video"
_NOT_OPENED: Final = "nobody answers, the password is refused, or its pictures cannot be decoded"


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Whether frames can be expected."""
        ...

    def read(self) -> tuple[bool, Any]:
        """The next frame, if there is one."""
        ...

    def release(self) -> None:
        """Close it."""
        ...


Open = Callable[[str], Capture]


def is_camera(place: str) -> bool:
    """Whether a place is a camera: an address, a device's number, or its path."""
    return "://" in place or place.isdecimal() or place.startswith(_DEVICE)


def open_source(place: str) -> FrameSource:
    """The source for a picture file, a folder, a video file, a camera's address or a device.

    A camera that gives no frame in five tries is told by ``frames`` as ``camera.unreadable``, so
    that whoever watches it can say so before trying again; a device that is not there at once.

    Raises:
        QuartermasterError: ``file.unreadable`` or ``camera.unreadable``.
    """
    if place.isdecimal():
        place = _DEVICE + place
    if place.startswith(_DEVICE):
        place = _V4L2 + place
    if place.startswith(_V4L2) and not Path(place.removeprefix(_V4L2)).exists():
        reason = "there is no such device"
        raise QuartermasterError("camera.unreadable", reason, where=place.removeprefix(_V4L2))
    if is_camera(place):
        return LiveCamera(place, give_up_after=_TRIES)
    path = Path(place)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile(path)
    return PictureFiles(list_pictures(path))


def _open_address(address: str) -> Capture:
    if address.startswith(_V4L2):
        return cv2.VideoCapture(address.removeprefix(_V4L2), cv2.CAP_V4L2)
    return ffmpeg.opened(address)


class LiveCamera:
    """A camera on the network (HTTP-MJPEG, RTSP) or on this machine: always its latest frame.

    Args:
        address: ``http``, ``https``, ``rtsp``, ``rtsps``, or ``v4l2`` for a local device.
        open_capture: opens the address; tests bring their own.
        jitter: draws the waiting time between two tries.
        give_up_after: tries in a row without a frame after which :meth:`frames` raises; None for
            a camera that is waited for as long as it takes.

    Raises:
        QuartermasterError: ``camera.unreadable`` for an address of another kind.
    """

    def __init__(
        self,
        address: str,
        *,
        open_capture: Open = _open_address,
        jitter: Jitter = system_jitter,
        give_up_after: int | None = None,
    ) -> None:
        self._name = without_password(address)
        if self._name.partition(":")[0].lower() not in SCHEMES:
            raise QuartermasterError("camera.unreadable", "unknown kind", where=self._name)
        self._address = address
        self._open = open_capture
        self._jitter = jitter
        self._give_up_after = give_up_after
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._latest: Frame | None = None
        self._failed: QuartermasterError | None = None
        self._grabber: threading.Thread | None = None
        self.captured = 0
        """Frames that the camera gave: those taken, those dropped, and the one that waits."""
        self.dropped = 0
        self.reconnects = 0
        self.last_error = ""
        """Why the last try ended, while no frame has come since."""

    def frames(self) -> Iterator[Frame]:
        """The latest frame, each at most once, until closed."""
        while not self._closing.is_set():
            if (frame := self.take(None)) is not None:
                yield frame

    def take(self, timeout_s: float | None) -> Frame | None:
        """The latest frame, at most once; None when none came for so long, or it was closed.

        Raises:
            QuartermasterError: ``camera.unreadable``.
        """
        if self._grabber is None and not self._closing.is_set():
            self._grabber = threading.Thread(target=self._grab, name="camera", daemon=True)
            self._grabber.start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._latest or self._failed or self._closing.is_set(), timeout_s
            )
            frame, self._latest = self._latest, None
        if frame is None and self._failed is not None and not self._closing.is_set():
            raise self._failed
        return frame

    def close(self) -> None:
        """Let go of the camera; :meth:`frames` ends."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._grabber is not None and self._grabber is not threading.current_thread():
            self._grabber.join(timeout=2 * ffmpeg.READ_TIMEOUT_MS / 1000)

    def _grab(self) -> None:
        try:
            self._grab_for_ever()
        except Exception as error:  # noqa: BLE001 - told by frames(), which would wait for ever
            self._fail(type(error).__name__)

    def _grab_for_ever(self) -> None:
        number = 0
        tries = 0
        while not self._closing.is_set():
            before = number
            number = self._grab_until_lost(number)
            tries = 1 if number > before else tries + 1
            if self._closing.is_set():
                return
            if self._give_up_after is not None and tries >= self._give_up_after:
                self._fail(f"{tries} tries without a frame: {self.last_error}")
                return
            self.reconnects += 1
            self._closing.wait(
                self._jitter(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(tries, 9)))
            )

    def _grab_until_lost(self, number: int) -> int:
        try:
            capture = self._open(self._address)
        except cv2.error as error:
            self.last_error = _said(error)
            return number
        lost = "it was opened and gave no picture"
        try:
            if not capture.isOpened():
                lost = _NOT_OPENED
                return number
            while not self._closing.is_set():
                good, image = capture.read()
                if not good:
                    break
                if image.shape[0] * image.shape[1] > MAX_PIXELS:
                    lost = f"{image.shape[1]} x {image.shape[0]} pixels, {MAX_PIXELS} are allowed"
                    break
                self._put(Frame(image, number, time.monotonic()))
                number += 1
                lost = "its pictures stopped"
        except cv2.error as error:  # as good as lost: it is opened again
            lost = _said(error)
        finally:
            self.last_error = lost
            capture.release()
        return number

    def _put(self, frame: Frame) -> None:
        with self._changed:
            self.captured += 1
            if self._latest is not None:
                self.dropped += 1
            self._latest = frame
            self.last_error = ""
            self._changed.notify_all()

    def _fail(self, reason: str) -> None:
        with self._changed:
            self._failed = QuartermasterError("camera.unreadable", reason, where=self._name)
            self._changed.notify_all()


def without_password(place: str) -> str:
    """An address without user, password and query; any other place as it is.

    Of what looks like a password that is not where it belongs, nothing is left.
    """
    if "://" not in place:
        return place
    try:
        parts = urlsplit(place)
        host = parts.hostname or ""
    except ValueError:
        return "(no address)"
    if "@" in place.removeprefix(f"{parts.scheme}://{parts.netloc}"):
        return f"{parts.scheme}://(not shown)"  # a slash in a password: it ends elsewhere
    return f"{parts.scheme}://{host}{parts.path if '=' not in parts.path else '/(not shown)'}"


def _said(error: cv2.error) -> str:
    """What OpenCV says went wrong, unless an address may be in it."""
    said = str(error)
    return "OpenCV failed" if "://" in said or "@" in said else said[:200]
