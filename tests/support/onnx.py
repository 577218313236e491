"""A small ONNX model, written as its protocol buffer: no library that trains is needed for that."""

from __future__ import annotations

import struct

_FLOAT = 1


def logistic(weights: list[float], bias: float, *, squashed: bool = True) -> bytes:
    """``sigmoid(x · weights + bias)`` of one row of numbers; without the sigmoid if not squashed.

    Field numbers are those of onnx.proto3.
    """
    result = "z" if squashed else "y"
    nodes = _node("Gemm", ["x", "w", "b"], result)
    if squashed:
        nodes += _node("Sigmoid", ["z"], "y")
    graph = (
        nodes
        + _text(2, "risk")
        + _tensor("w", [len(weights), 1], weights)
        + _tensor("b", [1], [bias])
        + _value(11, "x", [1, len(weights)])
        + _value(12, "y", [1, 1])
    )
    opset = _bytes(8, _text(1, "") + _number(2, 13))
    return _number(1, 8) + _bytes(7, graph) + opset


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    names = b"".join(_text(1, name) for name in inputs)
    return _bytes(1, names + _text(2, output) + _text(4, kind))


def _tensor(name: str, shape: list[int], values: list[float]) -> bytes:
    dims = b"".join(_number(1, size) for size in shape)
    raw = struct.pack(f"<{len(values)}f", *values)
    return _bytes(5, dims + _number(2, _FLOAT) + _text(8, name) + _bytes(9, raw))


def _value(field: int, name: str, shape: list[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor = _number(1, _FLOAT) + _bytes(2, dims)
    return _bytes(field, _text(1, name) + _bytes(2, _bytes(1, tensor)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
