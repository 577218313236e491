"""What a source's names of items mean in ours. Pure; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Final, NamedTuple

from cloud.orders.sales.model import Meaning, Term

EACH: Final = frozenset({"", "EA", "EACH", "UN", "UNIT", "PC", "PCE", "PCS", "C62"})
"""Units that are one base unit: X12 element 355 and UN/ECE Recommendation 20."""
PACKS: Final[Mapping[str, str]] = {"CA": "case", "CS": "case", "CT": "case", "PL": "pallet"}
"""Units that are a pack of the catalog's."""


class Known(NamedTuple):
    """What the catalog and the channels' listings say of the names in question."""

    skus: Set[str]
    codes: Mapping[str, tuple[str, int]]
    listings: Mapping[tuple[str, str], str]
    packs: Mapping[tuple[str, str], Set[int]]


def padded(gtin: str) -> str:
    """A trade item number as the catalog holds it: 14 digits."""
    return gtin.zfill(14) if gtin.isdecimal() and len(gtin) <= 14 else gtin


def meaning(known: Known, term: Term) -> Meaning | None:
    """What a name means; None where the catalog does not know it, or its parts contradict."""
    item, held = known.codes.get(padded(term.gtin), ("", 1)) if term.gtin else ("", 1)
    if term.sku:
        if term.sku not in known.skus or item not in {"", term.sku}:
            return None
        item = term.sku
    if not item:
        item = _listed(known, term)
    if not item:
        return None
    if held > 1:
        return Meaning(item, held)
    units = _units(known, item, term.unit)
    return None if units is None else Meaning(item, units)


def listed_skus(known: Mapping[tuple[str, str], str], terms: Iterable[Term]) -> set[str]:
    """The SKUs that channels' codes among some names stand for."""
    return {
        sku
        for term in terms
        for sku in (known.get((scope, term.theirs)) for scope in term.scopes)
        if sku
    }


def _listed(known: Known, term: Term) -> str:
    found = {known.listings.get((scope, term.theirs), "") for scope in term.scopes} - {""}
    return found.pop() if term.theirs and len(found) == 1 else ""


def _units(known: Known, item: str, unit: str) -> int | None:
    unit = unit.strip().upper()
    if unit in EACH:
        return 1
    packs = known.packs.get((item, PACKS.get(unit, "")), frozenset())
    return next(iter(packs)) if len(packs) == 1 else None
