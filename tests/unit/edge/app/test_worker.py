"""A camera's worker at its end of the socket: what it says of a video, a live camera, a failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.app import worker_words as words
from edge.app.worker import Worker
from edge.capture import window
from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera
from shared.events import CodeSeen

OURS = "]E09506000134352"
SIZE = (640, 360)


def job(source: object, **more: Any) -> words.Job:
    known: dict[str, Any] = {"zones": (), "masks": (), "lines": (), "zone": "D1"}
    known |= {"frames_per_second": 5.0, "cpu": 1.0, "keep_crops": False, "offset": 0}
    return words.Job(camera="cam", source=str(source), **(known | more))


class Gateway:
    """The other end: answers whose codes they are, and keeps what is said."""

    def __init__(self, link: Any, *, sku: str | None = None) -> None:
        self.link = link
        self.facts: list[CodeSeen] = []
        self.beats: list[words.Beat] = []
        self._sku = sku

    def hear_until(self, condition: Any) -> None:
        """Until the condition holds, or the worker is gone."""
        while not condition(self) and self.link.poll(20):
            said = words.hear_worker(self.link)
            if isinstance(said, words.Told):
                assert isinstance(said.data, CodeSeen)
                self.facts.append(said.data)
            elif isinstance(said, words.Asked):
                words.say(self.link, words.Answer(said.number, self._sku))
            else:
                self.beats.append(said)


@contextmanager
def working(of: words.Job, *, sku: str | None = None, shown: Any = None) -> Iterator[Gateway]:
    ours, theirs = Pipe()
    thread = threading.Thread(target=Worker(theirs, shown, of).run)
    thread.start()
    gateway = Gateway(ours, sku=sku)
    try:
        yield gateway
    finally:
        words.say(ours, words.Stop())
        thread.join(20)
        assert not thread.is_alive()


def ended(gateway: Gateway) -> bool:
    return bool(gateway.beats) and gateway.beats[-1].state == "ended"


def test_of_a_video_as_many_frames_are_looked_at_as_are_allowed_and_the_others_counted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "belt.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, SIZE)
    cartons = SimulatedCamera([Carton(OURS)], seed=1, frames_each=30, size=SIZE)
    for frame in cartons.frames():
        writer.write(frame.image)
    writer.release()
    with working(job(path)) as gateway:
        gateway.hear_until(ended)
    last = gateway.beats[-1]
    assert (last.looked, last.dropped, last.captured) == (6, 24, 30)
    assert [(fact.raw, fact.frames, fact.zone) for fact in gateway.facts] == [(OURS, 2, "D1")]


def test_frame_times_are_the_gateways_and_a_still_is_made_only_while_somebody_asks(
    tmp_path: Path,
) -> None:
    shown, _ = window.make(tmp_path)
    live = SimulatedCamera([Carton(OURS)], seed=1, rounds=None, period_s=0.02, size=SIZE)
    ahead = 1_000_000_000_000_000
    with (
        MjpegServer(live) as server,
        working(job(server.address, offset=ahead), sku="TEA", shown=shown) as gateway,
    ):
        gateway.hear_until(lambda it: it.facts)
        seen = words.decode_seen(shown.state())
        assert seen is None or seen.frame_at > ahead
        assert shown.state() == b"" or shown.still(0.0) == b""
        words.say(gateway.link, words.Clock(2 * ahead))

        def is_shown(_: Gateway) -> bool:
            now = words.decode_seen(shown.state())
            later = now is not None and now.frame_at > 2 * ahead
            return later and bool(shown.still(time.monotonic()))

        gateway.hear_until(is_shown)
        assert is_shown(gateway)
    assert gateway.facts[0].sku == "TEA"
    assert ahead < gateway.facts[0].frame_at < 2 * ahead
    states = list(dict.fromkeys(beat.state for beat in gateway.beats))
    assert states == ["starting", "watching"]


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_what_cannot_be_read_is_said_and_tried_again(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with working(job(path)) as gateway:
        gateway.hear_until(lambda it: it.beats)
        assert gateway.beats[0].state == "unreadable"
        assert gateway.beats[0].why


def test_an_item_master_that_does_not_answer_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.worker._ANSWER_S", 0.05)
    picture = next(iter(SimulatedCamera([Carton(OURS)], seed=1, size=SIZE).frames())).image
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.asarray(picture))
    ours, theirs = Pipe()
    worker = threading.Thread(target=Worker(theirs, None, job(path)).run)
    worker.start()
    worker.join(20)
    assert not worker.is_alive()
    ours.close()
