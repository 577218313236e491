"""What others call our orders: from a document's references to the names that we keep. Pure.

An order is known by our number, whoever writes it: a supplier's "customer order" is it, too. A
supplier's own numbers are the supplier's; of shipments the shipper's; a carrier's are of the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cloud.feeds.documents import Numbering, Reference
from shared.errors import QuartermasterError

OURS: Final = (Numbering.OURS, Numbering.CUSTOMER)
"""Our own numbers, as we or a supplier writes them."""


def own_number(references: Sequence[Reference]) -> str:
    """Our number of an order among its references, "" where it has none."""
    for numbering in OURS:
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
