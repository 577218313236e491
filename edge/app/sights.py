"""Joins what operators see of the cameras: pictures, slots, and crops that wait for a word."""

from __future__ import annotations

from edge.app.cameras import Cameras
from edge.app.slots import Slots
from edge.app.store import Store
from edge.outbox.retention import age
from edge.ports import SystemIds
from edge.vision.crops import Around, Crops, Known
from edge.web.console import Sights


def crops_of(store: Store) -> Crops:
    """Where crops wait, of the cameras that may keep them."""
    allowed = frozenset(each.name for each in store.settings.camera if each.keep_crops)
    around = Around(append=store.outbox.append, age=age, known=_known)
    return Crops(store.database, store.clock, SystemIds(), around, allowed=allowed)


def _known(_head: str) -> Known | None:
    """What is known of a classifier: none has joined yet that says that it is unsure."""
    return None


def sights_of(store: Store, cameras: Cameras, crops: Crops) -> Sights:
    """What the console shows."""
    slots = Slots(
        store.database, store.outbox.append, store.clock, SystemIds(), changed=cameras.renew
    )
    return Sights(cameras, slots, crops)
