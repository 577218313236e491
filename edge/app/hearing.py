"""What becomes of what cameras tell, once it is recorded: suspicions and doubts wait for people."""

from __future__ import annotations

from edge.app.learning import Learning
from edge.app.minding import Hear
from edge.app.store import Store
from edge.app.suspicions import suspicions_of
from edge.app.worker_words import Told
from edge.settings import Camera
from edge.vision.lanes import Finding, Uncertain
from shared.events import ShadowCompared


def hears(store: Store, learning: Learning) -> Hear:
    """Hears all cameras of a gateway; from their threads."""
    suspect = suspicions_of(store)

    def hear(camera: Camera, told: Told) -> None:
        data = told.data
        if isinstance(data, ShadowCompared):
            learning.compared(data)
            return
        suspect(camera, told)
        if told.head:
            doubt = Uncertain(told.head, told.predicted, told.embedding)
            learning.heard(Finding(data, told.crop, doubt))

    return hear
