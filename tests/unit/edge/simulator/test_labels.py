"""Rendered labels: the same from the same seed, refused like any other bad code."""

from __future__ import annotations

import numpy as np
import pytest

from edge.simulator.cameras import Carton, SimulatedCamera
from edge.simulator.labels import LABEL_SIZE, label_frames, print_label
from shared.errors import QuartermasterError


def test_the_same_seed_gives_the_same_frames() -> None:
    one, other = (
        list(label_frames("]E09506000134352", rng=np.random.default_rng(5), count=2))
        for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0], one[1])


def test_frames_have_the_size_that_was_asked_for() -> None:
    (frame,) = label_frames("]E496385074", rng=np.random.default_rng(1), size=(960, 540))
    assert frame.shape == (540, 960, 3)


def test_a_long_label_stays_on_its_paper() -> None:
    label = print_label("]C1010950600013435210" + "L" * 20 + "\x1d21" + "S" * 20)
    assert label.shape == (LABEL_SIZE[1], LABEL_SIZE[0], 3)


def test_what_cannot_be_a_label_is_refused() -> None:
    with pytest.raises(QuartermasterError):
        print_label("]E09506000134353")


def test_a_simulated_camera_shows_each_carton_in_turn_and_stops_when_closed() -> None:
    camera = SimulatedCamera(
        [Carton("]E09506000134352"), Carton("]E496385074")],
        seed=1,
        frames_each=2,
        rounds=2,
        size=(320, 180),
    )
    assert [frame.number for frame in camera.frames()] == list(range(8))
    camera.close()
    assert list(camera.frames()) == []
