"""The catalog's words: rows as they may enter, what an import did, what was wrong with a row.

Pure. A row is checked here cell by cell; what needs the database (an unknown site, a trade item
number that belongs to somebody else) is checked by the service.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

from cloud.tables import rounded
from shared.errors import CATALOGUE, Code
from shared.gs1 import check_digit
from shared.units import MAX_QUANTITY

PlaceKind = Literal["sites", "items", "locations"]
"""What gateways work with, too."""
PlanningKind = Literal[
    "channels", "lanes", "costs", "agreements", "calendars", "promotions", "contracts"
]
"""What planning works with."""
TradeKind = Literal[
    "assortment",
    "packs",
    "links",
    "suppliers",
    "offers",
    "bills",
    "channels",
    "lanes",
    "costs",
    "agreements",
    "calendars",
    "promotions",
    "contracts",
]
"""What only the cloud works with."""
ImportKind = Literal[
    "sites",
    "items",
    "locations",
    "assortment",
    "packs",
    "links",
    "suppliers",
    "offers",
    "bills",
    "channels",
    "lanes",
    "costs",
    "agreements",
    "calendars",
    "promotions",
    "contracts",
]
IMPORT_KINDS: Final[tuple[ImportKind, ...]] = get_args(ImportKind)

COUNT_CLASSES: Final = ("A", "B", "C")
"""How often an item is counted, the most often first; C where nobody said."""
MAX_NAME: Final = 200
MAX_ERRORS: Final = 1000
"""Errors reported of one file; the rest is counted only."""
_GTIN_LENGTHS: Final = (8, 12, 13, 14)


class RowError(NamedTuple):
    """One cell that cannot be used: where it stands, what was wrong, what to do."""

    line: int
    column: str
    code: Code
    says: str
    do: str


class Report(NamedTuple):
    """What an import did, or would do.

    ``revision`` is the catalog's revision afterwards. With errors nothing was applied and the
    counts are zero; ``more_errors`` counts those beyond the first ``MAX_ERRORS``.
    """

    kind: ImportKind
    dry_run: bool
    rows: int
    inserted: int
    changed: int
    unchanged: int
    revision: int
    errors: tuple[RowError, ...] = ()
    more_errors: int = 0


class SiteRow(NamedTuple):
    """A site as listed."""

    site_id: int
    code: str
    name: str
    region: str
    timezone: str
    currency: str


class ItemRow(NamedTuple):
    """An item as listed, with its (gtin, quantity, level) triples.

    Money is minor units of ``currency``, ``shelf_life`` days; None, or "", where nobody said.
    """

    item_id: int
    sku: str
    name: str
    removed: bool
    revision: int
    codes: list[tuple[str, int, str]]
    category: str
    cost: int | None
    price: int | None
    currency: str
    shelf_life: int | None

    @property
    def margin(self) -> int | None:
        """What is left of the price, in minor units; negative where it sells at a loss."""
        return None if self.price is None or self.cost is None else self.price - self.cost

    @property
    def margin_basis_points(self) -> int | None:
        """The margin per 10,000 of the price, cut towards zero."""
        if self.margin is None or not self.price:
            return None
        share = abs(self.margin) * 10_000 // self.price
        return share if self.margin >= 0 else -share


class NewSite(NamedTuple):
    """A site as a file states it."""

    line: int
    code: str
    name: str
    region: str
    timezone: str
    currency: str


class NewItem(NamedTuple):
    """An item as the first of its rows states it; ``count_class`` None where the file is silent."""

    line: int
    sku: str
    name: str
    removed: bool
    count_class: str | None


class NewCode(NamedTuple):
    """One trade item number of an item."""

    line: int
    gtin: str
    sku: str
    quantity: int


class NewLocation(NamedTuple):
    """A location as a file states it.

    ``zone`` and ``capacity`` are None where the file is silent; an empty zone is none.
    """

    line: int
    site: str
    code: str
    role: str
    removed: bool
    zone: str | None
    capacity: int | None


def row_error(
    line: int, column: str, says: str, do: str = "", *, code: Code = "catalog.row"
) -> RowError:
    """A row error; without ``do``, the catalogue's remedy."""
    return RowError(line, column, code, says, do or CATALOGUE[code].do)


def normalize_gtin(text: str) -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits; a ValueError says what is wrong with it."""
    if rounded(text):
        raise ValueError(f"{text[:40]!r} is how a spreadsheet shortens a GTIN; its digits are lost")
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text[:40]!r} holds other characters than digits")
    if len(text) not in _GTIN_LENGTHS:
        raise ValueError(
            f"{text[:40]!r} has {len(text)} digits; a GTIN has 8, 12, 13 or 14"
            " (did a spreadsheet eat leading zeros?)"
        )
    if (expected := check_digit(text[:-1])) != int(text[-1]):
        raise ValueError(f"{text} ends in {text[-1]}; its check digit is {expected}")
    return text.zfill(14)


def quantity(text: str) -> int:
    """Base units in one of a trade item; a ValueError says what is wrong with it."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"{text[:40]!r} is not a whole number")
    if not 1 <= int(text) <= MAX_QUANTITY:
        raise ValueError(f"{text} is not between 1 and {MAX_QUANTITY}")
    return int(text)


def capacity(text: str) -> int:
    """Base units that a location holds; a ValueError says what is wrong with it."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"{text[:40]!r} is not a whole number")
    if int(text) > MAX_QUANTITY:
        raise ValueError(f"{text} is above {MAX_QUANTITY}")
    return int(text)


def count_class(text: str) -> str:
    """A, B or C; a ValueError says what is wrong with it."""
    if text.upper() not in COUNT_CLASSES:
        raise ValueError(f"{text[:40]!r} is none of A, B and C")
    return text.upper()


def yes_or_no(text: str) -> bool:
    """The ``removed`` column; a ValueError says what is wrong with it."""
    match text.lower():
        case "" | "no" | "false" | "0":
            return False
        case "yes" | "true" | "1":
            return True
        case _:
            raise ValueError(f"{text[:40]!r} is neither yes nor no")
