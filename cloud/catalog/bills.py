"""Bills of material and kits: what a demand for one item asks of its components. Pure.

A graph here names, per item, what one run makes and what it takes. An item may be a component of
several others, so demands are summed before they are rounded up to whole runs: level by level, as
materials requirement planning does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

MAX_COMPONENTS: Final = 1000
"""Components of one bill."""
MAX_REACHED: Final = 10_000
"""Items that one demand may explode into."""
MAX_DEMAND: Final = 10**15
"""Base units of one component that a demand may explode into."""
_SHOWN: Final = 20


class Recipe(NamedTuple):
    """One run: ``makes`` base units of an item from (component, base units) pairs."""

    makes: int
    components: tuple[tuple[str, int], ...]


class Need(NamedTuple):
    """Base units of one item that a demand asks for; ``made`` where it has components itself."""

    sku: str
    quantity: int
    made: bool


def explode(sku: str, quantity: int, recipes: Mapping[str, Recipe]) -> list[Need]:
    """What ``quantity`` of ``sku`` asks of every item below it, by SKU.

    Raises:
        ValueError: the graph has a cycle, or a demand grows beyond ``MAX_DEMAND``.
    """
    demand: dict[str, int] = {sku: quantity}
    for item in _parents_first(sku, recipes):
        recipe = recipes.get(item)
        if recipe is None:
            continue
        runs = -(-demand[item] // recipe.makes)
        for component, each in recipe.components:
            needed = demand.get(component, 0) + runs * each
            if needed > MAX_DEMAND:
                raise ValueError(f"more than {MAX_DEMAND} of {component}")
            demand[component] = needed
    del demand[sku]
    return [Need(item, units, item in recipes) for item, units in sorted(demand.items())]


def _parents_first(sku: str, recipes: Mapping[str, Recipe]) -> list[str]:
    order: list[str] = []
    if (path := cycle([sku], recipes, order)) is not None:
        raise ValueError(" → ".join(path))
    return order[::-1]


def cycle(
    starts: Iterable[str],
    recipes: Mapping[str, Recipe],
    finished: list[str] | None = None,
) -> list[str] | None:
    """The path of a cycle that can be reached from ``starts``, its first item last again.

    ``finished`` receives each item after all that it takes. A walk without recursion: a chain of
    bills may be longer than the interpreter's stack.
    """
    finished = [] if finished is None else finished
    done: set[str] = set()
    for start in starts:
        if start in done:
            continue
        path = [start]
        place = {start: 0}
        ahead = [iter(_below(start, recipes))]
        while ahead:
            component = next(ahead[-1], None)
            if component is None:
                ahead.pop()
                left = path.pop()
                del place[left]
                done.add(left)
                finished.append(left)
            elif component in place:
                return [*path[place[component] :], component]
            elif component not in done:
                place[component] = len(path)
                path.append(component)
                ahead.append(iter(_below(component, recipes)))
    return None


def _below(sku: str, recipes: Mapping[str, Recipe]) -> list[str]:
    recipe = recipes.get(sku)
    return [] if recipe is None else [component for component, _ in recipe.components]


def shown(path: list[str]) -> str:
    """A path as people read it; of a long one both ends."""
    if len(path) > _SHOWN:
        path = [*path[: _SHOWN // 2], "…", *path[-_SHOWN // 2 :]]
    return " → ".join(path)
