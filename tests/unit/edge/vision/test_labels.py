"""Labels' print: several looks vote, doubt is an abstention, and bad input breaks nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.vision import labels
from edge.vision.labels import (
    GUISES,
    LabelReader,
    LabelReading,
    Ocr,
    Text,
    decoded,
    models_folder,
    provenance,
    rows_of,
    voted,
)
from edge.vision.printed import Claim, Printed, Row
from shared.errors import QuartermasterError
from shared.events import LabelRead
from shared.units import Micros
from tests.support.prints import Label, photo

TODAY = date(2026, 11, 21)
LABEL = Label(("OAT FLAKES 500 G", "LOT KR43796", "EXP 31.08.2027"), "KR43796", "2027-08-31")


@pytest.fixture(scope="module")
def reader() -> LabelReader:
    return LabelReader()


class Says(Ocr):
    """Finds one line, and says of it what it is told, look by look."""

    def __init__(self, *looks: str, sure: float = 1.0) -> None:
        self._looks = list(looks)
        self._sure = sure

    def lines(self, picture: Any) -> list[Any]:
        height, width = picture.shape[:2]
        return [np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32)]

    def recognise(self, cuts: Sequence[Any]) -> list[Row]:
        if not cuts:
            return []
        text = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return [Row(text, [self._sure] * len(text))]


def says(*looks: str, sure: float = 1.0) -> LabelReading:
    blank = np.full((60, 300, 3), 255, np.uint8)
    return LabelReader(Says(*looks, sure=sure)).read(blank, received=TODAY)


def test_a_sharp_and_a_blurred_label_are_read(reader: LabelReader) -> None:
    for blur in (0.0, 2.0):
        picture = photo(LABEL, np.random.default_rng(3), style="thermal", blur=blur)
        read = reader.read(picture, received=TODAY)
        assert (read.lot, read.expiry) == (LABEL.lot, LABEL.expiry)
        assert read.confidence > 900


def test_a_label_that_says_the_31st_of_february_has_no_expiry(reader: LabelReader) -> None:
    label = LABEL._replace(lines=("OAT FLAKES 500 G", "LOT KR43796", "EXP 31 FEB"))
    picture = photo(label, np.random.default_rng(3), style="thermal", blur=0.0)
    read = reader.read(picture, received=TODAY)
    assert (read.lot, read.expiry) == ("KR43796", None)
    assert "31 FEB" in read.text


def test_an_event_says_which_models_read_it_and_what_shows_it(reader: LabelReader) -> None:
    picture = photo(LABEL, np.random.default_rng(3), style="thermal", blur=0.0)
    event = reader.event(
        picture,
        received=TODAY,
        camera="dock",
        zone="gate",
        taken_at=Micros(7),
        image_sha256=b"\1" * 32,
    )
    assert isinstance(event, LabelRead)
    assert (event.lot, event.expiry) == (LABEL.lot, LABEL.expiry)
    assert (event.camera, event.zone, event.frame_at) == ("dock", "gate", 7)
    assert (event.model, event.model_sha256) == provenance()
    assert event.model.startswith("rapidocr-3.10.0-")
    assert event.image_sha256 == b"\1" * 32


def test_the_models_hash_is_that_of_the_wheels_files() -> None:
    both = b"".join(
        (models_folder() / name).read_bytes()
        for name in ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")
    )
    assert provenance()[1] == hashlib.sha256(both).digest()


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.zeros((5, 4000, 4), np.uint8),
        np.full((40, 60, 1), 200, np.uint8)[:, :, 0],
    ],
)
def test_a_picture_with_nothing_on_it_says_nothing(reader: LabelReader, picture: Any) -> None:
    read = reader.read(picture, received=TODAY)
    assert (read.lot, read.expiry, read.confidence, read.text) == (None, None, 0, "")


def test_a_hundred_megapixels_are_made_small_first(reader: LabelReader) -> None:
    vast = np.full((10_000, 10_000), 255, np.uint8)
    assert reader.read(vast, received=TODAY).text == ""


def test_one_straggler_is_forgiven_where_a_date_is_read_and_not_where_a_lot_is() -> None:
    date = "EXP 31.08.2027"
    assert says(date, "EXP 31.03.2027", date).expiry == "2027-08-31"
    assert says("LOT KR43796").lot == "KR43796"
    assert says("LOT KR43796", "LOT KR43795", "LOT KR43796").lot is None


def test_looks_that_differ_are_no_lot() -> None:
    assert says("LOT KR43796", "LOT KR43795", "LOT KR43795", "LOT KR43796").lot is None
    assert says("LOT KR43796", "", "", "", "LOT KR43796").lot is None


def test_what_no_look_saw_surely_is_not_told() -> None:
    assert says("LOT KR43796", sure=0.7).lot is None
    assert says("EXP 31.08.2027", sure=0.9).expiry is None


def test_a_one_at_the_end_of_a_lot_may_be_another_letter_and_must_be_seen_surely() -> None:
    claim = Printed(lot=Claim("3001351", 0.95, border=0.95))
    assert voted([claim] * 6, "").lot is None
    claim = Printed(lot=Claim("3001351", 0.995, border=0.995))
    assert voted([claim] * 6, "").lot == "3001351"


def test_one_guise_that_blurs_a_line_away_takes_no_certainty_from_the_others() -> None:
    sure, unsure = Printed(lot=Claim("AB123", 0.99)), Printed(lot=Claim("AB123", 0.4))
    assert voted([sure] * 5 + [unsure], "").lot == "AB123"
    assert voted([sure] * 2 + [unsure] * 4, "").lot is None


def test_a_lot_that_no_look_saw_apart_from_its_keyword_is_not_told() -> None:
    assert says("LOTKR43796").lot is None
    assert says("LOTKR43796", "LOT KR43796", "LOTKR43796").lot == "KR43796"


def test_control_characters_and_ten_thousand_characters_harm_nothing() -> None:
    assert says("LOT \x00\x1b[31mKR43796").lot is None
    blank = np.full((60, 300, 3), 255, np.uint8)
    many = LabelReader(Says("9\x07" * 5000))
    event = many.event(blank, received=TODAY, camera="c", taken_at=Micros(0))
    assert len(event.text) == 200
    assert event.text.isprintable()


def test_chances_that_are_no_numbers_say_nothing() -> None:
    characters = ["blank", "A", "B"]
    assert decoded(np.full((4, 3), np.nan, np.float32), characters) == Row("", ())
    assert decoded(np.zeros((0, 3), np.float32), characters) == Row("", ())
    assert decoded(np.zeros((3,), np.float32), characters) == Row("", ())


def test_repeated_steps_are_one_character_and_a_blank_parts_two() -> None:
    steps = np.asarray([[0, 0.9, 0], [0, 0.8, 0], [1, 0, 0], [0, 0.7, 0], [0, 0, 0.6]], np.float32)
    row = decoded(steps, ["blank", "A", "B"])
    assert row.text == "AAB"
    assert [round(float(each), 1) for each in row.sure] == [0.9, 0.7, 0.6]


def test_pieces_on_one_line_are_one_row_from_left_to_right() -> None:
    pieces = [
        Text((200.0, 12.0, 300.0, 42.0), Row("AB123", [0.9] * 5)),
        Text((10.0, 60.0, 80.0, 90.0), Row("EXP", [1.0] * 3)),
        Text((10.0, 10.0, 80.0, 40.0), Row("LOT", [0.8] * 3)),
    ]
    rows = rows_of(pieces)
    assert [row.text for row in rows] == ["LOT AB123", "EXP"]
    assert rows[0].sure == (0.8, 0.8, 0.8, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9)


@pytest.mark.parametrize("guise", GUISES)
def test_every_guise_keeps_what_the_recogniser_wants(guise: Any) -> None:
    cut = np.random.default_rng(1).integers(0, 255, (48, 200, 3), dtype=np.uint8)
    seen = guise(cut)
    assert seen.dtype == np.uint8
    assert (seen.shape[0], seen.shape[2]) == (48, 3)


def test_without_the_extra_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(labels, "find_spec", lambda _: None)
    with pytest.raises(QuartermasterError) as refused:
        LabelReader()
    assert refused.value.code == "model.missing"
    assert "ocr" in refused.value.entry.do

    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(labels, "find_spec", lambda _: Spec)
    with pytest.raises(QuartermasterError) as lacking:
        models_folder()
    assert "PP-OCRv6_det_small.onnx" in str(lacking.value)
