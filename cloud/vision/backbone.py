"""Learns the backbone that turns crops into embeddings, and its first two heads.

One small net sees slots and cartons of the world for learning and learns both tasks at once; the
heads are then learned anew on its embeddings, by scikit-learn, as later ones are that learn from
people's corrections (:mod:`cloud.vision.firsts`). What is written is ONNX, weight by weight: no
exporter stands between.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cloud.vision.crops import crops
from cloud.vision.cutting import SEEN, cut, small
from cloud.vision.matter import World
from cloud.vision.shelves import examples
from cloud.vision.slots import STATES

WIDTH: Final = 64
"""Numbers in an embedding."""
LOOKS: Final = 4
_WIDTHS: Final = (16, 32, 48, 64, 64, 72)
_STRIDES: Final = (2, 2, 1, 2, 1, 2)
_POOLED: Final = 2
_AT_ONCE: Final = 24
"""Slots in a step; beside them so many cartons."""
_CARTONS: Final = 40
_EPS: Final = 1e-3
_OPSET: Final = 17

Crops = NDArray[np.uint8]
Numbers = NDArray[np.float32]
Classes = NDArray[np.int64]


class Slots(NamedTuple):
    """Looks at slots: for each slot one reference and :data:`LOOKS` looks."""

    then: Crops
    now: Crops
    shows: Numbers
    state: Classes


class Cartons(NamedTuple):
    """Crops of cartons, and which are damaged."""

    now: Crops
    harmed: Classes


def slots(seed: int, number: int, world: World) -> Slots:
    """Rendered looks at so many slots, as a gateway would cut them out."""
    then: list[Crops] = []
    now: list[Crops] = []
    shows: list[float] = []
    states: list[int] = []
    for index, each in enumerate(examples(seed, number * LOOKS, world, looks=LOOKS)):
        if index % LOOKS == 0:
            then.append(small(cut(each.then, each.polygon)))
            shows.append(1.0 if each.shows == "full" else -1.0)
        now.append(small(cut(each.now, each.polygon)))
        states.append(STATES.index(each.state))
    return Slots(
        np.stack(then), np.stack(now), np.array(shows, np.float32), np.array(states, np.int64)
    )


def cartons(seed: int, number: int, world: World) -> Cartons:
    """Rendered crops of so many cartons."""
    drawn = [(small(each.picture), each.harm != "none") for each in crops(seed, number, world)]
    return Cartons(
        np.stack([crop for crop, _ in drawn]), np.array([bad for _, bad in drawn], np.int64)
    )


def compared(now: Numbers, then: Numbers, shows: Numbers) -> Numbers:
    """What the head for slots sees: how the slot looks, and how far from full or from empty.

    A reference says how the slot differs from one of the two; the other's place is zero, so that
    a linear head can tell them apart. As ``edge/vision/slots.py`` does it, in half precision like
    everything that is kept of crops.
    """
    is_full = shows.reshape(-1, 1) > 0
    far = np.abs(now - then)
    parts = [now, np.where(is_full, far, 0), np.where(is_full, 0, far), is_full]
    return np.concatenate(parts, axis=1).astype(np.float16).astype(np.float32)


# Learning: torch is imported here only.


class Learned(NamedTuple):
    """A backbone's weights: convolutions with their biases, then the last layer."""

    convolutions: list[tuple[Numbers, Numbers]]
    last: tuple[Numbers, Numbers]

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return sum(w.size + b.size for w, b in [*self.convolutions, self.last])


def learn(
    slots_seen: Slots,
    cartons_seen: Cartons,
    *,
    epochs: int,
    seed: int,
    start: Learned | None = None,
    say: Callable[[str], object] = print,
) -> Learned:
    """Learn a backbone from both tasks at once, or go on with one, more carefully."""
    import torch  # noqa: PLC0415  # pyright: ignore[reportMissingImports] - only to learn

    t: Any = torch
    t.manual_seed(seed)
    t.set_num_threads(1)
    nn, functional = t.nn, t.nn.functional
    rng = default_rng(seed)
    trunk, last = _net(nn, start)
    slot_head = nn.Linear(3 * WIDTH + 1, len(STATES))
    harm_head = nn.Linear(WIDTH, 2)
    parts = nn.ModuleList([trunk, last, slot_head, harm_head])
    parts.to(memory_format=t.channels_last)
    per_epoch = max(len(slots_seen.then) // _AT_ONCE, 1)
    optimiser = t.optim.AdamW(parts.parameters(), lr=1e-3, weight_decay=1e-3)
    schedule = t.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=4e-3 if start is None else 1.5e-3,
        total_steps=epochs * per_epoch,
        pct_start=0.15,
    )
    flags, states = t.from_numpy(slots_seen.shows), t.from_numpy(slots_seen.state)
    harmed = t.from_numpy(cartons_seen.harmed)
    started = time.perf_counter()
    for epoch in range(epochs):
        order, carton_order = rng.permutation(len(flags)), rng.permutation(len(harmed))
        sums = np.zeros(3)
        for step in range(per_epoch):
            some = order[step * _AT_ONCE :][:_AT_ONCE]
            looks = (some[:, None] * LOOKS + np.arange(LOOKS)).reshape(-1)
            boxes = carton_order[(step * _CARTONS) % len(harmed) :][:_CARTONS]
            then, now = _varied_pair(rng, slots_seen.then[some], slots_seen.now[looks])
            box = _varied(rng, cartons_seen.now[boxes])
            seen = np.concatenate([then, now, box])
            out = last(trunk(_standard(t.from_numpy(seen).permute(0, 3, 1, 2))))
            one, two = len(then), len(then) + len(now)
            a, b, c = out[:one].repeat_interleave(LOOKS, 0), out[one:two], out[two:]
            full = (flags[some].repeat_interleave(LOOKS)[:, None] > 0).float()
            far = (b - a).abs()
            said = slot_head(t.cat([b, far * full, far * (1 - full), full], 1))
            loss_slots = functional.cross_entropy(said, states[looks], label_smoothing=0.02)
            loss_harm = functional.cross_entropy(harm_head(c), harmed[boxes], label_smoothing=0.02)
            loss = loss_slots + 0.6 * loss_harm + 1e-3 * out.pow(2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            right = float((said.argmax(1) == states[looks]).float().mean())
            sums += (loss_slots.item(), loss_harm.item(), right)
        parted = ", ".join(f"{each:.3f}" for each in sums / per_epoch)
        say(f"epoch {epoch + 1}: {parted}, {time.perf_counter() - started:.0f} s")
    return _folded(trunk, last)


def _net(nn: Any, start: Learned | None) -> tuple[Any, Any]:
    """Convolutions and the last layer: untaught, or as they were left."""
    layers: list[Any] = []
    before = 3
    for number, (width, stride) in enumerate(zip(_WIDTHS, _STRIDES, strict=True)):
        if start is None:
            convolution = nn.Conv2d(before, width, 3, stride, 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        else:
            convolution = _filled(
                nn.Conv2d(before, width, 3, stride, 1), start.convolutions[number]
            )
            layers += [convolution, nn.ReLU()]
        before = width
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(_POOLED), nn.Flatten())
    last = nn.Linear(before * _POOLED * _POOLED, WIDTH)
    if start is not None:
        _filled(last, start.last)
    return trunk, last


def _filled(layer: Any, weights: tuple[Numbers, Numbers]) -> Any:
    """A layer with the weights of one that has learned before."""
    import torch  # noqa: PLC0415  # pyright: ignore[reportMissingImports] - as above

    t: Any = torch
    with t.no_grad():
        layer.weight.copy_(t.from_numpy(weights[0].copy()))
        layer.bias.copy_(t.from_numpy(weights[1].copy()))
    return layer


def _standard(images: Any) -> Any:
    """Each picture's mean is taken away and its contrast made one, whatever the light."""
    scaled = images.float() / 255
    mean = scaled.mean((1, 2, 3), keepdim=True)
    variance = (scaled - mean).pow(2).mean((1, 2, 3), keepdim=True)
    return (scaled - mean) / (variance + _EPS).sqrt()


def _varied_pair(rng: Generator, then: Crops, now: Crops) -> tuple[Crops, Crops]:
    """Half of the slots mirrored, with their references; colours and shifts of each its own."""
    mirrored = rng.random(len(then)) < 0.5
    then, now = then.copy(), now.copy()
    then[mirrored] = then[mirrored][:, :, ::-1]
    of_looks = np.repeat(mirrored, LOOKS)
    now[of_looks] = now[of_looks][:, :, ::-1]
    return _relit(rng, then), _relit(rng, now)


def _varied(rng: Generator, now: Crops) -> Crops:
    mirrored = rng.random(len(now)) < 0.5
    now = now.copy()
    now[mirrored] = now[mirrored][:, :, ::-1]
    return _relit(rng, now)


def _relit(rng: Generator, now: Crops) -> Crops:
    """Other light and a shift of at most three pixels."""
    number = len(now)
    gains = np.exp(rng.normal(0, 0.18, (number, 1, 1, 3)) + rng.normal(0, 0.25, (number, 1, 1, 1)))
    across = np.linspace(-1, 1, SEEN)
    lean = rng.normal(0, 0.25, (number, 2, 1, 1, 1))
    slope = 1 + lean[:, 0] * across[None, None, :, None] + lean[:, 1] * across[None, :, None, None]
    lit = now * gains.astype(np.float32) * np.clip(slope, 0.2, 2).astype(np.float32)
    for index, (dy, dx) in enumerate(rng.integers(-3, 4, (number, 2))):
        if dy or dx:
            lit[index] = np.roll(lit[index], (dy, dx), (0, 1))
    return np.clip(lit, 0, 255).astype(np.uint8)


def embedded(learned: Learned, crops_seen: Crops) -> Numbers:
    """The embeddings of crops, in half precision as they are kept."""
    import torch  # noqa: PLC0415  # pyright: ignore[reportMissingImports] - as above

    t: Any = torch
    functional = t.nn.functional
    found: list[Numbers] = []
    with t.no_grad():
        for at in range(0, len(crops_seen), 256):
            out = _standard(t.from_numpy(crops_seen[at : at + 256]).permute(0, 3, 1, 2))
            for (weight, bias), stride in zip(learned.convolutions, _STRIDES, strict=True):
                given = t.from_numpy(weight.copy()), t.from_numpy(bias.copy())
                out = functional.relu(functional.conv2d(out, *given, stride=stride, padding=1))
            flat = functional.adaptive_avg_pool2d(out, _POOLED).flatten(1)
            last = [t.from_numpy(each.copy()) for each in learned.last]
            found.append(functional.linear(flat, *last).numpy())
    return np.concatenate(found).astype(np.float16).astype(np.float32)


def _folded(trunk: Any, last: Any) -> Learned:
    """Convolutions with what their normalisations came to."""
    found: list[tuple[Numbers, Numbers]] = []
    trunk.eval()
    modules = list(trunk)
    for convolution, normal in itertools.pairwise(modules):
        if not hasattr(convolution, "kernel_size") or not hasattr(convolution, "weight"):
            continue
        weight, bias = convolution.weight.detach(), convolution.bias
        if hasattr(normal, "running_var"):
            scale = (normal.weight / (normal.running_var + normal.eps).sqrt()).detach()
            weight = weight * scale[:, None, None, None]
            bias = normal.bias - normal.running_mean * scale
        made = weight.contiguous().numpy(), bias.detach().numpy()
        found.append((made[0].astype(np.float32), made[1].astype(np.float32)))
    return Learned(found, (last.weight.detach().numpy(), last.bias.detach().numpy()))


# Writing ONNX.


def backbone_onnx(learned: Learned) -> bytes:
    """The graph: ``crops`` uint8 [N, 64, 64, 3] in BGR → ``embedding`` float32 [N, 64]."""
    nodes: list[Any] = []
    constants: dict[str, NDArray[Any]] = {
        "full": np.array(255, np.float32),
        "eps": np.array(_EPS, np.float32),
        "axes": np.array([1, 2, 3], np.int64),
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
    del constants["axes"]
    for index, ((weight, bias), stride) in enumerate(
        zip(learned.convolutions, _STRIDES, strict=True)
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
    convolutions = [(constants[f"w{i}"], constants[f"b{i}"]) for i in range(len(_STRIDES))]
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
