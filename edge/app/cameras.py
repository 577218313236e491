"""The cameras of a gateway: a worker process for each, and what an operator sees of them.

Nothing here loads OpenCV or a model: pictures are looked at in the workers alone.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any, Final, cast

import structlog

from edge.app.minding import Hear, Minded
from edge.app.store import Store
from edge.app.worker_words import Seen, decode_seen
from edge.capture import window
from edge.ports import CameraShown, CameraState, LineShown, ZoneShown
from edge.settings import Camera
from shared.errors import QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.cameras")
_NOTHING: Final = Seen(0, 0, 0)


@dataclass(slots=True)
class Cameras:
    """The cameras of a gateway: ``start`` once, ``stop`` once. Implements the port CameraView."""

    store: Store
    _minded: list[Minded] = field(default_factory=list[Minded])
    _memory: QuartermasterError | None = None

    def start(self, *, told: Hear = lambda _camera, _told: None) -> None:
        """Watch every configured camera; ``told`` is given each fact once it is recorded.

        It is called in the camera's own thread.
        """
        for camera in self.store.settings.camera:
            minded = Minded(camera, self.store, told=told)
            try:
                minded.window, minded.memory = window.make()
            except QuartermasterError as error:  # it counts as well unseen
                self._memory = error
                _log.error("camera.memory", camera=camera.name, detail=error.detail)
            self._minded.append(minded)
            minded.start()

    def stop(self) -> None:
        """Have all workers end, and wait for them."""
        for minded in self._minded:
            minded.stop()
        for minded in self._minded:
            minded.join()
            if minded.memory >= 0:
                os.close(minded.memory)
                minded.memory = -1

    def renew(self, name: str | None = None) -> None:
        """Have the worker of a camera, or of all, look with the slots and heads in force now."""
        for minded in self._minded:
            if name is None or minded.camera.name == name:
                minded.renew()

    def notices(self) -> list[QuartermasterError]:
        """What a person should know."""
        return [self._memory] if self._memory is not None else []

    @property
    def dropped_frames(self) -> int:
        """Frames thrown away because looking was slower than the cameras."""
        return sum(minded.total("dropped") for minded in self._minded)

    def report(self) -> list[dict[str, Any]]:
        """Each camera's state, and why it sees nothing; never its address: it may hold a secret.

        ``dropped_frames`` were overtaken by a newer one; ``skipped`` is what the budget had no room
        for, by zone and task; ``lacking`` says which ways of looking there are not, and why.
        """
        return [_told(minded) for minded in self._minded]

    def cameras(self) -> list[CameraShown]:
        """Every configured camera, in the settings' order."""
        return [_shown(minded) for minded in self._minded]

    def still(self, name: str) -> bytes | None:
        """The newest picture of a camera as a JPEG; None without one."""
        for minded in self._minded:
            if minded.camera.name == name and minded.window is not None:
                return minded.window.still(time.monotonic()) or None
        return None


def _told(minded: Minded) -> dict[str, Any]:
    beat, camera = minded.beat, minded.camera
    return {
        "name": camera.name,
        "zone": camera.zone,
        "state": minded.state,
        "why": minded.why,
        "codes_seen": minded.codes_seen,
        "facts": minded.facts,
        "frames": minded.total("captured"),
        "looked_at": minded.total("looked"),
        "dropped_frames": minded.total("dropped"),
        "unreadable_files": minded.total("unreadable"),
        "looks": beat.looks,
        "skipped": minded.skipped,
        "unrecorded": minded.unrecorded,
        "held_up": minded.total("held_up"),
        "fps": beat.fps,
        "cpu": beat.cpu,
        "cpu_allowed": camera.cpu,
        "scan_p95_ms": beat.scan_p95_ms,
        "reconnects": minded.total("reconnects"),
        "restarts": minded.restarts,
        "lacking": beat.lacking,
        "worker": minded.worker,
    }


def _shown(minded: Minded) -> CameraShown:
    beat, camera = minded.beat, minded.camera
    state = minded.window.state() if minded.window is not None else b""
    seen = decode_seen(state) or _NOTHING
    return CameraShown(
        name=camera.name,
        state=cast("CameraState", minded.state),
        why=minded.why,
        frame_at=seen.frame_at,
        width=seen.width,
        height=seen.height,
        fps=beat.fps,
        fps_allowed=camera.frames_per_second,
        cpu=beat.cpu,
        cpu_allowed=camera.cpu,
        dropped=minded.total("dropped"),
        skipped=sum(minded.skipped.values()),
        zones=_zones(camera),
        masks=tuple(tuple(mask) for mask in camera.masks),
        lines=tuple(
            LineShown(line.name, line.start, line.end, seen.nets.get(line.name, {}))
            for line in camera.lines
        ),
        tracks=seen.tracks,
        reads=seen.reads,
        keep_crops=camera.keep_crops,
        lacking=tuple(beat.lacking.items()),
        blurred=seen.blurred,
    )


def _zones(camera: Camera) -> tuple[ZoneShown, ...]:
    return tuple(
        ZoneShown(zone.name, tuple(zone.polygon), zone.tasks, zone.location)
        for zone in camera.zones
    )
