"""A retrained head says what scikit-learn says, forgets nothing, and is judged fairly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.vision import heads
from cloud.vision.base import Base, base_of
from cloud.vision.heads import LEAST, gathered, train
from cloud.vision.model import Compared, Label
from shared.errors import QuartermasterError
from shared.heads import MAX_MODEL

CLASSES = ("empty", "low", "full")
BACKBONE = bytes(range(32))
SIZE = 12


def label(number: int, name: str, row: Any, **over: Any) -> Label:
    embedding = np.asarray(row, "<f2").tobytes()
    fields = {
        "site": "AMS1",
        "gateway": "gw-a",
        "camera": "aisle",
        "head": "slots",
        "label": name,
        "predicted": name,
        "backbone": "backbone-1",
        "backbone_sha256": BACKBONE,
        "embedding": embedding,
        "image_sha256": number.to_bytes(32, "big"),
        "frame_at": number,
        "received_at": number,
    }
    return Label(**(fields | over))


def rows_of(count: int, *, seed: int = 1, classes: int = 3, spread: float = 0.4) -> Any:
    """Embeddings around one corner for each class, and the class of each."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(count) % classes
    centres = np.eye(classes, SIZE) * 2
    return centres[numbers] + rng.normal(0, spread, (count, SIZE)), numbers


def words(count: int, **over: Any) -> list[Label]:
    right = over.pop("right", True)
    rows, numbers = rows_of(count, **over)
    return [
        label(
            each,
            CLASSES[number],
            row,
            predicted=CLASSES[number if right else (number + 1) % 3],
        )
        for each, (row, number) in enumerate(zip(rows, numbers, strict=True))
    ]


def base(count: int = 90, **over: Any) -> Base:
    rows, numbers = rows_of(count, seed=over.pop("seed", 5))
    said = over.pop("said", np.full(count, -1))
    return Base(CLASSES, BACKBONE, rows.astype(np.float16), numbers, said)


def onnx(model: bytes, rows: Any) -> Any:
    """As a gateway runs it."""
    from onnxruntime import InferenceSession

    session = InferenceSession(model, providers=["CPUExecutionProvider"])
    assert [(each.name, each.shape) for each in session.get_inputs()] == [
        ("embedding", [None, SIZE])
    ]
    (output,) = session.get_outputs()
    assert (output.name, output.type, len(output.shape)) == ("probabilities", "tensor(float)", 2)
    return session.run(None, {"embedding": np.asarray(rows, np.float32)})[0]


def refusal(*given: Any, **over: Any) -> QuartermasterError:
    with pytest.raises(QuartermasterError) as refused:
        train("slots", *given, seed=1, **over)
    return refused.value


def test_a_head_learns_what_people_said_and_runs_as_a_gateway_runs_it() -> None:
    trained = train("slots", words(90), None, seed=1)
    rows, numbers = rows_of(60, seed=9)
    probabilities = onnx(trained.model, rows)
    assert trained.classes == tuple(sorted(CLASSES))
    said = [CLASSES.index(trained.classes[each]) for each in probabilities.argmax(axis=1)]
    assert (np.array(said) == numbers).mean() > 0.97
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert trained.metrics["accuracy"] > 0.97
    assert trained.metrics["parity"] <= 1e-5
    assert trained.counts.labels == {"empty": 30, "full": 30, "low": 30}
    assert len(trained.model) < MAX_MODEL
    assert not trained.worse


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), classes=st.integers(2, 5), scale=st.sampled_from([0.01, 1, 100]))
def test_what_is_exported_says_what_scikit_learn_says(
    seed: int, classes: int, scale: float
) -> None:
    rows, numbers = rows_of(60, seed=seed, classes=classes, spread=1.5)
    rows = (rows * scale).astype(np.float16).astype(np.float32)
    examples = heads.Examples(rows, numbers, numbers, np.ones(60, bool))
    regression = heads._cooled(heads._regression(examples, np.ones(60), 1.0), 1.7)
    found = onnx(heads._export(regression, SIZE), rows)
    assert np.abs(found - regression.predict_proba(rows)).max() <= heads.PARITY
    assert heads._parity(heads._export(regression, SIZE), regression, rows) <= heads.PARITY


def test_an_export_that_says_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    export = heads._export
    monkeypatch.setattr(
        heads, "_export", lambda head, size: export(heads._cooled(head, 1.01), size)
    )
    assert refusal(words(90, spread=1.5), None).code == "model.parity"


def test_the_same_words_and_seed_make_the_same_bytes() -> None:
    once, again = (train("slots", words(60), None, seed=3) for _ in range(2))
    assert once == again


def test_a_few_words_beside_the_base_set_do_not_make_it_forget() -> None:
    rng = np.random.default_rng(2)
    corner = np.eye(1, SIZE, 7)[0] * 2.5  # what only this floor looks like
    own = [label(n, "low", corner + rng.normal(0, 0.2, SIZE), predicted="full") for n in range(12)]
    trained = train("slots", own, base(), seed=1)
    rows, numbers = rows_of(60, seed=9)
    assert trained.classes == CLASSES
    assert (onnx(trained.model, rows).argmax(axis=1) == numbers).mean() > 0.97
    assert CLASSES[onnx(trained.model, [corner]).argmax()] == "low"
    assert trained.metrics["base_accuracy"] > 0.97
    assert (trained.counts.base, trained.counts.labels["low"]) == (90, 12)


def test_a_head_that_is_worse_on_peoples_words_than_the_one_in_force_is_called_worse() -> None:
    rng = np.random.default_rng(3)
    noise = [
        each._replace(embedding=rng.normal(0, 1, SIZE).astype("<f2").tobytes())
        for each in words(90)
    ]
    trained = train("slots", noise, None, seed=1)
    assert trained.compared["words"].right == 90
    assert trained.compared["words"].only_active > 30
    assert trained.worse


def test_a_head_that_is_worse_on_the_base_set_is_called_worse() -> None:
    rows, numbers = rows_of(90, seed=5)
    rng = np.random.default_rng(4)
    blurred = Base(CLASSES, BACKBONE, rng.normal(0, 1, rows.shape).astype("f2"), numbers, numbers)
    trained = train("slots", words(30, right=False), blurred, seed=1)
    assert not trained.compared["words"].worse
    assert trained.compared["base"].worse
    assert trained.worse


def test_a_head_that_does_better_is_not_called_worse_and_says_by_how_much() -> None:
    trained = train("slots", words(90, right=False), None, seed=1)
    compared = trained.compared["words"]
    assert (compared.crops, compared.right, compared.only_active) == (90, 0, 0)
    assert compared.candidate_right >= 87
    assert not trained.worse


def test_losing_as_often_as_chance_would_have_it_is_not_worse() -> None:
    assert not Compared(20, 15, 12, 5, 2).worse  # 5 of 7: 23 % by chance
    assert not Compared(20, 15, 15, 0, 0).worse
    assert Compared(40, 30, 22, 9, 1).worse  # 9 of 10: 1 % by chance
    assert not Compared(40, 22, 30, 1, 9).worse
    assert Compared(1500, 1422, 1405, 26, 9).worse
    assert not Compared(1500, 1422, 1405, 26, 9, margin=0.02).worse
    assert Compared(1500, 1422, 1380, 60, 18, margin=0.02).worse


def test_every_figure_is_of_crops_that_the_judging_head_had_not_seen() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(0, 1, (60, 40))
    own = [label(n, CLASSES[n % 3], row) for n, row in enumerate(rows)]
    trained = train("slots", own, None, seed=1)
    assert trained.metrics["accuracy"] < 0.6  # a head that had seen them would know all by heart


@pytest.mark.parametrize("count", [0, 3, 3 * LEAST - 1])
def test_too_few_words_train_nothing(count: int) -> None:
    assert refusal(words(count), None).code == "model.few-labels"


def test_the_class_that_lacks_words_is_named() -> None:
    few = [each for each in words(90) if each.label != "low"][:40]
    few.append(label(999, "low", np.zeros(SIZE)))
    error = refusal(few, None)
    assert (error.code, error.detail) == ("model.few-labels", f"low 1; {LEAST} are needed")


def test_no_number_that_is_none_is_learned_from() -> None:
    bad = [
        label(900, "low", [float("nan")] * SIZE),
        label(901, "low", [float("inf")] * SIZE),
        label(902, "low", [1.0] * (SIZE + 1)),
        label(903, "low", [], embedding=b"\x00"),
        label(904, "low", [], embedding=b""),
    ]
    examples, _, left_out = gathered([*words(30), *bad], base())
    assert left_out == {"no embedding": 5}
    assert np.isfinite(examples.embeddings).all()
    assert examples.words.sum() == 30


def test_of_two_words_on_one_picture_the_last_counts() -> None:
    once = label(1, "low", np.ones(SIZE), received_at=1)
    again = once._replace(label="full", received_at=2)
    elsewhere = once._replace(gateway="gw-b", received_at=3)
    examples, classes, left_out = gathered([again, once, elsewhere], base(30))
    assert [classes[each] for each in examples.labels[examples.words]] == ["full", "low"]
    assert left_out == {"said again": 1}


def test_a_class_that_the_base_set_does_not_know_is_left_out() -> None:
    _, classes, left_out = gathered([label(1, "half", np.ones(SIZE))], base(30))
    assert (classes, left_out) == (CLASSES, {"unknown class": 1})


def test_a_base_set_is_read_for_its_own_backbone_only(tmp_path: Path) -> None:
    meant = base(30)
    np.savez(
        tmp_path / "slots.npz",
        embeddings=meant.embeddings,
        labels=meant.labels,
        classes=np.array(CLASSES),
        backbone_sha256=np.array(BACKBONE.hex()),
    )
    found = base_of("slots", BACKBONE, tmp_path)
    assert found is not None
    assert found.classes == CLASSES
    assert (found.embeddings == meant.embeddings).all()
    assert (found.said == -1).all()
    assert base_of("slots", bytes(32), tmp_path) is None
    assert base_of("damage", BACKBONE, tmp_path) is None
    assert base_of("../slots", BACKBONE, tmp_path / "x") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"embeddings": np.full((30, SIZE), np.nan, np.float16)},
        {"embeddings": np.zeros((29, SIZE), np.float16)},
        {"labels": np.full(30, 3)},
        {"labels": np.array([{}] * 30, object)},
        {"backbone_sha256": np.array("no hash")},
    ],
)
def test_a_base_set_that_is_not_one_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    rows, numbers = rows_of(30)
    whole: dict[str, Any] = {
        "embeddings": rows.astype(np.float16),
        "labels": numbers,
        "classes": np.array(CLASSES),
        "backbone_sha256": np.array(BACKBONE.hex()),
    }
    np.savez(tmp_path / "slots.npz", **(whole | wrong))
    with pytest.raises(QuartermasterError) as refused:
        base_of("slots", BACKBONE, tmp_path)
    assert refused.value.code == "model.card"
