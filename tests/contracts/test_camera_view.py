"""What operators are shown of cameras, whoever shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from edge.app import opened
from edge.app.cameras import Cameras
from edge.ports import CameraShown, CameraView
from edge.settings import Camera, CountingLine, Zone
from tests.support.gateway import enrol, equip, wait_until
from tests.support.sights import DEAD, MOST_STILL, WATCHING, FakeCameras, picture

ZONE = WATCHING.zones[0]
LINE = WATCHING.lines[0]
ADDRESS = "rtsp://ada:secret@localhost:1/h264"


def _real(store: Any, film: Path) -> Cameras:
    settings = msgspec.structs.replace(
        store.settings,
        camera=[
            Camera(
                name=WATCHING.name,
                source=str(film),
                zones=[Zone(name=ZONE.name, polygon=list(ZONE.polygon))],
                masks=[list(each) for each in WATCHING.masks],
                lines=[CountingLine(name=LINE.name, start=LINE.start, end=LINE.end)],
                keep_crops=True,
            ),
            Camera(name=DEAD.name, source=ADDRESS, frames_per_second=2.0),
        ],
    )
    return Cameras(dataclasses.replace(store, settings=settings))


def _film(path: Path) -> Path:
    """Pictures for as long as a test lasts."""
    still = cv2.imdecode(np.frombuffer(picture(1280, 720), np.uint8), cv2.IMREAD_COLOR)
    assert still is not None
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (1280, 720))
    for number in range(200):
        writer.write(np.roll(still, 3 * number, axis=1))
    writer.release()
    return path


@pytest.fixture(params=["fake", "real"])
def view(request: Any, tmp_path: Path, pki: Path) -> Iterator[CameraView]:
    if request.param == "fake":
        yield FakeCameras(WATCHING, DEAD)
        return
    enrol(tmp_path / "gw", pki)
    equip(tmp_path / "gw")
    with opened(tmp_path / "gw") as store:
        cameras = _real(store, _film(tmp_path / "dock.avi"))
        cameras.start()
        try:
            yield cameras
        finally:
            cameras.stop()


def test_a_camera_is_shown_as_it_was_set_up_with_its_newest_picture(view: CameraView) -> None:
    still = wait_until(lambda: view.still(WATCHING.name), "a still")
    shown, dead = view.cameras()
    assert (shown.name, shown.state, shown.why) == (WATCHING.name, "watching", "")
    assert (shown.width, shown.height) == (1280, 720)
    assert shown.frame_at > 0
    assert [(each.name, each.tasks) for each in shown.zones[:1]] == [(ZONE.name, ZONE.tasks)]
    assert shown.zones[0].polygon == ZONE.polygon
    assert shown.masks == WATCHING.masks
    assert [(each.name, each.start, each.end) for each in shown.lines] == [LINE[:3]]
    assert (shown.fps_allowed, shown.cpu_allowed, shown.keep_crops) == (5.0, 0.25, True)
    decoded = cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert max(decoded.shape) == 640
    assert len(still) <= MOST_STILL
    assert (dead.name, dead.fps_allowed, dead.keep_crops) == (DEAD.name, 2.0, False)


def test_a_camera_that_never_came_up_is_shown_too_without_its_secrets(view: CameraView) -> None:
    def is_dead() -> CameraShown | None:
        dead = view.cameras()[1]
        return dead if dead.state != "starting" or view.still(WATCHING.name) else None

    dead = wait_until(is_dead, "a word on the dead camera")
    assert dead.state in {"starting", "unreadable"}
    assert (dead.zones, dead.tracks, dead.reads) == ((), (), ())
    assert view.still(DEAD.name) is None
    assert "secret" not in repr(view.cameras())


def test_there_is_no_picture_of_a_camera_that_nobody_set_up(view: CameraView) -> None:
    assert view.still("elsewhere") is None
    assert view.still("") is None
