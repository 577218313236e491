"""Findings, and what follows from them for planning. Pure.

A finding says what is wrong with the data and changes nothing: whoever repairs it does so where the
data is kept, in a version of its own (a catalog's revision, a feed's mapping, a correction by
events, a newer document).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from shared.units import Micros

Area = Literal["feeds", "catalog", "demand", "stock", "suppliers"]
AREAS: Final[tuple[Area, ...]] = get_args(Area)
Verdict = Literal["ready", "usable with proxies", "fix first"]

MOST: Final = 200
"""Findings of one check at most: who has more begins with these."""
ENOUGH_DAYS: Final = 28
"""Four weeks of demand: each weekday seen four times."""
ENOUGH_ORDERS: Final = 5
"""As many of a supplier's orders say something of its lead time."""
ENOUGH_SAMPLES: Final = 3
"""As many deliveries at each end say something of what a feed sends."""
MANY_REFUSED: Final = 0.01
MANY_REPEATS: Final = 1.0
"""As often as something came for the first time."""

CHECKS: Final[Mapping[str, str]] = {
    "feed-silent": "A feed has stopped.",
    "feed-gaps": "A feed was silent for longer than it may be.",
    "feed-duplicates": "A feed sends the same again and again.",
    "feed-refused": "Of a feed's deliveries many are refused.",
    "schema-drift": "What a feed sends has other fields than before.",
    "unit-mistake": "A day's demand looks like packs counted as units.",
    "demand-gap": "Of some days a channel tells nothing at all.",
    "demand-ahead": "There is demand of days to come.",
    "stock-below-zero": "There is less than nothing of an item.",
    "moved-beyond": "More left or came back than was ordered.",
    "pack-does-not-multiply": "A pack does not hold a whole number of the next smaller one.",
    "same-name": "Several items are called the same.",
    "cost-above-price": "An item costs more than it brings.",
    "lead-time-unseen": "A supplier states a lead time that none of its orders has kept.",
    "no-cost": "Items without a cost.",
    "no-offer": "Items that no supplier offers.",
    "no-lead-time": "Suppliers that state no lead time.",
    "little-demand": "There is little demand to learn from.",
}
"""What is looked for, in a person's words."""

PROXIES: Final[Mapping[str, str]] = {
    "no-cost": "the best offer stands in for the cost",
    "no-offer": "the supplier of the item's siblings, else none, is proposed",
    "no-lead-time": "what its orders took, else what its region's suppliers take",
    "lead-time-unseen": "what its orders took stands in for what it states",
    "demand-gap": "days of which nothing is told count as not seen",
    "feed-gaps": "what is missing is taken as late until it comes",
    "little-demand": "items of the same category lend their pattern",
    "unit-mistake": "the days concerned count as not seen until they are decided",
    "feed-refused": "what is refused is missing until it is mended",
    "schema-drift": "fields that are not known are passed over",
    "same-name": "each is planned by itself",
    "cost-above-price": "the price stands; no margin is optimized",
    "feed-duplicates": "doubles are taken once",
    "demand-ahead": "demand of days to come is planned demand",
}
"""What stands in until a finding that does not block is mended."""


class Finding(NamedTuple):
    """One thing that is wrong. ``blocking``: planning would go wrong without notice."""

    check: str
    area: Area
    subject: str
    detail: str
    blocking: bool = False
    feed: str = ""
    sku: str = ""
    site_id: int | None = None


class FindingRow(NamedTuple):
    """A finding as kept: from when until when it was true."""

    finding_id: int
    check: str
    area: Area
    subject: str
    feed: str
    sku: str
    site: str | None
    detail: str
    blocking: bool
    found_at: Micros
    last_at: Micros
    gone_at: Micros | None


class Readiness(NamedTuple):
    """Whether planning can stand on an area's data, and what is to be done or stands in."""

    area: Area
    verdict: Verdict
    fix_first: tuple[str, ...]
    proxies: tuple[str, ...]


def unseen() -> list[Readiness]:
    """Every area where nobody has looked yet: no findings say nothing."""
    why = ("nobody has looked at the data yet: quartermaster cloud quality --look",)
    return [Readiness(area, "fix first", why, ()) for area in AREAS]


def judged(found: Iterable[tuple[str, Area, str, bool]]) -> list[Readiness]:
    """Each area by its findings (check, area, subject, blocking)."""
    rows = list(found)
    return [_judged_area(area, [row for row in rows if row[1] == area]) for area in AREAS]


def _judged_area(area: Area, rows: Sequence[tuple[str, Area, str, bool]]) -> Readiness:
    fix = _told(CHECKS, [row for row in rows if row[3]])
    proxies = _told(PROXIES, [row for row in rows if not row[3]])
    verdict: Verdict = "fix first" if fix else "usable with proxies" if proxies else "ready"
    return Readiness(area, verdict, fix, proxies)


def _told(words: Mapping[str, str], rows: Sequence[tuple[str, Area, str, bool]]) -> tuple[str, ...]:
    """A line for each check: what it says, how often, and the first of what it is about."""
    by_check: dict[str, list[str]] = {}
    for check, _, subject, _ in rows:
        by_check.setdefault(check, []).append(subject)
    return tuple(
        f"{words[check]} ({len(subjects)}: {', '.join(sorted(subjects)[:3])}"
        f"{', …' if len(subjects) > 3 else ''})"
        for check, subjects in sorted(by_check.items())
    )


def odd_packs(quantities: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of neighbouring pack sizes of which the larger holds no whole number of the smaller."""
    sizes = sorted(set(quantities))
    return [(small, large) for small, large in pairwise(sizes) if large % small]


def fields_of(content: bytes) -> frozenset[str]:
    """The members of a JSON object, or the columns of a CSV file; empty where it is neither."""
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        text = content.decode("utf-8-sig")
        if start in (b"{", b"["):
            return frozenset(_members(json.loads(text), ""))
        header = next(csv.reader(io.StringIO(text)), list[str]())
    except (ValueError, RecursionError, csv.Error):
        return frozenset()
    return frozenset(name.strip() for name in header) if len(header) > 1 else frozenset()


def _members(value: object, path: str) -> Iterable[str]:
    """Names down to the members of an object's lists: an order's own and its lines'."""
    if isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            yield path + name
            if path.count(".") < 1 and isinstance(each, list):
                for one in cast("list[Any]", each)[:20]:
                    yield from _members(one, f"{path}{name}.")


def drift(
    older: Sequence[frozenset[str]], newer: Sequence[frozenset[str]]
) -> tuple[list[str], list[str]]:
    """Fields that all of the older deliveries had and no newer has, and the other way round."""
    if min(len(older), len(newer)) < ENOUGH_SAMPLES:
        return [], []
    always, now_always = older[0].intersection(*older), newer[0].intersection(*newer)
    ever, now_ever = older[0].union(*older), newer[0].union(*newer)
    return sorted(always - now_ever), sorted(now_always - ever)
