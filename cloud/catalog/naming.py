"""What others call our columns, and whether a mapping says all that a kind needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from cloud.catalog.kinds import SHAPES, columns
from cloud.catalog.model import IMPORT_KINDS, ImportKind
from cloud.catalog.table import Columns
from cloud.tables import REMARKS, ColumnMapping, lines, proposed
from shared.errors import QuartermasterError

_WORDS: Final = {
    "sku": (
        "item, item number, item code, article, article number, product, product code, "
        "part number, material, stock code, seller sku, variant sku, Artikel, "
        "Artikelnummer, Art Nr, artikelcode"
    ),
    "name": "description, item name, product name, title, Bezeichnung, Name, omschrijving",
    "gtin": "barcode, ean, ean code, upc, ean13, variant barcode, ISBN",
    "quantity": "qty, units, pieces, amount per, Menge, aantal",
    "supplier": "vendor, vendor code, supplier code, Lieferant, leverancier, creditor",
    "cost": "unit cost, purchase price, cost price, net price, Einkaufspreis, EK, inkoopprijs",
    "price": "sales price, retail price, list price, unit price, Verkaufspreis, VK, verkoopprijs",
    "currency": "currency code, Währung, valuta",
    "category": "product group, group, department, Warengruppe, product type",
    "shelf_life": "shelf life days, shelf life, Haltbarkeit",
    "site": "warehouse, plant, location name, facility, store, Lager, magazijn",
    "code": "number, id, key, bin, bin code",
    "lead_days": "lead time, lead time days, delivery days, Lieferzeit, levertijd",
    "minimum": "moq, minimum order, minimum order quantity, min order qty, Mindestmenge",
    "multiple": "order multiple, pack size, rounding, order unit, Verpackungseinheit",
    "from": "from quantity, break quantity, scale, ab Menge, Staffel",
    "per": "price per, price unit, Preiseinheit",
    "reference": (
        "supplier sku, vendor sku, vendor item, supplier reference, Lieferantenartikelnummer"
    ),
    "customer": "customer number, account, client, Kunde, klant",
    "channel": "sales channel, marketplace",
    "starts": "start, start date, from date, valid from, von, gültig ab",
    "ends": "end, end date, to date, valid to, bis, gültig bis",
    "component": "part, child, child item, ingredient, Komponente",
    "payment_days": "payment terms, net days, Zahlungsziel",
    "days": "transit time, transit days, Laufzeit",
}
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(words.split(", ")) for name, words in _WORDS.items()
}
"""Names that exports of shops, warehouses and bookkeeping are seen to use, the likeliest first."""


def proposal(kind: ImportKind, content: bytes | str, *, header: int = 1) -> ColumnMapping:
    """A first mapping for a file of another system, by the names in its header.

    Raises:
        QuartermasterError: ``payload.too-large`` or ``catalog.file``.
    """
    unknown = ColumnMapping(kind=kind, header=header)
    for number, cells in lines(content, code="catalog.file", mapping=unknown, expected=kind):
        if number >= header:
            found = proposed(kind, cells, SHAPES[kind].header, SYNONYMS)
            return replace(found, header=header)
    raise QuartermasterError("catalog.file", "the file ends before its header")


def check_mapping(mapping: ColumnMapping) -> None:
    """Let a mapping through that says all that its kind needs, and nothing else.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    for kind in IMPORT_KINDS:
        if kind == mapping.kind:
            return check_columns(mapping, columns(kind))
    raise QuartermasterError("request.invalid", f"no kind {mapping.kind!r}", where="kind")


def check_columns(mapping: ColumnMapping, known: Columns) -> None:
    """The same for a kind with these columns.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    given = {*mapping.columns, *mapping.constants}
    every = {*known.required, *known.optional}
    if twice := mapping.columns.keys() & mapping.constants.keys():
        says = f"{min(twice)!r} has a column and a constant"
        raise QuartermasterError("request.invalid", says, where="constants")
    if odd := given - every:
        says = f"{min(odd)[:40]!r} is no column of {mapping.kind}: {', '.join(sorted(every))}"
        raise QuartermasterError("request.invalid", says, where="columns")
    if odd := [name for name in mapping.factors if known.forms.get(name) != "number"]:
        says = f"{odd[0][:40]!r} is no number of {mapping.kind}"
        raise QuartermasterError("request.invalid", says, where="factors")
    if missing := [name for name in known.required if name not in given]:
        says = f"nothing is said of {', '.join(missing)}"
        raise QuartermasterError("request.invalid", says, where="columns")
    if any(theirs.casefold() == REMARKS for theirs in mapping.columns.values()):
        says = f"{REMARKS!r} is where corrected files have their remarks"
        raise QuartermasterError("request.invalid", says, where="columns")
