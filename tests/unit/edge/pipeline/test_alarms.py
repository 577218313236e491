"""What a device says about itself is an exception until it is well again."""

from __future__ import annotations

from edge import tasks
from edge.pipeline import Alarm
from shared.events import ExceptionRaised, ExceptionResolved
from tests.support.floor import FloorAt

FROZEN = Alarm("dock-cam", "camera.frozen", "for 12 s", "DOCK-1")


def test_an_alarm_is_one_exception_however_often_it_sounds(floor: FloorAt) -> None:
    assert floor.store.floor.sound(FROZEN)
    assert not floor.store.floor.sound(FROZEN)
    (open_now,) = tasks.exceptions(floor.store.database.reader)
    assert (open_now.about, open_now.subject, open_now.location) == (
        "camera.frozen",
        "dock-cam",
        "DOCK-1",
    )
    (event,) = floor.events()
    assert isinstance(event.data, ExceptionRaised)
    assert event.device == "dock-cam"


def test_what_ended_by_itself_is_resolved_by_its_device_and_may_come_again(floor: FloorAt) -> None:
    floor.store.floor.sound(FROZEN)
    floor.store.floor.sound(FROZEN._replace(device="other-cam"))
    assert floor.store.floor.all_clear("dock-cam", "camera.frozen") == 1
    assert floor.store.floor.all_clear("dock-cam", "camera.frozen") == 0
    assert floor.store.floor.sound(FROZEN)
    (resolved,) = tasks.exceptions(floor.store.database.reader, status="resolved")
    assert (resolved.resolution, resolved.resolved_by) == ("ended", "dock-cam")
    still = tasks.exceptions(floor.store.database.reader)
    assert sorted(each.device for each in still) == ["dock-cam", "other-cam"]
    assert [type(event.data) for event in floor.events()] == [
        ExceptionRaised,
        ExceptionRaised,
        ExceptionResolved,
        ExceptionRaised,
    ]


def test_an_alarm_at_a_place_that_the_site_does_not_know_is_raised_without_it(
    floor: FloorAt,
) -> None:
    floor.store.floor.sound(FROZEN._replace(location="D1"))
    (open_now,) = tasks.exceptions(floor.store.database.reader)
    assert open_now.location is None
