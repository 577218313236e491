"""A camera's own process: it captures, looks, and tells the gateway what it found.

``python -m edge.app.worker SOCKET MEMORY``, started by :mod:`edge.app.minding` with two inherited
file descriptors (a memory of -1 is none). One thread captures, one looks. It gives way to the
gateway, ends with it, and harms nobody when it dies: what it knew it has told.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import cv2
import msgspec

from edge.app.seeing import Seeing, lanes_of
from edge.app.worker_words import (
    Answer,
    Asked,
    Beat,
    Clock,
    Job,
    Stop,
    ToWorker,
    encode_seen,
    hear_gateway,
    say,
    told,
)
from edge.capture.camera import LiveCamera, is_camera, open_source
from edge.capture.files import PictureFiles
from edge.capture.window import Window, join
from edge.ports import Frame, FrameSource, system_jitter
from edge.vision.lanes import Finding
from edge.vision.scheduler import Budget
from shared.errors import QuartermasterError
from shared.units import Micros

_BEAT_S: Final = 1.0
_ANSWER_S: Final = 1.0
_HELD_UP_S: Final = 0.05
_LISTEN_S: Final = 0.25
_SILENT_S: Final = 6.0
"""Without a frame for so long (OpenCV waits five seconds) a live camera is unreadable."""
_RETRY_S: Final = 10.0
_STILLS_APART_S: Final = 1.0
_ASKED_S: Final = 10.0
_FPS_FRAMES: Final = 20
_MEMORY: Final = 2 << 30
_NICE: Final = 5
_PR_SET_PDEATHSIG: Final = 1
_MICROS: Final = 1_000_000


class _Over(Exception):  # noqa: N818 - not an error: the gateway said so
    """The worker is to end."""


class Worker:
    """One camera's loop.

    Args:
        link: the gateway.
        window: where it looks in; None where there is no shared memory.
        job: what to look at.
    """

    def __init__(self, link: Connection, window: Window | None, job: Job) -> None:
        self._link = link
        self._window = window
        self._job = job
        self._offset = job.offset
        self._asked = 0
        self._state, self._why = "starting", ""
        self._beat_at = 0.0
        self._still_at = 0.0
        self._looked = 0
        self._passed = 0
        self._held_up = 0
        self._unshown = 0
        self._gone = _Counts()
        self._times: deque[float] = deque(maxlen=_FPS_FRAMES)
        self._used = (time.monotonic(), time.process_time(), 0.0)
        self._source: FrameSource | None = None
        self._seeing: Seeing | None = None
        self._lacking: dict[str, str] = {}

    def run(self) -> None:
        """Look until the source ends or the gateway says so; a source that fails is tried again."""
        try:
            while not self._look_once():
                self._rest(system_jitter(_RETRY_S))
            self._finish()
            self._become("ended", "")
        except (_Over, EOFError, BrokenPipeError, ConnectionResetError):
            return

    def _finish(self) -> None:
        """What is still followed ends as the camera does."""
        if self._seeing is not None:
            for finding in self._seeing.finish():
                self._tell(finding)
            self._beat(now=True)

    def _look_once(self) -> bool:
        """Look until the source ends; False where it failed."""
        source: FrameSource | None = None
        try:
            source = self._source = _opened(self._job.source)
            seeing = self._seeing_of(source)
            if isinstance(source, LiveCamera):
                self._watch(source, seeing)
            else:
                self._read(source, seeing)
        except QuartermasterError as error:
            self._become("unreadable", error.detail or error.entry.says)
            self._close(source)
            return False
        except _Over:  # what hangs in the capture is not waited for
            self._finish()
            raise
        self._close(source)
        return True

    def _close(self, source: FrameSource | None) -> None:
        if source is not None:
            self._source = None
            self._gone = self._gone.plus(_Counts.of(source))
            source.close()

    def _seeing_of(self, source: FrameSource) -> Seeing:
        if self._seeing is None:
            apart = isinstance(source, PictureFiles)
            lanes, self._lacking, people = lanes_of(self._job, self._sku_of, apart=apart)
            budget = Budget(self._job.cpu, time.process_time, time.monotonic)
            wait = None if isinstance(source, LiveCamera) else self._rest
            self._seeing = Seeing(self._job, lanes, budget, people=people, apart=apart, wait=wait)
        return self._seeing

    def _watch(self, camera: LiveCamera, seeing: Seeing) -> None:
        """A live camera: its latest frame, as often as is allowed."""
        allowed = 2.0
        then = heard_at = time.monotonic()
        while True:
            self._hear()
            self._beat()
            now = time.monotonic()
            allowed = min(2.0, allowed + (now - then) * self._job.frames_per_second)
            then = now
            if allowed < 1.0:
                self._rest((1.0 - allowed) / self._job.frames_per_second)
                continue
            frame = camera.take(_LISTEN_S)
            if frame is not None:
                allowed -= 1.0
                heard_at = time.monotonic()
                if self._state in {"starting", "unreadable"}:
                    self._become("watching", "")
                self._see(seeing, frame, self._now(frame.at))
                self._become(seeing.sight, "")
            elif time.monotonic() - heard_at > _SILENT_S:
                self._become("unreadable", camera.last_error or "no frame comes")

    def _read(self, source: FrameSource, seeing: Seeing) -> None:
        """Files: nothing is lost by waiting; of a video as many frames as are allowed."""
        is_video = not isinstance(source, PictureFiles)
        next_at = float("-inf")
        for frame in source.frames():
            self._become("watching", "")
            self._hear()
            self._beat()
            if is_video and frame.at < next_at:
                self._passed += 1
                continue
            next_at = frame.at + 1.0 / self._job.frames_per_second - 1e-3
            self._see(seeing, frame, self._now(time.monotonic()))

    def _see(self, seeing: Seeing, frame: Frame, taken_at: Micros) -> None:
        self._looked += 1
        self._times.append(time.monotonic())
        for finding in seeing.see(frame, taken_at):
            self._tell(finding)
        self._show(seeing)

    def _tell(self, finding: Finding) -> None:
        began = time.monotonic()
        say(self._link, told(finding))
        self._held_up += time.monotonic() - began > _HELD_UP_S

    def _show(self, seeing: Seeing) -> None:
        if self._window is None:
            return
        now = time.monotonic()
        if now - self._window.asked_at > _ASKED_S:
            if self._still_at:
                self._still_at = 0.0
                self._window.show_still(b"")
        elif now - self._still_at >= _STILLS_APART_S:
            self._still_at = now
            self._unshown += not self._window.show_still(seeing.still())
        self._unshown += not self._window.show_state(encode_seen(seeing.seen))

    def _now(self, steady: float) -> Micros:
        return Micros(round(steady * _MICROS) + self._offset)

    # The gateway

    def _hear(self) -> None:
        """Take what the gateway has said."""
        while self._link.poll():
            self._take(hear_gateway(self._link))

    def _take(self, words: ToWorker) -> None:
        if isinstance(words, Stop):
            raise _Over
        if isinstance(words, Clock):
            self._offset = words.offset

    def _rest(self, seconds: float) -> None:
        """Wait, but hear the gateway and stay known to be well."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._link.poll(min(left, _LISTEN_S)):
                self._hear()
            self._beat()

    def _sku_of(self, code: str) -> str | None:
        """Ask the item master; what is not answered in time is not known."""
        self._asked += 1
        say(self._link, Asked(self._asked, code))
        until = time.monotonic() + _ANSWER_S
        while (left := until - time.monotonic()) > 0:
            if self._link.poll(left):
                words = hear_gateway(self._link)
                if isinstance(words, Answer) and words.number == self._asked:
                    return words.sku
                self._take(words)
        return None

    def _become(self, state: str, why: str) -> None:
        if (state, why) != (self._state, self._why):
            self._state, self._why = state, why
            self._beat(now=True)

    def _beat(self, *, now: bool = False) -> None:
        """Say how it goes, once a second or now."""
        at = time.monotonic()
        if not now and at - self._beat_at < _BEAT_S:
            return
        self._beat_at = at
        counts = self._gone
        if self._source is not None:
            counts = counts.plus(_Counts.of(self._source))
        seeing = self._seeing
        scheduler = seeing.scheduler if seeing is not None else None
        say(
            self._link,
            Beat(
                state=self._state,
                why=self._why[:200],
                captured=counts.captured or self._looked + self._passed,
                dropped=counts.dropped + self._passed,
                looked=self._looked,
                unreadable=counts.unreadable,
                reconnects=counts.reconnects,
                suppressed=seeing.suppressed if seeing is not None else 0,
                held_up=self._held_up,
                unshown=self._unshown,
                cpu=self._share(at),
                cpu_seconds=time.process_time(),
                fps=self._rate(at),
                scan_p95_ms=seeing.scan_p95_ms if seeing is not None else 0.0,
                looks=_named(scheduler.looked) if scheduler is not None else {},
                skipped=_named(scheduler.skipped) if scheduler is not None else {},
                lacking={**self._lacking, **(seeing.failing if seeing is not None else {})},
            ),
        )

    def _share(self, at: float) -> float:
        """Of one core, over the last seconds."""
        since, used, share = self._used
        if at - since >= _BEAT_S:
            now = time.process_time()
            share = round((now - used) / (at - since), 3)
            self._used = (at, now, share)
        return share

    def _rate(self, at: float) -> float:
        """Frames looked at in a second, of late."""
        if len(self._times) < 2 or at - self._times[-1] > _SILENT_S:
            return 0.0
        return round((len(self._times) - 1) / max(at - self._times[0], 1e-3), 1)


class _Counts(msgspec.Struct, frozen=True):
    """What sources counted."""

    captured: int = 0
    dropped: int = 0
    reconnects: int = 0
    unreadable: int = 0

    def plus(self, other: _Counts) -> _Counts:
        """Both."""
        return _Counts(
            self.captured + other.captured,
            self.dropped + other.dropped,
            self.reconnects + other.reconnects,
            self.unreadable + other.unreadable,
        )

    @staticmethod
    def of(source: FrameSource) -> _Counts:
        """Those of a source."""
        if isinstance(source, LiveCamera):
            return _Counts(source.captured, source.dropped, source.reconnects)
        if isinstance(source, PictureFiles):
            return _Counts(dropped=source.dropped, unreadable=len(source.unreadable))
        return _Counts(dropped=source.dropped)


def _opened(place: str) -> FrameSource:
    if not is_camera(place) and not Path(place).exists():
        raise QuartermasterError("camera.unreadable", "no such file", where=place)
    return open_source(place)


def _named(counts: dict[tuple[str, str], int]) -> dict[str, int]:
    return {f"{zone}/{task}" if zone else task: count for (zone, task), count in counts.items()}


def _behave() -> None:
    """End with the gateway, give way to it, and take no more memory than a camera needs."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gateway hears it, too, and says so
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    cv2.setNumThreads(1)


def main() -> int:
    """Be the process; returns its exit status."""
    _behave()
    link = Connection(int(sys.argv[1]))
    memory = int(sys.argv[2])
    window = join(memory) if memory >= 0 else None
    job = hear_gateway(link)
    if not isinstance(job, Job):
        return os.EX_USAGE
    try:
        Worker(link, window, job).run()
    except Exception as error:  # noqa: BLE001 - the gateway tells of it: here nobody reads
        with contextlib.suppress(OSError):
            say(link, Beat(state="failed", why=_in_short(error)))
        return os.EX_SOFTWARE
    return os.EX_OK


def _in_short(error: Exception) -> str:
    """What failed and where; not what it said, which may hold an address."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"


if __name__ == "__main__":
    os._exit(main())  # a capture that hangs is not waited for
