"""Live cameras: the latest frame wins, a lost camera is opened again, passwords stay secret."""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np
import pytest

from edge.capture.camera import LiveCamera, open_source, without_password
from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera
from shared.errors import QuartermasterError

PICTURE = np.zeros((4, 4, 3), np.uint8)


class ScriptedCapture:
    """Gives ``count`` frames, then ends; ``taken`` is set when the last has been given."""

    def __init__(self, count: int, taken: threading.Event | None = None) -> None:
        self._left = count
        self._taken = taken or threading.Event()
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def read(self) -> tuple[bool, Any]:
        if self._left == 0:
            self._taken.set()
            return False, None
        self._left -= 1
        return True, PICTURE

    def release(self) -> None:
        self.released = True


def test_the_latest_frame_wins_and_the_overwritten_are_counted() -> None:
    all_taken = threading.Event()
    captures = [ScriptedCapture(1), ScriptedCapture(9, all_taken)]
    gate = threading.Event()

    def open_capture(_: str) -> ScriptedCapture:
        if len(captures) == 1:
            gate.wait(10)
        return captures.pop(0) if captures else ScriptedCapture(0)

    camera = LiveCamera(
        "rtsp://camera/1", open_capture=open_capture, jitter=lambda _: 0.0, give_up_after=3
    )
    frames = camera.frames()
    assert next(frames).number == 0
    gate.set()  # the camera comes back while nobody looks
    assert all_taken.wait(10)
    assert next(frames).number == 9
    assert camera.dropped == 8
    camera.close()
    assert list(frames) == []


def test_a_lost_camera_is_opened_again_with_jitter_until_it_is_given_up() -> None:
    waits: list[float] = []
    opened: list[ScriptedCapture] = []

    def open_capture(_: str) -> ScriptedCapture:
        opened.append(ScriptedCapture(1 if len(opened) == 1 else 0))
        return opened[-1]

    def jitter(longest: float) -> float:
        waits.append(longest)
        return 0.0

    camera = LiveCamera(
        "http://camera/video", open_capture=open_capture, jitter=jitter, give_up_after=4
    )
    frames = camera.frames()
    assert next(frames).number == 0
    with pytest.raises(QuartermasterError) as refusal:
        next(frames)
    assert refusal.value.code == "camera.unreadable"
    assert camera.reconnects == len(waits) == 4
    assert waits == [1.0, 1.0, 2.0, 4.0]  # a frame starts the count of tries anew
    assert all(capture.released for capture in opened)
    camera.close()


def test_an_error_of_opencv_is_remembered_and_not_the_end() -> None:
    def open_capture(_: str) -> ScriptedCapture:
        raise cv2.error("no route")

    camera = LiveCamera(
        "http://camera/video", open_capture=open_capture, jitter=lambda _: 0.0, give_up_after=2
    )
    with pytest.raises(QuartermasterError):
        next(camera.frames())
    assert "no route" in camera.last_error
    camera.close()


def test_what_opencv_says_of_an_address_is_not_repeated() -> None:
    def open_capture(_: str) -> ScriptedCapture:
        raise cv2.error("cannot open rtsp://user:secret@camera")

    camera = LiveCamera(
        "rtsp://user:secret@camera",
        open_capture=open_capture,
        jitter=lambda _: 0.0,
        give_up_after=1,
    )
    with pytest.raises(QuartermasterError, match="OpenCV failed") as refusal:
        next(camera.frames())
    assert "secret" not in str(refusal.value)


def test_a_failure_that_nobody_foresaw_ends_the_frames_instead_of_hanging() -> None:
    def open_capture(_: str) -> ScriptedCapture:
        raise RuntimeError("rtsp://user:secret@camera")

    camera = LiveCamera("http://camera/video", open_capture=open_capture)
    with pytest.raises(QuartermasterError, match="RuntimeError") as refusal:
        next(camera.frames())
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("address", ["ftp://user:secret@host/x", "file://secret", "http://[secret"])
def test_other_addresses_are_refused_without_telling_their_password(address: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        LiveCamera(address)
    assert refusal.value.code == "camera.unreadable"
    assert "user" not in str(refusal.value)
    assert "@" not in str(refusal.value)


@pytest.mark.parametrize(
    "place",
    [
        "rtsp://user:secret@camera/1",
        "rtsp://user:s@secret@camera/1",
        "RTSP://user:secret@camera",
        "rtsp://user:half/secret@camera/1",
        "rtsp://user:half?secret@camera/1",
        "rtsp://user:half#secret@camera/1",
        "rtsp://user@secret:half/secret@camera",
        "http://camera/video?token=secret",
        "rtsp://camera:554/user=admin_password=secret_channel=1.sdp",
    ],
)
def test_wherever_a_password_stands_in_an_address_it_is_not_shown(place: str) -> None:
    assert "secret" not in without_password(place)
    assert without_password(place).startswith(("rtsp://", "http://"))


def test_no_error_repeats_a_password() -> None:
    camera = LiveCamera(
        "rtsp://user:secret@camera/stream?token=secret",
        open_capture=lambda _: ScriptedCapture(0),
        jitter=lambda _: 0.0,
        give_up_after=1,
    )
    with pytest.raises(QuartermasterError, match="rtsp://camera/stream") as refusal:
        next(camera.frames())
    assert "secret" not in str(refusal.value)
    camera.close()


@pytest.mark.parametrize("place", ["97", "/dev/video97", "v4l2:///dev/video97"])
def test_a_device_that_is_not_there_is_told_at_once(place: str) -> None:
    with pytest.raises(
        QuartermasterError, match="/dev/video97; there is no such device"
    ) as refusal:
        open_source(place)
    assert refusal.value.code == "camera.unreadable"


def test_a_device_that_is_no_camera_is_told() -> None:
    camera = LiveCamera("v4l2:///dev/null", jitter=lambda _: 0.0, give_up_after=2)
    with pytest.raises(QuartermasterError, match="2 tries without a frame: nobody answers"):
        next(camera.frames())


def test_a_real_mjpeg_stream_is_read_over_http() -> None:
    simulated = SimulatedCamera(
        [Carton("]E09506000134352")], seed=1, rounds=None, period_s=0.02, size=(640, 360)
    )
    with MjpegServer(simulated) as server:
        camera = open_source(server.address)
        frames = camera.frames()
        seen = [next(frames) for _ in range(3)]
        camera.close()
    assert [frame.image.shape for frame in seen] == [(360, 640, 3)] * 3
    numbers = [frame.number for frame in seen]
    assert numbers == sorted(set(numbers))
