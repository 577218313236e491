"""What cameras tell goes to whom it concerns: doubts wait for a word, suspicions for a look."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from edge import tasks
from edge.app.hearing import hears
from edge.app.worker_words import told
from edge.settings import Camera
from edge.vision.lanes import Finding, Uncertain
from shared.events import CodeSeen, DamageSuspected, ShadowCompared
from tests.support.sights import picture

if TYPE_CHECKING:
    from edge.app.learning import Learning
    from edge.app.store import Store

CAMERA = Camera(name="dock-cam", source="0")
DAMAGE = DamageSuspected("dock-cam", None, 5, "damage-1", bytes(32), 934, None, "carton", None)
SHADOW = ShadowCompared("slots", "1", bytes(32), "2", bytes(32), 1, 4, 3, 0, 0, 0)


def test_doubts_suspicions_and_comparisons_each_go_their_way(store: Store) -> None:
    found: list[Finding] = []
    compared: list[ShadowCompared] = []
    learning = cast("Learning", SimpleNamespace(heard=found.append, compared=compared.append))
    hear: Any = hears(store, learning)
    crop, doubt = picture(64, 64), Uncertain("damage", "suspect", b"\0\x3c")
    hear(CAMERA, told(Finding(CodeSeen("dock-cam", "4006381333931", "EAN13"))))
    hear(CAMERA, told(Finding(SHADOW)))
    assert (found, compared) == ([], [SHADOW])
    hear(CAMERA, told(Finding(DAMAGE, crop)))
    assert found == []
    hear(CAMERA, told(Finding(DAMAGE, crop, doubt)))
    assert found == [Finding(DAMAGE, crop, doubt)]
    assert len(tasks.exceptions(store.database.reader)) == 2
