"""What is asked for at each cell of a view, and how views are cut from scenes."""

from __future__ import annotations

import numpy as np
import pytest

from cloud.vision.marks import CLASSES
from cloud.vision.scenes import render
from cloud.vision.targets import STRIDES, Truth, assign, cells, truth_of, view_of

CARTON, PALLET = CLASSES.index("carton"), CLASSES.index("pallet")


def truth(*things: tuple[tuple[float, float, float, float], int, bool]) -> Truth:
    return Truth(
        np.array([box for box, _, _ in things], np.float32).reshape(-1, 4),
        np.array([seen for _, seen, _ in things], np.int64),
        np.array([ignored for _, _, ignored in things], np.bool_),
    )


def test_cells_cover_the_picture_once_for_each_stride() -> None:
    middles, strides = cells(96)
    assert [int(np.count_nonzero(strides == stride)) for stride in STRIDES] == [144, 36, 9]
    assert middles.min() == 4
    assert middles.max() == 92


@pytest.mark.parametrize(
    ("box", "grids"),
    [((40, 40, 70, 64), {8}), ((30, 30, 90, 90), {8, 16}), ((10, 20, 200, 180), {32})],
)
def test_a_thing_is_asked_for_around_its_middle_on_the_grids_of_its_size(
    box: tuple[float, float, float, float], grids: set[int]
) -> None:
    middles, strides = cells(288)
    target = assign(truth((box, CARTON, False)), middles, strides)
    asked = target.wanted[:, CARTON] > 0
    assert set(strides[asked]) == grids
    assert np.array_equal(asked, target.held[0])
    assert not target.held[1].any()
    assert (target.boxes[0][asked] == box).all()
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    assert (np.abs(middles[asked] - middle).max(1) < 1.5 * strides[asked]).all()


def test_a_carton_that_fills_its_pallet_does_not_take_its_cells() -> None:
    middles, strides = cells(288)
    target = assign(
        truth(((50, 50, 150, 150), PALLET, False), ((52, 50, 148, 140), CARTON, False)),
        middles,
        strides,
    )
    assert target.held[0].sum() >= 9
    assert target.held[1].sum() >= 9
    assert (target.held[0] & target.held[1]).any()


def test_of_two_cartons_at_one_cell_the_smaller_is_asked_for() -> None:
    middles, strides = cells(288)
    small = (90, 90, 110, 110)
    target = assign(
        truth(((70, 70, 130, 130), CARTON, False), (small, CARTON, False)), middles, strides
    )
    nearest = int(np.argmin(np.hypot(*(middles - 100).T)))
    assert (target.boxes[0][nearest] == small).all()


def test_a_sliver_between_two_cells_is_still_asked_for() -> None:
    middles, strides = cells(288)
    target = assign(truth(((100.5, 97, 103.5, 127), CARTON, False)), middles, strides)
    assert target.held[0].sum() == 1


def test_what_is_ignored_is_neither_wanted_nor_unwanted() -> None:
    middles, strides = cells(288)
    target = assign(truth(((40, 40, 80, 80), CARTON, True)), middles, strides)
    inside = (np.abs(middles - 60) < 20).all(1)
    assert not target.wanted.any()
    assert (target.counted[inside, CARTON] == 0).all()
    assert (target.counted[inside, PALLET] == 1).all()
    assert (target.counted[~inside] == 1).all()


def test_a_view_without_anything_asks_for_nothing() -> None:
    middles, strides = cells(96)
    target = assign(truth(), middles, strides)
    assert not target.wanted.any()
    assert target.counted.all()


def test_boxes_follow_the_view_that_is_cut() -> None:
    rng = np.random.default_rng(2)
    image = np.zeros((416, 416, 3), np.uint8)
    image[150:230, 180:280] = 200
    given = truth(((180, 150, 280, 230), CARTON, False))
    for _ in range(30):
        view, moved = view_of(rng, image, given, 288, (0.4, 1.6))
        bright = view.max(2) > 60
        bright[(view == 114).all(2)] = False  # grey beside the scene
        if not len(moved.boxes) or moved.ignored[0]:
            continue
        left, top, right, bottom = moved.boxes[0]
        rows, columns = np.nonzero(bright[:, :])
        inside = (columns > left - 2) & (columns < right + 2) & (rows > top - 2)
        assert view.shape == (288, 288, 3)
        assert np.count_nonzero(inside) > 0.8 * (right - left) * (bottom - top)


def test_views_are_the_same_from_the_same_seed() -> None:
    scene = render(np.random.default_rng(4))
    one, again = (
        view_of(np.random.default_rng(9), scene.image, truth_of(scene), 288, (0.5, 1.6))
        for _ in range(2)
    )
    assert np.array_equal(one[0], again[0])
    assert np.array_equal(one[1].boxes, again[1].boxes)
