"""Minds one camera's worker: starts it, hears it, starts it again, and tells of how it does.

A worker that dies or says nothing for long is ended and started again with full jitter; it never
harms another camera or the gateway, which loads neither OpenCV nor a model because of it.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from edge import stock, tasks
from edge.app.store import Store
from edge.app.worker_words import (
    PALLET,
    Answer,
    Asked,
    Beat,
    Clock,
    Job,
    Stop,
    Told,
    hear_worker,
    say,
)
from edge.capture.window import Window
from edge.db import Connection as Reader
from edge.pipeline import NOT_RECORDED, Alarm
from edge.ports import Jitter, system_jitter
from edge.settings import Camera
from edge.vision.calibration import slots_of
from edge.vision.lanes import CountingLine, Zone
from shared.downlink import encode
from shared.errors import Code, QuartermasterError
from shared.events import CodeSeen, DeviceHealth, ShadowCompared

_log: Final[Any] = structlog.get_logger("edge.cameras")

SILENT_S: Final = 30.0
"""A worker says every second how it does; so long without a word, it hangs."""
UNREADABLE_S: Final = 30.0
"""So long without a picture, a person is asked to look."""
_LISTEN_S: Final = 0.2
_ENDING_S: Final = 3.0
_KILLING_S: Final = 5.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_STEADY_S: Final = 60.0
"""A worker that lived so long starts the count of failures anew."""
_FAILURES: Final = 3
_DRIFT_MICROS: Final = 1000
_MICROS: Final = 1_000_000
_ROOT: Final = Path(__file__).resolve().parents[2]

_ALARMS: Final[dict[str, Code]] = {
    "frozen": "camera.frozen",
    "black": "camera.black",
    "unreadable": "camera.unreadable",
    "failed": "camera.worker",
}

Command = Callable[[int, int], list[str]]
"""The command line of a worker for a socket and a memory (file descriptors)."""

Hear = Callable[[Camera, Told], object]
"""Who is given what a camera told, once it is recorded; what heads compared is only given."""


def worker_command(link: int, memory: int) -> list[str]:
    """The worker of this version."""
    return [sys.executable, "-m", "edge.app.worker", str(link), str(memory)]


@dataclass(slots=True)
class Minded:
    """One camera and its worker: ``start`` once, ``stop`` once."""

    camera: Camera
    store: Store
    window: Window | None = None
    memory: int = -1
    jitter: Jitter = system_jitter
    command: Command = worker_command
    silent_s: float = SILENT_S
    unreadable_s: float = UNREADABLE_S
    told: Hear = lambda _camera, _told: None
    """Is given each fact once it is recorded, in this camera's thread."""

    state: str = "starting"
    why: str = ""
    codes_seen: int = 0
    facts: int = 0
    unrecorded: int = 0
    restarts: int = 0
    worker: int | None = None
    beat: Beat = field(default_factory=lambda: Beat(state="starting"))
    """What the worker said last of how it does."""
    _before: dict[str, int] = field(default_factory=dict[str, int])
    _skipped_before: dict[str, int] = field(default_factory=dict[str, int])
    _since: float = 0.0
    _sounding: set[Code] = field(default_factory=lambda: set(_ALARMS.values()))
    """Alarms that may be open: also those of an earlier life of the gateway."""
    _failures: int = 0
    _offset: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _renewing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch it."""
        name = f"camera-{self.camera.name}"
        self._thread = threading.Thread(target=self._mind, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Have its worker end; :meth:`join` waits for it."""
        self._stopping.set()

    def renew(self) -> None:
        """Have a new worker take over, with the slots and heads that are in force now."""
        self._renewing.set()

    def join(self) -> None:
        """Wait until its worker has ended."""
        if self._thread is not None:
            self._thread.join(timeout=_ENDING_S + _KILLING_S)

    def total(self, name: str) -> int:
        """A count over all lives of the worker."""
        return self._before.get(name, 0) + getattr(self.beat, name)

    @property
    def skipped(self) -> dict[str, int]:
        """What there was no budget for, by zone and task, over all lives of the worker."""
        return _sum(self._skipped_before, self.beat.skipped)

    # The thread

    def _mind(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self._renewing.clear()
            try:
                why = self._live()
            except Exception as error:  # noqa: BLE001 - a camera never takes the gateway down
                why = type(error).__name__
                _log.error("camera.unexpected", camera=self.camera.name, exc_info=error)
            if self._stopping.is_set() or self.state == "ended":
                return
            self._remember()
            if self._renewing.is_set():
                continue
            self.restarts += 1
            self._failures = 1 if time.monotonic() - began > _STEADY_S else self._failures + 1
            self._become("failed", why)
            if self._failures >= _FAILURES:
                self._sound("camera.worker", why)
            wait = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures, 9))
            self._stopping.wait(self.jitter(wait))

    def _live(self) -> str:
        """One life of a worker; why it ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            link = Connection(ours.detach())
            passed = [theirs.fileno(), *([self.memory] if self.memory >= 0 else [])]
            try:
                process = subprocess.Popen(  # noqa: S603 - this program's own worker
                    self.command(theirs.fileno(), self.memory),
                    pass_fds=passed,
                    cwd=_ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # libraries repeat addresses there
                )
            except OSError as error:
                link.close()
                return error.strerror or type(error).__name__
        self.worker = process.pid
        reader = self.store.database.another_reader()
        try:
            why = self._hear(link, reader)
        finally:
            reader.close()
            link.close()
            self.worker = None
            status = _end(process)
        return why or self.beat.why or _in_words(status)

    def _hear(self, link: Connection, reader: Reader) -> str:
        """Hear a worker until it is gone; why it was given up, empty where it went by itself."""
        try:
            self._offset = self._offset_now()
            say(link, self._job(reader))
            heard_at = time.monotonic()
            ending_at: float | None = None
            while True:
                if ending_at is None and (self._stopping.is_set() or self._renewing.is_set()):
                    ending_at = time.monotonic()
                    say(link, Stop())
                if link.poll(_LISTEN_S):
                    self._take(link, hear_worker(link), reader)
                    heard_at = time.monotonic()  # what took us long is not its silence
                elif time.monotonic() - heard_at > self.silent_s:
                    return f"said nothing for {self.silent_s:g} s"
                if ending_at is not None and time.monotonic() - ending_at > _ENDING_S:
                    return "did not end"
        except (EOFError, OSError):
            return ""
        except (msgspec.DecodeError, QuartermasterError) as error:
            return f"not understood: {error}"[:200]

    def _take(self, link: Connection, words: Told | Asked | Beat, reader: Reader) -> None:
        if isinstance(words, Told):
            self._record(words)
        elif isinstance(words, Asked):
            say(link, Answer(words.number, self._sku_of(reader, words.code)))
        else:
            self._note(words)
            offset = self._offset_now()
            if abs(offset - self._offset) > _DRIFT_MICROS:
                self._offset = offset
                say(link, Clock(offset))

    def _record(self, told: Told) -> None:
        data = told.data
        if isinstance(data, ShadowCompared):  # of a minute: the gateway adds it up
            self._tell(told)
            return
        try:
            seq = self.store.pipeline.record_blocking(data, device=self.camera.name)
        except QuartermasterError as error:
            self.unrecorded += 1
            _log.error("camera.unrecorded", camera=self.camera.name, code=error.code)
            return
        if seq == NOT_RECORDED:
            return
        self.facts += 1
        self.codes_seen += isinstance(data, CodeSeen)
        self._tell(told)

    def _tell(self, told: Told) -> None:
        try:
            self.told(self.camera, told)
        except Exception as error:  # noqa: BLE001 - what others make of it is not this camera's
            _log.error("camera.unexpected", camera=self.camera.name, exc_info=error)

    def _sku_of(self, reader: Reader, code: str) -> str | None:
        """Whose code it is; of a pallet's, ``(00)…``, the item that is announced on it."""
        try:
            if code.startswith(PALLET):
                lines = tasks.announced(reader, code.removeprefix(PALLET))
                return lines[0].wanted.sku if lines else None
            item = stock.item_of_gtin(reader, code) or stock.item_of_sku(reader, code)
        except (QuartermasterError, sqlite3.DatabaseError) as error:
            self.store.database.noticed(error)
            return None
        return None if item is None else item.sku

    def _note(self, beat: Beat) -> None:
        self.beat = beat
        self._become(beat.state, beat.why)
        if beat.state == "unreadable" and time.monotonic() - self._since > self.unreadable_s:
            self._sound("camera.unreadable", beat.why)

    def _become(self, state: str, why: str) -> None:
        """Take a state of the worker; a change of it is an event, what is wrong an exception."""
        before, self.state, self.why = self.state, state, why
        if state == before:
            return
        self._since = time.monotonic()
        if state not in {"starting", "ended"}:
            self._tell_health(state, why)
        if state in {"frozen", "black"}:
            self._sound(_ALARMS[state], why)
        for other in ("frozen", "black", "unreadable"):
            if state in {"watching", "frozen", "black"} and other != state:
                self._all_clear(_ALARMS[other])
        if state == "watching":
            self._all_clear("camera.worker")

    def _sound(self, about: Code, note: str) -> None:
        try:
            self.store.floor.sound(Alarm(self.camera.name, about, note, self.camera.zone))
            self._sounding.add(about)
        except QuartermasterError as error:
            _log.error("camera.unrecorded", camera=self.camera.name, code=error.code)

    def _all_clear(self, about: Code) -> None:
        if about not in self._sounding:
            return
        try:
            self.store.floor.all_clear(self.camera.name, about)
            self._sounding.discard(about)
        except QuartermasterError as error:
            _log.error("camera.unrecorded", camera=self.camera.name, code=error.code)

    def _tell_health(self, status: str, detail: str) -> None:
        if status in {"unreadable", "failed"}:
            _log.warning("camera.failed", camera=self.camera.name, state=status, why=detail)
        try:
            self.store.pipeline.record_blocking(
                DeviceHealth(self.camera.name, status, detail[:200]), device=self.camera.name
            )
        except QuartermasterError as error:
            _log.error("camera.unrecorded", camera=self.camera.name, code=error.code)

    def _remember(self) -> None:
        """Keep what a worker that is gone had counted."""
        for name in ("captured", "dropped", "looked", "unreadable", "reconnects", "held_up"):
            self._before[name] = self.total(name)
        self._skipped_before = self.skipped
        self.beat = Beat(state=self.beat.state)

    def _offset_now(self) -> int:
        return self.store.clock.now() - round(time.monotonic() * _MICROS)

    def _job(self, reader: Reader) -> Job:
        camera = self.camera
        here = Path(camera.source)
        is_file = "://" not in camera.source and here.exists()
        return Job(
            camera=camera.name,
            source=str(here.absolute()) if is_file else camera.source,
            zone=camera.zone,
            zones=tuple(
                Zone(
                    zone.name,
                    tuple(zone.polygon),
                    zone.tasks,
                    tuple(zone.symbologies),
                    zone.location,
                    zone.priority,
                )
                for zone in camera.zones
            ),
            masks=tuple(tuple(mask) for mask in camera.masks),
            lines=tuple(
                CountingLine(line.name, line.start, line.end, line.counts) for line in camera.lines
            ),
            frames_per_second=camera.frames_per_second,
            cpu=camera.cpu,
            keep_crops=camera.keep_crops,
            offset=self._offset,
            slots=tuple(slots_of(reader, camera.name)),
            heads=encode(stock.heads(reader, self.store.identity.site)),
        )


def _end(process: subprocess.Popen[bytes]) -> int:
    """Wait for it a moment, then end it; its exit status."""
    try:
        return process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _in_words(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}" if status != os.EX_OK else "ended"


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
