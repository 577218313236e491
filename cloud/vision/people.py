"""People in rendered scenes: figures of limbs, painted flat."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.random import Generator

from cloud.vision.marks import Mark, bounds, mark_of, next_owner
from cloud.vision.painting import Canvas, Points

_SKIN: Final = ((140, 175, 225), (110, 145, 200), (70, 100, 150), (45, 65, 100), (160, 190, 235))


class Person(NamedTuple):
    """Somebody who stands or walks: feet, height, colours, and how far the legs are apart."""

    x: float
    y: float
    height: float
    stride: float
    arms: float
    turn: float
    skin: tuple[int, int, int]
    clothes: tuple[Any, Any, Any]
    vest: bool
    helmet: bool


def draw_person(
    canvas: Canvas, person: Person, marks: list[Mark], lifted: float, share: int = 0
) -> Any:
    """A figure of limbs, painted flat, as tall as it stands there."""
    points = np.array([(person.x, person.y, lifted), (person.x, person.y, lifted + person.height)])
    (ground, crown), depth = canvas.view.project(points)
    if depth.min() < 0.8:
        return None
    owner = share or next_owner(marks)
    up = (crown - ground) / 8.0  # eight heads
    tall = float(np.hypot(up[0], up[1]))
    if tall < 0.8 or tall > 250:
        return None
    right = np.array([-up[1], up[0]])
    # Seen from above, limbs are shorter while the width stays.
    width = max(tall, canvas.view.focal / float(depth.mean()) * person.height / 8.0 * 0.9)
    right = right / tall * width
    trousers, shirt, extra = person.clothes
    spots: list[Points] = []

    def limb(a: Any, b: Any, wide: float, thin: float, colour: Any) -> None:
        way = b - a
        across = np.array([-way[1], way[0]]) / (float(np.hypot(way[0], way[1])) + 1e-6) * width
        corners = np.array(
            [a + across * wide, b + across * thin, b - across * thin, a - across * wide]
        )
        spots.append(corners)
        canvas.polygon(corners, colour, owner=owner)

    hip, neck = ground + up * 4.0, ground + up * 6.7
    slim = 0.55 + 0.45 * abs(float(np.cos(person.turn)))
    for lean in (-1, 1):
        shoe = ground + right * (lean * (0.35 + person.stride))
        knee = ground + up * 2.1 + right * (lean * (0.35 + person.stride * 0.7))
        limb(hip + right * (lean * 0.4 * slim), knee, 0.42, 0.33, trousers)
        limb(knee, shoe, 0.33, 0.24, trousers)
        limb(shoe, shoe + right * 0.4 - up * 0.1, 0.2, 0.16, (30, 30, 35))
    for lean in (-1, 1):
        shoulder = neck + right * (lean * 0.85 * slim)
        elbow = shoulder - up * 1.4 + right * (lean * (0.25 + person.arms * 0.5))
        hand = elbow + up * (person.arms * 2.0 - 1.2) + right * (lean * person.arms * 0.3)
        limb(shoulder, elbow, 0.3, 0.26, shirt)
        limb(elbow, hand, 0.24, 0.18, person.skin if person.arms > 0.4 else shirt)
    torso = np.array(
        [
            neck - right * (0.85 * slim), neck + right * (0.85 * slim),
            hip + right * (0.72 * slim), hip - right * (0.72 * slim),
        ]
    )  # fmt: skip
    spots.append(torso)
    canvas.polygon(torso, extra if person.vest else shirt, owner=owner)
    if person.vest and tall > 3:
        for part in (0.35, 0.7):
            a, b = neck + (hip - neck) * part - right * 0.75 * slim, right * 1.5 * slim
            limb(a, a + b, 0.09, 0.09, (225, 230, 225))
    head = ground + up * 7.35
    axes = (width * 0.46, max(tall, width * 0.8) * 0.58)
    lean = float(np.degrees(np.arctan2(up[0], -up[1])))
    limb(neck - up * 0.1, head, 0.2, 0.2, person.skin)
    canvas.ellipse(head, axes, lean, person.skin, owner=owner)
    hair = head + up * 0.3
    colour = extra if person.helmet else (25, 35, 50)
    canvas.ellipse(hair, (axes[0] * 1.08, axes[1] * 0.62), lean, colour, owner=owner)
    spots.append(np.array([head - axes, head + axes, hair + up * 0.36 * (axes[1] / tall)]))
    box = bounds(np.concatenate(spots))
    if not share:
        marks.append(mark_of(canvas, "person", range(owner, owner + 1), box))
    return box


def any_person(rng: Generator, x: float, y: float) -> Person:
    """Somebody, of whatever height, skin and clothes."""

    def cloth() -> tuple[float, float, float]:
        b, g, r = rng.uniform(15, 200, 3) if rng.random() < 0.6 else (rng.uniform(15, 110),) * 3
        return float(b), float(g), float(r)

    vest = bool(rng.random() < 0.6)
    bright: Any = ((40, 240, 220), (30, 130, 255), (60, 230, 120))[int(rng.integers(3))]
    base: tuple[int, int, int] = _SKIN[int(rng.integers(len(_SKIN)))]
    return Person(
        x, y, float(rng.uniform(1.5, 1.95)), float(rng.uniform(0.0, 0.7)),
        float(rng.uniform(0, 1)), float(rng.uniform(-1.6, 1.6)), base,
        (cloth(), cloth(), bright if vest else cloth()), vest, bool(rng.random() < 0.4),
    )  # fmt: skip
