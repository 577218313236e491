"""Heads and cards of models, small and made by hand: what they say is known beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from shared.heads import INPUT, OUTPUT, Head

CLASSES = ("empty", "low", "full")
SIZE = 6
BACKBONE = hashlib.sha256(b"the backbone").digest()


def graph(weights: Any, *, given: str = INPUT, made: str = OUTPUT, rows: int | str = "n") -> bytes:
    """``softmax(embedding · weights)``; a column of weights for each class."""
    array = np.asarray(weights, np.float32)
    nodes = [
        helper.make_node("MatMul", [given, "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [made], axis=1),
    ]
    size, classes = array.shape
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "head",
            [helper.make_tensor_value_info(given, TensorProto.FLOAT, [rows, size])],
            [helper.make_tensor_value_info(made, TensorProto.FLOAT, [rows, classes])],
            [numpy_helper.from_array(array, "weights")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    model.ir_version = 9
    return model.SerializeToString()


def by_corner(order: Sequence[int] = (0, 1, 2), size: int = SIZE) -> Any:
    """Weights by which number ``order[c]`` of an embedding speaks for class c."""
    weights = np.zeros((size, len(order)))
    for column, number in enumerate(order):
        weights[number, column] = 5
    return weights


def corner(number: int, size: int = SIZE) -> bytes:
    """An embedding in which one number speaks."""
    return np.eye(1, size, number, dtype="<f2").tobytes()


def head(weights: Any = None, **over: Any) -> Head:
    """As a document has it."""
    model = over.pop("model", None) or graph(by_corner() if weights is None else weights)
    fields: dict[str, Any] = {
        "name": "slots",
        "version": "slots-r1",
        "role": "active",
        "sha256": hashlib.sha256(model).digest(),
        "classes": list(CLASSES),
        "backbone": "backbone-1",
        "backbone_sha256": BACKBONE,
        "dimensions": SIZE,
        "model": model,
    }
    return Head(**(fields | over))


def ship(folder: Path, weights: Any = None) -> bytes:
    """Lay the cards of a backbone and of a head ``slots-1`` into a folder; the head's hash."""
    folder.mkdir(parents=True, exist_ok=True)
    model = graph(by_corner() if weights is None else weights)
    (folder / "slots-1.onnx").write_bytes(model)
    sha256 = hashlib.sha256(model)
    (folder / "slots.toml").write_text(
        f"""name = "slots"
version = "1"
file = "slots-1.onnx"
sha256 = "{sha256.hexdigest()}"
classes = {list(CLASSES)}
inputs = [{{ name = "{INPUT}", shape = ["n", {SIZE}] }}]
outputs = [{{ name = "{OUTPUT}", shape = ["n", {len(CLASSES)}] }}]
[thresholds]
sure = 0.8
"""
    )
    (folder / "backbone.toml").write_text(
        f"""name = "backbone"
version = "1"
file = "backbone-1.onnx"
sha256 = "{BACKBONE.hex()}"
inputs = []
outputs = []
"""
    )
    return sha256.digest()
