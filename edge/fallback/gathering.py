"""What a decision is based on, out of the site's own picture: the inputs that are recorded.

Lists are bounded: what would matter least is left out, and how much that is, is said.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.fallback import book, leases, sights
from edge.fallback.deciding import Moment
from edge.fallback.leases import SQL, Whose
from shared.policy import (
    MAX_HELD,
    MAX_PLACES,
    MAX_RESERVES,
    RULES,
    Allocation,
    DecisionKind,
    Held,
    Losses,
    Outlook,
    Place,
    Replenishment,
    Request,
    Reserve,
    Routing,
)
from shared.units import DAY, HOUR, MAX_QUANTITY

LOSS_DAYS: Final = 30
OUTFLOW_HOURS: Final = 24
HORIZON_HOURS: Final = 24
_KEPT_IN: Final = ("reserve", "shelf")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Pallet(NamedTuple):
    """Goods that need a place; ``own`` is the one meant for them."""

    subject: str
    sku: str
    quantity: int
    own: str


def replenishment(connection: Connection, face: tasks.Face, moment: Moment) -> Replenishment:
    """A pick face, what is on the way to it, and what reserve holds."""
    seen = sights.of_face(connection, face, moment.now)
    found, more = stock.reserves(
        connection, face.sku, role=face.reserve, beside=face.location, limit=MAX_RESERVES
    )
    return Replenishment(
        RULES,
        moment.away_minutes,
        face.sku,
        face.location,
        face.minimum,
        face.maximum,
        _signed(stock.available_at(connection, face.sku, face.location)),
        _count(tasks.coming(connection, face.location, face.sku)),
        (_EPOCH + timedelta(microseconds=moment.now)).date().isoformat(),
        [Reserve(each.location, _count(each.quantity), each.lot, each.expiry) for each in found],
        _count(more),
        _room(connection, face.location),
        seen.state,
        seen.by,
    )


def _room(connection: Connection, location: str) -> int | None:
    """How many more base units a location takes, None where nobody said."""
    place = stock.place(connection, location)
    if place is None or not place.capacity:
        return None
    holds = max(stock.held_in(connection, location), 0)
    return _count(place.capacity - holds - tasks.coming(connection, location))


def routing(
    connection: Connection,
    kind: DecisionKind,
    pallet: Pallet,
    moment: Moment,
    occupied: frozenset[str],
) -> Routing:
    """The places that could take a pallet: its own, those like it, those that hold the same."""
    policy = stock.policy(connection)
    own = stock.place(connection, pallet.own) if pallet.own else None
    found = [own] if own is not None else []
    roles = (policy.arrival_role,) if kind == "dock" else _KEPT_IN
    if own is not None:
        roles = (own.role,)
    if kind == "put_away":
        moving = {policy.arrival_role, policy.staging_role}
        alike = stock.places_alike(connection, pallet.sku, limit=MAX_PLACES)
        found += [each for each in alike if each.role not in moving][: MAX_PLACES // 2]
        for role in roles:
            found += stock.empty_places(connection, role, limit=MAX_PLACES // 2)
    for role in roles:
        found += stock.places_of_role(connection, role, limit=MAX_PLACES)
    places = list(dict.fromkeys(found))[:MAX_PLACES]
    blocked = occupied.union(tasks.blocked(connection))
    return Routing(
        RULES,
        moment.away_minutes,
        pallet.subject,
        pallet.quantity,
        pallet.own,
        [
            Place(
                each.location,
                each.zone,
                _signed(stock.held_in(connection, each.location)),
                _count(tasks.coming(connection, each.location)),
                each.capacity,
                _count(stock.available_at(connection, pallet.sku, each.location)),
                each.location in blocked,
            )
            for each in places
        ],
    )


def allocation(
    connection: Connection,
    *,
    sku: str,
    quantity: int,
    document: str,
    channel: str,
    whose: Whose,
    moment: Moment,
) -> Allocation:
    """What leases leave of an item, and what is here and not promised."""
    usable = leases.usable(connection, sku, channel, whose=whose, limit=MAX_HELD)
    return Allocation(
        RULES,
        moment.away_minutes,
        sku,
        quantity,
        document,
        channel,
        _signed(stock.available(connection, sku) - leases.outstanding(connection, sku)),
        moment.now,
        [Held(each.lease.code, each.remaining, each.lease.not_after) for each in usable],
    )


def outlook(connection: Connection, sku: str, announced: int, moment: Moment) -> Outlook:
    """What is at hand of an item or announced, and how fast it went lately."""
    hour = moment.now // HOUR
    out, first = connection.execute(SQL["outflow"], (sku, hour - OUTFLOW_HOURS + 1)).fetchone()
    return Outlook(
        RULES,
        moment.away_minutes,
        sku,
        _signed(stock.available(connection, sku)),
        _count(announced),
        _count(out),
        max(hour - first + 1, 1) if first is not None else 1,
        HORIZON_HOURS,
    )


def request(
    connection: Connection, kind: DecisionKind, sku: str, missing: int, moment: Moment
) -> Request:
    """What is missing of an item, and how much was asked for today."""
    return Request(
        RULES,
        moment.away_minutes,
        sku,
        _count(missing),
        _signed(stock.available(connection, sku)),
        HORIZON_HOURS,
        _count(book.asked_since(connection, kind, moment.now - moment.now % DAY)),
    )


def losses(connection: Connection, sku: str, moment: Moment) -> Losses:
    """What the counts of an item found missing."""
    since = moment.now // DAY - LOSS_DAYS + 1
    rows = connection.execute(SQL["losses"], (sku, since)).fetchall()
    lost = max(-sum(difference for *_, difference in rows), 0)
    worst, _, _, worst_difference = rows[0] if rows else ("", 0, 0, 0)
    return Losses(
        RULES,
        moment.away_minutes,
        sku,
        LOSS_DAYS,
        _count(sum(counts for _, counts, _, _ in rows)),
        _count(sum(expected for _, _, expected, _ in rows)),
        _count(lost),
        worst if worst_difference < 0 else "",
        _count(min(-worst_difference, lost)),
    )


def _count(quantity: int) -> int:
    """Within what an input may say."""
    return min(max(quantity, 0), MAX_QUANTITY)


def _signed(quantity: int) -> int:
    return min(max(quantity, -MAX_QUANTITY), MAX_QUANTITY)
