"""What people report: an unknown code with a photo and a note; and how it ends."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from edge import people, tasks
from edge.tasks import Photo, Photos
from shared.events import ExceptionRaised, ExceptionResolved
from shared.people import People, Person
from tests.support.floor import FloorAt, new_id

JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 100 + b"\xff\xd9"
PHOTO = base64.b64encode(JPEG).decode()


def signed_in(floor: FloorAt, *, proven: bool = True, role: str = "operator") -> None:
    person = Person("ann", "Ann", role)  # type: ignore[arg-type]
    floor.put("people", People("berlin", [person]))

    def unit(connection: Any) -> None:
        people.enter(connection, People("berlin", [person]), 1)
        known = people.known_person(connection, "ann")
        assert known is not None
        from edge.people.sessions import sign_in

        assert sign_in(connection, "sc-01", known, floor.clock.now(), proven=proven)

    floor.store.database.run_blocking(unit)


def test_an_unknown_code_becomes_an_exception_with_photo_and_note(floor: FloorAt) -> None:
    request = {
        "id": new_id(),
        "about": "scan.unknown-item",
        "subject": "4006381333931",
        "note": "blue box, no label inside",
        "location": "DOCK-1",
        "photo": PHOTO,
    }
    answer = floor.report(**request)
    assert (answer["status"], answer["photo_kept"]) == (200, True)
    (event,) = floor.events()
    assert isinstance(event.data, ExceptionRaised)
    assert event.data.photo_sha256 == hashlib.sha256(JPEG).digest()
    assert event.data.subject == "4006381333931"
    (shown,) = tasks.exceptions(floor.store.database.reader)
    assert (shown.name, shown.note, shown.location) == (
        answer["exception"],
        "blue box, no label inside",
        "DOCK-1",
    )
    assert floor.store.photos.read(event.data.photo_sha256) == JPEG
    before = floor.trace()
    assert floor.report(**request) == answer
    assert floor.trace() == before


def test_a_code_of_any_length_and_kind_can_be_reported(floor: FloorAt) -> None:
    floor.report(about="scan.unknown-item", subject="\x1d\x00bad\x7f" + "9" * 3000)
    (event,) = floor.events()
    assert isinstance(event.data, ExceptionRaised)
    assert event.data.subject.startswith("\u241d\u2400bad\u2421999")
    assert len(event.data.subject) == 200


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"photo": "no base64!"}, "exception.photo"),
        ({"photo": base64.b64encode(b"GIF89a").decode()}, "exception.photo"),
        ({"photo": base64.b64encode(JPEG[:-2]).decode()}, "exception.photo"),
        ({"photo": base64.b64encode(JPEG + b"x" * 160_000).decode()}, "exception.photo"),
        ({"photo": PHOTO + "A" * 300_000}, "payload.too-large"),
        ({"location": "NOWHERE"}, "scan.unknown-location"),
        ({"subject": ""}, "request.invalid"),
        ({"about": "Not A Code"}, "request.invalid"),
        ({"note": "x" * 201}, "request.invalid"),
        ({"nonsense": 1}, "request.invalid"),
    ],
)
def test_what_cannot_be_used_is_refused_and_kept_nowhere(
    floor: FloorAt, over: dict[str, Any], code: str
) -> None:
    before = floor.trace()
    request = {"about": "scan.unknown-item", "subject": "x", **over}
    answer = floor.report(**request)
    assert answer["error"]["code"] == code
    assert floor.trace() == before


def test_an_operator_who_showed_a_secret_resolves_it_once(floor: FloorAt) -> None:
    name = floor.report(about="scan.unknown-item", subject="x")["exception"]
    closing = {"resolution": "discarded", "note": "a sticker of the carrier"}
    assert floor.resolve(name, **closing)["error"]["code"] == "people.not-signed-in"
    signed_in(floor, role="scanner", proven=False)
    assert floor.resolve(name, **closing)["error"]["code"] == "people.operator-needed"
    signed_in(floor, proven=False)
    assert floor.resolve(name, **closing)["error"]["code"] == "people.secret-needed"
    signed_in(floor)
    request = {"id": new_id(), **closing}
    answer = floor.resolve(name, **request)
    assert answer["outcome"] == "accepted"
    event = floor.events()[-1]
    assert isinstance(event.data, ExceptionResolved)
    assert event.operator == "ann"
    assert floor.resolve(name, **request) == answer
    assert floor.resolve(name, **closing)["error"]["code"] == "exception.closed"
    assert floor.resolve("ex-nothing", **closing)["error"]["code"] == "request.not-found"
    assert tasks.exceptions(floor.store.database.reader) == []
    (shown,) = tasks.exceptions(floor.store.database.reader, status="resolved")
    assert (shown.resolution, shown.resolved_by) == ("discarded", "ann")


def test_an_operator_may_undo_what_another_device_scanned(floor: FloorAt) -> None:
    done = floor.good("TEA-1", "receive", 5, device="sc-02")
    signed_in(floor, proven=False)
    assert floor.undo(done["id"])["error"]["code"] == "undo.foreign"
    signed_in(floor)
    assert floor.undo(done["id"])["outcome"] == "accepted"


def photo(number: int, size: int = 1000) -> Photo:
    return Photo(b"\xff\xd8\xff" + number.to_bytes(2, "big") + b"\x00" * (size - 7) + b"\xff\xd9")


def test_the_photos_of_closed_exceptions_make_room_for_new_ones(tmp_path: Path) -> None:
    import os

    photos = Photos(tmp_path / "photos", quota=3000)
    kept = [photo(number) for number in range(3)]
    for number, one in enumerate(kept):
        assert photos.keep(one, frozenset())
        os.utime(tmp_path / "photos" / f"{one.sha256.hex()}.jpg", (number, number))
    wanted = frozenset({kept[0].sha256.hex()})
    assert photos.keep(photo(9), wanted)
    assert photos.read(kept[0].sha256) == kept[0]
    assert photos.read(kept[1].sha256) is None
    assert photos.read(kept[2].sha256) == kept[2]
    assert not photos.keep(photo(10, 2500), wanted | {kept[2].sha256.hex()})
    assert photos.read(kept[2].sha256) == kept[2]


def test_a_photo_that_is_not_what_it_was_is_not_shown(tmp_path: Path) -> None:
    photos = Photos(tmp_path / "photos")
    one = photo(1)
    photos.keep(one, frozenset())
    (tmp_path / "photos" / f"{one.sha256.hex()}.jpg").write_bytes(b"\xff\xd8\xffother\xff\xd9")
    assert photos.read(one.sha256) is None


def test_an_exception_is_kept_where_its_photo_cannot_be(floor: FloorAt) -> None:
    from edge.db import Level

    floor.store.space.level = Level.SCARCE
    answer = floor.report(about="scan.unknown-item", subject="x", photo=PHOTO)
    assert (answer["outcome"], answer["photo_kept"]) == ("accepted", False)
    (event,) = floor.events()
    assert isinstance(event.data, ExceptionRaised)
    assert event.data.photo_sha256 == hashlib.sha256(JPEG).digest()
    floor.store.space.level = Level.FULL
    refused = floor.report(about="scan.unknown-item", subject="x")
    assert (refused["status"], refused["error"]["code"]) == (507, "disk.full")
