"""Rendered slots and cartons are what they say they are, and the same for the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.vision import cutting
from cloud.vision.crops import HARMS, crops
from cloud.vision.matter import WORLDS, World
from cloud.vision.shelves import examples
from cloud.vision.slots import GLIMPSED, GOODS, HIDDEN, STATES
from edge.vision import embedding


@pytest.mark.parametrize("world", WORLDS)
def test_the_same_seed_draws_the_same_slots_and_another_one_others(world: World) -> None:
    one, same = list(examples(7, 8, world)), list(examples(7, 8, world))
    assert all(np.array_equal(a.now, b.now) for a, b in zip(one, same, strict=True))
    assert all(np.array_equal(a.then, b.then) for a, b in zip(one, same, strict=True))
    other = next(iter(examples(8, 1, world)))
    assert other.now.shape != one[0].now.shape or not np.array_equal(other.now, one[0].now)


@pytest.mark.parametrize("world", WORLDS)
def test_all_states_and_goods_come_and_only_what_is_well_covered_is_unknown(world: World) -> None:
    drawn = list(examples(1, 120, world))
    assert {each.state for each in drawn} == set(STATES)
    assert {each.good for each in drawn} == set(GOODS)
    assert {each.shows for each in drawn} == {"empty", "full"}
    for each in drawn:
        assert (each.state == "unknown") == (each.covered >= HIDDEN)
        assert each.covered <= GLIMPSED or each.covered >= HIDDEN
        assert each.now.shape == each.then.shape
        assert each.now.dtype == np.uint8
    counts = Counter(each.state for each in drawn)
    assert min(counts[state] for state in ("empty", "low", "full")) > 20


def test_an_emptied_slot_looks_otherwise_than_a_full_one() -> None:
    drawn = [each for each in examples(3, 60, "train", hidden=0) if each.shows == "full"]
    differ: dict[str, list[float]] = {"full": [], "empty": []}
    for each in drawn:
        if each.state in differ:
            now, then = (cutting.cut(it, each.polygon) for it in (each.now, each.then))
            centred = [it - it.mean() for it in (now.astype(float), then.astype(float))]
            differ[each.state].append(float(np.abs(centred[0] - centred[1]).mean()))
    assert np.median(differ["empty"]) > np.median(differ["full"])


@pytest.mark.parametrize("world", WORLDS)
def test_cartons_are_whole_or_damaged_in_every_way(world: World) -> None:
    drawn = list(crops(5, 60, world))
    assert {each.harm for each in drawn} == set(HARMS)
    assert 15 < sum(each.harm == "none" for each in drawn) < 45
    again = list(crops(5, 2, world))
    assert np.array_equal(drawn[1].picture, again[1].picture)
    assert min(min(each.picture.shape[:2]) for each in drawn) > 10


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=6),
    st.integers(2, 60),
    st.integers(2, 60),
    st.integers(0, 9),
)
def test_what_is_learned_from_is_cut_as_a_gateway_cuts(
    polygon: list[tuple[float, float]], width: int, height: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    points = np.array(polygon) * (width, height)
    ours, theirs = cutting.cut(image, points), embedding.cut(image, polygon)
    assert np.array_equal(ours, theirs)
    assert np.array_equal(cutting.small(ours), embedding.small(theirs))
