"""The detector's network: what it computes, how it is kept, and how it leaves as ONNX.

A small convolutional network without anchors: strides 8, 16 and 32, joined from coarse to fine, one
head for each.
"""
# PyTorch's types are unknown where it is missing, and half known where it is not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import copy
import io
import math
import warnings
from pathlib import Path
from pickle import PickleError
from typing import Any, Final

import numpy as np
import torch as _torch  # pyright: ignore[reportMissingImports] - the extra `train` brings it
from numpy.typing import NDArray

from cloud.vision.marks import CLASSES
from cloud.vision.targets import GROUPS, STRIDES, cells
from shared.errors import QuartermasterError

torch: Final[Any] = _torch  # typed as anything: this is checked where PyTorch is missing, too
nn: Final[Any] = torch.nn
functional: Final[Any] = torch.nn.functional
Tensor = Any
SIDE: Final = 416
_WIDTHS: Final = (16, 32, 48, 80, 112)
_NECK: Final = 48
CLASS_COUNT: Final = len(CLASSES)


def _conv(before: int, after: int, size: int = 3, stride: int = 1) -> Any:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.narrow = _conv(width, width // 2, 1)
        self.wide = _conv(width // 2, width)

    def forward(self, given: Tensor) -> Tensor:
        return given + self.wide(self.narrow(given))


class Network(nn.Module):
    """Pictures (n, 3, s, s) to (n, classes + 4 * groups, cells), not yet decoded."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = _WIDTHS
        self.to4 = nn.Sequential(_conv(3, a, 3, 2), _conv(a, b, 3, 2))
        self.to8 = nn.Sequential(_conv(b, c, 3, 2), _Residual(c))
        self.to16 = nn.Sequential(_conv(c, d, 3, 2), _Residual(d), _Residual(d))
        self.to32 = nn.Sequential(_conv(d, e, 3, 2), _Residual(e))
        self.from8, self.from16 = _conv(c, _NECK, 1), _conv(d, _NECK, 1)
        self.from32 = _conv(e, _NECK, 1)
        self.join8, self.join16 = _Residual(_NECK), _Residual(_NECK)
        outputs = CLASS_COUNT + 4 * GROUPS
        self.heads = nn.ModuleList(
            nn.Sequential(_Residual(_NECK), nn.Conv2d(_NECK, outputs, 1)) for _ in STRIDES
        )
        for head in self.heads:
            bias = head[1].bias
            nn.init.constant_(bias[:CLASS_COUNT], -math.log(99))
            nn.init.constant_(bias[CLASS_COUNT:], math.log(2.5))

    def forward(self, given: Tensor) -> Tensor:
        """Scores before the sigmoid, then logarithms of distances in strides."""
        at8 = self.to8(self.to4(given))
        at16 = self.to16(at8)
        coarse = self.from32(self.to32(at16))
        middle = self.join16(self.from16(at16) + _twice(coarse))
        fine = self.join8(self.from8(at8) + _twice(middle))
        told = [
            head(each).flatten(2)
            for head, each in zip(self.heads, (fine, middle, coarse), strict=True)
        ]
        return torch.cat(told, 2)


def _twice(given: Tensor) -> Tensor:
    return functional.interpolate(given, scale_factor=2.0, mode="nearest")


class Exported(nn.Module):
    """What a gateway runs: BGR bytes (1, s, s, 3) to boxes in pixels and scores."""

    def __init__(self, network: Any, side: int) -> None:
        super().__init__()
        self.network = network
        middles, strides = cells(side)
        self.register_buffer("middles", torch.from_numpy(middles))
        self.register_buffer("strides", torch.from_numpy(strides))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (groups, cells, 4) as left, top, right, bottom; scores (cells, classes)."""
        given = picture.permute(0, 3, 1, 2).float() * (1 / 128) - 1
        told = self.network(given)[0].transpose(0, 1)
        boxes = [
            decoded(told[:, first : first + 4], self.middles, self.strides)
            for first in range(CLASS_COUNT, CLASS_COUNT + 4 * GROUPS, 4)
        ]
        return torch.stack(boxes), told[:, :CLASS_COUNT].sigmoid()


def decoded(told: Tensor, middles: Tensor, strides: Tensor) -> Tensor:
    """Boxes as left, top, right, bottom in pixels, of logarithms of distances in strides."""
    away = told.clamp(max=4.0).exp() * strides[:, None]
    return torch.cat([middles - away[..., :2], middles + away[..., 2:]], -1)


def save(network: Any, path: Path) -> None:
    """Keep what was learnt, to go on from it another day."""
    torch.save(network.state_dict(), path)


def saved(path: Path) -> Any:
    """A network as it was kept.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    network = Network()
    try:
        network.load_state_dict(torch.load(path, weights_only=True))
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, PickleError) as error:
        raise QuartermasterError("file.unreadable", str(error)[:200], where=str(path)) from None
    return network


def parameters(network: Any) -> int:
    """How many numbers the network has learnt."""
    return sum(each.numel() for each in network.parameters())


def exported(network: Any, side: int = SIDE) -> bytes:
    """The network as an ONNX file, with the decoding inside."""
    model = Exported(copy.deepcopy(network).to(memory_format=torch.contiguous_format), side).eval()
    file = io.BytesIO()
    with warnings.catch_warnings():  # the exporter that needs no further library is the older one
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(1, side, side, 3, dtype=torch.uint8),), file, dynamo=False,
            opset_version=17, input_names=["picture"], output_names=["boxes", "scores"],
        )  # fmt: skip
    return file.getvalue()


@torch.no_grad()
def answers(network: Any, picture: NDArray[np.uint8]) -> tuple[Any, Any]:
    """Boxes and scores by PyTorch itself, to hold the exported file against."""
    model = Exported(network, picture.shape[1]).eval()
    boxes, scores = model(torch.from_numpy(picture))
    return boxes.numpy(), scores.numpy()
