"""Who stands before a shelf slot: an arm, or somebody's back."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.matter import World
from cloud.vision.perspective import Picture, Points, fill
from cloud.vision.slots import GLIMPSED, HIDDEN, Slot
from cloud.vision.surfaces import cloth, skin


def stand_before(rng: Generator, world: World, slot: Slot, canvas: Picture, wanted: float) -> float:
    """An arm or a person before the slot, about as large as wanted; what of it they cover."""
    opening = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(opening, [np.rint(slot.polygon).astype(np.int32)], 1)
    inside, before = float(opening.sum()), canvas.copy()
    clothes, hand = cloth(rng, world), skin(rng)
    as_person = wanted > 0.5 and rng.random() < 0.6
    side = bool(rng.random() < 0.5)
    place, lean = rng.uniform(0, 1), rng.uniform(-0.3, 0.3)
    large = 0.2 + wanted * (0.8 if as_person else 0.6)
    covered = 0.0
    for _ in range(8):
        canvas[:] = before
        parts = (_person if as_person else _arm)(slot, large, place, lean, side=side)
        mask = np.zeros(canvas.shape[:2], np.uint8)
        for number, outline in enumerate(parts):
            tone = hand if number == len(parts) - 1 else clothes
            mask |= fill(canvas, outline, tone, 0.9)
        covered = float((mask[opening == 1] > 127).sum()) / inside
        if (covered >= HIDDEN) == (wanted >= HIDDEN) and not GLIMPSED < covered < HIDDEN:
            break
        large *= 1.25 if wanted >= HIDDEN else 0.7
    return covered


def _arm(slot: Slot, large: float, place: float, lean: float, *, side: bool) -> list[Points]:
    """A sleeve that comes in from a side or from below, and a hand."""
    low, high = slot.polygon.min(axis=0), slot.polygon.max(axis=0)
    wide = high - low
    thick = 0.5 * large * float(wide.min())
    end = low + wide * (0.5 + lean, 0.25 + 0.5 * place)
    start = (
        np.array([low[0] - wide[0] if lean < 0 else high[0] + wide[0], high[1] + 0.2 * wide[1]])
        if side
        else np.array([low[0] + wide[0] * place, high[1] + wide[1]])
    )
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1.0)
    across = np.array([-along[1], along[0]]) * thick
    sleeve = np.array(
        [start - 1.3 * across, start + 1.3 * across, end + across * 0.8, end - across * 0.8]
    )
    return [sleeve, _round(end + along * thick, thick * 0.95, thick * 0.8)]


def _person(slot: Slot, large: float, place: float, lean: float, *, side: bool) -> list[Points]:
    """A back, shoulders and a head."""
    low, high = slot.polygon.min(axis=0), slot.polygon.max(axis=0)
    wide = high - low
    middle = low[0] + wide[0] * (0.15 + 0.7 * place)
    half = 0.55 * large * float(wide[0])
    top = low[1] + wide[1] * (0.25 + lean) * (0.6 if side else 1.0)
    body = np.array(
        [
            (middle - half, high[1] + wide[1]),
            (middle - half, top + half * 0.5),
            (middle - half * 0.6, top),
            (middle + half * 0.6, top),
            (middle + half, top + half * 0.5),
            (middle + half, high[1] + wide[1]),
        ]
    )
    return [body, _round(np.array([middle, top - half * 0.5]), half * 0.5, half * 0.62)]


def _round(middle: Points, wide: float, high: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return middle + np.stack([np.cos(turn) * wide, np.sin(turn) * high], axis=1)
