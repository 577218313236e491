"""Backbone and heads as ONNX, written weight by weight: no exporter stands between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cloud.vision.cutting import SEEN

WIDTH: Final = 64
"""Numbers in an embedding."""
STRIDES: Final = (2, 2, 1, 2, 1, 2)
"""Of the backbone's convolutions."""
EPS: Final = 1e-3
"""What keeps a crop without contrast from being divided by nothing."""
_OPSET: Final = 17

Numbers = NDArray[np.float32]


class Learned(NamedTuple):
    """A backbone's weights: convolutions with their biases, then the last layer."""

    convolutions: list[tuple[Numbers, Numbers]]
    last: tuple[Numbers, Numbers]

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return sum(w.size + b.size for w, b in [*self.convolutions, self.last])


def backbone_onnx(learned: Learned) -> bytes:
    """The graph: ``crops`` uint8 [N, 64, 64, 3] in BGR → ``embedding`` float32 [N, 64]."""
    nodes: list[Any] = []
    constants: dict[str, NDArray[Any]] = {
        "full": np.array(255, np.float32),
        "eps": np.array(EPS, np.float32),
    }

    def node(kind: str, given: Sequence[str], out: str, **how: Any) -> str:
        nodes.append(helper.make_node(kind, list(given), [out], **how))
        return out

    node("Cast", ["crops"], "cast", to=TensorProto.FLOAT)
    node("Transpose", ["cast"], "planes", perm=[0, 3, 1, 2])
    node("Div", ["planes", "full"], "scaled")
    node("ReduceMean", ["scaled"], "mean", axes=[1, 2, 3], keepdims=1)
    node("Sub", ["scaled", "mean"], "centred")
    node("Mul", ["centred", "centred"], "squares")
    node("ReduceMean", ["squares"], "variance", axes=[1, 2, 3], keepdims=1)
    node("Add", ["variance", "eps"], "some")
    node("Sqrt", ["some"], "contrast")
    at = node("Div", ["centred", "contrast"], "standard")
    for index, ((weight, bias), stride) in enumerate(
        zip(learned.convolutions, STRIDES, strict=True)
    ):
        constants[f"w{index}"], constants[f"b{index}"] = weight, bias
        given = [at, f"w{index}", f"b{index}"]
        at = node("Conv", given, f"c{index}", strides=[stride] * 2, pads=[1, 1, 1, 1])
        at = node("Relu", [at], f"r{index}")
    node("AveragePool", [at], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    node("Flatten", ["pooled"], "flat")
    constants["w"], constants["b"] = learned.last
    node("Gemm", ["flat", "w", "b"], "embedding", transB=1)
    return _model(
        "backbone",
        nodes,
        constants,
        ("crops", TensorProto.UINT8, ["N", SEEN, SEEN, 3]),
        ("embedding", ["N", WIDTH]),
    )


def learned_of(content: bytes) -> Learned:
    """The weights of a graph that :func:`backbone_onnx` made."""
    constants = {
        each.name: numpy_helper.to_array(each)
        for each in onnx.load_from_string(content).graph.initializer
    }
    convolutions = [(constants[f"w{i}"], constants[f"b{i}"]) for i in range(len(STRIDES))]
    return Learned(convolutions, (constants["w"], constants["b"]))


def head_onnx(name: str, layers: Sequence[tuple[Numbers, Numbers]], heat: float) -> bytes:
    """A head: ``embedding`` float32 [N, D] → ``probabilities`` float32 [N, C].

    Args:
        name: of the head.
        layers: weights [in, out] and biases.
        heat: what the last scores are divided by, so that probabilities are not too sure.
    """
    nodes: list[Any] = []
    constants: dict[str, NDArray[Any]] = {}
    at = "embedding"
    for index, (weight, bias) in enumerate(layers):
        is_last = index == len(layers) - 1
        share = np.float32(1 / heat if is_last else 1)
        constants[f"w{index}"] = np.asarray(weight * share, np.float32)
        constants[f"b{index}"] = np.asarray(bias * share, np.float32)
        nodes.append(helper.make_node("Gemm", [at, f"w{index}", f"b{index}"], [f"g{index}"]))
        at = f"g{index}"
        if not is_last:
            nodes.append(helper.make_node("Relu", [at], [f"r{index}"]))
            at = f"r{index}"
    nodes.append(helper.make_node("Softmax", [at], ["probabilities"], axis=1))
    wide, classes = layers[0][0].shape[0], layers[-1][0].shape[1]
    return _model(
        name,
        nodes,
        constants,
        ("embedding", TensorProto.FLOAT, ["N", wide]),
        ("probabilities", ["N", classes]),
    )


def _model(
    name: str,
    nodes: list[Any],
    constants: dict[str, NDArray[Any]],
    given: tuple[str, int, list[Any]],
    gives: tuple[str, list[Any]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(*given)],
        [helper.make_tensor_value_info(gives[0], TensorProto.FLOAT, gives[1])],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 8
    checker: Any = onnx.checker
    checker.check_model(model)
    return model.SerializeToString()
