"""What a camera suspects is put before a person, with its picture, and not too often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge import tasks
from edge.app.suspicions import suspicions_of
from edge.app.worker_words import told
from edge.pipeline import Suspicion
from edge.pipeline.suspecting import MOST_OPEN
from edge.settings import Camera, Zone
from edge.vision.lanes import Finding
from shared.events import CodeSeen, DamageSuspected, ExceptionRaised
from tests.support.sights import picture

if TYPE_CHECKING:
    from tests.support.floor import FloorAt

SQUARE = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9)]
CAMERA = Camera(
    name="dock-cam",
    source="0",
    zone="DOCK-1",
    zones=[Zone(name="left", polygon=SQUARE, location="A-01"), Zone(name="B-01", polygon=SQUARE)],
)
DAMAGE = DamageSuspected("dock-cam", "left", 5, "damage-1", bytes(32), 934, None, "carton", None)
WET = Suspicion("dock-cam", "damaged", "carton", "wet", photo=picture(64, 64))


def test_a_suspicion_of_damage_is_an_exception_with_its_picture(floor: FloorAt) -> None:
    crop = picture(64, 64)
    suspicions_of(floor.store)(CAMERA, told(Finding(DAMAGE, crop)))
    (raised,) = tasks.exceptions(floor.store.database.reader)
    assert (raised.about, raised.subject, raised.device) == ("damaged", "carton", "dock-cam")
    assert raised.note == "A camera suspects that a carton is damaged, 93 % sure."
    assert raised.location == "A-01"
    assert floor.store.photos.read(raised.photo_sha256 or b"") == crop
    (event,) = floor.events()
    assert isinstance(event.data, ExceptionRaised)
    assert (event.data.photo_sha256, event.operator) == (raised.photo_sha256, None)


@pytest.mark.parametrize(
    ("zone", "location"), [("B-01", "B-01"), ("elsewhere", "DOCK-1"), (None, "DOCK-1")]
)
def test_it_is_where_the_camera_looks(floor: FloorAt, zone: str | None, location: str) -> None:
    damage = DamageSuspected("dock-cam", zone, 5, "d-1", bytes(32), 934, None, "carton", None)
    suspicions_of(floor.store)(CAMERA, told(Finding(damage)))
    (raised,) = tasks.exceptions(floor.store.database.reader)
    assert (raised.location, raised.photo_sha256) == (location, None)


def test_other_sights_are_no_suspicions(floor: FloorAt) -> None:
    seen = CodeSeen("dock-cam", "4006381333931", "EAN13")
    suspicions_of(floor.store)(CAMERA, told(Finding(seen)))
    assert tasks.exceptions(floor.store.database.reader) == []


def test_who_is_asked_too_often_looks_at_none(floor: FloorAt) -> None:
    for _ in range(MOST_OPEN):
        assert floor.store.floor.suspect(WET)
    assert not floor.store.floor.suspect(WET)
    assert floor.store.floor.suspect(WET._replace(device="other-cam"))
    assert len(tasks.exceptions(floor.store.database.reader)) == MOST_OPEN + 1


def test_a_place_that_the_site_does_not_know_is_left_out(floor: FloorAt) -> None:
    assert floor.store.floor.suspect(WET._replace(location="NOWHERE"))
    (raised,) = tasks.exceptions(floor.store.database.reader)
    assert raised.location is None
