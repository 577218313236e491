"""The worlds that scenes, shelves and cartons can be drawn in, by name.

``train`` is learnt from. ``test`` may be looked at while something is learnt, and has been: what is
varied in ``train`` was widened after one look at it. So it says how a model does beyond its own
world, but not blindly. ``fresh`` judges what is finished, by the rules in ``scenery_fresh.py``.
"""

from __future__ import annotations

from typing import Final

from cloud.vision import (
    scenery_fresh,
    scenery_test,
    scenery_train,
    shelving_fresh,
    shelving_test,
    shelving_train,
)
from cloud.vision.matter import Scenery, Shelving, World

SCENERY: Final[dict[World, Scenery]] = {
    "train": scenery_train.SCENERY,
    "test": scenery_test.SCENERY,
    "fresh": scenery_fresh.SCENERY,
}
SHELVING: Final[dict[World, Shelving]] = {
    "train": shelving_train.SHELVING,
    "test": shelving_test.SHELVING,
    "fresh": shelving_fresh.SHELVING,
}
JUDGE: Final[World] = "fresh"
"""Where finished models are measured."""
NUMBERS: Final[dict[World, int]] = {"train": 0, "test": 1, "fresh": 2}
"""Which stream of chance a world draws from: the figures of shipped models stand on these."""
