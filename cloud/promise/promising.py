"""Promise, and promise again: stock and receipts to those who wait, by service priority.

Whatever moved, the whole of one item is looked at anew, under the locks of its stock: what is free
is held for those who are served first (as a confirmed reservation of their order), what comes first
goes to the first of the others. Nothing that is held is taken away again from somebody who was
served later than he would be now. What did not change is not written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from cloud import orders
from cloud.db import Connection
from cloud.orders import purchases, reservations, sales
from cloud.orders.reservations import Ask, Reservation
from cloud.promise import store
from cloud.promise.model import Place
from cloud.promise.plan import (
    HANDLING_DAYS,
    Promise,
    day,
    days,
    margin,
    moved,
    served,
    ships,
    usable,
    why,
)
from shared.policy.serving import Claim, in_order
from shared.replenishment import EARLY, LATE, Supply, Want, Window, windows
from shared.units import HOUR, MINUTE, Micros

MAKER: Final = "promise"
"""Who asked for the reservations that are made here."""
_UTC: Final = "UTC"
_LATE: Final = MINUTE
"""Longer than the transaction of any feed."""


class Receivers(NamedTuple):
    """Who is told: customers' systems of promises, storefronts of windows before the purchase."""

    customers: tuple[str, ...] = ()
    storefronts: tuple[str, ...] = ()


class Round(NamedTuple):
    """One item's turn: all that its promises are made of."""

    item_id: int
    facts: store.Facts
    places: Mapping[int, Place]
    lots: Mapping[int, Sequence[tuple[date, int]]]
    free: dict[int, int]
    now: Micros
    kit: bool

    def today(self, site_id: int | None) -> date:
        """The day at a site."""
        place = None if site_id is None else self.places.get(site_id)
        return day(self.now, place.timezone if place else _UTC)


def replan(
    connection: Connection,
    item_id: int,
    *,
    now: Micros,
    receivers: Receivers = Receivers(),  # noqa: B008 - a tuple
    segments: Sequence[str] = (),
) -> int:
    """Hold, promise and tell anew for one item; returns how many promises moved."""
    facts = store.facts(connection, item_id)
    places = {place.site_id: place for place in store.places(connection)}
    kit = store.items(connection, [facts.sku]).get(facts.sku, (0, False))[1]
    today = day(now, _UTC)
    keys = sorted(store.stocked(connection, [item_id], list(places), today=today))
    if not kit:  # whose reservations lock its components, and those in their own order
        orders.lock(connection, keys, now=now)
    store.adopt(connection, item_id)
    before = {each.order_id: each for each in store.promised(connection, item_id)}
    lines = {line.order_id: line for line in sales.open_lines(connection, [item_id])}
    held = _keep(connection, item_id, lines, before, now=now)
    accounts = orders.accounts(connection, keys)
    turn = Round(
        item_id,
        facts,
        places,
        store.lots(connection, item_id),
        {site: account.free() for (site, _), account in accounts.items()},
        now,
        kit,
    )
    claims = in_order([_claim(line, facts) for line in lines.values()], segments)
    by_name = {str(line.order_id): line for line in lines.values()}
    for claim in claims:
        line = by_name[claim.name]
        missing = line.quantity - held.get(line.order_id, 0)
        if missing > 0:
            got = _hold(connection, turn, line, missing)
            held[line.order_id] = held.get(line.order_id, 0) + got
    supplies = _supplies(connection, turn)
    wants = [
        Want(claim.name, missing, line.site_id, line.keeps_days)
        for claim in claims
        if (line := by_name[claim.name]) and (missing := line.quantity - held.get(line.order_id, 0))
    ]
    found = windows([*wants, Want("", 1)], supplies)
    count = 0
    for rank, claim in enumerate(claims, 1):
        line = by_name[claim.name]
        after = _promise(
            connection,
            turn,
            line,
            held=held.get(line.order_id, 0),
            window=found.get(claim.name),
            rank=rank,
            rank_says=served(claim, rank, len(claims)),
            before=before.get(line.order_id),
        )
        count += _write(connection, turn, before.get(line.order_id), after, receivers)
    for order_id, old in before.items():
        if order_id not in lines:
            closed = old._replace(state="closed", quantity=0, held=0, alternatives=[], because=[])
            count += _write(connection, turn, old, closed, receivers)
    left = sum(max(units, 0) for units in turn.free.values())
    _tell_storefront(connection, turn, 0 if wants else left, found.get(""), receivers)
    return count


def _claim(line: sales.OpenLine, facts: store.Facts) -> Claim:
    return Claim(
        str(line.order_id),
        line.quantity,
        Micros(line.placed_at),
        None if line.paid_at is None else Micros(line.paid_at),
        line.priority,
        line.segment,
        margin(
            line.amount,
            line.ordered,
            facts.cost,
            same_currency=line.currency == facts.currency,
        ),
    )


def _keep(
    connection: Connection,
    item_id: int,
    lines: Mapping[int, sales.OpenLine],
    before: Mapping[int, Promise],
    *,
    now: Micros,
) -> dict[int, int]:
    """What is held for each order, once it is no more than it still needs.

    A buyer's pending reservation becomes his order's, as the order is here.
    """
    held: dict[int, int] = {}
    for each in store.held(connection, item_id, sorted({*lines, *before})):
        line = lines.get(each.order_id)
        needed = (line.quantity if line else 0) - held.get(each.order_id, 0)
        if needed <= 0 or (each.units > needed and each.asked_by == MAKER):
            reservations.release(connection, each.code, now=now)
            continue
        if each.status == "pending":
            reservations.confirm(connection, each.code, now=now)
        held[each.order_id] = held.get(each.order_id, 0) + min(each.units, needed)
    return held


def _hold(connection: Connection, turn: Round, line: sales.OpenLine, missing: int) -> int:
    """Hold for an order what is free and keeps long enough; returns how much that is."""
    sites = list(turn.places) if turn.kit else list(turn.free)
    if line.site_id is not None:
        sites = [line.site_id]
    if turn.kit:
        return next(
            (n for site in sites if (n := _reserve(connection, turn, line, site, missing))), 0
        )
    left = usable(turn.free, turn.lots, turn.today(line.site_id), line.keeps_days)
    enough = [site for site in sites if left.get(site, 0) >= missing]
    ordered = sorted(enough or sites, key=lambda site: (-left.get(site, 0), site))
    got = 0
    for site in ordered:
        units = min(left.get(site, 0), missing - got)
        if units > 0:
            taken = _reserve(connection, turn, line, site, units)
            turn.free[site] -= taken
            got += taken
    return got


def _reserve(
    connection: Connection, turn: Round, line: sales.OpenLine, site: int, units: int
) -> int:
    name = f"{line.order_id}/{turn.item_id}/{site}/{turn.now}"
    ask = Ask(
        MAKER,
        name,
        turn.facts.sku,
        units,
        turn.places[site].code,
        "",
        line.channel,
        line.title[2],
        Micros(HOUR),
    )
    (answer,) = reservations.reserve(
        connection, [ask], code=lambda: f"PR-{name.replace('/', '-')}", now=turn.now
    )
    if not isinstance(answer, Reservation):
        return 0
    reservations.confirm(connection, answer.code, now=turn.now)
    return units


def _supplies(connection: Connection, turn: Round) -> list[Supply]:
    """What comes: goods of an item that keeps so many days arrive fresh."""
    return [
        Supply(
            " ".join(filter(None, (each.order, "line", each.line, each.shipment))),
            each.site_id,
            each.quantity,
            max(turn.now, each.arrival.at(EARLY)),
            max(turn.now, each.arrival.at(LATE)),
            turn.facts.shelf_life,
        )
        for each in purchases.expected_receipts(
            connection, [turn.item_id], None, now=turn.now, sites=list(turn.places)
        )
    ]


def _promise(
    connection: Connection,
    turn: Round,
    line: sales.OpenLine,
    *,
    held: int,
    window: Window | None,
    rank: int,
    rank_says: str,
    before: Promise | None,
) -> Promise:
    """What a line is promised, and where that comes from."""
    sku, number = turn.facts.sku, line.title[2]
    because: list[dict[str, Any]] = [
        {
            "says": f"{min(held, line.quantity)} of {line.quantity} {sku} are held for it.",
            "link": f"/v1/reservations?order={number}&item={sku}",
        },
        {"says": rank_says, "link": f"/v1/orders/{line.order_id}"},
    ]
    site_id, first, last = line.site_id, None, None
    if held >= line.quantity:
        state = "held"
        first = max(turn.today(site_id), line.ship_from or date.min)
        last = date.fromordinal(first.toordinal() + HANDLING_DAYS)
        if before is not None and before.state == "held":
            first, last = before.first_day, before.last_day
    elif window is None:
        state = "unsighted"
        because.append({"says": "Nothing that is ordered suffices for it.", "link": None})
    else:
        state, site_id = "backordered", window.site_id
        timezone = turn.places[site_id].timezone
        first, last = days(window, timezone)
        for name, units in window.takes:
            late = day(window.late, timezone).isoformat()
            because.append(
                {
                    "says": f"{units} come with {name}: there with 90 % by {late}.",
                    "link": f"/v1/purchase-orders/{name.split(' ')[0]}",
                    "rests": name,
                    "late": late,
                }
            )
    if line.keeps_days:
        because.append({"says": f"It must keep {line.keeps_days} days longer.", "link": None})
    return Promise(
        line.order_id,
        turn.item_id,
        number,
        line.channel,
        state,
        line.quantity,
        min(held, line.quantity),
        rank,
        site_id,
        first,
        last,
        because,
        [] if state == "held" else _alternatives(connection, turn, line, line.quantity - held),
        turn.now if before is None else before.promised_at,
        turn.now,
    )


def _alternatives(
    connection: Connection, turn: Round, line: sales.OpenLine, missing: int
) -> list[dict[str, Any]]:
    """What else could be had: the same from another site, or something that may stand in."""
    left = usable(turn.free, turn.lots, turn.today(line.site_id), line.keeps_days)
    found: list[dict[str, Any]] = [
        {"kind": "site", "site": turn.places[site].code, "free": units}
        for site, units in sorted(left.items())
        if units >= missing and site != line.site_id
    ]
    found += [
        {"kind": "substitute", "item": sku, "available": units}
        for sku, units in store.substitutes(connection, turn.item_id, list(turn.places))
        if units >= missing
    ]
    return found


def _write(
    connection: Connection,
    turn: Round,
    before: Promise | None,
    after: Promise,
    receivers: Receivers,
) -> bool:
    """Write what is new; whether somebody has to be told."""
    is_moved = moved(before, after)
    if before is not None and not is_moved and _told(before) == _told(after):
        return False
    store.write(connection, after, moved=is_moved, now=turn.now)
    if not is_moved:
        return False
    reason = "promised" if before is None else why(before, after)
    said = "" if before is None else before.says()
    store.write_change(connection, after, before=said, why=reason, now=turn.now)
    place = None if after.site_id is None else turn.places.get(after.site_id)
    body = {
        "order": after.number,
        "channel": after.channel,
        "item": turn.facts.sku,
        "quantity": after.quantity,
        "state": after.state,
        "says": after.says(),
        "first_day": after.first_day.isoformat() if after.first_day else None,
        "last_day": after.last_day.isoformat() if after.last_day else None,
        "site": place.code if place else None,
        "before": said or None,
        "why": reason,
        "alternatives": after.alternatives,
    }
    store.write_message(
        connection,
        "promise.made" if before is None else "promise.changed",
        f"{after.number}/{turn.facts.sku}",
        json.dumps(body),
        receivers.customers,
        now=turn.now,
    )
    return True


def _told(promise: Promise) -> tuple[Any, ...]:
    return promise.held, promise.rank, promise.because, promise.alternatives


def _tell_storefront(
    connection: Connection, turn: Round, left: int, window: Window | None, receivers: Receivers
) -> None:
    """Tell what a buyer can expect before he buys, when that reads otherwise than before."""
    first = last = None
    if left > 0:
        says = "in stock"
    elif window is not None:
        first, last = days(window, turn.places[window.site_id].timezone)
        says = ships(first, last)
    else:
        says = ships(None, None)
    if not receivers.storefronts or store.storefront(connection, turn.item_id) == says:
        return
    store.tell_storefront(connection, turn.item_id, says, now=turn.now)
    body = {
        "item": turn.facts.sku,
        "says": says,
        "available": max(left, 0),
        "first_day": first.isoformat() if first else None,
        "last_day": last.isoformat() if last else None,
    }
    store.write_message(
        connection,
        "availability",
        turn.facts.sku,
        json.dumps(body),
        receivers.storefronts,
        now=turn.now,
    )


def concerned(connection: Connection) -> list[int]:
    """Items to promise anew: whose orders or receipts changed, and those that are waited for.

    What was written by a transaction that ended late is looked at once more.
    """
    looked = store.looked(connection)
    return store.concerned(connection, None if looked is None else Micros(looked - _LATE))


def looked(connection: Connection, at: Micros) -> None:
    """Note that all that had changed by a moment was promised anew."""
    store.look(connection, at)
