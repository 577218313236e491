"""What an offer's goods cost once they are here: freight, insurance, duty and the rest. Pure.

``goods`` is what the offer asks for the quantity, by its last price break that the quantity
reaches. Of each part, the one row counts that fits most closely: an item before a supplier before a
lane. An amount is for ``per`` base units; a percentage is of the goods, or (``cif``) of goods,
freight and insurance together, as the European Union values imports for duty (Union Customs Code,
article 71(1)(e)), where others take the goods alone. A lane's own rates (``fixed`` once, ``cost``
for ``per`` units) are its freight unless a row of freight says otherwise. Nothing is rounded until
somebody reads it, and nothing converted: other currencies are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, NamedTuple

_FIRST: Final = ("freight", "insurance")
"""The parts on which a percentage of kind ``cif`` stands; themselves of the goods alone."""
_PERCENT: Final = 10_000


class Price(NamedTuple):
    """An offer's price breaks: from (base units) on, ``per`` of them cost (minor units)."""

    currency: str
    per: int
    breaks: tuple[tuple[int, int], ...]


class Rates(NamedTuple):
    """What a lane costs, in minor units: once, and for ``per`` base units; None: nobody said."""

    currency: str
    fixed: int | None
    cost: int | None
    per: int


class Part(NamedTuple):
    """One row of landed cost; "" is any. ``percent`` in hundredths of a percent, or ``amount``."""

    lane: str
    supplier: str
    sku: str
    part: str
    percent: int | None
    base: str
    amount: int | None
    currency: str
    per: int


class Landed(NamedTuple):
    """What a quantity costs, in minor units of ``currency``: the goods and each part, exactly."""

    currency: str
    quantity: int
    goods: Fraction
    parts: tuple[tuple[str, Fraction], ...]

    @property
    def total(self) -> Fraction:
        """All of it."""
        return self.goods + sum((cost for _, cost in self.parts), Fraction())

    @property
    def per_unit(self) -> Fraction:
        """All of it for one base unit."""
        return self.total / self.quantity


def landed(
    price: Price,
    quantity: int,
    parts: Iterable[Part],
    *,
    rates: Rates | None = None,
) -> Landed:
    """What ``quantity`` base units of an offer cost here; ``parts`` are those that fit it.

    Raises:
        ValueError: the offer has no price for so few, or a part is in another currency.
    """
    reached = [cost for start, cost in price.breaks if start <= quantity]
    if quantity < 1 or not reached:
        raise ValueError(f"nothing is said of what {quantity} cost")
    goods = Fraction(reached[-1] * quantity, price.per)
    chosen = _closest(parts)
    found: dict[str, Fraction] = {}
    for name in (*_FIRST, *sorted(chosen.keys() - set(_FIRST))):
        row = chosen.get(name)
        if row is not None:
            base = goods
            if row.base == "cif" and name not in _FIRST:
                base += sum((found.get(part, Fraction()) for part in _FIRST), Fraction())
            found[name] = _cost(row, quantity, base, price.currency)
        elif name == "freight" and rates is not None and (rates.fixed or rates.cost):
            _same(rates.currency, price.currency)
            found[name] = (rates.fixed or 0) + Fraction((rates.cost or 0) * quantity, rates.per)
    return Landed(price.currency, quantity, goods, tuple(found.items()))


def _closest(parts: Iterable[Part]) -> dict[str, Part]:
    chosen: dict[str, Part] = {}
    for row in parts:
        held = chosen.get(row.part)
        if held is None or _closeness(row) > _closeness(held):
            chosen[row.part] = row
    return chosen


def _closeness(row: Part) -> tuple[bool, bool, bool]:
    return row.sku != "", row.supplier != "", row.lane != ""


def _cost(row: Part, quantity: int, base: Fraction, currency: str) -> Fraction:
    if row.percent is not None:
        return base * row.percent / _PERCENT
    _same(row.currency, currency)
    return Fraction((row.amount or 0) * quantity, row.per)


def _same(currency: str, offered: str) -> None:
    if currency != offered:
        raise ValueError(f"the offer is in {offered}, a part of its landed cost in {currency}")
