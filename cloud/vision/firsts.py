"""Makes what ships for slots and damage: backbone, first heads, their cards, and their base sets.

Everything is learned and calibrated in the world for learning. The heads are learned on slots and
cartons that the backbone has not seen, and made as sure as they may be on others again.

    python -m cloud.vision.firsts MODELS BASES [--start FILE] [--slots N] [--cartons N]
                                               [--epochs N] [--seed N]

``--start`` goes on with a backbone; with ``--epochs 0`` its heads alone are made anew.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.vision.backbone import (
    LOOKS,
    Cartons,
    Classes,
    Slots,
    cartons,
    compared,
    embedded,
    learn,
    slots,
)
from cloud.vision.graphs import WIDTH, Learned, Numbers, backbone_onnx, head_onnx, learned_of
from cloud.vision.slots import STATES

VERSION: Final = "1"
HARM: Final = ("whole", "suspect")
_RIGHT: Final = 0.98
"""Of what a head for slots answers on slots it has not seen: wrong is worse than none."""
_FALSE: Final = 0.01
"""Of whole cartons, that a head for damage may suspect."""
_HEATS: Final = np.geomspace(0.5, 4.0, 61)
_KEPT: Final = 1500
"""Rows of a base set: below a mebibyte."""


class Rows(NamedTuple):
    """Embeddings as a head sees them, and what they are of."""

    numbers: Numbers
    classes: Classes


class Head(NamedTuple):
    """A head as it ships, and how it did on rows it had not seen."""

    name: str
    names: tuple[str, ...]
    content: bytes
    sure: float
    said: Classes
    metrics: dict[str, float]


def rows_of_slots(learned: Learned, drawn: Slots) -> Rows:
    """What the head for slots sees of each look."""
    then = np.repeat(embedded(learned, drawn.then), LOOKS, axis=0)
    shows = np.repeat(drawn.shows, LOOKS)
    return Rows(compared(embedded(learned, drawn.now), then, shows), drawn.state)


def rows_of_cartons(learned: Learned, drawn: Cartons) -> Rows:
    """What the head for damage sees of each crop."""
    return Rows(embedded(learned, drawn.now), drawn.harmed)


def fitted(name: str, names: tuple[str, ...], seen: Rows, unseen: Rows) -> Head:
    """A head learned on some rows; its sureness is set on others."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a second to load

    library: Any = LogisticRegression
    centre, spread = seen.numbers.mean(axis=0), seen.numbers.std(axis=0) + 1e-6
    regression = library(C=0.05, max_iter=1000)
    regression.fit((seen.numbers - centre) / spread, seen.classes)
    coefficients, start = regression.coef_, regression.intercept_
    if len(names) == 2:
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        start = np.concatenate([-start, start]) / 2
    weight = (coefficients / spread).T
    bias = start - centre @ weight
    scores = unseen.numbers @ weight + bias
    heat = min(_HEATS, key=lambda each: _loss(_softmax(scores / each), unseen.classes))
    sure, metrics = (_sure_of_slots if len(names) > 2 else _sure_of_damage)(
        _softmax(scores / heat), unseen.classes
    )
    said = np.asarray((seen.numbers @ weight + bias).argmax(axis=1), np.int64)
    content = head_onnx(name, [(weight.astype(np.float32), bias.astype(np.float32))], float(heat))
    return Head(name, names, content, sure, said, metrics)


def _sure_of_slots(probabilities: Any, truth: Classes) -> tuple[float, dict[str, float]]:
    """From where on a head is believed: so that of what it answers nearly all is right."""
    best, said = probabilities.max(axis=1), probabilities.argmax(axis=1)
    unknown = STATES.index("unknown")
    can_tell = truth != unknown
    sure = 0.99
    for each in np.arange(0.5, 0.99, 0.005):
        answered = (best >= each) & (said != unknown)
        if (said == truth)[answered].mean() >= _RIGHT:
            sure = float(each)
            break
    answered = (best >= sure) & (said != unknown)
    return round(sure, 3), {
        "accuracy": float((said == truth).mean()),
        "answered": float(answered[can_tell].mean()),
        "right_where_answered": float((said == truth)[answered].mean()),
        "hidden_answered": float(answered[~can_tell].mean()),
    }


def _sure_of_damage(probabilities: Any, truth: Classes) -> tuple[float, dict[str, float]]:
    """From where on goods are suspected: so that few whole ones are."""
    suspect = probabilities[:, 1]
    sure = max(0.5, float(np.quantile(suspect[truth == 0], 1 - _FALSE)))
    found = suspect >= sure
    return round(sure, 3), {
        "accuracy": float(((suspect >= 0.5) == truth).mean()),
        "precision": float(truth[found].mean()),
        "recall": float(found[truth == 1].mean()),
    }


def _softmax(scores: Any) -> Any:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _loss(probabilities: Any, truth: Classes) -> float:
    own = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(own, 1e-9)).mean())


# What ships


class Graph(NamedTuple):
    """What a model takes and gives: name, shape and kind of its input; name and shape."""

    name: str
    given: tuple[str, str, str]
    gives: tuple[str, str]
    classes: tuple[str, ...] = ()


def card(graph: Graph, content: bytes, told: dict[str, dict[str, Any]]) -> str:
    """A model's card, as gateways read it."""
    lines = [
        f'name = "{graph.name}"',
        f'version = "{VERSION}"',
        f'file = "{graph.name}-{VERSION}.onnx"',
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
    ]
    if graph.classes:
        quoted = ", ".join(f'"{each}"' for each in graph.classes)
        lines.append(f"classes = [{quoted}]")
    what, shape, kind = graph.given
    lines += ["", "[[inputs]]", f'name = "{what}"', f"shape = {shape}", f'dtype = "{kind}"']
    what, shape = graph.gives
    lines += ["", "[[outputs]]", f'name = "{what}"', f"shape = {shape}"]
    for table, values in told.items():
        lines += ["", f"[{table}]"]
        for key, value in values.items():
            said = f'"{value}"' if isinstance(value, str) else f"{value}"
            lines.append(f"{key} = {said}")
    return "\n".join([*lines, ""])


def write_head(folder: Path, head: Head, wide: int, trained: dict[str, Any]) -> None:
    """A head and its card."""
    (folder / f"{head.name}-{VERSION}.onnx").write_bytes(head.content)
    graph = Graph(
        head.name,
        ("embedding", f'["N", {wide}]', "float32"),
        ("probabilities", f'["N", {len(head.names)}]'),
        head.names,
    )
    told: dict[str, dict[str, Any]] = {
        "thresholds": {"sure": head.sure},
        "trained": trained,
        "metrics": {name: round(value, 4) for name, value in head.metrics.items()},
    }
    text = card(graph, head.content, told)
    (folder / f"{head.name}.toml").write_text(text, "utf-8")


def write_base(folder: Path, head: Head, seen: Rows, backbone: bytes) -> None:
    """A part of what a head was learned on, all classes alike, so that later ones forget none."""
    each = _KEPT // len(head.names)
    some = np.concatenate(
        [np.flatnonzero(seen.classes == number)[:each] for number in range(len(head.names))]
    )
    arrays: dict[str, NDArray[Any]] = {
        "embeddings": seen.numbers[some].astype(np.float16),
        "labels": seen.classes[some].astype(np.int64),
        "said": head.said[some],
        "classes": np.array(head.names),
        "backbone_sha256": np.array(hashlib.sha256(backbone).hexdigest()),
    }
    library: Any = np
    library.savez_compressed(folder / f"{head.name}.npz", **arrays)


def main() -> int:
    """Learn, and write what ships."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("bases", type=Path)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--slots", type=int, default=5000)
    parser.add_argument("--cartons", type=int, default=12000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    started = time.perf_counter()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.perf_counter() - started:6.0f} s  {line}\n")
        sys.stdout.flush()

    trained = {"slots": args.slots, "cartons": args.cartons, "epochs": args.epochs}
    trained |= {"seed": args.seed, "world": "train"}
    learned = learned_of(args.start.read_bytes()) if args.start is not None else None
    if args.epochs or learned is None:
        drawn = slots(args.seed, args.slots, "train"), cartons(args.seed, args.cartons, "train")
        learned = learn(*drawn, epochs=args.epochs, seed=args.seed, start=learned, say=say)
    content = backbone_onnx(learned)
    (args.models / f"backbone-{VERSION}.onnx").write_bytes(content)
    graph = Graph(
        "backbone", ("crops", '["N", 64, 64, 3]', "uint8"), ("embedding", f'["N", {WIDTH}]')
    )
    text = card(graph, content, {"trained": trained | {"parameters": learned.parameters}})
    (args.models / "backbone.toml").write_text(text, "utf-8")
    seeds = args.seed + 100, args.seed + 200
    of_slots = [rows_of_slots(learned, slots(it, args.slots // 2, "train")) for it in seeds]
    of_boxes = [rows_of_cartons(learned, cartons(it, args.cartons // 2, "train")) for it in seeds]
    on = {"seed": seeds[0], "backbone_sha256": hashlib.sha256(content).hexdigest()}
    for name, names, (seen, unseen) in (
        ("slots", STATES, of_slots),
        ("damage", HARM, of_boxes),
    ):
        head = fitted(name, names, seen, unseen)
        say(f"{name}: sure from {head.sure}, {head.metrics}")
        write_head(args.models, head, seen.numbers.shape[1], on | {"rows": len(seen.classes)})
        write_base(args.bases, head, seen, content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
