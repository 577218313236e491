"""What ships for slots and damage is what its cards say, and tells what it was learned to tell."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

import numpy as np
import pytest

from cloud.vision.base import base_of
from cloud.vision.crops import crops
from cloud.vision.shelves import examples
from edge.vision.damage import SUSPECT
from edge.vision.embedding import Backbone, boxed, cut, judged, small
from edge.vision.models import FOLDER, load, read_card
from edge.vision.slots import compared


def test_the_backbone_is_small() -> None:
    card = read_card("backbone")
    parameters = card.trained["parameters"]
    assert isinstance(parameters, int)
    assert parameters <= 150_000
    assert (FOLDER / card.file).stat().st_size < 1024 * 1024


@pytest.mark.parametrize("name", ["backbone", "slots", "damage"])
def test_each_has_a_model_card_that_says_its_limits(name: str) -> None:
    assert "**Limits**" in (FOLDER / f"{name}.md").read_text("utf-8")
    card = read_card(name)
    assert sha256((FOLDER / card.file).read_bytes()).hexdigest() == card.sha256


@pytest.mark.parametrize("name", ["slots", "damage"])
def test_heads_and_base_sets_are_of_the_backbone_that_ships(name: str) -> None:
    card, backbone = read_card(name), read_card("backbone")
    assert card.trained["backbone_sha256"] == backbone.sha256
    base = base_of(name, bytes.fromhex(backbone.sha256))
    assert base is not None
    assert base.classes == card.classes
    said = judged(load(card), base.embeddings.astype(np.float32))
    assert [card.classes.index(each.label) for each in said] == base.said.tolist()
    assert (base.said == base.labels).mean() > 0.85


def test_what_it_says_surely_of_slots_is_right() -> None:
    backbone, head = Backbone(), load(read_card("slots"))
    counts: Counter[bool] = Counter()
    for each in examples(31, 60, "train", hidden=0):
        height, width = each.now.shape[:2]
        polygon = [(x / width, y / height) for x, y in each.polygon.tolist()]
        now, then = backbone.embed([small(cut(it, polygon)) for it in (each.now, each.then)])
        (verdict,) = judged(head, compared(now, then, each.shows)[None])
        if verdict.is_sure:
            counts[verdict.label == each.state] += 1
    assert counts[True] >= 30
    assert counts[False] <= 2


def test_few_whole_cartons_are_suspected_and_many_damaged_ones() -> None:
    backbone, head = Backbone(), load(read_card("damage"))
    suspected: Counter[bool] = Counter()
    for each in crops(31, 80, "train"):
        height, width = each.picture.shape[:2]
        crop = boxed(each.picture, (0, 0, width, height))
        assert crop is not None
        (verdict,) = judged(head, backbone.embed([crop]))
        suspected[each.harm == "none"] += verdict.is_sure and verdict.label == SUSPECT
    assert suspected[True] <= 3
    assert suspected[False] >= 15
