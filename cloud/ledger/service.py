"""The ledger's use cases: post, check, and answer what is, was, and was known."""

from __future__ import annotations

from typing import Any

from cloud.db import Connection
from cloud.ledger import store
from cloud.ledger.model import MOVEMENT_KEY, STOCK_KEY, Drift, MovementRow, StockRow, SummaryRow
from cloud.ledger.posting import check_counts, post
from cloud.ledger.reversing import reverse
from cloud.ledger.snapshots import service as snapshots

__all__ = [
    "MOVEMENT_KEY",
    "STOCK_KEY",
    "check_counts",
    "drift",
    "movements",
    "post",
    "reverse",
    "stock",
    "stock_as_of",
    "summary",
]


def stock(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    item: str | None = None,
    location: str | None = None,
    lot: str | None = None,
    serial: str | None = None,
    state: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[StockRow]:
    """Balances other than zero, now, of the sites that the caller may see (``None``: all).

    ``after`` is the ``key`` of the last row of the page before.
    """
    return store.stock(
        connection, _stock_filters(sites, (site, item, location, lot, serial, state), after, limit)
    )


def summary(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    item: str | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[SummaryRow]:
    """What each site has of each item, by what may be done with it."""
    key = after or (None, None)
    return store.summary(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "site": site,
            "item": item,
            "after_site": key[0],
            "after_item": key[1],
            "limit": limit,
        },
    )


def stock_as_of(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    true_at: int | None = None,
    known_at: int | None = None,
    site: str | None = None,
    item: str | None = None,
    location: str | None = None,
    lot: str | None = None,
    serial: str | None = None,
    state: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[StockRow]:
    """Stock as it was at ``true_at``, as it was known at ``known_at``, or both together.

    Times are microseconds UTC, the moment itself included. Without either: as it is now.
    """
    filters = _stock_filters(sites, (site, item, location, lot, serial, state), after, limit)
    moment = {"true_at": true_at, "known_at": known_at}
    part = snapshots.window(connection, true_at, known_at)
    return store.stock_as_of(connection, {**filters, **moment, **part._asdict()})


def _stock_filters(
    sites: frozenset[int] | None,
    which: tuple[str | None, str | None, str | None, str | None, str | None, int | None],
    after: tuple[Any, ...] | None,
    limit: int,
) -> dict[str, Any]:
    site, item, location, lot, serial, state = which
    key = after or (None,) * 6
    return {
        "sites": None if sites is None else sorted(sites),
        "site": site,
        "item": item,
        "location": location,
        "lot": lot,
        "serial": serial,
        "state": state,
        "after_site": key[0],
        "after_item": key[1],
        "after_location": key[2],
        "after_lot": key[3],
        "after_serial": key[4],
        "after_state": key[5],
        "limit": limit,
    }


def movements(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    item: str | None = None,
    location: str | None = None,
    lot: str | None = None,
    serial: str | None = None,
    state: int | None = None,
    gateway: str | None = None,
    posting: int | None = None,
    since: int | None = None,
    until: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[MovementRow]:
    """Movements, newest first, received from ``since`` until ``until`` (both included)."""
    key = after or (None,) * 5
    return store.movements(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "site": site,
            "item": item,
            "location": location,
            "lot": lot,
            "serial": serial,
            "state": state,
            "gateway": gateway,
            "posting": posting,
            "since": since,
            "until": until,
            "after_at": key[0],
            "after_gateway": key[1],
            "after_epoch": key[2],
            "after_seq": key[3],
            "after_leg": key[4],
            "limit": limit,
        },
    )


def drift(connection: Connection, *, limit: int = 100) -> list[Drift]:
    """Positions whose balance differs from the fold of all movements; an intact ledger has none."""
    return store.drift(connection, limit)
