"""What was promised, as it can be asked for; and what the next buyer can expect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from cloud.db import Connection
from cloud.orders import purchases
from cloud.promise import store
from cloud.promise.available import atp
from cloud.promise.model import Answer
from cloud.promise.plan import Change, Shown, day, days, ships
from shared.errors import QuartermasterError
from shared.replenishment import EARLY, LATE, Supply, Want, windows
from shared.units import Micros


class Availability(NamedTuple):
    """What a buyer can expect of an item before he buys."""

    answer: Answer
    says: str
    first_day: date | None
    last_day: date | None
    because: tuple[tuple[str, str | None], ...]
    substitutes: tuple[tuple[str, int], ...]


def page(
    connection: Connection,
    *,
    sku: str | None = None,
    number: str | None = None,
    state: str | None = None,
    site: str | None = None,
    after: Sequence[Any] | None = None,
    limit: int = 100,
) -> list[Shown]:
    """Promises, the one that changed last first, after (changed_at, order_id, item_id)."""
    return store.page(
        connection, sku=sku, number=number, state=state, site=site, after=after, limit=limit
    )


def promises_of(connection: Connection, number: str) -> tuple[list[Shown], list[Change]]:
    """What an order's lines were promised, and how that changed; by any of its numbers.

    Raises:
        QuartermasterError: ``request.not-found`` where nothing was promised to it.
    """
    found = page(connection, number=number, limit=500)
    if not found:
        raise QuartermasterError("request.not-found", f"order {number}", where="order")
    orders = sorted({each.promise.order_id for each in found})
    return found, store.changes(connection, orders)


def availability(
    connection: Connection,
    sku: str,
    *,
    region: str | None = None,
    allowed: frozenset[int] | None = None,
    now: Micros,
) -> Availability:
    """What the next buyer can expect: from stock, or from what comes after those who wait.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    answer = atp(connection, sku, region=region, allowed=allowed, now=now)
    places = {
        place.site_id: place for place in store.places(connection, region=region, allowed=allowed)
    }
    item_id = store.items(connection, [sku])[sku][0]
    others = tuple(
        (other, units)
        for other, units in store.substitutes(connection, item_id, list(places))
        if units > 0
    )
    if answer.outlook.now.low > 0:
        today = min(day(now, place.timezone) for place in places.values())
        later = date.fromordinal(today.toordinal() + 1)
        says = f"{answer.outlook.now.low} may be promised from stock."
        because = ((says, f"/v1/atp?item={sku}"),)
        return Availability(answer, ships(today, later), today, later, because, others)
    life = store.facts(connection, item_id).shelf_life
    supplies = [
        Supply(
            f"{each.order} line {each.line} {each.shipment}".strip(),
            each.site_id,
            each.quantity,
            max(now, each.arrival.at(EARLY)),
            max(now, each.arrival.at(LATE)),
            life,
        )
        for each in purchases.expected_receipts(
            connection, [item_id], None, now=now, sites=list(places)
        )
    ]
    waiting = store.promised(connection, item_id)
    wants = [
        Want(str(each.order_id), each.quantity - each.held)
        for each in sorted(waiting, key=lambda each: each.rank)
        if each.quantity > each.held
    ]
    window = windows([*wants, Want("", 1)], supplies)[""]
    ahead = sum(want.quantity for want in wants)
    waits = (f"{ahead} are waited for and served before.", f"/v1/promises?item={sku}")
    if window is None:
        return Availability(answer, ships(None, None), None, None, (waits,), others)
    first, last = days(window, places[window.site_id].timezone)
    name = window.takes[0][0]
    comes = (f"One comes with {name}.", f"/v1/purchase-orders/{name.split(' ')[0]}")
    return Availability(answer, ships(first, last), first, last, (waits, comes), others)


def variants(connection: Connection, feed: str, sku: str) -> list[str]:
    """What the shop of a feed calls an item's variants."""
    return store.theirs(connection, feed, sku)
