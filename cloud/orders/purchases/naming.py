"""What others call our orders and our goods: from a document's references and names to ours. Pure.

An order is known by our number, whoever writes it: a supplier's "customer order" is it, too. A
supplier's own numbers are the supplier's; of shipments the shipper's; a carrier's are of the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cloud.feeds.documents import Goods, Line, Numbering, Reference
from shared.errors import QuartermasterError
from shared.units import MAX_QUANTITY

EACH: Final = frozenset({"", "EA", "PC", "PCE", "UN", "C62"})
CASE: Final = frozenset({"CA", "CS", "CT"})
PALLET: Final = frozenset({"PL", "PF"})
"""X12 element 355 (and UN/ECE 20 C62): base units, cases, pallets."""

Names = Mapping[tuple[str, str], set[tuple[str, int]]]
_OURS: Final = (Numbering.OURS, Numbering.CUSTOMER)


class Meant(NamedTuple):
    """What a line means in our words: base units, of which one unit of the line holds ``per``."""

    sku: str
    quantity: int
    per: int


def own_number(references: Sequence[Reference]) -> str:
    """Our number of an order among its references, "" where it has none."""
    for numbering in _OURS:
        for reference in references:
            if reference.numbering is numbering:
                return reference.number
    return ""


def first_number(references: Sequence[Reference], *wanted: Numbering) -> Reference:
    """The first reference of these numberings, in their order, else the first there is.

    Raises:
        QuartermasterError: ``purchase.document`` for a document without any number.
    """
    for numbering in wanted:
        for reference in references:
            if reference.numbering is numbering:
                return reference
    if not references:
        raise QuartermasterError("purchase.document", "it has no number", where="references")
    return references[0]


def brought(references: Iterable[Reference], supplier: str) -> list[str]:
    """The aliases that a document gives to the order that it is of."""
    found: list[str] = []
    for reference in references:
        number = reference.number
        match reference.numbering:
            case Numbering.OURS | Numbering.CUSTOMER:
                found.append(f"ours::{number}")
            case Numbering.SUPPLIER:
                found.append(f"supplier:{supplier}:{number}")
            case Numbering.SHIPMENT:
                found += [f"shipment:{reference.scope or supplier}:{number}"]
                found += [f"shipment:*:{number}"]
            case Numbering.TRACKING:
                found.append(f"tracking::{number}")
            case _:
                pass
    return found


def awaited(references: Iterable[Reference], supplier: str) -> list[str]:
    """The aliases by which a document names the order that it is of."""
    found: list[str] = []
    for reference in references:
        if reference.numbering is Numbering.SHIPMENT:
            scope = reference.scope or supplier
            found.append(f"shipment:{scope or '*'}:{reference.number}")
        else:
            found += brought([reference], supplier)
    return found


def wanted_names(goods: Iterable[Goods]) -> tuple[list[str], list[str], list[str]]:
    """The SKUs, trade item numbers and suppliers' names to look up."""
    each = list(goods)
    return (
        sorted({one.sku for one in each if one.sku}),
        sorted({gtin14(one.gtin) for one in each if one.gtin}),
        sorted({one.theirs for one in each if one.theirs}),
    )


def gtin14(text: str) -> str:
    """A trade item number in fourteen digits, as the catalog keeps it."""
    return text.zfill(14) if text.isdecimal() and len(text) <= 14 else text[:80]


def meant(line: Line, names: Names) -> Meant:
    """What a line means: by its SKU, else by its trade item number, else by the supplier's name.

    A trade item number also says how many base units one of it holds. Where two of a line's names
    mean different items, none is believed.

    Raises:
        QuartermasterError: ``purchase.unknown-item`` or ``purchase.unit``.
    """
    goods, where = line.goods, f"line {line.number}"
    found = [
        (which, names.get((which, name), set()))
        for which, name in (
            ("sku", goods.sku),
            ("gtin", gtin14(goods.gtin) if goods.gtin else ""),
            ("theirs", goods.theirs),
        )
        if name
    ]
    known = [(which, each) for which, each in found if each]
    skus = {sku for _, each in known for sku, _ in each}
    named = ", ".join(text for text in (goods.sku, goods.gtin, goods.theirs) if text)
    if not skus:
        says = f"{named or goods.name[:60] or 'no name'}"
        raise QuartermasterError("purchase.unknown-item", says, where=where)
    if len(skus) > 1:
        says = f"{named} mean {', '.join(sorted(skus))}"
        raise QuartermasterError("purchase.unknown-item", says, where=where)
    sku = skus.pop()
    packs = dict(known).get("gtin")
    per = next(iter(packs))[1] if packs else _pack(line, sku, names)
    if line.quantity * per > MAX_QUANTITY:
        says = f"{line.quantity} × {per} of {sku}"
        raise QuartermasterError("purchase.unit", says, where=where)
    return Meant(sku, line.quantity * per, per)


def _pack(line: Line, sku: str, names: Names) -> int:
    unit = line.unit.upper()
    if unit in EACH:
        return 1
    which = "case" if unit in CASE else "pallet" if unit in PALLET else ""
    packs = names.get((which, sku), set())
    if len(packs) != 1:
        says = f"{unit} of {sku}: {'several packs' if packs else 'no pack'} in the catalog"
        raise QuartermasterError("purchase.unit", says, where=f"line {line.number}")
    return next(iter(packs))[1]
