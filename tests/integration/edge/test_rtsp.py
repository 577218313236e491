"""RTSP cameras on loopback, read by real workers: events, a lost stream, bad streams, no password.

The workers are this program's own, with less patience.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from edge import tasks
from edge.app import opened
from edge.app.cameras import Cameras
from edge.app.minding import Minded
from edge.settings import Camera
from edge.simulator.cameras import Carton, SimulatedCamera
from shared.events import CodeSeen, DeviceHealth, Event, decode_event
from tests.support.gateway import GTIN, enrol, equip_store, wait_until
from tests.support.rtsp import Manner, RtspCamera

if TYPE_CHECKING:
    from pathlib import Path

    from edge.app.store import Store

SIZE = (640, 352)
OURS = f"]E0{GTIN[1:]}"
FOREIGN = "]Q3010400638133393110LOT7"
HIDDEN = "un@/x7Zq-hidden"
"""FFmpeg takes all until the last @ before the host; a slash is written %2F."""
IMPATIENT = """
import os
from edge.app import worker
from edge.capture import camera, ffmpeg
worker._SILENT_S = 1.5
worker._RETRY_S = camera._LONGEST_WAIT_S = 0.3
ffmpeg.OPEN_TIMEOUT_MS = {open_ms}
ffmpeg.READ_TIMEOUT_MS = 1000
os._exit(worker.main())
"""


@pytest.fixture
def store(tmp_path: Path, pki: Path) -> Iterator[Store]:
    enrol(tmp_path / "gw", pki)
    with opened(tmp_path / "gw") as store:
        equip_store(store)
        yield store


@contextmanager
def watched(store: Store, name: str, address: str, *, open_ms: int = 5000) -> Iterator[Minded]:
    program = [sys.executable, "-c", IMPATIENT.format(open_ms=open_ms)]
    minded = Minded(
        Camera(name=name, source=address),
        store,
        command=lambda link, memory: [*program, str(link), str(memory)],
        jitter=lambda _: 0.02,
        unreadable_s=0.1,
    )
    minded.start()
    try:
        yield minded
    finally:
        minded.stop()
        minded.join()


def passing(content: str) -> SimulatedCamera:
    return SimulatedCamera([Carton(content)], seed=1, rounds=None, frames_each=20, size=SIZE)


def events(store: Store) -> list[Event]:
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    return [decode_event(body) for (body,) in rows]


def codes(store: Store) -> list[str]:
    return [it.data.raw for it in events(store) if isinstance(it.data, CodeSeen)]


def alarms(store: Store, status: str = "open") -> list[str]:
    return [each.about for each in tasks.exceptions(store.database.reader, status=status)]


def demand_no_secret(store: Store, *minded: Minded) -> None:
    """Neither what is kept nor what is reported holds a camera's password."""
    for file in store.data.rglob("*"):
        assert not file.is_file() or b"x7Zq" not in file.read_bytes(), file
    report = Cameras(store, list(minded))
    assert "x7Zq" not in repr((report.report(), report.cameras()))


def test_a_stream_becomes_events_its_end_an_exception_until_it_is_back(store: Store) -> None:
    credentials = f"me:{HIDDEN}"
    camera = RtspCamera(passing(OURS), rate=40.0, credentials=credentials, digest=True)
    with watched(store, "dock", camera.address) as minded:
        with camera:
            wait_until(lambda: codes(store) == [OURS], "the code")
        assert camera.refused
        wait_until(lambda: alarms(store) == ["camera.unreadable"], "the exception")
        again = RtspCamera(
            passing(FOREIGN), rate=20.0, credentials=credentials, size=SIZE, port=camera.port
        )
        with again:  # and now it gives H.264
            wait_until(lambda: codes(store) == [OURS, FOREIGN], "the other code")
            wait_until(lambda: not alarms(store), "the end of the exception")
        assert minded.restarts == 0
        assert minded.total("reconnects") >= 1
        demand_no_secret(store, minded)
    health = [it.data.status for it in events(store) if isinstance(it.data, DeviceHealth)]
    assert "watching unreadable watching" in " ".join(health)
    assert set(alarms(store, "resolved")) == {"camera.unreadable"}


def test_streams_that_hang_or_that_nobody_decodes_are_told_and_tried_again(store: Store) -> None:
    whys: dict[Manner, str] = {
        "silent": "nobody answers",
        "mute": "it was opened and gave no picture",
        "halting": "its pictures stopped",
        "codec": "cannot be decoded",
    }
    with ExitStack() as stack:
        cameras = [
            RtspCamera(passing(OURS), rate=40.0, manner=manner, credentials=f"me:{HIDDEN}")
            for manner in whys
        ]
        minded = [
            stack.enter_context(
                watched(store, manner, stack.enter_context(camera).address, open_ms=1000)
            )
            for manner, camera in zip(whys, cameras, strict=True)
        ]
        for each, why in zip(minded, whys.values(), strict=True):
            wait_until(lambda of=each, why=why: of.state == "unreadable" and why in of.why, why)
            wait_until(lambda of=each: of.total("reconnects") > 1, "another try")
        assert all(each.restarts == 0 for each in minded)
        demand_no_secret(store, *minded)
    assert set(alarms(store)) == {"camera.unreadable"}
    assert set(codes(store)) <= {OURS}
