"""What is to come and when: open quantities with a distribution of their arrival; and learning it.

The best word on a line counts: the carrier's (or the ship notice's) ETA of what is under way, else
the day that the supplier promised, else the day of the order; each with what was observed of it:
how far off ETAs, promises and stated lead times were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud.db import Connection
from cloud.orders.purchases import store
from cloud.orders.purchases.leadtimes import (
    HOUSE,
    Arrival,
    Cell,
    Clock,
    Distribution,
    Learnt,
    Observation,
    arrival,
    fallback,
    learn,
    thinned,
)
from shared.units import DAY, Micros

LEARNT_FROM: Final = Micros(1_826 * DAY)
"""Orders older than five years are left alone; a shorter memory did worse on real orders."""


Known = dict[tuple[Cell, Clock], Distribution]


class Expected(NamedTuple):
    """So many base units of a line that are still to come, and when.

    ``shipment`` names what they are under way in, "" while they are not. ``basis`` is whose word
    the arrival rests on. Of one line's parts each is still to come; they do not overlap.
    """

    order: str
    line: str
    shipment: str
    site_id: int
    site: str
    item_id: int
    sku: str
    supplier: str
    quantity: int
    basis: Clock
    arrival: Arrival


def expected_receipts(
    connection: Connection,
    items: Sequence[int] | None,
    horizon: Micros | None,
    *,
    now: Micros,
    sites: Sequence[int] | None = None,
) -> list[Expected]:
    """What is still to come of these items, and when.

    Args:
        connection: the caller's transaction.
        items: their keys; None means all.
        horizon: leave out what cannot be here by this moment; None keeps all.
        now: nothing of it has arrived by this moment.
        sites: keys of the sites it comes to; None means all.
    """
    rows = store.coming(connection, item_ids=items, site_ids=sites)
    if not rows:
        return []
    suppliers = {row.supplier for row in rows}
    cells = {Cell(row.supplier, row.lane, row.item_class) for row in rows}
    cells |= {Cell(code) for code in suppliers} | {HOUSE}
    learnt = store.lead_times_of(connection, cells)
    known: Known = {(each.cell, each.clock): each.distribution for each in learnt}
    return [
        each
        for row in rows
        for each in _parts(row, known, now)
        if horizon is None or each.arrival.by(horizon) > 0
    ]


def _parts(
    row: store.ComingRow,
    known: Known,
    now: Micros,
) -> Iterator[Expected]:
    left = row.coming
    for shipment, open_in_it, eta in row.shipments:
        quantity = min(left, open_in_it)
        if quantity <= 0:
            continue
        left -= quantity
        if eta is None:
            yield _expected(row, shipment, quantity, _without_eta(row, known, now))
        else:
            when = arrival(_narrowest(row, "eta", known), Micros(eta), now)
            yield _expected(row, shipment, quantity, ("eta", when))
    if left:
        yield _expected(row, "", left, _without_eta(row, known, now))


def _without_eta(row: store.ComingRow, known: Known, now: Micros) -> tuple[Clock, Arrival]:
    if row.deliver_day is not None:
        slip = _narrowest(row, "promised", known)
        return "promised", arrival(slip, day_start(row.deliver_day, row.timezone), now)
    took = _narrowest(row, "ordered", known)
    return "ordered", arrival(took, row.ordered_at, now)


def _narrowest(row: store.ComingRow, clock: Clock, known: Known) -> Distribution:
    own = known.get((Cell(row.supplier, row.lane, row.item_class), clock))
    own = own or known.get((Cell(row.supplier), clock))
    return own or fallback(known, clock, row.lead_days)


def _expected(
    row: store.ComingRow, shipment: str, quantity: int, when: tuple[Clock, Arrival]
) -> Expected:
    return Expected(
        row.order,
        row.line,
        shipment,
        row.site_id,
        row.site,
        row.item_id,
        row.sku,
        row.supplier,
        quantity,
        *when,
    )


def day_start(day: str, timezone: str) -> Micros:
    """The moment at which a day begins at a site."""
    begin = datetime.combine(datetime.fromisoformat(day), time(), ZoneInfo(timezone))
    return Micros(int(begin.timestamp()) * 1_000_000)


def relearn(connection: Connection, *, now: Micros) -> int:
    """Learn from the orders of the last two years how long things take; how many cells.

    To be called from time to time (the worker does, four times a day).
    """
    store.lock_numbers(connection, ["lead times"])
    rows = store.experience(connection, since=Micros(now - LEARNT_FROM))
    days = store.stated_lead_days(connection)
    found: list[Learnt] = []
    clocks: tuple[Clock, ...] = ("ordered", "promised", "eta")
    for clock in clocks:
        seen: dict[Cell, list[Observation]] = {}
        for row in rows:
            cell = Cell(row.supplier, row.lane, row.item_class)
            observed = list(observations(row, clock, now))
            if observed:
                seen.setdefault(cell, []).extend(observed)
        found += [
            each._replace(distribution=thinned(each.distribution))
            for each in learn(seen, days, clock).values()
        ]
    store.write_lead_times(connection, found, at=now)
    return len(found)


def observations(row: store.ExperienceRow, clock: Clock, now: Micros) -> Iterable[Observation]:
    """What one line says of how long things take, counted by this clock.

    Its parts weigh by their share of what was ordered and not cancelled; what is still open has
    taken longer than until now.
    """
    whole = sum(quantity for quantity, _, _ in row.receipts) + row.coming
    if not whole:
        return
    for quantity, at, eta in row.receipts:
        start = {"ordered": row.ordered_at, "promised": row.promised_at, "eta": eta}[clock]
        if start is not None:
            yield Observation((at - start) // DAY, quantity / whole)
    start = {"ordered": row.ordered_at, "promised": row.promised_at, "eta": None}[clock]
    if row.coming and start is not None and now >= row.ordered_at:
        yield Observation((now - start) // DAY - 1, row.coming / whole, open=True)
