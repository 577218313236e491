"""Where a picture moved: noise is no motion, masks are not looked at, zones are told apart."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from edge.vision.motion import Gate, blank, box_of

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
RNG = np.random.default_rng(7)


def scene() -> Any:
    return np.random.default_rng(3).integers(40, 200, (720, 1280, 3), dtype=np.uint8)


def noisy(image: Any) -> Any:
    noise = RNG.normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def with_carton(image: Any, left: int, top: int, side: int = 80) -> Any:
    image = image.copy()
    image[top : top + side, left : left + side] = (30, 90, 220)
    return image


def test_a_place_never_looked_at_counts_as_changed_as_a_whole() -> None:
    gate = Gate()
    gate.see(scene())
    assert gate.changed("a", LEFT) == [(0, 0, 640, 720)]


def test_a_sensors_noise_is_no_motion() -> None:
    gate = Gate()
    image = scene()
    gate.see(noisy(image))
    gate.looked("a")
    for _ in range(10):
        gate.see(noisy(image))
        assert gate.changed("a", None) == []


def test_a_carton_changes_the_zone_it_stands_in_alone_until_it_was_looked_at() -> None:
    gate = Gate()
    image = scene()
    gate.see(image)
    gate.looked("left")
    gate.looked("right")
    gate.see(with_carton(image, 200, 300))
    ((left, top, right, bottom),) = gate.changed("left", LEFT)
    assert (left <= 200, right >= 280) == (True, True)
    assert (top <= 300, bottom >= 380) == (True, True)
    assert right - left < 140
    assert gate.changed("right", RIGHT) == []
    gate.looked("left")
    gate.see(with_carton(image, 200, 300))
    assert gate.changed("left", LEFT) == []


def test_what_comes_slowly_is_seen_once_it_is_there() -> None:
    gate = Gate()
    dark = np.full((720, 1280, 3), 60, np.uint8)
    gate.see(dark)
    gate.looked("a")
    for step in range(1, 17):
        gate.see(with_carton_at(dark, 60 + 2 * step))
    assert gate.changed("a", None)


def with_carton_at(image: Any, level: int) -> Any:
    image = image.copy()
    image[300:400, 300:400] = level
    return image


def test_nothing_is_left_within_a_mask() -> None:
    image = scene()
    blank(image, [LEFT])
    assert not image[:, :640].any()
    assert image[:, 700:].any()


def test_another_resolution_makes_everything_new() -> None:
    gate = Gate()
    gate.see(scene())
    gate.looked("a")
    gate.see(scene()[:600, :600])
    assert gate.changed("a", None) == [(0, 0, 600, 600)]


def test_a_zones_box_holds_all_of_it_within_the_picture_and_is_never_empty() -> None:
    assert box_of(((1.0, 1.0), (1.0, 1.0), (1.0, 1.0)), 100, 50) == (99, 49, 100, 50)
    assert box_of(((0.101, 0.5), (0.199, 0.5), (0.15, 0.75)), 100, 50) == (10, 25, 20, 38)


def test_the_gate_costs_little() -> None:
    gate = Gate()
    image = scene()
    gate.see(image)
    gate.looked("a")
    began = time.thread_time()
    for _ in range(20):
        gate.see(image)
        gate.changed("a", LEFT)
    assert (time.thread_time() - began) / 20 < 0.005
