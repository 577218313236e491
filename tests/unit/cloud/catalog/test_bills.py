"""A demand explodes into exactly what its parts need, and no item is ever part of itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.catalog.bills import MAX_DEMAND, Need, Recipe, cycle, explode, shown

ITEMS = [f"I{n}" for n in range(7)]
KITS = st.lists(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 5)), max_size=4), min_size=6, max_size=6
)


def downwards(kits: list[list[tuple[int, int]]]) -> dict[str, Recipe]:
    """Bills in which an item only takes what stands after it; so there is no cycle."""
    recipes: dict[str, Recipe] = {}
    for place, parts in enumerate(kits):
        found = {ITEMS[place + step]: each for step, each in parts if place + step < len(ITEMS)}
        if found:
            recipes[ITEMS[place]] = Recipe(1, tuple(found.items()))
    return recipes


def by_every_path(sku: str, quantity: int, recipes: dict[str, Recipe]) -> dict[str, int]:
    """The oracle: each path from the top to an item, multiplied out on its own."""
    needed: dict[str, int] = {}
    for part, each in recipes.get(sku, Recipe(1, ())).components:
        needed[part] = needed.get(part, 0) + quantity * each
        for below, units in by_every_path(part, quantity * each, recipes).items():
            needed[below] = needed.get(below, 0) + units
    return needed


@given(KITS, st.integers(1, 1000))
def test_an_explosion_is_the_sum_of_all_paths(
    kits: list[list[tuple[int, int]]], quantity: int
) -> None:
    recipes = downwards(kits)
    found = explode("I0", quantity, recipes)
    assert {need.sku: need.quantity for need in found} == by_every_path("I0", quantity, recipes)
    assert all(need.made == (need.sku in recipes) for need in found)


@given(KITS, st.integers(1, 1000), st.integers(1, 1000))
def test_two_demands_for_kits_need_what_their_sum_needs(
    kits: list[list[tuple[int, int]]], one: int, other: int
) -> None:
    recipes = downwards(kits)
    first, second, both = (explode("I0", n, recipes) for n in (one, other, one + other))
    assert [a.quantity + b.quantity for a, b in zip(first, second, strict=True)] == [
        need.quantity for need in both
    ]


@given(KITS, st.lists(st.tuples(st.sampled_from(ITEMS), st.sampled_from(ITEMS)), max_size=3))
def test_a_cycle_is_found_exactly_if_there_is_one_and_its_path_is_real(
    kits: list[list[tuple[int, int]]], more: list[tuple[str, str]]
) -> None:
    recipes = downwards(kits)
    for parent, part in more:
        held = recipes.get(parent, Recipe(1, ())).components
        recipes[parent] = Recipe(1, (*held, (part, 1)))
    reach = {sku: {part for part, _ in recipe.components} for sku, recipe in recipes.items()}
    for _ in ITEMS:
        for parts in reach.values():
            parts |= {below for part in parts for below in reach.get(part, set[str]())}
    path = cycle(ITEMS, recipes)
    assert (path is None) == all(sku not in parts for sku, parts in reach.items())
    if path is not None:
        assert path[0] == path[-1]
        for parent, part in pairwise(path):
            assert part in dict(recipes[parent].components)


def test_what_is_made_in_runs_is_summed_before_it_is_rounded_up() -> None:
    recipes = {
        "BOX": Recipe(1, (("LEFT", 1), ("RIGHT", 1))),
        "LEFT": Recipe(1, (("DOUGH", 3),)),
        "RIGHT": Recipe(1, (("DOUGH", 4),)),
        "DOUGH": Recipe(10, (("FLOUR", 6),)),
    }
    assert explode("BOX", 2, recipes) == [
        Need("DOUGH", 14, made=True),
        Need("FLOUR", 12, made=False),
        Need("LEFT", 2, made=True),
        Need("RIGHT", 2, made=True),
    ]


def test_a_chain_longer_than_the_stack_is_walked_and_a_flood_is_refused() -> None:
    chain = {f"C{n}": Recipe(1, ((f"C{n + 1}", 1),)) for n in range(5000)}
    assert len(explode("C0", 1, chain)) == 5000
    chain["C5000"] = Recipe(1, (("C0", 1),))
    assert "…" in shown(cycle(["C7"], chain) or [])
    flood = {f"F{n}": Recipe(1, ((f"F{n + 1}", 10_000_000),)) for n in range(3)}
    with pytest.raises(ValueError, match=str(MAX_DEMAND)):
        explode("F0", 1, flood)
