"""Writes a trained detector as gateways take it: the ONNX file, its card, and its model card.

What is written has been held against the network that was trained, and measured through the file
itself on scenes of both worlds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
import onnxruntime as _onnxruntime
from numpy.typing import NDArray

from cloud.vision.boxes import Picture, average_precision, surest
from cloud.vision.marks import CLASSES
from cloud.vision.matter import World
from cloud.vision.scenes import LEAST_SEEN, NARROWEST, SMALLEST, Scene, render
from cloud.vision.targets import truth_of
from shared.errors import QuartermasterError

_runtime: Final[Any] = _onnxruntime
LEAST: Final = 0.3
"""The score from which a gateway tells what it sees."""
OVERLAP: Final = 0.5
"""Of two boxes of a class that overlap more, the surer one is kept."""
_AGREEMENT: Final = 2e-3
_FAINTEST: Final = 0.05


_PAGE: Final = """\
# detector-{version}

Finds cartons, pallets (with their load), persons, forklifts and labels in a frame.

SHA-256 `{sha256}`, {parameters} parameters.
Input 416 x 416 BGR bytes; strides 8, 16 and 32, no anchors; boxes are decoded in the graph.

**Trained** from seed {seed} on {views} views cut from {scenes} scenes that `cloud/vision` drew
itself (world `train`).{more} No photograph and no picture made by others was used.

**What counts**: boxes from {smallest} px (the root of their area), nowhere narrower than
{narrowest} px, of which at least {seen} can be seen; the box holds what is seen. A carton under
hazy film counts as hidden by the haze.

| measured through this file (mAP50; 416 px) | |
|---|---|
{rows}

`unseen` is the world `test`: textures and light that share nothing with training, a seed of its
own; it may be looked at while a model is made. `known` is the world of the training, scenes never
trained on. `make bench NAME=detector` measures on a third world, `fresh`, by which no model is
chosen, and on pictures made by others.

**Limits.** No real photograph has confirmed any of this. The pictures made by others
(`../shared/data/pallets`) are computer drawings, too; the bench tells the figure on them as it is.
The aim is .90 for cartons and pallets on unseen scenes: the table says how far that is. Persons are
painted from flat limbs: do not rely on this model for anybody's safety. It knows box-shaped
cartons; bags, drums, crates and loose goods were never shown. Fisheye lenses, pictures upside down
and things smaller than {smallest} px are outside of what it learnt. What it tells is a sight, not a
stock movement: a person or a scan decides.
"""


class Told(NamedTuple):
    """Where a model came from, as its cards say; ``more`` is what only the model card tells."""

    version: str
    seed: int
    views: int
    parameters: int
    rendered: int
    more: str = ""


def checked(
    content: bytes, expected: tuple[Any, Any], picture: NDArray[np.uint8]
) -> dict[str, float]:
    """How far the file's answer is from the network's, as parts of a pixel and of a score.

    Raises:
        QuartermasterError: ``model.scores`` where they differ by more than rounding.
    """
    boxes, scores = _session(content).run(["boxes", "scores"], {"picture": picture})
    apart = {
        "parity_boxes_px": float(np.abs(boxes - expected[0]).max()),
        "parity_scores": float(np.abs(scores - expected[1]).max()),
    }
    if not apart["parity_scores"] < _AGREEMENT or not apart["parity_boxes_px"] < 1:
        raise QuartermasterError("model.scores", f"file and network differ: {apart}")
    return apart


def measured(content: bytes, *, world: World, seed: int, count: int) -> dict[str, float]:
    """mAP50 of each class on ``count`` scenes of a world that were drawn from a seed."""
    session = _session(content)
    pictures: dict[str, list[Picture]] = {seen: [] for seen in CLASSES}
    for index in range(count):
        scene = render(np.random.default_rng([seed, index]), world)
        boxes, scores = session.run(["boxes", "scores"], {"picture": scene.image[None]})
        for number, seen in enumerate(CLASSES):
            pictures[seen].append(_picture(scene, number, boxes[min(number, 1)], scores))
    return {seen: round(average_precision(each), 4) for seen, each in pictures.items()}


def _picture(scene: Scene, number: int, boxes: Any, scores: Any) -> Picture:
    sure = scores[:, number]
    told = np.flatnonzero(sure >= _FAINTEST)
    kept = told[surest(boxes[told], sure[told], OVERLAP)] if len(told) else told
    truth = truth_of(scene)
    mine = truth.classes == number
    ignored = np.array([each.ignored for each in scene.boxes], np.bool_)
    return Picture(boxes[kept], sure[kept], truth.boxes[mine], ignored[mine])


def write(folder: Path, content: bytes, told: Told, metrics: Mapping[str, float]) -> None:
    """Write ``detector-<version>.onnx``, ``detector.toml`` and ``detector.md`` into a folder.

    Raises:
        OSError: where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / f"detector-{told.version}.onnx").write_bytes(content)
    (folder / "detector.toml").write_text(_card(content, sha256, told, metrics), "utf-8")
    (folder / "detector.md").write_text(_model_card(sha256, told, metrics), "utf-8")


def _card(content: bytes, sha256: str, told: Told, metrics: Mapping[str, float]) -> str:
    graph = onnx.load_from_string(content).graph
    lines = [
        "# Written by `python -m cloud.vision`; what it says to people is in detector.md.",
        'name = "detector"',
        f'version = "{told.version}"',
        f'file = "detector-{told.version}.onnx"',
        f'sha256 = "{sha256}"',
        f"classes = {list(CLASSES)}".replace("'", '"'),
    ]
    for kind, tensors in (("inputs", graph.input), ("outputs", graph.output)):
        lines += ["", f"{kind} = ["]
        for each in tensors:
            shape = [dim.dim_value for dim in each.type.tensor_type.shape.dim]
            dtype = "uint8" if kind == "inputs" else "float32"
            lines.append(f'    {{ name = "{each.name}", shape = {shape}, dtype = "{dtype}" }},')
        lines.append("]")
    lines += ["", "[thresholds]", f"least = {LEAST}", f"overlap = {OVERLAP}", "", "[trained]"]
    lines += [f"{key} = {value}" for key, value in _trained(told).items()]
    lines += ["", "[metrics]"]
    lines += [f"{key} = {value:.6g}" for key, value in metrics.items()]
    return "\n".join(lines) + "\n"


def _trained(told: Told) -> dict[str, int]:
    return {
        "seed": told.seed,
        "views": told.views,
        "scenes": told.rendered,
        "parameters": told.parameters,
    }


def _model_card(sha256: str, told: Told, metrics: Mapping[str, float]) -> str:
    rows = "\n".join(f"| {key.replace('_', ' ')} | {value:.4g} |" for key, value in metrics.items())
    return _PAGE.format(
        version=told.version, sha256=sha256, rows=rows, smallest=SMALLEST, narrowest=NARROWEST,
        seen=f"{LEAST_SEEN:.0%}", parameters=f"{told.parameters:,}", seed=told.seed,
        more=told.more and f" {told.more}",
        views=f"{told.views:,}", scenes=f"{told.rendered:,}",
    )  # fmt: skip


def _session(content: bytes) -> Any:
    options = _runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return _runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
