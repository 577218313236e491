"""Note what is known of logistic units, and answer what they hold."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from cloud.db import Connection
from cloud.ledger.units import store
from cloud.ledger.units.model import Content, Unit, UnitFact, counting, unit_of
from cloud.ledger.units.store import New
from shared.units import Micros

__all__ = [
    "Announced",
    "Content",
    "New",
    "Unit",
    "announce",
    "note",
    "take_back",
    "take_back_ranges",
    "unit",
    "units",
]

_DEEP: Final = 8
"""Units within units; deeper ones are not looked into."""


class Announced(NamedTuple):
    """A notice says that so much of an item is in a package, and on what the package stands."""

    sscc: str
    sku: str = ""
    quantity: int = 0
    lot: str = ""
    serial: str = ""
    inside: str = ""


def note(connection: Connection, told: Sequence[New], *, at: Micros) -> int:
    """Note what is known, in the caller's transaction; the same again is known already."""
    return store.note(connection, told, at) if told else 0


def announce(
    connection: Connection,
    key: str,
    packages: Sequence[Announced],
    *,
    site_id: int,
    shipped_at: Micros,
    at: Micros,
) -> int:
    """A supplier says what its packages hold, as it stands now; ``key`` names the notice."""
    told = [
        New(
            f"announced:{key}:{_hash(number, each)}", each.sscc, "announced", each.inside,
            each.sku, each.lot, each.serial, each.quantity, site_id, "", None, 0, 0, 0, shipped_at,
        )
        for number, each in enumerate(packages)
    ]  # fmt: skip
    store.replace_announced(connection, f"announced:{key}", [each.key for each in told], at)
    return note(connection, told, at=at)


def _hash(number: int, said: Announced) -> str:
    return hashlib.sha256(repr((number, *said)).encode()).hexdigest()[:32]


def take_back(
    connection: Connection, undone: Sequence[tuple[str, int, int, int, int]], *, at: Micros
) -> None:
    """Events were undone: (event, gateway, epoch, seq, when)."""
    store.take_back_events(connection, undone, at)


def take_back_ranges(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    *,
    at: Micros,
) -> None:
    """Events turned out not to link: they never were."""
    store.take_back_ranges(connection, gateway_id, epoch, ranges, at)


def unit(
    connection: Connection,
    sscc: str,
    *,
    sites: frozenset[int] | None,
    true_at: int | None = None,
    known_at: int | None = None,
) -> Unit | None:
    """One unit at a moment, with what the units on it hold.

    Only facts of the sites that the caller may see count; None where there is none.
    """
    wanted, seen = {sscc}, dict[str, Unit]()
    for _ in range(_DEEP):
        found = _at(connection, wanted - seen.keys(), sites, true_at, known_at)
        seen |= found
        wanted = {c.inside for each in found.values() for c in each.contents if c.inside}
        if not wanted - seen.keys():
            break
    whole = seen.get(sscc)
    if whole is None:
        return None
    return whole._replace(contents=tuple(_within(sscc, seen, set())))


def units(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    item: str | None = None,
    true_at: int | None = None,
    known_at: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> tuple[list[str], list[Unit]]:
    """Units by SSCC that were ever seen at a site or held an item, as they are at a moment.

    Returns:
        The names that were looked at, after which a listing goes on, and what was found.
    """
    filters = {
        "sites": None if sites is None else sorted(sites),
        "site": site,
        "item": item,
        "after": None if after is None else after[0],
        "limit": limit,
    }
    names = store.holders(connection, filters)
    found = _at(connection, names, sites, true_at, known_at)
    return names, [found[name] for name in names if name in found]


def _at(
    connection: Connection,
    ssccs: Collection[str],
    sites: frozenset[int] | None,
    true_at: int | None,
    known_at: int | None,
) -> dict[str, Unit]:
    by_unit: defaultdict[str, list[UnitFact]] = defaultdict(list)
    for fact in store.facts(connection, ssccs) if ssccs else []:
        if sites is None or fact.site_id in sites:
            by_unit[fact.sscc].append(fact)
    return {
        sscc: found
        for sscc, told in by_unit.items()
        if (found := unit_of(sscc, counting(told, true_at, known_at))) is not None
    }


def _within(sscc: str, seen: dict[str, Unit], above: set[str]) -> Iterable[Content]:
    """What a unit holds, and what the units on it hold; a circle is walked once."""
    if sscc not in seen or sscc in above:
        return
    for content in seen[sscc].contents:
        yield content
        if content.inside:
            yield from _within(content.inside, seen, above | {sscc})
