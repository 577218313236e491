"""What a middling detector would say of a clip's plan: jitter, misses, second boxes, phantoms."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from cloud.vision.clips import Plan, Shown
from shared.events.sights import Seen

Box = tuple[float, float, float, float]
_KINDS: Final[tuple[Seen, ...]] = ("carton", "pallet", "person", "forklift", "label")


class Said(NamedTuple):
    """One detection."""

    box: Box
    seen: Seen
    score: float


class Faults(NamedTuple):
    """How bad the detector is."""

    jitter: float = 0.04
    """Standard deviation of each edge, in sizes of the object."""
    missed: float = 0.06
    """Share of wholly visible objects that are not seen at all in a frame."""
    least_share: float = 0.3
    """Objects of which less can be seen are never found."""
    wavering: float = 0.02
    """Share of cartons and pallets that are called the other."""
    phantoms: float = 0.3
    """Boxes of nothing, a frame; most are faint."""


def said(clip: Plan, present: list[Shown], rng: np.random.Generator, faults: Faults) -> list[Said]:
    """The detections of one frame, in no particular order."""
    found = [it for one in present if (it := _of(one, rng, faults)) is not None]
    found.extend(_phantom(clip, rng) for _ in range(rng.poisson(faults.phantoms)))
    rng.shuffle(found)  # type: ignore[arg-type]
    return found


def _of(one: Shown, rng: np.random.Generator, faults: Faults) -> Said | None:
    if one.what not in _KINDS or one.share < faults.least_share:
        return None
    if rng.random() < faults.missed + 0.5 * (1 - one.share) ** 2:
        return None
    size = float(np.sqrt((one.box[2] - one.box[0]) * (one.box[3] - one.box[1])))
    hidden = rng.uniform(0, 1)  # a detector guesses a part of what it cannot see
    left, top, right, bottom = (
        hidden * seen + (1 - hidden) * whole + rng.normal(0, faults.jitter * size)
        for seen, whole in zip(one.seen_box, one.box, strict=True)
    )
    seen: Seen = one.what  # type: ignore[assignment]
    if seen in {"carton", "pallet"} and rng.random() < faults.wavering:
        seen = "pallet" if seen == "carton" else "carton"
    score = float(np.clip(rng.normal(0.25 + 0.6 * one.share, 0.1), 0.05, 0.99))
    return Said((left, top, max(right, left + 1), max(bottom, top + 1)), seen, score)


def _phantom(clip: Plan, rng: np.random.Generator) -> Said:
    width, height = rng.uniform(20, 90, 2)
    x, y = rng.uniform(0, clip.view.width), rng.uniform(0, clip.view.height)
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    kind: Seen = "carton" if rng.random() < 0.7 else "person"
    return Said(box, kind, float(rng.beta(2, 6)))
