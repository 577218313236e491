"""No picture that is kept or shown has a person in it; where nobody has looked, none is kept."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.lanes import Box
from edge.vision.privacy import blurred, crop_of

HEIGHT, WIDTH = 240, 320
PERSON: Box = (100, 60, 180, 200)


def noise() -> Any:
    """A picture in which every pixel matters."""
    return np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def colours(part: Any) -> int:
    return len(np.unique(part.reshape(-1, part.shape[-1]), axis=0))


def decoded(jpeg: bytes | None) -> Any:
    assert jpeg is not None
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_of_a_person_a_few_flat_tiles_are_left_and_the_rest_is_as_it_was() -> None:
    image = noise()
    shown = blurred(image, [PERSON])
    left, top, right, bottom = PERSON
    assert colours(image[top:bottom, left:right]) > 10_000
    assert colours(shown[top:bottom, left:right]) <= 16
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[top - 21 : bottom + 21, left - 12 : right + 12] = False
    assert (shown[outside] == image[outside]).all()
    assert (image == noise()).all()


def test_a_little_around_the_box_is_blurred_too() -> None:
    left, top, right, _ = PERSON
    shown = blurred(noise(), [PERSON])
    assert colours(shown[top - 20 : top, left:right]) <= 16


def test_two_pictures_that_differ_in_a_face_only_cannot_be_told_apart() -> None:
    plain = noise()
    face = plain.copy()
    face[92:108, 118:134] = face[92:108, 118:134][::-1, ::-1]  # the same pixels in another order
    assert (plain != face).any()
    assert (blurred(plain, [PERSON]) == blurred(face, [PERSON])).all()


def test_a_picture_without_people_is_itself() -> None:
    image = noise()
    assert blurred(image, []) is image
    assert blurred(image, [(10, 10, 10, 40), (400, 10, 500, 40)]) is image


def test_a_crop_that_a_person_reaches_into_is_blurred_there() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    image[60:200:2, 100:180] = 0
    image[61:200:2, 100:180] = 255
    crop = decoded(crop_of(image, (0, 40, 120, 220), [PERSON]))
    assert crop.shape[:2] == (180, 120)
    assert decoded(crop_of(image, (0, 40, 120, 220), []))[:, 105:].std() > 60
    assert crop[25:155, 105:].std() < 20


def test_a_crop_that_is_mostly_person_is_none() -> None:
    assert crop_of(noise(), (110, 70, 170, 190), [PERSON]) is None
    assert crop_of(noise(), (90, 40, 190, 220), [PERSON]) is None


def test_where_nobody_has_looked_for_people_there_is_no_crop() -> None:
    assert crop_of(noise(), (0, 0, 50, 50), None) is None
    assert crop_of(noise(), (0, 0, 50, 50), []) is not None


@pytest.mark.parametrize("box", [(5, 5, 5, 50), (50, 50, 20, 20), (400, 0, 500, 50)])
def test_a_crop_of_nothing_is_none(box: Box) -> None:
    assert crop_of(noise(), box, []) is None


@given(
    person=st.tuples(*[st.integers(-50, 400)] * 4),
    box=st.tuples(*[st.integers(-50, 400)] * 4),
    grey=st.booleans(),
)
def test_whatever_boxes_come_nothing_breaks_and_no_pixel_of_a_person_is_left(
    person: Box, box: Box, *, grey: bool
) -> None:
    image = noise()[..., 0] if grey else noise()
    shown = blurred(image, [person])
    left, top, right, bottom = (max(each, 0) for each in person)
    part = shown[top:bottom, left:right] if right > left and bottom > top else shown[:0]
    assert len(np.unique(part.reshape(-1, 1 if grey else 3), axis=0)) <= 16
    crop_of(image, box, [person])
