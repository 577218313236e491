"""A camera that shows the same picture over and over, or a black one, does not see."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.capture.eyesight import BLACK_AFTER_S, FROZEN_AFTER_S, Eyesight

RNG = np.random.default_rng(5)
SCENE = RNG.integers(0, 255, (360, 640, 3), dtype=np.uint8)


def noisy(level: float) -> Any:
    return np.clip(RNG.normal(level, 3, (360, 640, 3)), 0, 255).astype(np.uint8)


def test_the_same_picture_is_frozen_after_a_while_and_sees_again_with_the_next_other_one() -> None:
    eyes = Eyesight()
    assert eyes.judge(SCENE, 0.0) == "watching"
    assert eyes.judge(SCENE, FROZEN_AFTER_S - 0.1) == "watching"
    assert eyes.judge(SCENE, FROZEN_AFTER_S) == "frozen"
    assert eyes.judge(SCENE, 3600.0) == "frozen"
    assert eyes.frozen == 3
    assert eyes.judge(255 - SCENE, 3600.2) == "watching"


def test_a_still_scene_is_not_frozen_while_its_noise_lives() -> None:
    eyes = Eyesight()
    assert {eyes.judge(noisy(90), at / 5) for at in range(100)} == {"watching"}


def test_a_dark_picture_is_black_after_a_while_though_its_noise_lives() -> None:
    eyes = Eyesight()
    said = [eyes.judge(noisy(8), at / 5) for at in range(50)]
    assert said[: int(5 * BLACK_AFTER_S)] == ["watching"] * int(5 * BLACK_AFTER_S)
    assert set(said[int(5 * BLACK_AFTER_S) + 1 :]) == {"black"}
    assert eyes.judge(noisy(60), 20.0) == "watching"


def test_a_lamp_in_the_night_is_not_black() -> None:
    eyes = Eyesight()
    for at in range(50):
        image = noisy(5)
        image[100:140, 100:140] = 200
        assert eyes.judge(image, at / 5) == "watching"


def test_grey_pictures_are_judged_as_coloured_ones() -> None:
    eyes = Eyesight()
    dark = noisy(5)[:, :, 0]
    assert [eyes.judge(dark, 0.0), eyes.judge(dark + 1, 6.0)] == ["watching", "black"]
