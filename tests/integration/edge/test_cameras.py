"""A gateway with cameras, as a process: events from videos, photos and addresses; bad input."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.app import opened
from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera
from shared.events import CodeSeen, Event, decode_event
from tests.support.gateway import GTIN, enrol, equip, running, wait_until
from tests.support.rtsp import RtspCamera

if TYPE_CHECKING:
    from tests.support.gateway import RunningGateway

OURS = f"]E0{GTIN[1:]}"
FOREIGN = "]E04006381333931"
SIZE = (960, 540)
HIDDEN = "x7Zq-hidden"
"""A camera's password."""


def frames(*contents: str, each: int = 4) -> list[Any]:
    source = SimulatedCamera([Carton(it) for it in contents], seed=3, frames_each=each, size=SIZE)
    return [frame.image for frame in source.frames()]


def write_video(path: Path, images: list[Any], codec: str = "mp4v") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 5, SIZE)
    for image in images:
        writer.write(image)
    writer.release()
    return path


@contextmanager
def silent_server() -> Iterator[str]:
    """A camera's address that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/video"


@contextmanager
def serving(*bodies: bytes, then_wait: bool = True) -> Iterator[str]:
    """An address that answers with what is given, as HTTP-MJPEG."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while not over.is_set():
                try:
                    viewer, _ = server.accept()
                except OSError:
                    return
                with viewer:
                    viewer.recv(4096)
                    head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f"
                    viewer.sendall(head + b"\r\n\r\n")
                    for body in bodies:
                        length = f"Content-Length: {len(body)}\r\n\r\n".encode()
                        viewer.sendall(b"--f\r\nContent-Type: image/jpeg\r\n" + length + body)
                        viewer.sendall(b"\r\n")
                    over.wait(60 if then_wait else 0)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/video"
        over.set()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def camera(name: str, source: object, more: str = "") -> str:
    return f'\n[[camera]]\nname = "{name}"\nsource = "{source}"\n{more}'


def seen(data: Path) -> list[CodeSeen]:
    return [event.data for event in events(data) if isinstance(event.data, CodeSeen)]


def events(data: Path) -> list[Event]:
    with opened(data) as store:
        rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    return [decode_event(body) for (body,) in rows]


def cameras_of(gateway: RunningGateway) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in gateway.status()["cameras"]}


def peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return peak / 1024


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def folder(tmp_path: Path, pki: Path) -> tuple[Path, str]:
    data = tmp_path / "gw"
    enrol(data, pki)
    return data, equip(data)


def test_a_video_photos_and_addresses_become_events_in_processes_of_their_own(
    folder: tuple[Path, str], tmp_path: Path
) -> None:
    data, token = folder
    video = write_video(tmp_path / "dock.mp4", frames(OURS, FOREIGN))
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, image in enumerate(frames(OURS, FOREIGN, each=2)):
        cv2.imwrite(str(photos / f"{number}.jpg"), image)
    (photos / "broken.jpg").write_bytes(b"")
    live = SimulatedCamera(
        [Carton(OURS)], seed=1, rounds=None, period_s=0.1, size=SIZE, frames_each=20
    )
    zone = """
[[camera.zones]]
name = "belt"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
"""
    other = SimulatedCamera([Carton(OURS)], seed=2, rounds=None, size=(640, 352), frames_each=20)
    with MjpegServer(live) as server, RtspCamera(other, credentials=f"me:{HIDDEN}") as stream:
        extra = camera("stream", stream.address) + camera("video", video) + camera("photos", photos)
        address = server.address.replace("//", f"//me:{HIDDEN}@")
        extra += camera("live", address, "cpu = 0.5\n" + zone)
        with running(data, token, extra=extra) as gateway:
            wait_until(lambda: cameras_of(gateway)["video"]["state"] == "ended", "the video")
            wait_until(lambda: cameras_of(gateway)["photos"]["state"] == "ended", "the photos")
            wait_until(lambda: cameras_of(gateway)["live"]["codes_seen"], "the live camera")
            wait_until(lambda: cameras_of(gateway)["stream"]["codes_seen"], "the stream")
            wait_until(lambda: cameras_of(gateway)["live"]["looks"].get("belt/scan"), "its count")
            told = cameras_of(gateway)
            assert told["photos"]["unreadable_files"] == 1
            assert told["video"]["looked_at"] + told["video"]["dropped_frames"] == 8
            metrics = gateway.http.get("/metrics").text
            assert 'quartermaster_gateway_camera_codes_seen_total{camera="video"} 2.0' in metrics
            loaded = Path(f"/proc/{gateway.process.pid}/maps").read_text()
            assert "cv2" not in loaded
            assert "onnxruntime" not in loaded
            assert peak_mib(gateway.process.pid) <= 150
            worker = told["live"]["worker"]
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: cameras_of(gateway)["live"]["restarts"] == 1, "the restart")
            wait_until(
                lambda: cameras_of(gateway)["live"]["state"] == "watching", "its second life"
            )
            assert gateway.scan().status_code == 200
            second = cameras_of(gateway)["live"]["worker"]
            assert HIDDEN not in gateway.http.get("/v1/status").text
            assert HIDDEN not in gateway.http.get("/metrics").text
            assert gateway.stop() == 0
            assert is_gone(second)
    holding = {it.name for it in data.rglob("*") if it.is_file() and _holds(it, HIDDEN)}
    assert holding <= {"gateway.toml", "gateway.toml.last-good", "gateway.in-force.json"}
    told_of = seen(data)
    by_video = [fact for fact in told_of if fact.camera == "video"]
    assert [(fact.gtin, fact.sku) for fact in by_video] == [
        (GTIN, "TEA-1"),
        ("04006381333931", None),
    ]
    assert by_video[1].frames == 2
    by_photos = [fact for fact in told_of if fact.camera == "photos"]
    assert [(fact.gtin, fact.frames) for fact in by_photos] == [(GTIN, 1), ("04006381333931", 2)]
    assert all(fact.model and fact.model_sha256 and fact.image_sha256 for fact in told_of)
    assert all(fact.frame_at > 1_700_000_000_000_000 for fact in told_of)
    assert {fact.zone for fact in told_of if fact.camera == "live"} == {"belt"}
    assert {fact.sku for fact in told_of if fact.camera == "stream"} == {"TEA-1"}


def _holds(file: Path, words: str) -> bool:
    return words.encode() in file.read_bytes()


def test_a_gateway_that_is_killed_takes_its_workers_along(folder: tuple[Path, str]) -> None:
    data, token = folder
    with silent_server() as address, running(data, token, extra=camera("a", address)) as gateway:
        worker = wait_until(lambda: cameras_of(gateway)["a"]["worker"], "the worker")
        gateway.kill()
        wait_until(lambda: is_gone(worker), "the end of the worker", seconds=10)


def png_claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk


def jpeg_claiming(width: int, height: int) -> bytes:
    jpeg = bytearray(cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes())
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(jpeg)


def test_bad_input_is_told_and_harms_no_other_camera(
    folder: tuple[Path, str], tmp_path: Path
) -> None:
    data, token = folder
    whole = write_video(tmp_path / "whole.avi", frames(OURS, FOREIGN), "MJPG").read_bytes()
    truncated = tmp_path / "truncated.avi"
    truncated.write_bytes(whole[: len(whole) * 2 // 3])
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    codec = tmp_path / "codec.avi"
    codec.write_bytes(whole.replace(b"MJPG", b"XYZW"))
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "0-bytes.png").write_bytes(b"")
    (photos / "vast.png").write_bytes(png_claiming(10_000, 10_000))
    (photos / "vast.jpg").write_bytes(jpeg_claiming(12_000, 9_000))
    (photos / "words.jpg").write_text("no picture")
    cv2.imwrite(str(photos / "zz-good.png"), frames(OURS, each=1)[0])
    good = cv2.imencode(".jpg", frames(OURS, each=1)[0])[1].tobytes()
    with (
        silent_server() as hanging,
        serving(jpeg_claiming(12_000, 9_000), good) as vast,
        serving(b"no picture at all", then_wait=False) as nonsense,
    ):
        sources = {
            "truncated": truncated,
            "empty": empty,
            "codec": codec,
            "photos": photos,
            "hanging": hanging,
            "vast": vast,
            "nonsense": nonsense,
        }
        extra = "".join(camera(name, source) for name, source in sources.items())
        with running(data, token, extra=extra) as gateway:

            def states() -> dict[str, str]:
                return {name: each["state"] for name, each in cameras_of(gateway).items()}

            bad = ("empty", "codec", "hanging", "nonsense")
            wait_until(lambda: states()["photos"] == "ended", "the photos")
            wait_until(lambda: all(states()[it] == "unreadable" for it in bad), "the bad ones")
            wait_until(lambda: states()["truncated"] == "ended", "the truncated video")
            told = cameras_of(gateway)
            assert told["photos"]["unreadable_files"] == 4
            assert told["photos"]["codes_seen"] == 1
            assert told["truncated"]["codes_seen"] >= 1
            assert all(each["restarts"] == 0 for each in told.values())
            assert gateway.scan().status_code == 200
            assert gateway.stop() == 0
    assert {fact.gtin for fact in seen(data)} <= {GTIN, "04006381333931"}
