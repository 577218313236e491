"""Turns demand into the scans that people on one site's floor would make.

A sale is picked from the shelf and shipped from staging. Before the shelf runs short, cases are
received at the dock and put away. Goods that come back are returned to the dock. Of goods with
lots the one that expires first leaves first, as a gateway demands; each label carries its lot, so
that stock by lot stays exact.

Deterministic: the same sales, goods and seed give the same scans. The floor keeps its own shelf
book only to decide what to do next; what the truth should be is the oracle's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from edge.simulator.demand import Sale
from edge.simulator.goods import Good, draw

Step = Literal["receive", "put_away", "pick", "ship", "return"]

DOCK: Final = "DOCK-1"
STAGE: Final = "STAGE-1"
SHELVES: Final = 24
MAX_PICK: Final = 48
"""The most units that one person picks with one scan."""


class Place(NamedTuple):
    """A location of the floor and its role in the catalog."""

    code: str
    role: str


class Planned(NamedTuple):
    """One scan to make, and what it should mean.

    ``quantity`` counts what was scanned (cases or units), ``units`` is the same in base units.
    """

    step: Step
    raw: str
    location: str
    to: str | None
    quantity: int
    sku: str
    lot: str
    units: int


class _Batch(NamedTuple):
    lot: str
    expiry: date | None
    units: int


def _expires(batch: _Batch) -> date:
    return batch.expiry or date.max


def places() -> list[Place]:
    """The locations that every simulated floor has."""
    shelves = [Place(f"A-{n:02d}", "shelf") for n in range(1, SHELVES + 1)]
    return [Place(DOCK, "dock"), Place(STAGE, "staging"), *shelves]


class Floor:
    """One site's floor.

    Args:
        site: its code.
        goods: what it trades in, by SKU.
        today: labels expire after this day, whatever days the sales are of: nobody ships expired
            goods, and a gateway judges by its own calendar.
        seed: varies lots, cover and shelves.
    """

    def __init__(self, site: str, goods: Mapping[str, Good], *, today: date, seed: int = 1) -> None:
        self.site = site
        self._today = today
        self._goods = goods
        self._seed = seed
        self._shelf: dict[str, deque[_Batch]] = {}
        self._receipts = 0

    def scans(self, sales: Iterable[Sale]) -> Iterator[Planned]:
        """The scans for ``sales`` (of this site, in order of time), one after another."""
        for sale in sales:
            good = self._goods[sale.item]
            if sale.units < 0:
                label = good.label(case=False, lot="", expiry=None)
                yield Planned(
                    "return", label, DOCK, None, -sale.units, good.sku, "", -sale.units
                )  # fmt: skip
                continue
            yield from self._receive(good, sale)
            yield from self._sell(good, sale.units)

    def shelf_of(self, good: Good) -> str:
        """Where this article is kept here."""
        return f"A-{draw('shelf', self._seed, self.site, good.sku) % SHELVES + 1:02d}"

    def _receive(self, good: Good, sale: Sale) -> Iterator[Planned]:
        shelf = self._shelf.setdefault(good.sku, deque())
        short = sale.units - sum(batch.units for batch in shelf)
        if short <= 0:
            return
        self._receipts += 1
        cover = 1 + draw("cover", self._seed, self.site, self._receipts) % 3
        cases = -(-(short + cover * sale.units) // good.case_size)
        lot, expiry = "", None
        if good.has_lots:
            lot = f"L{sale.day:%y%j}{self._receipts % 10_000:04d}"
            expiry = self._today + timedelta(days=90 + draw("expiry", lot, good.sku) % 600)
        shelf.append(_Batch(lot, expiry, cases * good.case_size))
        self._shelf[good.sku] = deque(sorted(shelf, key=_expires))
        label = good.label(case=True, lot=lot, expiry=expiry)
        units = cases * good.case_size
        yield Planned("receive", label, DOCK, None, cases, good.sku, lot, units)
        yield Planned(
            "put_away", label, DOCK, self.shelf_of(good), cases, good.sku, lot, units
        )  # fmt: skip

    def _sell(self, good: Good, units: int) -> Iterator[Planned]:
        """Earliest expiry first; each handful is picked and, once on staging, shipped."""
        shelf = self._shelf[good.sku]
        while units:
            batch = shelf[0]
            taken = min(units, batch.units, MAX_PICK)
            units -= taken
            if taken == batch.units:
                shelf.popleft()
            else:
                shelf[0] = batch._replace(units=batch.units - taken)
            label = good.label(case=False, lot=batch.lot, expiry=batch.expiry)
            yield Planned(
                "pick", label, self.shelf_of(good), STAGE, taken, good.sku, batch.lot, taken
            )
            yield Planned("ship", label, STAGE, None, taken, good.sku, batch.lot, taken)
