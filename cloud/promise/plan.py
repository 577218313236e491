"""What is promised to whom, in words and days. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from shared.policy.serving import Claim
from shared.replenishment import Window
from shared.units import Micros

State = Literal["held", "backordered", "unsighted", "closed"]
HANDLING_DAYS: Final = 1
"""What is there ships on the same day or on the next."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Promise(NamedTuple):
    """What a line of an order was promised; days are those of the site that ships."""

    order_id: int
    item_id: int
    number: str
    channel: str
    state: State
    quantity: int
    held: int
    rank: int
    site_id: int | None
    first_day: date | None
    last_day: date | None
    because: list[dict[str, Any]]
    alternatives: list[dict[str, Any]]
    promised_at: Micros
    changed_at: Micros

    def says(self) -> str:
        """In a sentence's part."""
        if self.state == "closed":
            return "nothing is waited for any more"
        return ships(self.first_day, self.last_day)


class Shown(NamedTuple):
    """A promise with the names that people know."""

    promise: Promise
    sku: str
    site: str


class Change(NamedTuple):
    """How a promise changed, and why."""

    sku: str
    at: Micros
    before: str
    after: str
    why: str


def day(moment: Micros, timezone: str) -> date:
    """The calendar day of a moment at a site."""
    return (_EPOCH + timedelta(microseconds=moment)).astimezone(ZoneInfo(timezone)).date()


def days(window: Window, timezone: str) -> tuple[date, date]:
    """From which day until which it ships."""
    last = day(window.late, timezone) + timedelta(days=HANDLING_DAYS)
    return day(window.early, timezone), last


def ships(first: date | None, last: date | None) -> str:
    """As a customer reads it."""
    if first is None or last is None:
        return "no date in sight"
    if first == last:
        return f"ships {_short(first)}"
    if (first.year, first.month) == (last.year, last.month):
        return f"ships {_short(first)}–{last.day}"
    return f"ships {_short(first)}–{_short(last)}"


_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


def _short(found: date) -> str:
    return f"{_MONTHS[found.month * 3 - 3 : found.month * 3]} {found.day}"


def moved(before: Promise | None, after: Promise) -> bool:
    """Whether somebody has to be told: another state or quantity, another end, a later start."""
    if before is None:
        return True
    if (before.state, before.quantity) != (after.state, after.quantity):
        return True
    if after.state == "held" or after.first_day is None or before.first_day is None:
        return False
    return before.last_day != after.last_day or after.first_day > before.first_day


def why(before: Promise, after: Promise) -> str:
    """Why a promise changed, in words and numbers."""
    if after.state == "closed":
        return "it has left, or was cancelled"
    found: list[str] = []
    if before.quantity != after.quantity:
        found.append(f"{after.quantity} are still to ship, {before.quantity} were")
    if before.held != after.held:
        found.append(f"{after.held} are held for it, {before.held} were")
    old, new = _rests(before), _rests(after)
    for name, late in new.items():
        if name not in old:
            found.append(f"it now rests on {name}, there with 90 % by {late}")
        elif old[name] != late:
            found.append(f"{name} is there with 90 % by {late} instead of {old[name]}")
    found += [f"{name} no longer counts for it" for name in old if name not in new]
    if before.rank != after.rank and not found:
        found.append(f"it is served as number {after.rank}, before as number {before.rank}")
    return "; ".join(found) or "other orders ahead of it changed"


def _rests(promise: Promise) -> dict[str, str]:
    return {str(each["rests"]): str(each["late"]) for each in promise.because if "rests" in each}


def served(claim: Claim, rank: int, among: int) -> str:
    """Why somebody is served when he is."""
    traits = ["paid" if claim.paid_at is not None else "not paid yet"]
    if claim.priority:
        traits.append(f"priority {claim.priority}")
    if claim.segment:
        traits.append(f"segment {claim.segment}")
    if claim.margin is not None:
        traits.append(f"margin {claim.margin} minor units each")
    return f"Served as number {rank} of {among}: {', '.join(traits)}."


def margin(
    amount: int | None, ordered: int, cost: int | None, *, same_currency: bool
) -> int | None:
    """What a unit earns; None where price or cost are not known in one currency."""
    if amount is None or cost is None or not ordered or not same_currency:
        return None
    return amount // ordered - cost


def short_lived(lots: Sequence[tuple[date, int]], today: date, keeps_days: int) -> int:
    """How much of the lots (expiry date, quantity) would not keep so long when it left today."""
    return sum(units for expires, units in lots if expires - today < timedelta(days=keeps_days))


def usable(
    free: Mapping[int, int], lots: Mapping[int, Sequence[tuple[date, int]]], today: date, keeps: int
) -> dict[int, int]:
    """What of the free stock of each site keeps long enough.

    What is held already may be of any lot: it is taken as of those that keep.
    """
    return {
        site: max(units - short_lived(lots.get(site, ()), today, keeps), 0)
        for site, units in free.items()
    }
