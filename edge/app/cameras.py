"""One thread for each configured camera. OpenCV and zxing-cpp are loaded only when there is one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from edge import stock
from edge.app.store import Store
from edge.pipeline import NOT_RECORDED
from edge.ports import FrameSource
from edge.settings import Camera
from shared.errors import QuartermasterError
from shared.events import CodeSeen, DeviceHealth

_log: Final[Any] = structlog.get_logger("edge.cameras")
_RETRY_S: Final = 10.0


@dataclass(slots=True)
class _Watched:
    camera: Camera
    source: FrameSource | None = None
    dropped: int = 0
    seen: int = 0
    state: str = "starting"
    why: str = ""

    @property
    def dropped_frames(self) -> int:
        return self.dropped + (self.source.dropped if self.source is not None else 0)


@dataclass(slots=True)
class Cameras:
    """The cameras of a gateway: ``start`` once, ``stop`` once."""

    store: Store
    _watched: list[_Watched] = field(default_factory=list["_Watched"])
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Watch every configured camera."""
        for camera in self.store.settings.camera:
            watched = _Watched(camera)
            self._watched.append(watched)
            thread = threading.Thread(
                target=self._watch, args=(watched,), name=f"camera-{camera.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Let go of all devices."""
        self._stopping.set()
        for watched in self._watched:
            if watched.source is not None:
                watched.source.close()
        for thread in self._threads:
            thread.join(timeout=5)

    @property
    def dropped_frames(self) -> int:
        """Frames thrown away because reading was slower than the cameras."""
        return sum(watched.dropped_frames for watched in self._watched)

    def report(self) -> list[dict[str, Any]]:
        """Each camera's state, and why it sees nothing; never its address: it may hold a secret."""
        return [
            {
                "name": watched.camera.name,
                "zone": watched.camera.zone,
                "state": watched.state,
                "why": watched.why,
                "codes_seen": watched.seen,
                "dropped_frames": watched.dropped_frames,
            }
            for watched in self._watched
        ]

    def _watch(self, watched: _Watched) -> None:
        """Look until the source ends; a source that fails is tried again."""
        while not self._stopping.is_set():
            try:
                self._look(watched)
            except QuartermasterError as error:
                if watched.state != "unreadable":
                    self._tell_health(watched.camera, "unreadable", str(error))
                watched.state, watched.why = "unreadable", error.detail or error.entry.says
                _log.warning("camera.failed", camera=watched.camera.name, code=error.code)
                self._stopping.wait(_RETRY_S)
            except Exception as error:  # noqa: BLE001 - a camera never takes the gateway down
                watched.state, watched.why = "failed", type(error).__name__
                _log.error("camera.unexpected", camera=watched.camera.name, exc_info=error)
                self._stopping.wait(_RETRY_S)
            else:
                watched.state = "ended"
                return

    def _look(self, watched: _Watched) -> None:
        from edge.capture.camera import (  # noqa: PLC0415 - only with a camera
            is_address,
            open_source,
        )
        from edge.vision.barcodes import ZxingReader  # noqa: PLC0415 - only with a camera
        from edge.vision.confirm import Confirmation  # noqa: PLC0415 - only with a camera
        from edge.vision.watch import watch  # noqa: PLC0415 - only with a camera

        camera = watched.camera
        named = is_address(camera.source) or camera.source.isdecimal()
        if not named and not Path(camera.source).exists():
            raise QuartermasterError("camera.unreadable", "no such file", where=camera.source)
        source = open_source(camera.source)
        watched.source = source
        try:
            if watched.state != "watching":
                self._tell_health(camera, "watching", "")
            watched.state, watched.why = "watching", ""
            confirmation = Confirmation(camera.name, sku_of=self._sku_of)
            watch(source, ZxingReader(), confirmation, lambda fact: self._tell(watched, fact))
        finally:
            watched.dropped += source.dropped
            watched.source = None
            source.close()

    def _sku_of(self, code: str) -> str | None:
        reader = self.store.database.reader
        item = stock.item_of_gtin(reader, code) or stock.item_of_sku(reader, code)
        return None if item is None else item.sku

    def _tell(self, watched: _Watched, fact: CodeSeen) -> None:
        camera = watched.camera
        placed = msgspec.structs.replace(fact, zone=camera.zone)
        if self.store.pipeline.record_blocking(placed, device=camera.name) != NOT_RECORDED:
            watched.seen += 1

    def _tell_health(self, camera: Camera, status: str, detail: str) -> None:
        try:
            self.store.pipeline.record_blocking(
                DeviceHealth(camera.name, status, detail[:200]), device=camera.name
            )
        except QuartermasterError as error:
            _log.error("camera.unrecorded", camera=camera.name, code=error.code)
