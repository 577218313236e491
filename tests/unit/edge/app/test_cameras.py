"""A configured camera's codes become events; one that cannot be read is told of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import zxingcpp

from edge.app import opened
from edge.app.cameras import Cameras
from edge.settings import Camera
from shared.events import CodeSeen, DeviceHealth, Event, decode_event
from tests.support.gateway import GTIN, enrol, equip, wait_until

if TYPE_CHECKING:
    from edge.app.store import Store


def events(store: Store) -> list[Event]:
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    return [decode_event(body) for (body,) in rows]


def facts(store: Store, kind: type) -> list[Any]:
    return [event.data for event in events(store) if isinstance(event.data, kind)]


def watched(store: Store, source: str) -> Cameras:
    settings = msgspec.structs.replace(
        store.settings, camera=[Camera(name="dock-cam", source=source, zone="D1")]
    )
    import dataclasses

    return Cameras(dataclasses.replace(store, settings=settings))


def test_a_code_of_the_catalog_becomes_an_event_with_its_zone(tmp_path: Path, pki: Path) -> None:
    import cv2

    picture = tmp_path / "label.png"
    code = zxingcpp.create_barcode(GTIN[1:], zxingcpp.BarcodeFormat.EAN13)
    drawn = np.array(zxingcpp.write_barcode_to_image(code, scale=4))
    cv2.imwrite(str(picture), np.pad(drawn, 60, constant_values=255))
    enrol(tmp_path / "gw", pki)
    equip(tmp_path / "gw")
    with opened(tmp_path / "gw") as store:
        cameras = watched(store, str(picture))
        cameras.start()
        try:
            wait_until(lambda: cameras.report()[0]["state"] == "ended", "the end")
        finally:
            cameras.stop()
        (seen,) = facts(store, CodeSeen)
        assert (seen.camera, seen.gtin, seen.sku, seen.zone) == ("dock-cam", GTIN, "TEA-1", "D1")
        assert [fact.status for fact in facts(store, DeviceHealth)] == ["watching"]
        (told,) = cameras.report()
        assert (told["name"], told["zone"], told["state"]) == ("dock-cam", "D1", "ended")
        assert (told["why"], told["codes_seen"], told["dropped_frames"]) == ("", 1, 0)
        assert (told["frames"], told["looked_at"]) == (1, 1)
        assert told["looks"] == {"scan": 1}
        assert (told["skipped"], told["lacking"]) == ({}, {})


def test_a_camera_that_cannot_be_read_is_told_of_once_and_tried_again(
    tmp_path: Path, pki: Path
) -> None:
    enrol(tmp_path / "gw", pki)
    with opened(tmp_path / "gw") as store:
        cameras = watched(store, str(tmp_path / "nothing.png"))
        cameras.start()
        try:
            wait_until(lambda: cameras.report()[0]["state"] == "unreadable", "the failure")
        finally:
            cameras.stop()
        (told,) = facts(store, DeviceHealth)
        assert (told.device, told.status) == ("dock-cam", "unreadable")


def test_an_operator_sees_the_picture_where_it_is_read_and_what_was_read(
    tmp_path: Path, pki: Path
) -> None:
    import cv2

    from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera

    enrol(tmp_path / "gw", pki)
    equip(tmp_path / "gw")
    live = SimulatedCamera([Carton(f"]E0{GTIN[1:]}")], seed=1, rounds=None, period_s=0.05)
    with opened(tmp_path / "gw") as store, MjpegServer(live) as server:
        cameras = watched(store, server.address)
        cameras.start()
        try:
            still = wait_until(lambda: cameras.still("dock-cam"), "a still")
            (shown,) = wait_until(lambda: [it for it in cameras.cameras() if it.reads], "a read")
            assert cameras.still("unknown") is None
        finally:
            cameras.stop()
    picture = cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (360, 640, 3)
    assert (shown.state, shown.width, shown.height) == ("watching", 1280, 720)
    assert shown.reads[0].sku == "TEA-1"
    assert shown.frame_at > 1_700_000_000_000_000


def test_too_little_shared_memory_is_said_and_the_camera_is_watched_all_the_same(
    tmp_path: Path, pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.capture import window

    make = window.make
    monkeypatch.setattr(window, "make", lambda: make(tmp_path / "no-such-folder"))
    enrol(tmp_path / "gw", pki)
    with opened(tmp_path / "gw") as store:
        cameras = watched(store, str(tmp_path / "nothing.png"))
        cameras.start()
        try:
            (notice,) = cameras.notices()
            wait_until(lambda: cameras.report()[0]["state"] == "unreadable", "its watching")
            assert cameras.still("dock-cam") is None
            assert [each.name for each in cameras.cameras()] == ["dock-cam"]
        finally:
            cameras.stop()
    assert notice.code == "camera.memory"
    assert "96 KiB a camera" in notice.detail
