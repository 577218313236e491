"""Retrains a classifier head: multinomial logistic regression on the frozen backbone's embeddings.

Rules:

1. few words make no head that forgets everything: where a base set ships (:mod:`cloud.vision.base`)
   it is trained on, too, each word counting as three of it; without one each class needs words;
2. classes count alike, however many examples each has. How strongly the weights are held down is
   found by cross-validation, and one temperature makes the probabilities say how sure they are;
3. every figure is of examples judged by a head that was fitted without them (as strong as all);
4. what leaves is one ONNX graph of which it was shown that it says what scikit-learn says, to 1e-5.

Same examples, classes and seed make the same bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.vision.base import Base
from cloud.vision.model import Compared, Counts, Label, Trained
from shared.errors import QuartermasterError
from shared.heads import INPUT, MAX_DIMENSIONS, MAX_MODEL, OUTPUT

Array = NDArray[Any]

LEAST: Final = 8
"""Words of each class, where there is no base set."""
LEAST_IN_ALL: Final = 4
"""Words at all: below that there is nothing to learn."""
PARITY: Final = 1e-5
_OF_A_WORD: Final = 3.0
"""What a person's word counts beside an example of the base set: it is of this floor."""
_MAY_LOSE: Final = 0.02
"""Of the base set: it is a part of what the shipped head was taught, which had seen it, too."""
_FOLDS: Final = 5
_INNER: Final = 3
_STRENGTHS: Final = (0.01, 0.1, 1.0, 10.0)
_TEMPERATURES: Final = np.geomspace(0.25, 4.0, 81)
_FEW: Final = 128
"""Weights up to which Newton's exact steps are quicker than approximate ones."""
_ITERATIONS: Final = 2000
_ENOUGH: Final = 1e-3
_FLOAT: Final = 1  # onnx.proto3, TensorProto.FLOAT
_OPSETS: Final = {"": 17, "ai.onnx.ml": 3}
_UNKNOWN: Final = -1
_TINY: Final = 1e-12


class Examples(NamedTuple):
    """Rows to learn from; ``said`` is what the head in force says of each, -1 where none was asked.

    ``words`` are those that people labelled; the others are the base set's.
    """

    embeddings: Array
    labels: Array
    said: Array
    words: Array


def gathered(
    labels: Sequence[Label], base: Base | None
) -> tuple[Examples, tuple[str, ...], dict[str, int]]:
    """The examples that words and base set make, the classes, and what was left out, by why.

    Of several words on one picture the last one counts.
    """
    left_out: Counter[str] = Counter()
    last: dict[object, Label] = {}
    for number, label in enumerate(sorted(labels, key=lambda each: each.received_at)):
        key = number if label.image_sha256 is None else (label.gateway, label.image_sha256)
        left_out["said again"] += key in last
        last[key] = label
    kept = list(last.values())
    classes = base.classes if base is not None else _classes_of(kept)
    dimensions = base.embeddings.shape[1] if base is not None else _dimensions_of(kept)
    rows: list[Array] = []
    numbers: list[tuple[int, int]] = []
    for label in kept:
        row = _numbers(label.embedding)
        if row is None or len(row) != dimensions:
            left_out["no embedding"] += 1
        elif label.label not in classes:
            left_out["unknown class"] += 1
        else:
            said = classes.index(label.predicted) if label.predicted in classes else _UNKNOWN
            rows.append(row)
            numbers.append((classes.index(label.label), said))
    own = np.array(rows, np.float32).reshape(len(rows), dimensions)
    judged = np.array(numbers, np.int64).reshape(len(rows), 2)
    words = np.ones(len(rows), bool)
    if base is None:
        examples = Examples(own, judged[:, 0], judged[:, 1], words)
    else:
        examples = Examples(
            np.concatenate([base.embeddings.astype(np.float32), own]),
            np.concatenate([base.labels, judged[:, 0]]),
            np.concatenate([base.said, judged[:, 1]]),
            np.concatenate([np.zeros(len(base.labels), bool), words]),
        )
    return examples, classes, {why: count for why, count in left_out.items() if count}


def train(head: str, labels: Sequence[Label], base: Base | None, *, seed: int) -> Trained:
    """Train a head of these words (all of one backbone) and the base set.

    Raises:
        QuartermasterError: ``model.few-labels``, ``model.parity`` or ``model.scores``.
    """
    examples, classes, left_out = gathered(labels, base)
    _refuse_few(head, examples, classes)
    rng = np.random.default_rng(seed)
    weights = _weights(examples, len(classes))
    unseen = np.empty((len(examples.labels), len(classes)))
    fitted, temperature, strength = _fitted(rng, examples, weights)
    for train_on, judge in _folds(rng, examples.labels, _FOLDS):
        without = _regression(_part(examples, train_on), weights[train_on], strength)
        unseen[judge] = _logits(without, examples.embeddings[judge])
    model = _export(_cooled(fitted, temperature), examples.embeddings.shape[1])
    parity = _parity(model, _cooled(fitted, temperature), examples.embeddings)
    if not parity <= PARITY:
        raise QuartermasterError("model.parity", f"they differ by {parity:.1e}", where=head)
    if len(model) > MAX_MODEL:
        raise QuartermasterError("payload.too-large", f"{len(model)} bytes", where=head)
    newest = max(labels, key=lambda label: label.received_at)
    probabilities = _softmax(unseen / temperature)
    words = examples.words
    metrics = {
        "accuracy": _accuracy(probabilities, examples, words),
        "log_loss": _loss(probabilities[words], examples.labels[words]),
        "calibration_error": _calibration_error(probabilities[words], examples.labels[words]),
        "strength": strength,
        "temperature": temperature,
        "parity": parity,
    }
    if not words.all():
        metrics["base_accuracy"] = _accuracy(probabilities, examples, ~words)
    counted = np.bincount(examples.labels[words], minlength=len(classes)).tolist()
    return Trained(
        head=head,
        backbone=newest.backbone,
        backbone_sha256=newest.backbone_sha256,
        classes=classes,
        dimensions=examples.embeddings.shape[1],
        sha256=hashlib.sha256(model).digest(),
        model=model,
        counts=Counts(dict(zip(classes, counted, strict=True)), int((~words).sum()), left_out),
        metrics={name: round(float(value), 9) for name, value in metrics.items()},
        compared={
            name: compared
            for name, which, margin in (("words", words, 0.0), ("base", ~words, _MAY_LOSE))
            if (compared := _compared(probabilities, examples, which, margin)).crops
        },
        seed=seed,
        labels_through=newest.received_at,
    )


def _classes_of(labels: Sequence[Label]) -> tuple[str, ...]:
    """Without a base set: what people said, and what the head in force can say."""
    return tuple(sorted({name for each in labels for name in (each.label, each.predicted)}))


def _dimensions_of(labels: Sequence[Label]) -> int:
    sizes = Counter(len(label.embedding) // 2 for label in labels)
    return sizes.most_common(1)[0][0] if sizes else 0


def _numbers(embedding: bytes) -> Array | None:
    """An embedding's numbers; None where they are none."""
    if not embedding or len(embedding) % 2 or len(embedding) > 2 * MAX_DIMENSIONS:
        return None
    row = np.frombuffer(embedding, "<f2").astype(np.float32)
    return row if np.isfinite(row).all() else None


def _refuse_few(head: str, examples: Examples, classes: Sequence[str]) -> None:
    said = np.bincount(examples.labels[examples.words], minlength=len(classes))
    if len(classes) < 2 or said.sum() < LEAST_IN_ALL:
        raise QuartermasterError("model.few-labels", f"{said.sum()} labels", where=head)
    of_each = np.bincount(examples.labels, minlength=len(classes))
    few = ", ".join(
        f"{name} {count}" for name, count in zip(classes, of_each, strict=True) if count < LEAST
    )
    if few:
        raise QuartermasterError("model.few-labels", f"{few}; {LEAST} are needed", where=head)


def _weights(examples: Examples, classes: int) -> Array:
    """What each example counts: all classes alike, words more than the base set; 1 on average."""
    weights = np.where(examples.words, _OF_A_WORD, 1.0)
    of_class = np.bincount(examples.labels, weights, minlength=classes)
    weights = weights / of_class[examples.labels]
    return weights * (len(weights) / weights.sum())


def _folds(rng: np.random.Generator, labels: Array, count: int) -> Iterator[tuple[Array, Array]]:
    """What to train on and what to judge, each class spread over all folds."""
    fold = np.empty(len(labels), np.int64)
    for each in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == each))
        fold[rows] = np.arange(len(rows)) % count
    for number in range(count):
        judge = np.flatnonzero(fold == number)
        if len(judge):
            yield np.flatnonzero(fold != number), judge


def _part(examples: Examples, rows: Array) -> Examples:
    return Examples(*(field[rows] for field in examples))


def _fitted(
    rng: np.random.Generator, examples: Examples, weights: Array
) -> tuple[Any, float, float]:
    """A regression with the strength that does best on what it was not fitted on; temperature."""
    folds = list(_folds(rng, examples.labels, _INNER))
    best: tuple[float, float, float] | None = None
    for strength in _STRENGTHS:
        unseen = np.zeros((len(examples.labels), len(np.unique(examples.labels))))
        for train_on, judge in folds:
            regression = _regression(_part(examples, train_on), weights[train_on], strength)
            unseen[judge] = _logits(regression, examples.embeddings[judge])
        losses = [_loss(_softmax(unseen / t), examples.labels, weights) for t in _TEMPERATURES]
        coolest = int(np.argmin(losses))
        found = (losses[coolest], strength, float(_TEMPERATURES[coolest]))
        best = found if best is None or found < best else best
    if best is None:
        raise QuartermasterError("model.few-labels")
    _, strength, temperature = best
    return _regression(examples, weights, strength), temperature, strength


def _regression(examples: Examples, weights: Array, strength: float) -> Any:
    """Fitted on standardized embeddings, which is then written into its weights."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a second to load

    library: Any = LogisticRegression
    centre = examples.embeddings.mean(axis=0, dtype=np.float64)
    spread = examples.embeddings.std(axis=0, dtype=np.float64)
    spread[spread < _TINY] = 1.0
    few = spread.size * len(np.unique(examples.labels)) <= _FEW
    solver = "newton-cholesky" if few else "lbfgs"
    regression = library(C=strength, max_iter=_ITERATIONS, solver=solver, tol=_ENOUGH)
    regression.fit((examples.embeddings - centre) / spread, examples.labels, weights)
    regression.coef_ = regression.coef_ / spread
    regression.intercept_ = regression.intercept_ - regression.coef_ @ centre
    return regression


def _cooled(regression: Any, temperature: float) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as above

    library: Any = LogisticRegression
    copy = library(C=regression.C)
    copy.classes_ = regression.classes_
    copy.n_features_in_ = regression.coef_.shape[1]
    copy.coef_ = regression.coef_ / temperature
    copy.intercept_ = regression.intercept_ / temperature
    return copy


def _logits(regression: Any, embeddings: Array) -> Array:
    """One column for each class, also where two classes make a single one."""
    scores = np.asarray(regression.decision_function(embeddings.astype(np.float64)))
    return np.stack([-scores, scores], axis=1) / 2 if scores.ndim == 1 else scores


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _loss(probabilities: Array, labels: Array, weights: Array | None = None) -> float:
    own = probabilities[np.arange(len(labels)), labels]
    return float(np.average(-np.log(np.maximum(own, _TINY)), weights=weights))


def _accuracy(probabilities: Array, examples: Examples, which: Array) -> float:
    return float((probabilities.argmax(axis=1) == examples.labels)[which].mean())


def _calibration_error(probabilities: Array, labels: Array, bins: int = 10) -> float:
    """How far sureness and being right differ, on average over ten equal steps of sureness."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    step = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        abs(sure[step == each].mean() - right[step == each].mean()) * (step == each).mean()
        for each in np.unique(step)
    ]
    return float(sum(gaps))


def _compared(probabilities: Array, examples: Examples, which: Array, margin: float) -> Compared:
    asked = which & (examples.said != _UNKNOWN)
    right = (examples.said == examples.labels)[asked]
    candidate = (probabilities.argmax(axis=1) == examples.labels)[asked]
    return Compared(
        int(asked.sum()),
        int(right.sum()),
        int(candidate.sum()),
        int((right & ~candidate).sum()),
        int((candidate & ~right).sum()),
        margin,
    )


def _export(regression: Any, dimensions: int) -> bytes:
    """One graph: ``embedding`` in, ``probabilities`` out, and their shapes said."""
    from skl2onnx import (  # noqa: PLC0415 - as above
        convert_sklearn,  # pyright: ignore[reportUnknownVariableType]
    )
    from skl2onnx.common.data_types import FloatTensorType  # noqa: PLC0415 - as above
    from skl2onnx.helpers.onnx_helper import (  # noqa: PLC0415 - as above
        select_model_inputs_outputs,  # pyright: ignore[reportUnknownVariableType]
    )

    converted: Any = convert_sklearn(
        regression,
        name="head",
        initial_types=[(INPUT, FloatTensorType([None, dimensions]))],
        options={id(regression): {"zipmap": False}},
        target_opset=_OPSETS,
    )
    graph: Any = select_model_inputs_outputs(converted, OUTPUT)
    says = graph.graph.output[0].type.tensor_type
    says.elem_type = _FLOAT
    del says.shape.dim[:]
    says.shape.dim.add().dim_param = "n"
    says.shape.dim.add().dim_value = len(regression.classes_)
    return bytes(graph.SerializeToString(deterministic=True))


def _parity(model: bytes, regression: Any, embeddings: Array) -> float:
    """The largest difference of any probability, by ONNX's own reference."""
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - as above

    evaluator: Any = ReferenceEvaluator
    (found,) = evaluator(model).run([OUTPUT], {INPUT: embeddings.astype(np.float32)})
    meant = regression.predict_proba(embeddings.astype(np.float64))
    return float(np.abs(np.asarray(found, np.float64) - meant).max())
