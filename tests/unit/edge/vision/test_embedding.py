"""Polygons are cut out straight; what cannot be cut out, decoded or believed is an abstention."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.embedding import (
    CUT,
    boxed,
    cut,
    jpeg_of,
    judged,
    kept,
    looked_at,
    reference_of,
)
from shared.errors import QuartermasterError
from tests.support.sight_models import backbone, head

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


def quarters() -> np.ndarray:
    """A picture whose middle is red, green, blue and white, from the upper left clockwise."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[30:60, 40:80], image[30:60, 80:120] = (0, 0, 255), (0, 255, 0)
    image[60:90, 80:120], image[60:90, 40:80] = (255, 0, 0), (255, 255, 255)
    return image


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("way", [1, -1])
def test_a_slot_stands_upright_whichever_corner_was_drawn_first(turn: int, way: int) -> None:
    drawn = (SQUARE[turn:] + SQUARE[:turn])[::way]
    straight = cut(quarters(), drawn)
    assert straight.shape == (CUT, CUT, 3)
    corners = [straight[y, x].tolist() for y, x in ((20, 20), (20, 108), (108, 108), (108, 20))]
    assert corners == [[0, 0, 255], [0, 255, 0], [255, 0, 0], [255, 255, 255]]


def test_a_leaning_slot_is_straightened_and_one_with_other_corners_is_cut_as_a_box() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    leaning = ((0.2, 0.3), (0.8, 0.1), (0.8, 0.7), (0.2, 0.9))
    points = np.rint(np.array(leaning) * 200).astype(np.int32)
    cv2.fillConvexPoly(image, points, (255, 255, 255))
    assert cut(image, leaning)[4:-4, 4:-4].min() > 250
    five = (*leaning, (0.1, 0.6))
    assert cut(image, five).min() == 0
    assert cut(np.full((50, 50), 7, np.uint8), five).max() == 7


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=8),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_whatever_polygon_comes_a_cut_is_a_square_picture(
    polygon: list[tuple[float, float]], width: int, height: int
) -> None:
    assert cut(np.zeros((height, width, 3), np.uint8), polygon).shape == (CUT, CUT, 3)


def test_a_box_that_is_outside_or_nothing_gives_no_crop() -> None:
    image = quarters()
    assert boxed(image, (200, 10, 300, 50)) is None
    assert boxed(image, (50, 50, 50, 90)) is None
    crop = boxed(image, (-20, -20, 30, 30))
    assert crop is not None
    assert crop.shape == (64, 64, 3)


def test_of_a_still_only_the_slot_is_kept() -> None:
    reference = reference_of(jpeg_of(quarters()), SQUARE)
    assert len(reference) < 64 * 1024
    decoded = looked_at(reference)
    assert decoded.shape == (64, 64, 3)
    assert decoded[8, 8].argmax() == 2


def oversized() -> bytes:
    """A JPEG that says it is 60000 pixels wide."""
    jpeg = bytearray(jpeg_of(quarters()))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 7 : at + 9] = struct.pack(">H", 60000)
    return bytes(jpeg)


@pytest.mark.parametrize(
    "still",
    [
        b"",
        b"not a picture",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x00\xff\xd9",
        jpeg_of(quarters())[:40],
        oversized(),
    ],
    ids=["empty", "text", "bare", "looping", "cut off", "of 60000 pixels"],
)
def test_a_still_that_is_none_is_refused(still: bytes) -> None:
    with pytest.raises(QuartermasterError) as refused:
        reference_of(still, SQUARE)
    assert refused.value.code == "slot.invalid"
    with pytest.raises(QuartermasterError):
        looked_at(still)


def test_a_polygon_that_encloses_nothing_is_refused_before_the_still_is_opened() -> None:
    with pytest.raises(QuartermasterError, match="outside"):
        reference_of(b"", ((0, 0), (2, 0), (1, 1)))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([0.95, 0.05], "low"),
        ([0.05, 0.95], "full"),
        ([0.2, 0.8], None),
        ([2.0, -1.0], None),
        ([0.0, 0.0], None),
        ([1.0, 1.0], None),
    ],
)
def test_what_makes_no_sense_is_never_sure(row: list[float], told: str | None) -> None:
    two = head("slots", ("low", "full"), lambda rows: [row for _ in rows])
    (verdict,) = judged(two, np.zeros((1, 3), np.float32))
    assert (verdict.label if verdict.is_sure else None) == told
    assert 0 <= verdict.per_mille <= 1000


def test_scores_that_are_no_numbers_and_classes_too_many_are_refused() -> None:
    for answer, code in (
        (lambda rows: np.full((len(rows), 2), np.nan), "model.scores"),
        (lambda rows: np.full((len(rows), 3), 1 / 3), "model.shape"),
    ):
        with pytest.raises(QuartermasterError) as refused:
            judged(head("slots", ("low", "full"), answer), np.zeros((1, 3), np.float32))
        assert refused.value.code == code


def test_an_embedding_is_what_is_kept_of_it() -> None:
    crops = [np.full((64, 64, 3), value, np.uint8) for value in (10, 200)]
    rows = backbone().embed(crops)
    assert rows.shape == (2, 64)
    assert np.array_equal(np.frombuffer(kept(rows[1]), "<f2").astype(np.float32), rows[1])
