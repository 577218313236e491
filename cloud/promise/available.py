"""Available to promise: one item, some sites, now and hour by hour.

A fixed number of statements, whatever the history: balances and holds are folds, open orders and
receipts are indexed by what is open, and movements are asked only for sites that are silent, within
the last two weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cloud import catalog, orders
from cloud.db import Connection
from cloud.orders import purchases
from cloud.promise import store
from cloud.promise.model import (
    LONGEST_HOURS,
    Answer,
    Place,
    Receipt,
    SiteAnswer,
    Stock,
    days_of,
    hours,
    recent_since,
)
from cloud.promise.plan import day
from cloud.promise.store import Ground, Key
from shared.errors import QuartermasterError
from shared.events.catalogue import Kind
from shared.replenishment import (
    Coming,
    Outlook,
    Range,
    Standing,
    Unseen,
    kit,
    outlook,
    rate,
    summed,
    unseen,
)
from shared.units import DAY, Micros

_FOR_CUSTOMERS: Final = (Kind.PICKED, Kind.SHIPPED)


def atp(
    connection: Connection,
    sku: str,
    *,
    region: str | None = None,
    site: str | None = None,
    horizon_hours: int = 0,
    allowed: frozenset[int] | None = None,
    now: Micros,
) -> Answer:
    """What may be promised of an item at the sites of a region, at one, or at all.

    ``allowed`` are the keys of the sites that the asker sees, None all.

    Raises:
        QuartermasterError: ``request.not-found`` or ``request.invalid``.
    """
    if not 0 <= horizon_hours <= LONGEST_HOURS:
        raise QuartermasterError("request.invalid", f"0 to {LONGEST_HOURS} h", where="horizon")
    found = store.ground(
        connection, sku, region=region, site=site, allowed=allowed, today=day(now, "UTC")
    )
    if found is None:
        raise QuartermasterError("request.not-found", f"item {sku}", where="item")
    if not found.places:
        where = "site" if site else "region"
        raise QuartermasterError("request.not-found", f"{where} {site or region}", where=where)
    needs = _components(connection, sku, now=now) if found.kit else {}
    ids = {sku: found.item_id} | (catalog.item_ids(connection, needs) if needs else {})
    moments = hours(now, horizon_hours)
    stocks, unassigned = _stocks(connection, found, ids, moments)
    sites = tuple(
        _site(place, stocks[place.site_id], sku, needs, len(moments), now=now)
        for place in found.places
        if stocks.get(place.site_id)
    )
    total = _less(summed([each.outlook for each in sites], len(moments)), unassigned)
    return Answer(sku, found.kit, now, moments, sites, unassigned, total)


def _components(connection: Connection, sku: str, *, now: Micros) -> dict[str, int]:
    """What one of a kit takes of each component."""
    revision = catalog.revision_as_of(connection, None)
    needs = catalog.explode(connection, sku, 1, on=day(now, "UTC"), revision=revision)
    return {need.sku: need.quantity for need in needs if not need.made}


def _stocks(
    connection: Connection,
    ground: Ground,
    ids: Mapping[str, int],
    moments: tuple[Micros, ...],
) -> tuple[dict[int, dict[str, Stock]], int]:
    """By site and SKU; and what customers wait for of the first without having named a site."""
    item_ids, by_id = list(ids.values()), {place.site_id: place for place in ground.places}
    lain = ground.lain
    if ground.kit:
        today = day(moments[0], "UTC")
        lain = store.stocked(connection, item_ids, list(by_id), today=today)
    receipts = _receipts(connection, item_ids, list(by_id), moments)
    waiting = store.waiting(connection, item_ids)
    wanted = {key for key in waiting if key[0] in by_id}
    sites = {site for site, _ in {*lain, *receipts, *wanted}}
    keys = sorted((site, item) for site in sites for item in item_ids)
    accounts = orders.accounts(connection, keys)
    unheard = _unheard(connection, [by_id[site] for site in sites], item_ids, now=moments[0])
    found: dict[int, dict[str, Stock]] = {}
    for sku, item_id in ids.items():
        for site_id in sites:
            key = (site_id, item_id)
            account = accounts[key]
            standing = Standing(
                account.available,
                account.leased(),
                account.reserved,
                waiting.get(key, 0),
                lain.get(key, 0),
                unheard.get(key, Unseen(0, 0.0, 0)),
            )
            coming = receipts.get(key, ())
            expected = [Coming(each.quantity, each.chances) for each in coming]
            ahead = outlook(standing, expected, len(moments))
            found.setdefault(site_id, {})[sku] = Stock(sku, standing, coming, ahead)
    return found, waiting.get((0, next(iter(ids.values()))), 0)


def _receipts(
    connection: Connection,
    item_ids: Sequence[int],
    site_ids: Sequence[int],
    moments: tuple[Micros, ...],
) -> dict[Key, tuple[Receipt, ...]]:
    """What is to come by the last moment, by site and item."""
    found: dict[Key, tuple[Receipt, ...]] = {}
    now, last = moments[0], moments[-1]
    for each in purchases.expected_receipts(connection, item_ids, last, now=now, sites=site_ids):
        receipt = Receipt(
            each.order,
            each.line,
            each.shipment,
            each.supplier,
            each.site_id,
            each.item_id,
            each.sku,
            each.quantity,
            tuple(each.arrival.by(moment) for moment in moments),
            each.arrival.at(0.5),
            each.arrival.at(0.95),
        )
        key = (each.site_id, each.item_id)
        found[key] = (*found.get(key, ()), receipt)
    return found


def _unheard(
    connection: Connection, places: Sequence[Place], item_ids: Sequence[int], *, now: Micros
) -> dict[Key, Unseen]:
    """What silent sites have probably sold since their last word."""
    silent = {place.site_id: place for place in places if place.silent_for(now)}
    heard = [place.heard_at for place in silent.values() if place.heard_at is not None]
    if not heard:
        return {}
    # One statement for all of them: the days end when the first of them fell silent.
    until = min(heard)
    since = recent_since(until)
    found = store.outflow(
        connection, item_ids, list(silent), since=since, until=until, kinds=_FOR_CUSTOMERS
    )
    return {
        (site_id, item_id): unseen(rate(days_of(days)), silent[site_id].silent_for(now) / DAY)
        for (site_id, item_id), days in found.items()
    }


def _site(
    place: Place,
    stocks: Mapping[str, Stock],
    sku: str,
    needs: Mapping[str, int],
    count: int,
    *,
    now: Micros,
) -> SiteAnswer:
    parts = tuple((stocks[name], units) for name, units in sorted(needs.items()))
    itself = stocks[sku]
    ahead = (
        kit(itself.outlook, [(part.outlook, units) for part, units in parts], count)
        if parts
        else itself.outlook
    )
    return SiteAnswer(place, place.silent_for(now), itself, parts, ahead)


def _less(found: Outlook, units: int) -> Outlook:
    if not units:
        return found
    return Outlook(
        tuple(Range(*(max(number - units, 0) for number in each)) for each in found.moments)
    )
