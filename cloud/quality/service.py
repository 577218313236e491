"""Look at the data, keep what is wrong with it, say whether planning can stand on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cloud.db import Connection
from cloud.quality import store
from cloud.quality.model import (
    ENOUGH_DAYS,
    ENOUGH_ORDERS,
    MANY_REFUSED,
    MANY_REPEATS,
    Finding,
    FindingRow,
    Readiness,
    drift,
    fields_of,
    judged,
    odd_packs,
    unseen,
)
from shared.units import MINUTE, Micros

_SAMPLES: Final = 20
_SHOWN: Final = 10
_Look = Callable[[Connection, Micros], Iterator[Finding]]


def look(connection: Connection, *, now: Micros) -> int:
    """Look at everything; what is new, other or gone is written down. Returns how much is wrong.

    Nothing is repaired.
    """
    store.hold(connection)
    found = {(one.check, one.subject): one for each in _LOOKS for one in each(connection, now)}
    before = store.current(connection)
    as_before = {key for key, one in found.items() if before.get(key) == (one.detail, one.blocking)}
    store.end(connection, before.keys() - as_before, now)
    store.seen(connection, now)
    store.looked(connection, now)
    store.add(connection, [one for key, one in sorted(found.items()) if key not in as_before], now)
    return len(found)


def findings(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    check: str | None = None,
    feed: str | None = None,
    sku: str | None = None,
    area: str | None = None,
    gone: bool = False,
    after: int | None = None,
    limit: int = 100,
) -> list[FindingRow]:
    """Findings of the sites that a caller may see, the newest first; with ``gone`` old ones too."""
    return store.findings(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "check": check,
            "feed": feed,
            "sku": sku,
            "area": area,
            "gone": gone,
            "after": after,
            "limit": limit,
        },
    )


def readiness(connection: Connection, *, sites: frozenset[int] | None) -> list[Readiness]:
    """Whether planning can stand on the data, area by area, as last looked at.

    Where nobody has ever looked, nothing is ready.
    """
    if store.looked_at(connection) is None:
        return unseen()
    rows = findings(connection, sites=sites, limit=100_000)
    return judged((row.check, row.area, row.subject, row.blocking) for row in rows)


def _feeds(connection: Connection, now: Micros) -> Iterator[Finding]:
    for code, site_id, since in store.rows(connection, "feed_silent"):
        says = f"for {(now - since) // MINUTE} min"
        yield Finding("feed-silent", "feeds", f"feed {code}", says, True, code, "", site_id)
    for code, site_id, gaps, longest, allowed in store.rows(connection, "feed_gaps", now=now):
        says = f"{gaps} gaps in 28 days, the longest of {longest} min; {allowed} allowed"
        yield Finding("feed-gaps", "feeds", f"feed {code}", says, False, code, "", site_id)
    for row in store.rows(connection, "feed_shares", now=now):
        code, site_id, received, repeats, refused, error, where = row
        if repeats >= max(10, MANY_REPEATS * received):
            says = f"{repeats} doubles of {received} deliveries in 7 days"
            yield Finding(
                "feed-duplicates", "feeds", f"feed {code}", says, False, code, "", site_id
            )
        if refused > MANY_REFUSED * received:
            most = " at ".join(part for part in (error, where) if part)
            says = f"{refused} of {received} deliveries in 7 days, most often {most}"
            yield Finding("feed-refused", "feeds", f"feed {code}", says, False, code, "", site_id)


def _schemas(connection: Connection, now: Micros) -> Iterator[Finding]:
    for feed_id, code, site_id, topic in store.rows(connection, "topics", now=now):
        newer, older = (
            [
                fields_of(content)
                for (content,) in store.rows(
                    connection,
                    "samples",
                    feed_id=feed_id,
                    topic=topic,
                    newest=newest,
                    limit=_SAMPLES,
                    now=now,
                )
            ]
            for newest in (True, False)
        )
        half = min(len(older), _SAMPLES) // 2  # few deliveries: their halves do not overlap
        gone, come = drift(older[:half], newer[:half])
        if gone or come:
            parts = [f"no more: {', '.join(gone[:_SHOWN])}"] if gone else []
            parts += [f"new: {', '.join(come[:_SHOWN])}"] if come else []
            subject = f"feed {code} {topic}".strip()
            says = "; ".join(parts)
            yield Finding("schema-drift", "feeds", subject, says, False, code, "", site_id)


def _demand(connection: Connection, now: Micros) -> Iterator[Finding]:
    for row in store.rows(connection, "unit_mistakes", now=now):
        sku, site_id, site, channel, days, most, usual, pack = row
        subject = f"{sku} {site or '–'} {channel or '–'}"
        says = f"{days} days; {most} on one, {usual} as a rule; a pack holds {pack}"
        yield Finding("unit-mistake", "demand", subject, says, False, "", sku, site_id)
    for site, site_id, channel, missing, days in store.rows(connection, "demand_gaps", now=now):
        says = f"{missing} of {days} days"
        subject = f"{site or '–'} {channel}"
        yield Finding("demand-gap", "demand", subject, says, False, "", "", site_id)
    for sku, site_id, site, channel, day in store.rows(connection, "future_demand", now=now):
        says = f"up to {day.isoformat()}"
        subject = f"{sku} {site or '–'} {channel or '–'}"
        yield Finding("demand-ahead", "demand", subject, says, False, "", sku, site_id)
    for sku, site_id, site, orders, number in store.rows(connection, "shipped_beyond", now=now):
        says = f"{orders} orders, such as {number}"
        subject = f"{sku} {site or '–'}"
        yield Finding("moved-beyond", "demand", subject, says, True, "", sku, site_id)
    ((days, items),) = store.rows(connection, "demand_days", now=now)
    if days < ENOUGH_DAYS:
        says = f"{days} days of {items} items; {ENOUGH_DAYS} are needed"
        yield Finding("little-demand", "demand", "all items", says, days == 0)


def _stock(connection: Connection, _now: Micros) -> Iterator[Finding]:
    for sku, site_id, site, quantity in store.rows(connection, "below_zero"):
        says = f"{quantity} at places that have less than nothing"
        yield Finding("stock-below-zero", "stock", f"{sku} {site}", says, True, "", sku, site_id)


def _catalog(connection: Connection, _now: Micros) -> Iterator[Finding]:
    for sku, quantities, levels in store.rows(connection, "packs"):
        if odd := odd_packs(quantities):
            named = ", ".join(
                f"{size} {level}".strip() for size, level in zip(quantities, levels, strict=True)
            )
            says = "; ".join(f"{large} is no multiple of {small}" for small, large in odd)
            detail = f"{says} ({named})"
            yield Finding("pack-does-not-multiply", "catalog", sku, detail, True, "", sku)
    for name, skus in store.rows(connection, "same_names"):
        says = f"{name!r}: {', '.join(skus[:_SHOWN])}"
        yield Finding("same-name", "catalog", skus[0], says, False, "", skus[0])
    for sku, cost, price, currency in store.rows(connection, "cost_above_price"):
        says = f"cost {cost}, price {price} in minor units of {currency}"
        yield Finding("cost-above-price", "catalog", sku, says, False, "", sku)
    ((items, no_cost, _no_gtin, no_offer),) = store.rows(connection, "completeness")
    if no_cost:
        yield Finding("no-cost", "catalog", "all items", f"{no_cost} of {items}", no_cost == items)
    if no_offer:
        yield Finding("no-offer", "suppliers", "all items", f"{no_offer} of {items}")


def _suppliers(connection: Connection, _now: Micros) -> Iterator[Finding]:
    for code, stated, orders, least, most in store.rows(connection, "lead_times"):
        if stated is None:
            yield Finding("no-lead-time", "suppliers", code, f"{orders} orders known")
        elif orders >= ENOUGH_ORDERS and not least <= stated <= most:
            says = f"{stated} days stated; its last {orders} orders took {least} to {most}"
            yield Finding("lead-time-unseen", "suppliers", code, says)


_LOOKS: Final[tuple[_Look, ...]] = (_feeds, _schemas, _demand, _stock, _catalog, _suppliers)
