"""Average precision by hand-made cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cloud.vision.boxes import Picture, average_precision, overlaps

A, B, C = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)


def picture(
    found: list[tuple[tuple[float, ...], float]],
    there: list[tuple[float, ...]],
    ignored: list[bool] | None = None,
) -> Picture:
    return Picture(
        np.array([box for box, _ in found], float).reshape(-1, 4),
        np.array([score for _, score in found], float),
        np.array(there, float).reshape(-1, 4),
        np.array(ignored or [False] * len(there), bool),
    )


def test_overlap_is_intersection_over_union() -> None:
    shared = overlaps(np.array([A, (5, 0, 15, 10)], float), np.array([A, B], float))
    assert shared == pytest.approx(np.array([[1, 0], [50 / 150, 0]]))


def test_all_found_and_nothing_else_is_one() -> None:
    assert average_precision([picture([(A, 0.9), (B, 0.8)], [A, B])]) == 1


def test_a_surer_wrong_box_costs_precision() -> None:
    # wrong, right, right: precision 2/3 at recall 1/2 (made to fall) and at recall 1.
    found = [(C, 0.9), (A, 0.8), (B, 0.7)]
    assert average_precision([picture(found, [A, B])]) == pytest.approx(2 / 3)


def test_one_of_two_missed_is_a_half() -> None:
    assert average_precision([picture([(A, 0.9)], [A]), picture([], [B])]) == 0.5


def test_a_second_box_on_the_same_thing_is_wrong() -> None:
    found = [(A, 0.9), ((1, 0, 11, 10), 0.8), (B, 0.7)]
    assert average_precision([picture(found, [A, B])]) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_box_that_is_half_beside_is_wrong() -> None:
    assert average_precision([picture([((5, 0, 15, 10), 0.9)], [A])]) == 0


def test_an_ignored_thing_is_neither_asked_for_nor_held_against() -> None:
    found = [(B, 0.95), ((21, 1, 26, 6), 0.93), (A, 0.9)]
    assert average_precision([picture(found, [A, B], [False, True])]) == 1


def test_nothing_found_is_zero_and_nothing_asked_is_no_number() -> None:
    assert average_precision([picture([], [A])]) == 0
    assert math.isnan(average_precision([picture([(A, 0.5)], [])]))
