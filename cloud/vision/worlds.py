"""The worlds that scenes, shelves and cartons can be drawn in, by name.

``train`` is learnt from. ``test`` may be looked at while something is learnt, and has been: it says
how a model does beyond its own world, not quite blindly. ``fresh`` is for judging what is finished.
"""

from __future__ import annotations

from typing import Final

from cloud.vision import scenery_test, scenery_train, shelving_test, shelving_train
from cloud.vision.matter import Scenery, Shelving, World

SCENERY: Final[dict[World, Scenery]] = {
    "train": scenery_train.SCENERY,
    "test": scenery_test.SCENERY,
}
SHELVING: Final[dict[World, Shelving]] = {
    "train": shelving_train.SHELVING,
    "test": shelving_test.SHELVING,
}
NUMBERS: Final[dict[World, int]] = {"train": 0, "test": 1, "fresh": 2}
"""Which stream of chance a world draws from: the figures of shipped models stand on these."""
