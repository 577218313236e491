"""Fitting a frame into the model's square and back, keeping the surest boxes, and abstaining."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge.vision.detector import Detector, Fit, fitted, from_square, keep_surest
from edge.vision.models import Card, Model, Tensor, opened
from shared.errors import QuartermasterError

SIDE = 32
CLASSES = ("carton", "pallet", "person", "forklift", "label")


def graph(boxes: Any, scores: Any) -> bytes:
    """A graph that answers the same to any picture; its scores grow with the first byte."""
    picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, SIDE, SIDE, 3])
    told = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, list(boxes.shape)),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, list(scores.shape)),
    ]
    nodes = [
        helper.make_node("Cast", ["picture"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMin", ["bytes"], ["least"], keepdims=0),
        helper.make_node("Mul", ["least", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "given-boxes"], ["boxes"]),
        helper.make_node("Add", ["zero", "given-scores"], ["scores"]),
    ]
    constants = [
        numpy_helper.from_array(np.float32(0), "nothing"),
        numpy_helper.from_array(boxes.astype(np.float32), "given-boxes"),
        numpy_helper.from_array(scores.astype(np.float32), "given-scores"),
    ]
    made = helper.make_graph(nodes, "told", [picture], told, constants)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(made, opset_imports=[opset], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def model(boxes: Any, scores: Any, classes: tuple[str, ...] = CLASSES) -> Model:
    content = graph(boxes, scores)
    card = Card(
        name="detector",
        version="0",
        file="detector-0.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        inputs=(Tensor("picture", (1, SIDE, SIDE, 3), "uint8"),),
        outputs=(Tensor("boxes", boxes.shape), Tensor("scores", scores.shape)),
        classes=classes,
        thresholds={"least": 0.3, "overlap": 0.5},
    )
    return opened(card, content)


def answering(*things: tuple[tuple[float, ...], int, float]) -> Detector:
    boxes = np.zeros((2, max(1, len(things)), 4))
    scores = np.zeros((max(1, len(things)), len(CLASSES)))
    for cell, (box, seen, score) in enumerate(things):
        boxes[0 if seen == 0 else 1, cell] = box
        scores[cell, seen] = score
    return Detector(model(boxes, scores))


@given(
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
)
def test_a_box_comes_back_from_the_square_to_where_it_was(
    width: int, height: int, spots: list[float]
) -> None:
    fit, (across, down) = fitted(width, height, 416)
    assert max(across, down) == 416
    assert 0 <= fit.left <= 416 - across
    assert 0 <= fit.top <= 416 - down
    there = np.array(spots, np.float32) * (width, height, width, height)
    edge = (fit.left, fit.top, fit.left, fit.top)
    within = (there * fit.scale + edge).astype(np.float32)
    assert from_square(within[None], fit)[0] == pytest.approx(there, abs=0.02 * max(width, height))


def test_a_wide_frame_lies_in_the_middle_with_grey_above_and_below() -> None:
    detector = answering(((0, 0, 1, 1), 0, 0.0))
    detector.look(np.full((180, 320, 3), 255, np.uint8))
    square = detector._square[0]
    assert (square[:7] == 114).all()
    assert (square[7:25] == 255).all()
    assert (square[25:] == 114).all()


def test_frames_of_other_sizes_leave_nothing_of_the_one_before() -> None:
    detector = answering(((0, 0, 1, 1), 0, 0.0))
    detector.look(np.full((320, 180, 3), 255, np.uint8))
    detector.look(np.full((180, 320, 3), 10, np.uint8))
    assert set(np.unique(detector._square)) == {10, 114}


@pytest.mark.parametrize("shape", [(180, 320, 3), (180, 320), (32, 32, 3), (1, 900, 3), (7, 3)])
def test_any_frame_is_looked_at_and_boxes_lie_within_it(shape: tuple[int, ...]) -> None:
    found = answering(((-5, -5, 40, 40), 0, 0.9)).look(np.zeros(shape, np.uint8))
    assert [each.box for each in found] == [(0, 0, shape[1], shape[0])]


def test_an_empty_frame_shows_nothing() -> None:
    assert answering(((0, 0, 9, 9), 0, 0.9)).look(np.zeros((0, 0, 3), np.uint8)) == []


def test_what_is_sure_enough_is_told_the_surest_first_in_pixels_of_the_frame() -> None:
    detector = answering(
        ((4, 11, 12, 19), 0, 0.5), ((8, 9, 24, 21), 1, 0.8), ((1, 8, 3, 12), 2, 0.29)
    )
    found = detector.look(np.zeros((180, 320, 3), np.uint8))
    assert [(each.seen, round(each.score, 2)) for each in found] == [
        ("pallet", 0.8),
        ("carton", 0.5),
    ]
    assert found[1].box == pytest.approx((40, 40, 120, 120))


def test_of_boxes_of_one_class_on_each_other_the_surest_is_kept() -> None:
    detector = answering(
        ((4, 8, 14, 18), 0, 0.5), ((5, 8, 15, 18), 0, 0.9), ((5, 8, 15, 18), 1, 0.4)
    )
    found = detector.look(np.zeros((32, 32, 3), np.uint8))
    assert [(each.seen, each.box[0]) for each in found] == [("carton", 5), ("pallet", 5)]


def test_a_chain_of_boxes_is_not_swallowed_by_its_first() -> None:
    places = np.array([(0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10)], np.float32)
    sure = np.array([0.9, 0.8, 0.7], np.float32)
    kept = keep_surest(places, sure, np.zeros(3, np.int64), 0.4)
    assert kept.tolist() == [0, 2]


@given(st.integers(0, 40), st.integers(0, 5))
def test_kept_boxes_never_overlap_more_than_allowed_and_none_is_lost_without_a_surer_one(
    count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(-20, 100, (count, 2))
    places = np.concatenate([low, low + rng.uniform(1, 60, (count, 2))], 1).astype(np.float32)
    sure, classes = rng.random(count).astype(np.float32), rng.integers(0, 3, count)
    kept = keep_surest(places, sure, classes, 0.5).tolist()
    for index in range(count):
        surer = [
            other
            for other in kept
            if classes[other] == classes[index] and sure[other] > sure[index]
        ]
        hidden = any(_overlap(places[other], places[index]) > 0.5 + 1e-3 for other in surer)
        near = any(_overlap(places[other], places[index]) > 0.5 - 1e-3 for other in surer)
        assert hidden <= (index not in kept) <= near


def _overlap(one: Any, other: Any) -> float:
    both = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None).prod()
    return float(both / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - both))


def test_a_model_whose_scores_are_no_numbers_gives_no_detections_but_an_error() -> None:
    detector = answering(((0, 0, 9, 9), 0, float("nan")))
    with pytest.raises(QuartermasterError, match=r"model\.scores"):
        detector.look(np.zeros((32, 32, 3), np.uint8))


def test_a_model_that_is_no_detector_is_refused() -> None:
    with pytest.raises(QuartermasterError, match=r"model\.shape"):
        Detector(model(np.zeros((2, 4, 4)), np.zeros((3, 5))))
    with pytest.raises(QuartermasterError, match=r"model\.shape"):
        Detector(model(np.zeros((2, 4, 4)), np.zeros((4, 5)), ("carton", "cat", "a", "b", "c")))


def test_the_fit_says_where_the_frame_lies() -> None:
    assert fitted(1280, 720, 416) == (Fit(0.325, 0, 91), (416, 234))
