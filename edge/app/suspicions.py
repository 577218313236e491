"""What cameras suspect, put before a person: with the picture that shows it, if there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import structlog

from edge.app.store import Store
from edge.app.worker_words import Told
from edge.pipeline import Suspicion
from edge.settings import Camera
from shared.errors import QuartermasterError
from shared.events import KIND_OF, DamageSuspected

_log: Final[Any] = structlog.get_logger("edge.cameras")
_DAMAGED: Final = "damaged"
_DAMAGE: Final = int(KIND_OF[DamageSuspected])


def suspicions_of(store: Store) -> Callable[[Camera, Told], None]:
    """Hears what cameras told; from their threads."""

    def hear(camera: Camera, told: Told) -> None:
        if told.kind != _DAMAGE:
            return
        data = told.data
        if isinstance(data, DamageSuspected):
            try:
                store.floor.suspect(_suspicion(camera, data, told.crop))
            except QuartermasterError as error:  # its event stands
                _log.error("camera.unrecorded", camera=camera.name, code=error.code)

    return hear


def _suspicion(camera: Camera, data: DamageSuspected, crop: bytes | None) -> Suspicion:
    places = {zone.name: zone.location or zone.name for zone in camera.zones}
    return Suspicion(
        camera.name,
        _DAMAGED,
        data.sku or data.seen,
        f"A camera suspects that a {data.seen} is damaged, {data.confidence / 10:.0f} % sure.",
        data.sku,
        places.get(data.zone or "", camera.zone),
        crop,
    )
