"""Goods and their labels: from an item's code to trade item numbers and printed element strings.

A demand table names items by the retailer's own codes. Here each becomes a plausible article: an
EAN-13 on the unit, a GTIN-14 on its case, and, for every second one, lots and expiry dates. All of
it follows from the code alone, so that two runs, or two sites, print the same labels.

Codes that are trade item numbers without check digit (9 to 12 digits) keep their digits; others
get a number under GS1's demonstration prefix 952.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from shared.gs1 import with_check_digit

CASE_SIZES: Final = (6, 8, 12, 24)
_RESTRICTED: Final = ("02", "04", "2")  # restricted circulation: never inside AI 01
_DEMONSTRATION: Final = "952"


def draw(*parts: object) -> int:
    """A number that depends on ``parts`` only: the floor's dice, the same in every run."""
    text = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


class Good(NamedTuple):
    """One article: ``each`` is a GTIN-13, ``case`` the GTIN-14 of ``case_size`` of it."""

    sku: str
    name: str
    each: str
    case: str
    case_size: int
    has_lots: bool

    def label(self, *, case: bool, lot: str, expiry: date | None) -> str:
        """What a scanner sends when it reads this label, AIM identifier in front.

        GS1-128 on cases and DataMatrix on units where there is a lot, else ITF-14 and EAN-13.
        """
        if not lot:
            return f"]I1{self.case}" if case else f"]E0{self.each}"
        gtin = self.case if case else f"0{self.each}"
        aim = "]C1" if case else "]d2"
        due = f"17{expiry:%y%m%d}" if expiry else ""
        return f"{aim}01{gtin}{due}10{lot}"


def good_of(sku: str, name: str = "") -> Good:
    """The article behind a retailer's item code."""
    body = sku.zfill(12) if sku.isdecimal() and 9 <= len(sku) <= 12 else ""
    if not body or body.startswith(_RESTRICTED):
        body = f"{_DEMONSTRATION}{draw('gtin', sku) % 10**9:09d}"
    case_body = f"1{body}"
    return Good(
        sku=sku,
        name=name or f"Item {sku}",
        each=with_check_digit(body),
        case=with_check_digit(case_body),
        case_size=CASE_SIZES[draw("case", sku) % len(CASE_SIZES)],
        has_lots=draw("lots", sku) % 2 == 0,
    )


def goods_of(skus: Iterable[str]) -> dict[str, Good]:
    """Articles for many codes. Two codes that fall on one number part again by a suffix."""
    taken: set[str] = set()
    goods: dict[str, Good] = {}
    for sku in sorted(set(skus)):
        good, again = good_of(sku), 0
        while good.each in taken:
            again += 1
            good = good_of(f"{sku}#{again}")._replace(sku=sku, name=f"Item {sku}")
        taken.add(good.each)
        goods[sku] = good
    return goods
