"""Joins what operators see of the cameras: pictures, slots, and crops that wait for a word."""

from __future__ import annotations

from edge.app.cameras import Cameras
from edge.app.slots import Slots
from edge.app.store import Store
from edge.ports import SystemIds
from edge.vision.crops import Crops
from edge.web.console import Sights


def sights_of(store: Store, cameras: Cameras, crops: Crops) -> Sights:
    """What the console shows."""
    slots = Slots(
        store.database, store.outbox.append, store.clock, SystemIds(), changed=cameras.renew
    )
    return Sights(cameras, slots, crops)
