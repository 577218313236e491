"""What the demo's two warehouses trade in, and how an assortment becomes a catalog import.

The demo's articles are invented; their numbers stand under GS1's demonstration prefix.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from edge.simulator.demand import Sale
from edge.simulator.floor import places
from edge.simulator.goods import Good, draw, good_of, goods_of

ARTICLES: Final[dict[str, str]] = {
    "OAT-500": "Rolled oats 500 g",
    "MUE-750": "Fruit muesli 750 g",
    "COR-375": "Corn flakes 375 g",
    "HON-250": "Blossom honey 250 g",
    "JAM-340": "Apricot jam 340 g",
    "COF-500": "Ground coffee 500 g",
    "COF-1K": "Coffee beans 1 kg",
    "TEA-20": "Green tea, 20 bags",
    "CHO-100": "Dark chocolate 100 g",
    "BIS-200": "Butter biscuits 200 g",
    "PRE-250": "Mini twist pretzels 250 g",
    "NUT-150": "Salted almonds 150 g",
    "RAI-250": "Raisins 250 g",
    "PAS-500": "Spaghetti 500 g",
    "RIC-1K": "Basmati rice 1 kg",
    "LEN-500": "Red lentils 500 g",
    "TOM-400": "Chopped tomatoes 400 g",
    "OIL-750": "Olive oil 750 ml",
    "VIN-500": "Apple vinegar 500 ml",
    "SAL-500": "Sea salt 500 g",
    "PEP-50": "Black pepper 50 g",
    "MUS-200": "Dijon mustard 200 g",
    "TUN-185": "Tuna in brine 185 g",
    "SAR-125": "Sardines 125 g",
    "CRA-200": "Rye crackers 200 g",
    "WAT-15": "Spring water 1.5 l",
    "JUI-1L": "Orange juice 1 l",
    "MIL-1L": "UHT milk 1 l",
    "SHA-250": "Shampoo 250 ml",
    "SOA-300": "Hand soap 300 ml",
    "TOO-75": "Toothpaste 75 ml",
    "DET-15": "Laundry detergent 1.5 l",
    "DIS-500": "Dish soap 500 ml",
    "SPO-3": "Kitchen sponges, 3",
    "BAG-20": "Bin bags 35 l, 20",
    "BAT-AA": "AA batteries, 4",
}
SITES: Final[dict[str, tuple[str, str, str]]] = {
    "AMS1": ("Amsterdam", "EU", "Europe/Amsterdam"),
    "VIE1": ("Vienna", "EU", "Europe/Vienna"),
}
_FIRST_DAY: Final = date(2026, 1, 5)


class Assortment(NamedTuple):
    """Goods by SKU and sites by code with name, region and time zone."""

    goods: dict[str, Good]
    sites: dict[str, tuple[str, str, str]]

    def with_article(self, sku: str, name: str) -> Assortment:
        """The same with one article more, which has no lots."""
        article = good_of(sku, name)._replace(has_lots=False)
        return self._replace(goods={**self.goods, sku: article})

    def sites_csv(self) -> str:
        """The sites as ``catalog import sites`` takes them."""
        rows = ((code, *words) for code, words in self.sites.items())
        return _csv(("code", "name", "region", "timezone"), rows)

    def items_csv(self) -> str:
        """Each article twice: the unit with its EAN, the case with its GTIN-14."""
        rows: list[tuple[object, ...]] = []
        for good in self.goods.values():
            rows.append((good.sku, good.name, good.each, 1))
            rows.append((good.sku, "", good.case, good.case_size))
        return _csv(("sku", "name", "gtin", "quantity"), rows)

    def locations_csv(self) -> str:
        """The locations that every simulated floor has, for each site."""
        rows = ((site, place.code, place.role) for site in self.sites for place in places())
        return _csv(("site", "code", "role"), rows)


def demo_assortment() -> Assortment:
    """The demo's goods and its two warehouses."""
    goods = {sku: good._replace(name=ARTICLES[sku]) for sku, good in goods_of(ARTICLES).items()}
    return Assortment(goods, dict(SITES))


def derived_assortment(items: Iterable[str], sites: Iterable[str]) -> Assortment:
    """An assortment for a demand table: articles and sites under the table's own codes."""
    return Assortment(goods_of(items), {site: (f"Site {site}", "", "UTC") for site in sites})


def endless_sales(site: str, skus: Iterable[str], *, seed: int = 1) -> Iterator[Sale]:
    """Day after day of plausible sales: few fast sellers, many slow ones."""
    ranked = sorted(skus, key=lambda sku: draw("rank", seed, site, sku))
    day = 0
    while True:
        for rank, sku in enumerate(ranked, start=1):
            units = draw("units", seed, site, sku, day) % (4 + 60 // rank)
            if units:
                yield Sale(_FIRST_DAY + timedelta(days=day), site, sku, units)
        day += 1


def _csv(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
