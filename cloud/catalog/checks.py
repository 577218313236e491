"""What a trade file says that cannot be, seen beside the catalog; every flaw has a cell. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from cloud.catalog import bills
from cloud.catalog.bills import Recipe
from cloud.catalog.facts import Fact, Stated, term
from cloud.catalog.kinds import LEVELS, SHAPES
from cloud.catalog.model import NewCode, PlanningKind, RowError, TradeKind, row_error
from cloud.catalog.planning import PLANNING, Noun, Said

Heard = Sequence[tuple[Stated, Fact]]
"""What a file says of each key, and what the catalog would say then."""


class Pack(NamedTuple):
    """A trade item number, whose it is, what one holds and its level; "" where nobody said."""

    sku: str
    gtin: str
    quantity: int
    level: str


def items_named(kind: TradeKind, one: Stated) -> Iterator[tuple[int, str, str]]:
    """Every item that a key's rows name: (line, column, SKU)."""
    match kind:
        case "assortment":
            yield one.line, "sku", one.key[0]
        case "links":
            yield one.line, "sku", one.key[0]
            yield one.line, "other", one.key[2]
        case "offers":
            yield one.line, "sku", one.key[1]
        case "bills":
            yield one.line, "sku", one.key[0]
            for line, part in zip(one.at, one.lines, strict=True):
                yield line, "component", str(part[0])
        case _:
            pass


def unknown_items(kind: TradeKind, heard: Heard, items: Collection[str]) -> Iterator[RowError]:
    """Items that the catalog does not have."""
    for line, column, sku in chain.from_iterable(items_named(kind, one) for one, _ in heard):
        if sku not in items:
            yield row_error(line, column, f"There is no item {sku}", "Import the item first")


def said(kind: TradeKind, fact: Fact) -> Said:
    """All that a fact says, by column."""
    shape = SHAPES[kind]
    names = [column.name for column in shape.key + shape.terms]
    return dict(zip(names, (*fact.key, *fact.terms), strict=True))


def codes_named(kind: TradeKind, heard: Heard) -> dict[Noun, set[str]]:
    """Every code of something else that a planning file names, by what it is a code of."""
    found: defaultdict[Noun, set[str]] = defaultdict(set)
    for noun, _, _, code in _named(kind, heard):
        found[noun].add(code)
    return found


def _named(kind: TradeKind, heard: Heard) -> Iterator[tuple[Noun, int, str, str]]:
    for one, fact in heard:
        says = said(kind, fact)
        if kind == "calendars":
            yield ("site" if fact.key[0] == "site" else "supplier"), one.line, "code", fact.key[1]
        for column, noun in PLANNING[kind].named if kind in PLANNING else ():
            if code := says[column]:
                yield noun, one.line, column, str(code)


def planning_flaws(
    kind: PlanningKind, heard: Heard, known: Mapping[Noun, Collection[str]]
) -> Iterator[RowError]:
    """Codes of what there is not, and what contradicts itself."""
    for noun, line, column, code in _named(kind, heard):
        if code not in known[noun]:
            says = f"There is no {noun} {code}"
            yield row_error(line, column, says, f"Import the {noun} first")
    for one, fact in heard:
        for column, says, do in PLANNING[kind].flaws(said(kind, fact)):
            yield row_error(one.line, column, says, do)
        for line, (closed, last, *_) in zip(one.at, one.lines, strict=True):
            if closed is not None and last is not None and str(last) < str(closed):
                says = f"{last} is before {closed}"
                yield row_error(line, "last", says, "Let it end on its first day or later")


def linked_to_themselves(heard: Heard) -> Iterator[RowError]:
    """Links from an item to itself."""
    for one, _ in heard:
        if one.key[0] == one.key[2]:
            says = f"{one.key[0]} is linked to itself"
            yield row_error(one.line, "other", says, "Name another item")


def offer_flaws(heard: Heard, suppliers: Collection[str]) -> Iterator[RowError]:
    """Offers of nobody, and offers whose least order has no cost."""
    for one, fact in heard:
        if one.key[0] not in suppliers:
            says = f"There is no supplier {one.key[0]}"
            yield row_error(one.line, "supplier", says, "Import the supplier first")
        minimum, lowest = term("offers", fact, "minimum"), fact.lines[0][0]
        if isinstance(minimum, int) and isinstance(lowest, int) and lowest > minimum:
            says = f"Nothing is said of what {minimum} cost, the least that can be ordered"
            yield row_error(one.at[0], "from", says, f"Start at {minimum} or below")


def odd_packs(heard: Heard, packs: Iterable[Pack]) -> Iterator[RowError]:
    """Packs of nobody, and packs that hold no whole number of the next smaller pack.

    ``packs`` are all of the items that hold one of those in the file, as the catalog has them.
    """
    lines = {one.key[0]: one.line for one, _ in heard}
    levels = {one.key[0]: str(fact.terms[0]) for one, fact in heard}
    of_item: defaultdict[str, list[Pack]] = defaultdict(list)
    for pack in packs:
        of_item[pack.sku].append(pack._replace(level=levels.get(pack.gtin, pack.level)))
    known = {pack.gtin for pack in chain.from_iterable(of_item.values())}
    for gtin in sorted(lines.keys() - known):
        says, do = f"No item has {gtin}", "Import the item with it first"
        yield row_error(lines[gtin], "gtin", says, do)
    for held in of_item.values():
        first = min(lines[pack.gtin] for pack in held if pack.gtin in lines)
        for pack, says in _odd(held):
            do = "Correct the level, or the quantity in the items"
            yield row_error(lines.get(pack.gtin, first), "level", says, do)


def odd_quantities(codes: Iterable[NewCode], levels: Mapping[str, str]) -> Iterator[RowError]:
    """Quantities of an items file by which a pack, of the level that it has, would not come out."""
    lines: dict[str, int] = {}
    of_item: defaultdict[str, list[Pack]] = defaultdict(list)
    for code in codes:
        if level := levels.get(code.gtin):
            lines[code.gtin] = code.line
            of_item[code.sku].append(Pack(code.sku, code.gtin, code.quantity, level))
    for pack, says in chain.from_iterable(_odd(held) for held in of_item.values()):
        do = "Correct the quantity, or first the level in the packs"
        yield row_error(lines[pack.gtin], "quantity", says, do)


def _odd(packs: Sequence[Pack]) -> Iterator[tuple[Pack, str]]:
    """Packs that no pack of the next smaller level fills, and how that is said."""
    smaller: list[Pack] = []
    for level in LEVELS:
        here = [pack for pack in packs if pack.level == level]
        for pack in here:
            if smaller and not any(_fills(one, pack) for one in smaller):
                small = smaller[0]
                says = f"The {level} of {pack.sku} holds {pack.quantity}, which is no multiple of"
                yield pack, f"{says} the {small.quantity} in its {small.level}"
        smaller = here or smaller


def _fills(small: Pack, large: Pack) -> bool:
    return large.quantity > small.quantity and large.quantity % small.quantity == 0


def cycles(heard: Heard, held: Iterable[Fact]) -> Iterator[RowError]:
    """The first path by which an item, in whichever versions of bills, would be part of itself.

    The catalog had none before, so one of the file's own lines is on the path.
    """
    every = {fact.key: fact for fact in held} | {fact.key: fact for _, fact in heard}
    parts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for fact in every.values():
        if not term("bills", fact, "removed"):
            parts[fact.key[0]].update((str(line[0]), 1) for line in fact.lines)
    recipes = {sku: Recipe(1, tuple(found.items())) for sku, found in parts.items()}
    path = bills.cycle([one.key[0] for one, _ in heard], recipes)
    steps = set(pairwise(path or ()))
    for one, fact in heard:
        if term("bills", fact, "removed"):
            continue
        for line, part in zip(one.at, one.lines, strict=True):
            if (one.key[0], part[0]) in steps:
                says = f"An item would be part of itself: {bills.shown(path or [])}"
                yield row_error(line, "component", says, code="catalog.cycle")
