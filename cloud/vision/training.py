"""Trains the detector.

Scores learn the overlap that their box has (quality focal loss), boxes by distance and overlap
(DIoU). Scenes are rendered in a process of their own while the network learns.
"""
# PyTorch's types are unknown where it is missing, and half known where it is not.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud.vision.matter import World
from cloud.vision.network import CLASS_COUNT, SIDE, Network, Tensor, decoded, functional, nn, torch
from cloud.vision.scenes import render
from cloud.vision.targets import GROUPS, Truth, assign, cells, group_of, truth_of, view_of

_BATCH: Final = 16
_SHARD: Final = 64
_ALIKE: Final = 6  # shards that are made of the same surfaces
_GROUP: Final = [group_of(index) for index in range(CLASS_COUNT)]


class Plan(NamedTuple):
    """How long and on what to train.

    ``reuse`` is how many views are cut from each scene, ``pool`` how many scenes are kept,
    ``close`` the last part of the views, which have the size that gateways look at.
    """

    seed: int = 1
    views: int = 120_000
    side: int = 288
    rate: float = 2.5e-3
    reuse: int = 16
    pool: int = 5_000
    close: float = 0.1
    world: World = "train"


def scenes_for(plan: Plan, views: int) -> int:
    """How many scenes are rendered for so many views."""
    return _SHARD * (max(0, views - _BATCH) // (_SHARD * plan.reuse) + 2)


class Progress(NamedTuple):
    """Views learnt from, which part of the training that is, and the mean loss since last told."""

    views: int
    part: float
    loss: float


def loss_of(told: Tensor, batch: Batch) -> Tensor:
    """Quality focal loss of the scores and DIoU loss of the boxes, per thing asked for."""
    told = told.float().transpose(1, 2)
    scores = told[..., :CLASS_COUNT]
    middles, strides = (torch.from_numpy(each) for each in cells(batch.side))
    quality = batch.wanted.clone()
    missed = scores.new_zeros(())
    for group in range(GROUPS):
        held = batch.held[:, group]
        first = CLASS_COUNT + 4 * group
        where = held.nonzero()
        if not len(where):
            continue
        boxes = decoded(
            told[..., first : first + 4][held], middles[where[:, 1]], strides[where[:, 1]]
        )
        overlap, apart = _overlap(boxes, batch.boxes[:, group][held])
        missed = missed + (1 - overlap + apart).sum()
        mine = torch.tensor([index for index in range(CLASS_COUNT) if _GROUP[index] == group])
        spot = quality[held]
        spot[:, mine] *= overlap.detach().clamp(0, 1)[:, None]
        quality[held] = spot
    asked = batch.held.sum().clamp(min=1)
    wrong = functional.binary_cross_entropy_with_logits(scores, quality, reduction="none")
    focus = (scores.detach().sigmoid() - quality).abs().pow(2)
    return (wrong * focus * batch.counted).sum() / asked + 2.0 * missed / asked


def _overlap(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and how far the middles are apart by the common diagonal."""
    low, high = torch.max(one[:, :2], other[:, :2]), torch.min(one[:, 2:], other[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    sizes = (one[:, 2:] - one[:, :2]).prod(1) + (other[:, 2:] - other[:, :2]).prod(1)
    around = torch.max(one[:, 2:], other[:, 2:]) - torch.min(one[:, :2], other[:, :2])
    way = (one[:, :2] + one[:, 2:] - other[:, :2] - other[:, 2:]) / 2
    apart = way.pow(2).sum(1) / around.pow(2).sum(1).clamp(min=1e-6)
    return both / (sizes - both).clamp(min=1e-6), apart


class Batch(NamedTuple):
    """Views and what is asked for in them."""

    side: int
    given: Tensor
    wanted: Tensor
    counted: Tensor
    boxes: Tensor
    held: Tensor


def batch_of(views: list[tuple[Any, Truth]]) -> Batch:
    """Views of one size, with what is asked for at each cell."""
    side = int(views[0][0].shape[0])
    middles, strides = cells(side)
    targets = [assign(truth, middles, strides) for _, truth in views]
    pictures = torch.from_numpy(np.stack([picture for picture, _ in views]))
    given = pictures.permute(0, 3, 1, 2).float() * (1 / 128) - 1
    return Batch(
        side,
        given.contiguous(memory_format=torch.channels_last),
        torch.from_numpy(np.stack([each.wanted for each in targets])),
        torch.from_numpy(np.stack([each.counted for each in targets])),
        torch.from_numpy(np.stack([each.boxes for each in targets])),
        torch.from_numpy(np.stack([each.held for each in targets])),
    )


Rendered = tuple[NDArray[np.uint8], list[Truth]]


def render_shard(seed: int, number: int, world: World) -> Rendered:
    """Some scenes; the number of the shard and the seed say which."""
    cv2.setNumThreads(1)
    scenes = [
        render(np.random.default_rng([seed, number, index]), world, made_of=number // _ALIKE)
        for index in range(_SHARD)
    ]
    return np.stack([scene.image for scene in scenes]), [truth_of(scene) for scene in scenes]


class Scenes:
    """Scenes that come while others are learnt from; the same ones at the same view, always."""

    def __init__(self, plan: Plan, workers: ProcessPoolExecutor) -> None:
        self._plan: Final = plan
        self._workers: Final = workers
        self._ahead: Final[list[Future[Rendered]]] = []
        self._asked = 0
        self._had = 0
        self._pool: Final[list[tuple[NDArray[np.uint8], Truth]]] = []
        self._rng: Final = np.random.default_rng([plan.seed, 77])

    def views(self, done: int, side: int, scales: tuple[float, float]) -> list[tuple[Any, Truth]]:
        """The next batch of views."""
        while self._had * _SHARD * self._plan.reuse <= done + _SHARD * self._plan.reuse:
            self._take()
        picks = self._rng.integers(len(self._pool), size=_BATCH)
        return [view_of(self._rng, *self._pool[int(pick)], side, scales) for pick in picks]

    def _take(self) -> None:
        while len(self._ahead) < 3:
            arguments = (self._plan.seed, self._asked, self._plan.world)
            self._ahead.append(self._workers.submit(render_shard, *arguments))
            self._asked += 1
        images, truths = self._ahead.pop(0).result()
        for index, scene in enumerate(zip(images, truths, strict=True)):
            if len(self._pool) < self._plan.pool:
                self._pool.append(scene)
            else:
                self._pool[(self._had * _SHARD + index) % self._plan.pool] = scene
        self._had += 1


def train(
    plan: Plan,
    tell: Callable[[Progress], object] = lambda _: None,
    pace: Callable[[int], float] | None = None,
    keep: Callable[[Any, int], object] = lambda _network, _views: None,
    begin: Any = None,
) -> Any:
    """A network that has learnt, from nothing or on from ``begin``.

    ``keep`` is given the network so far, now and then.
    ``pace`` says which part of the training is over after so many views, where that is not a
    matter of views alone (0 to 1, it ends at 1): the learning rate follows it.
    """
    over = pace or _by_views(plan)
    torch.manual_seed(plan.seed)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = Network() if begin is None else copy.deepcopy(begin)
    network = network.to(memory_format=torch.channels_last)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        batches = _batches(plan, Scenes(plan, workers), over)
        learnt = _learn(network, batches, plan, over, (tell, keep))
        workers.shutdown(wait=True, cancel_futures=True)
    return learnt


def _by_views(plan: Plan) -> Callable[[int], float]:
    return lambda views: views / plan.views


def _batches(plan: Plan, scenes: Scenes, over: Callable[[int], float]) -> Iterator[Batch]:
    done = 0
    while (part := over(done)) < 1:
        if part < 1 - plan.close:
            yield batch_of(scenes.views(done, plan.side, (0.5, 1.6)))
        else:
            yield batch_of(scenes.views(done, SIDE, (0.75, 1.3)))
        done += _BATCH


def _learn(
    network: Any,
    batches: Iterator[Batch],
    plan: Plan,
    over: Callable[[int], float],
    heard_by: tuple[Callable[[Progress], object], Callable[[Any, int], object]],
) -> Any:
    tell, keep = heard_by
    weights = [each for each in network.parameters() if each.ndim > 1]
    others = [each for each in network.parameters() if each.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": weights, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}],
        lr=plan.rate,
    )
    mean = copy.deepcopy(network)  # what is kept: a moving mean of all weights
    since, heard = 0.0, 0
    for step, batch in enumerate(batches):
        part = min(1.0, over(step * _BATCH))
        rate = min((step + 1) / 150, 0.5 * (1 + math.cos(math.pi * part)) + 0.01)
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * rate
        network.train()
        with torch.autocast("cpu", torch.bfloat16):
            told = network(batch.given)
        loss = loss_of(told, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 20.0)
        optimizer.step()
        _follow(mean, network, min(0.998, (step + 1) / (step + 20)))
        since, heard = since + float(loss.detach()), heard + 1
        views = (step + 1) * _BATCH
        if heard == 50 or over(views) >= 1:
            tell(Progress(views, min(1.0, over(views)), since / heard))
            since, heard = 0.0, 0
            keep(mean, views)
    return mean.eval()


@torch.no_grad()
def _follow(mean: Any, network: Any, share: float) -> None:
    theirs = network.state_dict()
    for name, value in mean.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(theirs[name].float(), 1 - share)
        else:
            value.copy_(theirs[name])
