"""SQL of the promise room; private to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from cloud.db import Connection, Queries
from cloud.promise.model import Place
from cloud.promise.plan import Change, Promise, Shown
from shared.units import Micros

_Q: Final = Queries(__package__ or "")
Key = tuple[int, int]


class Facts(NamedTuple):
    """What an item is: how long it keeps once received, what a unit costs in minor units."""

    sku: str
    shelf_life: int | None
    cost: int | None
    currency: str


class Ground(NamedTuple):
    """An item, the sites asked for, and by site and item how much of it has expired there."""

    item_id: int
    kit: bool
    places: list[Place]
    lain: dict[Key, int]


class Holding(NamedTuple):
    """A reservation for an order: how many units of the item it still holds."""

    reservation_id: int
    order_id: int
    code: str
    asked_by: str
    status: str
    site_id: int
    units: int


class Message(NamedTuple):
    """What is to be told to a receiver."""

    message_id: int
    kind: str
    key: str
    body: dict[str, Any]
    receiver: str
    tries: int
    made_at: Micros


def items(connection: Connection, skus: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """item_id, and whether it is a kit, by SKU; unknown and removed ones are absent."""
    rows = connection.execute(_Q["items"], {"skus": list(skus)})
    return {row[0]: (row[1], row[2]) for row in rows}


def places(
    connection: Connection,
    *,
    region: str | None = None,
    site: str | None = None,
    allowed: frozenset[int] | None = None,
) -> list[Place]:
    """Sites by code."""
    values = {
        "region": region,
        "site": site,
        "allowed": None if allowed is None else sorted(allowed),
    }
    return [Place(*row) for row in connection.execute(_Q["sites"], values)]


def ground(
    connection: Connection,
    sku: str,
    *,
    region: str | None,
    site: str | None,
    allowed: frozenset[int] | None,
    today: date,
) -> Ground | None:
    """An item beside the sites asked for; None where there is no such item."""
    values = {
        "sku": sku,
        "region": region,
        "site": site,
        "allowed": None if allowed is None else sorted(allowed),
        "today": today,
    }
    rows = connection.execute(_Q["ground"], values).fetchall()
    if not rows:
        return None
    item_id, kit = rows[0][:2]
    there = [row for row in rows if row[2] is not None]
    return Ground(
        item_id,
        kit,
        [Place(*row[2:7]) for row in there],
        {(row[2], item_id): row[7] for row in there if row[7] is not None},
    )


def stocked(
    connection: Connection, item_ids: Sequence[int], site_ids: Sequence[int], *, today: date
) -> dict[Key, int]:
    """Where any of these has ever lain, by site and item, with how much of it has expired."""
    values = {"item_ids": list(item_ids), "site_ids": list(site_ids), "today": today}
    return {(row[0], row[1]): row[2] for row in connection.execute(_Q["stocked"], values)}


def waiting(connection: Connection, item_ids: Sequence[int]) -> dict[Key, int]:
    """What customers wait for, by site (0: none was asked for) and item."""
    rows = connection.execute(_Q["waiting"], {"item_ids": list(item_ids)})
    return {(row[1], row[0]): row[2] for row in rows}


def outflow(
    connection: Connection,
    item_ids: Sequence[int],
    site_ids: Sequence[int],
    *,
    since: Micros,
    until: Micros,
    kinds: Sequence[int],
) -> dict[Key, dict[int, int]]:
    """By site and item: what left for customers on each day since then."""
    values = {
        "item_ids": list(item_ids),
        "site_ids": list(site_ids),
        "since": since,
        "until": until,
        "kinds": list(kinds),
    }
    found: dict[Key, dict[int, int]] = {}
    for site_id, item_id, day, units in connection.execute(_Q["outflow"], values):
        found.setdefault((site_id, item_id), {})[day] = units
    return found


def facts(connection: Connection, item_id: int) -> Facts:
    """What an item is."""
    row = connection.execute(_Q["facts"], {"item_id": item_id}).fetchone()
    if row is None:  # pragma: no cover - items are never deleted
        raise LookupError(item_id)
    return Facts(*row)


def held(connection: Connection, item_id: int, order_ids: Sequence[int]) -> list[Holding]:
    """What reservations hold of an item for these orders, the oldest first of each."""
    values = {"item_id": item_id, "order_ids": list(order_ids)}
    return [Holding(*row) for row in connection.execute(_Q["held"], values)]


def lots(connection: Connection, item_id: int) -> dict[int, list[tuple[date, int]]]:
    """By site: expiry dates and quantities of the lots that are known to expire."""
    found: dict[int, list[tuple[date, int]]] = {}
    for site_id, expires, units in connection.execute(_Q["lots"], {"item_id": item_id}):
        found.setdefault(site_id, []).append((expires, units))
    return found


def substitutes(
    connection: Connection, item_id: int, site_ids: Sequence[int]
) -> list[tuple[str, int]]:
    """SKUs that may stand in, the best first, with what is available of each."""
    values = {"item_id": item_id, "site_ids": list(site_ids)}
    return [(row[0], row[1]) for row in connection.execute(_Q["substitutes"], values)]


def adopt(connection: Connection, item_id: int) -> None:
    """Let what was promised to orders that turned out to be others be those others'."""
    while connection.execute(_Q["adopt"], {"item_id": item_id}).rowcount:
        pass


def promised(connection: Connection, item_id: int) -> list[Promise]:
    """What was promised of an item and is not closed."""
    return [Promise(*row) for row in connection.execute(_Q["promised"], {"item_id": item_id})]


def write(connection: Connection, promise: Promise, *, moved: bool, now: Micros) -> None:
    """Write what is promised now."""
    values = promise._asdict() | {
        "because": json.dumps(promise.because),
        "alternatives": json.dumps(promise.alternatives),
        "moved": moved,
        "now": now,
    }
    connection.execute(_Q["write"], values)


def write_change(
    connection: Connection, promise: Promise, *, before: str, why: str, now: Micros
) -> None:
    """Write how a promise changed."""
    values = {
        "order_id": promise.order_id,
        "item_id": promise.item_id,
        "before": before,
        "after": promise.says(),
        "why": why,
        "now": now,
    }
    connection.execute(_Q["write_change"], values)


def write_message(
    connection: Connection,
    kind: str,
    key: str,
    body: str,
    receivers: Sequence[str],
    *,
    now: Micros,
) -> None:
    """Write what is to be told."""
    values = {"kind": kind, "key": key, "body": body, "receivers": list(receivers), "now": now}
    connection.execute(_Q["write_message"], values)


def looked(connection: Connection) -> Micros | None:
    """Up to when changes were looked at."""
    row = connection.execute(_Q["looked"]).fetchone()
    return None if row is None else row[0]


def look(connection: Connection, at: Micros) -> None:
    """Note up to when they are looked at."""
    connection.execute(_Q["look"], {"at": at})


def concerned(connection: Connection, since: Micros | None) -> list[int]:
    """Items that something changed of, or that somebody waits for."""
    return [row[0] for row in connection.execute(_Q["concerned"], {"since": since})]


def page(
    connection: Connection,
    *,
    sku: str | None,
    number: str | None,
    state: str | None,
    site: str | None,
    after: Sequence[Any] | None,
    limit: int,
) -> list[Shown]:
    """Promises, the one that changed last first."""
    at, order_id, item_id = after or (None, None, None)
    values = {
        "sku": sku,
        "number": number,
        "state": state,
        "site": site,
        "at": at,
        "order_id": order_id,
        "item_id": item_id,
        "limit": limit,
    }
    rows = connection.execute(_Q["page"], values)
    return [Shown(Promise(*row[:15]), row[15], row[16]) for row in rows]


def changes(connection: Connection, order_ids: Sequence[int]) -> list[Change]:
    """How promises of these orders changed."""
    rows = connection.execute(_Q["changes"], {"order_ids": list(order_ids)})
    return [Change(*row) for row in rows]


def storefront(connection: Connection, item_id: int) -> str | None:
    """What a storefront was told last."""
    row = connection.execute(_Q["storefront"], {"item_id": item_id}).fetchone()
    return None if row is None else row[0]


def tell_storefront(connection: Connection, item_id: int, said: str, *, now: Micros) -> None:
    """Note what it is told."""
    connection.execute(_Q["tell_storefront"], {"item_id": item_id, "said": said, "now": now})


def theirs(connection: Connection, feed: str, sku: str) -> list[str]:
    """What a feed's shop calls an item."""
    rows = connection.execute(_Q["theirs"], {"feed": feed, "sku": sku})
    return [row[0] for row in rows]


def outgoing(connection: Connection, receivers: Sequence[str], *, now: Micros) -> list[Message]:
    """Messages that are due; they are this transaction's."""
    values = {"receivers": list(receivers), "now": now}
    return [Message(*row) for row in connection.execute(_Q["outgoing"], values)]


def sent(
    connection: Connection, message_id: int, *, error: str, due: Micros | None, now: Micros
) -> None:
    """Note what became of an attempt."""
    values = {"message_id": message_id, "error": error, "due": due, "now": now}
    connection.execute(_Q["sent"], values)
