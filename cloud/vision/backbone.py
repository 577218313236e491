"""Learns the backbone that turns crops into embeddings, and its first two heads.

One small net sees slots and cartons of the world for learning and learns both tasks at once; the
heads are then learned anew on its embeddings, by scikit-learn, as later ones are that learn from
people's corrections (:mod:`cloud.vision.firsts`). :mod:`cloud.vision.graphs` writes it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from cloud.vision.crops import crops
from cloud.vision.cutting import SEEN, cut, small
from cloud.vision.graphs import EPS, STRIDES, WIDTH, Learned, Numbers
from cloud.vision.matter import World
from cloud.vision.shelves import examples
from cloud.vision.slots import STATES

LOOKS: Final = 4
_WIDTHS: Final = (16, 32, 48, 64, 64, 72)
_POOLED: Final = 2
_AT_ONCE: Final = 24
"""Slots in a step; beside them so many cartons."""
_CARTONS: Final = 40

Crops = NDArray[np.uint8]
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
    for number, (width, stride) in enumerate(zip(_WIDTHS, STRIDES, strict=True)):
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
    return (scaled - mean) / (variance + EPS).sqrt()


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
            for (weight, bias), stride in zip(learned.convolutions, STRIDES, strict=True):
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
