"""What a label says is read once, apart, for whoever asks; doubt and failure make no event."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import cv2
import msgspec
import numpy as np
import pytest

from edge.app import label_worker
from edge.app.labels import MOST_WAITING, Answer, Labels, Question
from edge.settings import Camera, Settings, Zone
from edge.settings import Labels as Printed
from edge.simulator.labels import label_frames
from edge.vision import labels
from edge.vision.labels import LabelReader, Ocr
from shared.errors import QuartermasterError
from shared.events import CodeSeen, LabelRead, decode_event
from shared.units import Micros
from tests.support.floor import FloorAt, new_id
from tests.support.gateway import GTIN
from tests.support.prints import Label, photo
from tests.unit.edge.vision.test_labels import Says

if TYPE_CHECKING:
    from edge.app.store import Store

ASKED = Question("sc-01", None, Micros(7), date(2026, 11, 21))
SAYS = LabelRead("sc-01", None, 7, "ocr-1", bytes(32), 970, None, "KR43796", "2027-08-31", "LOT")
NOTHING = LabelRead("sc-01", None, 7, "ocr-1", bytes(32), 0, None, None, None, "EXP 31 FEB")


def jpeg(*lines: str) -> bytes:
    """A photo of a printed label."""
    first, second, third = (*lines, "", "")[:3]
    picture = photo(
        Label((first, second, third), "", ""), np.random.default_rng(3), style="thermal", blur=0.0
    )
    return cv2.imencode(".jpg", picture)[1].tobytes()


class Floor(FloorAt):
    """A floor on which photos are reported, and what it made of them."""

    def photographed(self, **over: Any) -> str:
        """An exception with a photo of its own; its name."""
        picture = b"\xff\xd8\xff" + os.urandom(8) + b"\xff\xd9"
        report = {
            "id": new_id(),
            "about": "scan.unknown-item",
            "subject": "4006381333931",
            "photo": base64.b64encode(picture).decode(),
            **over,
        }
        return str(self.report(**report)["exception"])

    def labels(self) -> list[tuple[LabelRead | CodeSeen, str]]:
        """What was recorded of labels and codes, and for whom."""
        rows = self.store.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        events = [decode_event(body) for (body,) in rows.fetchall()]
        return [
            (each.data, each.device)
            for each in events
            if isinstance(each.data, LabelRead | CodeSeen)
        ]


@pytest.fixture
def floor(store: Store) -> Floor:
    return Floor(store)


def answering(
    *answers: Answer | LabelRead | QuartermasterError,
) -> tuple[Callable[[bytes], bytes], Any]:
    """A worker that gives these answers one by one, and what it was asked."""
    left, asked = list(answers), list[bytes]()

    def ask(question: bytes) -> bytes:
        asked.append(question)
        answer = left.pop(0)
        if isinstance(answer, QuartermasterError):
            raise answer
        return msgspec.json.encode(answer if isinstance(answer, Answer) else Answer(answer))

    return ask, asked


def test_a_photo_is_read_once_and_recorded_for_who_asked(floor: Floor) -> None:
    name = floor.photographed()
    ask, asked = answering(SAYS)
    desk = Labels(floor.store, ask=ask)
    assert desk.told(name) is None

    async def twice_and_again() -> None:
        first, second = await asyncio.gather(
            desk.read(name, device="console-1"), desk.read(name, device="sc-02")
        )
        assert first == second == await desk.read(name, device="sc-03") == desk.told(name)
        assert (first.lot, first.expiry, first.seq > 0) == ("KR43796", "2027-08-31", True)

    asyncio.run(twice_and_again())
    assert len(asked) == 1
    assert floor.labels() == [(SAYS, "console-1")]


def test_an_abstention_is_told_and_makes_no_event(floor: Floor) -> None:
    ask, _ = answering(NOTHING)
    told = asyncio.run(Labels(floor.store, ask=ask).read(floor.photographed(), device="sc-01"))
    assert (told.lot, told.expiry, told.text, told.seq) == (None, None, "EXP 31 FEB", 0)
    assert floor.labels() == []


def test_a_code_on_the_photo_is_told_and_recorded_where_the_item_master_knows_it(
    floor: Floor,
) -> None:
    ours = CodeSeen("sc-01", "Code 128", f"]C101{GTIN}10L1\x1d21S", gtin=GTIN, lot="L1")
    other = CodeSeen("sc-01", "EAN-13", "]E04006381333931", gtin="04006381333931")
    ask, _ = answering(Answer(NOTHING, (ours, other)))
    told = asyncio.run(Labels(floor.store, ask=ask).read(floor.photographed(), device="sc-02"))
    assert [(each.text, each.sku) for each in told.codes] == [
        (GTIN, "TEA-1"),
        ("04006381333931", None),
    ]
    assert floor.labels() == [(msgspec.structs.replace(ours, sku="TEA-1"), "sc-02")]


def test_what_fails_is_said_and_may_be_asked_again(floor: Floor) -> None:
    name = floor.photographed()
    ask, _ = answering(QuartermasterError("model.missing", "rapidocr is not installed"), SAYS)
    desk = Labels(floor.store, ask=ask)
    with pytest.raises(QuartermasterError) as refused:
        asyncio.run(desk.read(name, device="sc-01"))
    assert refused.value.code == "model.missing"
    assert "ocr" in refused.value.entry.do
    assert (desk.told(name), floor.labels()) == (None, [])
    assert asyncio.run(desk.read(name, device="sc-01")).lot == "KR43796"


@pytest.mark.parametrize("answer", [b"", b"null", b'{"lot":"L1"}'])
def test_an_answer_that_is_no_label_is_a_failure(floor: Floor, answer: bytes) -> None:
    desk = Labels(floor.store, ask=lambda _: answer)
    with pytest.raises(QuartermasterError) as refused:
        asyncio.run(desk.read(floor.photographed(), device="sc-01"))
    assert refused.value.code == "program.failed"
    assert floor.labels() == []


def test_without_a_photo_there_is_nothing_to_read(floor: Floor) -> None:
    ask, asked = answering()
    for name in (floor.photographed(photo=None), "ex-unknown"):
        with pytest.raises(QuartermasterError) as refused:
            asyncio.run(Labels(floor.store, ask=ask).read(name, device="sc-01"))
        assert refused.value.code == "request.not-found"
    assert asked == []


def test_when_enough_wait_the_next_is_told_to_come_again(floor: Floor) -> None:
    names = [floor.photographed() for _ in range(MOST_WAITING + 1)]
    ask, asked = answering(*[SAYS] * MOST_WAITING)
    desk = Labels(floor.store, ask=ask)

    async def at_once() -> list[Any]:
        reads = [desk.read(name, device="sc-01") for name in names]
        return await asyncio.gather(*reads, return_exceptions=True)

    *told, refused = asyncio.run(at_once())
    assert [each.lot for each in told] == ["KR43796"] * MOST_WAITING
    assert isinstance(refused, QuartermasterError)
    assert (refused.code, len(asked)) == ("request.too-many", MOST_WAITING)


def test_the_worker_is_told_whose_photo_it_is_and_how_labels_are_printed_here(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    square = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9)]
    zones = [Zone(name="left", polygon=square, location="A-01"), Zone(name="A-02", polygon=square)]
    camera = Camera(name="sc-01", source="0", zones=zones)
    settings = Settings(camera=[camera], labels=Printed(lot_forms=["AA99999"], dates="month-first"))
    monkeypatch.setattr(type(floor.store), "settings", settings)
    ask, asked = answering(*[NOTHING] * 3)
    desk = Labels(floor.store, ask=ask)
    for location in ("A-01", "A-02", "DOCK-1"):
        asyncio.run(desk.read(floor.photographed(location=location), device="sc-09"))
    told = [msgspec.json.decode(each.partition(b"\n")[0], type=Question) for each in asked]
    assert [each.zone for each in told] == ["left", "A-02", None]
    assert {each.camera for each in told} == {"sc-01"}
    assert {each.taken_at for each in told} == {floor.clock.now()}
    assert {(each.dates, each.lot_forms) for each in told} == {("month-first", ("AA99999",))}


# The worker


def asked_of_worker(
    picture: bytes, reader: Callable[[Question], LabelReader], question: Question = ASKED
) -> Any:
    """What the worker answers or refuses."""
    asked = io.BytesIO(msgspec.json.encode(question) + b"\n" + picture)
    answered, told = io.BytesIO(), io.BytesIO()
    status = label_worker.main(asked, answered, told, reader)
    if status:
        assert (status, answered.getvalue()) == (os.EX_DATAERR, b"")
        return msgspec.json.decode(told.getvalue())["code"]
    return msgspec.json.decode(answered.getvalue(), type=Answer)


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return Ocr()


def test_a_day_that_is_not_there_is_never_an_expiry(ocr: Ocr) -> None:
    picture = jpeg("OAT FLAKES 500 G", "LOT KR43796", "EXP 31 FEB 2027")
    saw = asked_of_worker(picture, lambda _: LabelReader(ocr))
    read = saw.label
    assert saw.codes == ()
    assert (read.lot, read.expiry) == ("KR43796", None)
    assert "31 FEB" in read.text
    assert (read.camera, read.zone, read.frame_at) == ("sc-01", None, 7)
    assert read.image_sha256 == hashlib.sha256(picture).digest()
    assert read.model.startswith("rapidocr-")


def test_a_date_is_read_in_the_sites_order_and_else_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(labels, "Ocr", lambda: Says("EXP 03/04/2027"))
    picture = jpeg("")
    orders = ("day-first", "month-first", None)
    read = [
        asked_of_worker(
            picture, label_worker.reader_of, msgspec.structs.replace(ASKED, dates=order)
        )
        for order in orders
    ]
    assert [each.label.expiry for each in read] == ["2027-04-03", "2027-03-04", None]


def test_a_lot_of_another_form_than_the_sites_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "Ocr", lambda: Says("LOT KR43796"))
    forms = [("AA99999",), ("999999A",), ()]
    read = [
        asked_of_worker(
            jpeg(""), label_worker.reader_of, msgspec.structs.replace(ASKED, lot_forms=each)
        )
        for each in forms
    ]
    assert [each.label.lot for each in read] == ["KR43796", None, "KR43796"]


def test_codes_beside_the_print_are_read_in_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "Ocr", lambda: Says(""))
    (frame,) = label_frames(f"]C101{GTIN}10L1", rng=np.random.default_rng(1))
    picture = cv2.imencode(".jpg", frame)[1].tobytes()
    question = msgspec.structs.replace(ASKED, zone="left")
    (code,) = asked_of_worker(picture, label_worker.reader_of, question).codes
    assert (code.gtin, code.lot, code.sku, code.frames) == (GTIN, "L1", None, 1)
    assert (code.camera, code.zone, code.frame_at) == ("sc-01", "left", 7)
    assert code.image_sha256 == hashlib.sha256(picture).digest()
    assert code.model.startswith("zxing")


@pytest.mark.parametrize(
    "picture", [b"", b"\xff\xd8\xff no picture \xff\xd9", jpeg("LOT 1")[:200], b"GIF89a\xff\xff"]
)
def test_what_is_no_whole_picture_is_refused(picture: bytes) -> None:
    assert asked_of_worker(picture, label_worker.reader_of) == "file.unreadable"


def test_without_the_extra_the_worker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_module: str) -> None:
        """No such module is installed."""

    monkeypatch.setattr(labels, "find_spec", nothing)
    assert asked_of_worker(jpeg("LOT 1"), label_worker.reader_of) == "model.missing"
