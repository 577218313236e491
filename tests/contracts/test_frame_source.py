"""What every frame source does, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.camera import LiveCamera, open_source
from edge.ports import FrameSource
from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera

SIZE = (320, 240)
CARTONS = [Carton("]E09506000134352"), Carton("]E496385074")]


def _pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8) for _ in range(4)]


def _folder(path: Path) -> FrameSource:
    for number, picture in enumerate(_pictures()):
        cv2.imwrite(str(path / f"{number}.png"), picture)
    (path / "damaged.jpg").write_bytes(b"\xff\xd8 not a picture")
    (path / "notes.txt").write_text("no picture either")
    return open_source(str(path))


def _video(path: Path) -> FrameSource:
    file = path / "belt.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, SIZE)
    for picture in _pictures():
        writer.write(picture)
    writer.release()
    return open_source(str(file))


def _simulated(_: Path) -> FrameSource:
    return SimulatedCamera(CARTONS, seed=3, frames_each=2, size=SIZE)


@pytest.fixture(params=["folder", "video", "simulated", "network"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FrameSource]:
    makers: dict[str, Callable[[Path], FrameSource]] = {
        "folder": _folder,
        "video": _video,
        "simulated": _simulated,
    }
    if request.param in makers:
        made = makers[request.param](tmp_path)
        yield made
        made.close()
        return
    endless = SimulatedCamera(CARTONS, seed=3, rounds=None, period_s=0.02, size=SIZE)
    with MjpegServer(endless) as server:
        camera = LiveCamera(server.address, give_up_after=3)
        yield camera
        camera.close()


def test_frames_are_pictures_in_rising_order(source: FrameSource) -> None:
    frames = source.frames()
    seen = [next(frames) for _ in range(4)]
    assert all(frame.image.dtype == np.uint8 for frame in seen)
    assert all(frame.image.shape == (SIZE[1], SIZE[0], 3) for frame in seen)
    numbers = [frame.number for frame in seen]
    assert numbers == sorted(set(numbers))
    times = [frame.at for frame in seen]
    assert times == sorted(times)


def test_frames_differ_from_each_other(source: FrameSource) -> None:
    frames = source.frames()
    one, other = next(frames), next(frames)
    assert not np.array_equal(one.image, other.image)


def test_closing_ends_the_frames(source: FrameSource) -> None:
    frames = source.frames()
    next(frames)
    source.close()
    assert len(list(frames)) <= 1
    assert list(source.frames()) == []


def test_frames_thrown_away_are_counted(source: FrameSource) -> None:
    next(source.frames())
    assert source.dropped >= 0


def test_a_damaged_picture_in_a_folder_is_left_out_and_kept_in_mind(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    assert len(list(folder.frames())) == 4
    assert [error.code for error in folder.unreadable] == ["file.unreadable"]
