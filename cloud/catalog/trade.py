"""Use cases of what only the cloud works with: bring a trade file in, read facts, explode bills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple, cast

from cloud.catalog import bills, store, store_facts
from cloud.catalog.bills import Need, Recipe
from cloud.catalog.calendars import ALWAYS_OPEN, Calendar, calendar
from cloud.catalog.cells import Value
from cloud.catalog.checks import (
    Heard,
    codes_named,
    cycles,
    items_named,
    linked_to_themselves,
    odd_packs,
    offer_flaws,
    planning_flaws,
    said,
    unknown_items,
)
from cloud.catalog.facts import Fact, TradeTable, merged, term
from cloud.catalog.landed import Landed, Part, Price, Rates, landed
from cloud.catalog.model import RowError, TradeKind
from cloud.catalog.planning import PLANNING, Noun
from cloud.db import Connection
from shared.errors import QuartermasterError

_KEYS: Final[dict[TradeKind, tuple[str, ...]]] = {
    "assortment": ("item",),
    "packs": ("name",),
    "links": ("item", "name", "item"),
    "suppliers": ("supplier",),
    "offers": ("supplier", "item"),
    "bills": ("item", "name"),
    **{kind: ("name",) * len(one.shape.key) for kind, one in PLANNING.items()},
}
"""What each part of a key is the name of; a part that is only a name is kept as it is."""


class Brought(NamedTuple):
    """A trade file laid beside the catalog: what it would write, and how many rows do what."""

    kind: TradeKind
    facts: list[Fact]
    items: dict[str, int]
    verdicts: Counter[str]


def bring(connection: Connection, kind: TradeKind, table: TradeTable, *, at: int) -> Brought:
    """Compare a file with revision ``at`` and note what only the database can see is wrong."""
    named = {sku for one in table.stated for _, _, sku in items_named(kind, one)}
    items = store.item_ids(connection, sorted(named))
    firsts = sorted({stated.key[0] for stated in table.stated})
    held = {
        fact.key: fact for fact in store_facts.page(connection, kind, revision=at, firsts=firsts)
    }
    heard = [(stated, merged(kind, stated, held.get(stated.key))) for stated in table.stated]
    for flaw in _flaws(connection, kind, heard, items, at=at):
        table.errors.add(flaw)
    verdicts: Counter[str] = Counter()
    facts: list[Fact] = []
    for _, fact in heard:
        before = held.get(fact.key)
        verdict = "inserted" if before is None else "unchanged" if before == fact else "changed"
        verdicts[verdict] += 1
        if verdict != "unchanged":
            facts.append(fact)
    return Brought(kind, facts, items, verdicts)


def apply(connection: Connection, brought: Brought, *, at: int) -> None:
    """Write what was brought, at revision ``at``."""
    parts = _KEYS[brought.kind]
    codes = [fact.key[0] for fact in brought.facts]
    if brought.kind == "suppliers":
        store_facts.insert_suppliers(connection, codes)
    suppliers = store_facts.supplier_ids(connection, codes) if "supplier" in parts else {}
    ids: dict[str, Mapping[str, int]] = {"item": brought.items, "supplier": suppliers}

    def keys(fact: Fact) -> tuple[int | str, ...]:
        named = zip(parts, fact.key, strict=True)
        return tuple(name if part == "name" else ids[part][name] for part, name in named)

    def stored(fact: Fact) -> Fact:
        lines = ((brought.items[str(component)], each) for component, each in fact.lines)
        return fact._replace(lines=tuple(lines)) if brought.kind == "bills" else fact

    rows = ((keys(fact), stored(fact)) for fact in brought.facts)
    store_facts.write(connection, brought.kind, rows, at=at)


def explode(
    connection: Connection, sku: str, quantity: int, *, on: date, revision: int
) -> list[Need]:
    """What ``quantity`` base units of an item ask of all below it, by the bills in force on a day.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown item; ``request.invalid`` where
            it reaches too many items or asks too many of one.
    """
    if not store.item_ids(connection, [sku]):
        raise QuartermasterError("request.not-found", f"item {sku}", where="sku")
    recipes: dict[str, Recipe] = {}
    seen, ahead = {sku}, [sku]
    while ahead:
        found = store_facts.page(connection, "bills", revision=revision, firsts=ahead)
        level = {item: _recipe(fact) for item, fact in in_force(found, on).items()}
        recipes |= level
        ahead = sorted({part for recipe in level.values() for part, _ in recipe.components} - seen)
        seen.update(ahead)
        if len(seen) > bills.MAX_REACHED:
            says = f"{sku} reaches more than {bills.MAX_REACHED} items"
            raise QuartermasterError("request.invalid", says, where="sku")
    try:
        return bills.explode(sku, quantity, recipes)
    except ValueError as error:
        raise QuartermasterError("request.invalid", str(error), where="quantity") from None


def in_force(found: Iterable[Fact], on: date) -> dict[str, Fact]:
    """The bill of each item that counts on a day: the last that has begun and is not removed."""
    chosen: dict[str, tuple[date, str, Fact]] = {}
    for fact in found:
        begun = term("bills", fact, "valid_from")
        if term("bills", fact, "removed") or not isinstance(begun, date) or begun > on:
            continue
        sku, version = fact.key
        if sku not in chosen or (begun, version) > chosen[sku][:2]:
            chosen[sku] = begun, version, fact
    return {sku: fact for sku, (_, _, fact) in chosen.items()}


def recipes(connection: Connection, *, on: date, revision: int) -> dict[str, Recipe]:
    """Every kit and all that is made, by the bills in force on a day: for many explosions at once.

    ``bills.explode(sku, quantity, recipes)`` then asks no database.
    """
    found = store_facts.page(connection, "bills", revision=revision)
    return {item: _recipe(fact) for item, fact in in_force(found, on).items()}


def landed_cost(
    connection: Connection, supplier: str, sku: str, quantity: int, *, lane: str, revision: int
) -> Landed:
    """What ``quantity`` base units of an offer cost once they are here, by a lane or, "", by none.

    Raises:
        QuartermasterError: ``request.not-found`` without such an offer or lane;
            ``request.invalid`` where the quantity has no price, or the currencies differ.
    """
    offer = _one(connection, "offers", supplier, sku, revision=revision)
    rates = None
    if lane:
        way = said("lanes", _one(connection, "lanes", lane, revision=revision))
        rates = Rates(
            str(way["currency"]), _whole(way["fixed"]), _whole(way["cost"]), _whole(way["per"]) or 1
        )
    rows = store_facts.page(
        connection, "costs", revision=revision, firsts=["", lane], seconds=["", supplier]
    )
    parts = [
        _part(fact)
        for fact in rows
        if fact.key[2] in {"", sku} and not term("costs", fact, "removed")
    ]
    terms = said("offers", offer)
    breaks = tuple((start, cost) for start, cost in offer.lines)
    price = Price(str(terms["currency"]), _whole(terms["per"]) or 1, cast("Any", breaks))
    try:
        return landed(price, quantity, parts, rates=rates)
    except ValueError as error:
        raise QuartermasterError("request.invalid", str(error), where="quantity") from None


def calendar_of(connection: Connection, owner: str, code: str, *, revision: int) -> Calendar:
    """When a site or a supplier works; always where nobody said."""
    found = store_facts.page(
        connection, "calendars", revision=revision, firsts=[owner], seconds=[code]
    )
    if not found or term("calendars", found[0], "removed"):
        return ALWAYS_OPEN
    return calendar(term("calendars", found[0], "workdays"), found[0].lines)


def _one(connection: Connection, kind: TradeKind, *key: str, revision: int) -> Fact:
    found = store_facts.page(
        connection,
        kind,
        revision=revision,
        firsts=[key[0]],
        seconds=[key[1]] if len(key) > 1 else None,
    )
    if not found or term(kind, found[0], "removed"):
        raise QuartermasterError("request.not-found", f"{kind}: {' '.join(key)}")
    return found[0]


def _part(fact: Fact) -> Part:
    lane, supplier, sku, part = fact.key
    row = said("costs", fact)
    return Part(
        lane,
        supplier,
        sku,
        part,
        _whole(row["percent"]),
        str(row["base"]),
        _whole(row["amount"]),
        str(row["currency"]),
        _whole(row["per"]) or 1,
    )


def _whole(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _flaws(
    connection: Connection, kind: TradeKind, heard: Heard, items: Mapping[str, int], *, at: int
) -> Iterator[RowError]:
    yield from unknown_items(kind, heard, items)
    match kind:
        case "packs":
            packs = store_facts.packs_of(connection, sorted({one.key[0] for one, _ in heard}))
            yield from odd_packs(heard, packs)
        case "links":
            yield from linked_to_themselves(heard)
        case "offers":
            codes = {one.key[0] for one, _ in heard}
            yield from offer_flaws(heard, store_facts.supplier_ids(connection, codes))
        case "bills":
            yield from cycles(heard, store_facts.page(connection, "bills", revision=at))
        case "assortment" | "suppliers":
            pass
        case _:
            named = codes_named(kind, heard)
            known: dict[Noun, set[str]] = {
                noun: store_facts.known(connection, noun, sorted(codes))
                for noun, codes in named.items()
            }
            yield from planning_flaws(kind, heard, known)


def _recipe(fact: Fact) -> Recipe:
    makes = term("bills", fact, "makes")
    return Recipe(
        makes if isinstance(makes, int) else 1,
        tuple((str(part), each) for part, each in fact.lines if isinstance(each, int)),
    )
