"""Consignments, and which of their lines an arrival goes to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from shared.units import DAY, Micros

GRACE: Final = 3 * DAY
"""So long after its expected arrival a consignment is overdue."""
UNKNOWN_COURSE: Final = 30 * DAY
"""So long after its dispatch, where nobody said when it arrives."""


class Goods(NamedTuple):
    """So many base units of an item, with what names them further."""

    sku: str
    quantity: int
    lot: str = ""
    serial: str = ""
    sscc: str = ""


class Consignment(NamedTuple):
    """What is announced: whose number it has, and where it goes.

    ``from_site`` is a site of ours for a transfer; ``scope`` says whose numbers ``reference`` and
    ``aliases`` are (a supplier's code).
    """

    kind: Literal["transfer", "purchase"]
    reference: str
    to_site: str
    shipped_at: Micros
    scope: str = ""
    aliases: tuple[str, ...] = ()
    from_site: str | None = None
    eta: Micros | None = None
    carrier: str = ""


class Line(NamedTuple):
    """One line of a consignment as it stands."""

    consignment_id: int
    line: int
    sku: str
    lot: str
    serial: str
    sscc: str
    dispatched: int
    arrived: int
    lost: int

    @property
    def under_way(self) -> int:
        """What is still to arrive."""
        return self.dispatched - self.arrived - self.lost


class Standing(NamedTuple):
    """A consignment as it stands."""

    consignment_id: int
    kind: str
    scope: str
    reference: str
    from_site_id: int | None
    site_id: int
    site: str
    shipped_at: int
    eta: int | None
    closed_at: int | None


class InTransit(NamedTuple):
    """Goods that are on their way to a site; ``key`` continues a listing."""

    consignment_id: int
    line: int
    kind: str
    reference: str
    scope: str
    from_site: str | None
    site: str
    sku: str
    lot: str
    serial: str
    sscc: str
    dispatched: int
    arrived: int
    lost: int
    shipped_at: int
    eta: int | None
    overdue: bool
    carrier: str

    @property
    def quantity(self) -> int:
        """What is still to arrive."""
        return self.dispatched - self.arrived - self.lost

    @property
    def key(self) -> tuple[int, int]:
        """Continues a listing after it."""
        return (self.consignment_id, self.line)


def allot(goods: Goods, lines: Sequence[Line]) -> tuple[list[tuple[Line, int]], int]:
    """Which lines of an item an arrival goes to, and what is more than was on its way.

    The same pallet first, then the same lot, then what left first.
    """
    fitting = sorted(
        (line for line in lines if line.sku == goods.sku and line.under_way > 0),
        key=lambda line: (
            not (goods.sscc and line.sscc == goods.sscc),
            (line.lot, line.serial) != (goods.lot, goods.serial),
            line.consignment_id,
            line.line,
        ),
    )
    left = goods.quantity
    taken: list[tuple[Line, int]] = []
    for line in fitting:
        part = min(left, line.under_way)
        if part:
            taken.append((line, part))
            left -= part
    return taken, left


def gathered(goods: Iterable[Goods]) -> dict[tuple[str, str, str, str], int]:
    """Quantities by item, lot, serial and pallet."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for each in goods:
        key = (each.sku, each.lot, each.serial, each.sscc)
        sums[key] = sums.get(key, 0) + each.quantity
    return sums
