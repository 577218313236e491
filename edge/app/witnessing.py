"""Joins the three witnesses with what they need: the outbox, the clock, the zones of cameras."""

from __future__ import annotations

from edge.app.store import Store
from edge.pipeline.witnessing import Witnesses
from edge.ports import SystemIds
from edge.settings import Camera
from edge.vision.witness import WINDOW


def witnesses_of(store: Store) -> Witnesses | None:
    """What was scanned is held against what cameras see; None where no zone shows a location."""
    places = places_of(store.settings.camera)
    if not places:
        return None
    witnesses = Witnesses(
        store.database,
        store.outbox,
        store.clock,
        SystemIds(),
        places,
        level=lambda: store.space.level,
        window=WINDOW,
    )
    store.outbox.listen(witnesses.heard)
    store.database.around(witnesses.begin, witnesses.end)
    return witnesses


def places_of(cameras: list[Camera]) -> dict[tuple[str, str], str]:
    """The location that each camera's zones show; a zone may be called as the location is."""
    found: dict[tuple[str, str], str] = {}
    for camera in cameras:
        if camera.zone:
            found[camera.name, camera.zone] = camera.zone
        for zone in camera.zones:
            found[camera.name, zone.name] = zone.location or zone.name
    return found
