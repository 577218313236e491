"""What ships is what was learned: the graphs say the same, and gateways and retraining read it."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from cloud.vision import firsts
from cloud.vision.backbone import LOOKS, Cartons, Slots, compared, embedded, learn
from cloud.vision.base import base_of
from cloud.vision.graphs import WIDTH, Learned, backbone_onnx, learned_of
from edge.vision import slots as at_the_gateway
from edge.vision.embedding import Backbone, judged
from edge.vision.models import Card, load, opened, read_card

WIDTHS = (3, 16, 32, 48, 64, 64, 72)
NAMES = ("empty", "low", "full", "unknown")


def learned(seed: int = 1) -> Learned:
    """A backbone of chance."""
    rng = np.random.default_rng(seed)
    convolutions = [
        (
            rng.normal(0, 0.1, (after, before, 3, 3)).astype(np.float32),
            rng.normal(0, 0.1, after).astype(np.float32),
        )
        for before, after in itertools.pairwise(WIDTHS)
    ]
    last = rng.normal(0, 0.1, (WIDTH, 288)).astype(np.float32), np.zeros(WIDTH, np.float32)
    return Learned(convolutions, last)


def crops(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (number, 64, 64, 3), np.uint8)


def rows(seed: int) -> firsts.Rows:
    """Four classes that lie apart, in noise."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 4, 600)
    numbers = rng.normal(0, 0.4, (600, 9)).astype(np.float32)
    numbers[np.arange(600), classes] += 2
    return firsts.Rows(numbers, classes)


def shipped(folder: Path, head: firsts.Head, wide: int = 9) -> Card:
    firsts.write_head(folder, head, wide, {"seed": 1})
    return read_card(head.name, folder)


def test_a_backbone_is_small_and_comes_back_from_its_graph() -> None:
    first = learned()
    content = backbone_onnx(first)
    assert first.parameters <= 150_000
    assert len(content) < 1024 * 1024
    again = learned_of(content)
    assert backbone_onnx(again) == content
    assert onnx.load_from_string(content).graph.input[0].name == "crops"


def test_a_gateway_runs_a_backbone_by_its_card() -> None:
    content = backbone_onnx(learned())
    graph = firsts.Graph(
        "backbone", ("crops", '["N", 64, 64, 3]', "uint8"), ("embedding", f'["N", {WIDTH}]')
    )
    card = msgspec.toml.decode(firsts.card(graph, content, {"trained": {"seed": 1}}), type=Card)
    found = Backbone(opened(card, content)).embed(list(crops(3)))
    assert found.shape == (3, WIDTH)
    assert np.isfinite(Backbone(opened(card, content)).embed([crops(1)[0] * 0])).all()


def test_a_head_says_at_a_gateway_what_was_learned_and_is_sure_where_it_is_right(
    tmp_path: Path,
) -> None:
    head = firsts.fitted("slots", NAMES, rows(1), rows(2))
    card = shipped(tmp_path, head)
    assert card.classes == NAMES
    assert card.thresholds == {"sure": head.sure}
    unseen = rows(3)
    verdicts = judged(load(card, tmp_path), unseen.numbers)
    right = [
        NAMES.index(each.label) == it for each, it in zip(verdicts, unseen.classes, strict=True)
    ]
    sure = [it for each, it in zip(verdicts, right, strict=True) if each.is_sure]
    assert len(sure) > 500
    assert sum(sure) / len(sure) > 0.98


def test_a_choice_of_two_is_learned_likewise(tmp_path: Path) -> None:
    two = [
        firsts.Rows(each.numbers, (each.classes > 1).astype(np.int64))
        for each in (rows(1), rows(2))
    ]
    head = firsts.fitted("damage", ("whole", "suspect"), *two)
    verdicts = judged(load(shipped(tmp_path, head), tmp_path), two[1].numbers)
    said = np.array([each.label == "suspect" for each in verdicts])
    assert (said == two[1].classes).mean() > 0.98
    assert head.metrics["recall"] > 0.9


def test_retraining_finds_what_the_first_head_was_learned_on(tmp_path: Path) -> None:
    seen = rows(1)
    head = firsts.fitted("slots", NAMES, seen, rows(2))
    firsts.write_base(tmp_path, head, seen, b"backbone")
    base = base_of("slots", hashlib.sha256(b"backbone").digest(), tmp_path)
    assert base is not None
    assert base.classes == NAMES
    assert base.embeddings.shape == (len(base.labels), 9)
    assert set(base.labels.tolist()) == {0, 1, 2, 3}
    assert (base.said == base.labels).mean() > 0.98
    assert base_of("slots", hashlib.sha256(b"another").digest(), tmp_path) is None


def test_learning_and_gateways_put_slot_and_reference_together_alike() -> None:
    rng = np.random.default_rng(1)
    now, then = rng.normal(0, 1, (2, 2, WIDTH)).astype(np.float32)
    ours = compared(now, then, np.array([1, -1], np.float32))
    for row, a, b, shows in zip(ours, now, then, ("full", "empty"), strict=True):
        assert np.array_equal(row, at_the_gateway.compared(a, b, shows))


def test_what_is_learned_is_what_the_graph_says() -> None:
    pytest.importorskip("torch")
    few = Slots(crops(24), crops(24 * LOOKS), np.ones(24, np.float32), np.arange(24 * LOOKS) % 4)
    lines: list[str] = []
    found = learn(few, Cartons(crops(40), np.arange(40) % 2), epochs=1, seed=1, say=lines.append)
    assert len(lines) == 1
    content = backbone_onnx(found)
    graph = firsts.Graph(
        "backbone", ("crops", '["N", 64, 64, 3]', "uint8"), ("embedding", f'["N", {WIDTH}]')
    )
    card = msgspec.toml.decode(firsts.card(graph, content, {}), type=Card)
    said = Backbone(opened(card, content)).embed(list(crops(5)))
    assert np.allclose(said, embedded(found, crops(5)), atol=2e-2)
