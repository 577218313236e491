"""What a scan may do. Pure: facts in, verdict out.

The gateway judges every scan with this, connected or not, and the cloud replays it with the same
code. A policy refuses only what nobody could mean, and what a task did not ask for; what is merely
suspicious is accepted with a warning, because goods that have moved have moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from shared.errors import Code
from shared.policy.matching import Match, Wanted
from shared.policy.rules import Policy, Ruling, Step

_ARRIVING: Final[frozenset[Step]] = frozenset({"receive", "return"})
_LEAVING: Final[frozenset[Step]] = frozenset({"pick", "pack", "ship"})


class Lot(NamedTuple):
    """A lot and its last day, ``YYYY-MM-DD``."""

    lot: str
    expiry: str


class Asked(NamedTuple):
    """What a task asks of a scan.

    ``may`` is whether its kind of work has this step; ``blind`` work is not told how many are
    expected, and so never that there are too many.
    """

    may: bool
    match: Match
    blind: bool = False
    arriving: bool = False


class Facts(NamedTuple):
    """What a verdict is based on.

    ``quantity`` is in base units and negative only for a downward adjustment; ``left`` is what
    would remain on hand at the position that the goods are taken from, None where none are taken.
    ``known`` is false for a code that the catalog does not have, which ``code`` quotes.
    ``expiry`` is the goods', by their label or by what is known of the lot; ``differs`` is the day
    that an earlier label of this lot said, where it was another. ``held`` units of these goods are
    held back where they are taken from, and would have to leave, too; ``sooner`` is another lot
    there that expires first.
    """

    step: Step
    quantity: int
    expiry: str | None
    today: date
    removed: bool
    reason: str
    left: int | None
    known: bool = True
    code: str = ""
    asked: Asked | None = None
    differs: str | None = None
    held: int = 0
    sooner: Lot | None = None


class Notice(NamedTuple):
    """One thing to tell the person who scans."""

    code: Code
    detail: str = ""


class Verdict(NamedTuple):
    """Refused for a reason, or accepted with warnings; ``expected`` is what a task asks for."""

    refusal: Notice | None
    warnings: tuple[Notice, ...]
    expected: Wanted | None = None


def judge(policy: Policy, facts: Facts) -> Verdict:
    """The verdict on one understood scan."""
    expected = facts.asked.match.wanted if facts.asked is not None else None
    refusal = _meaningless(policy, facts)
    if refusal is not None:
        return Verdict(refusal, (), expected)
    warnings: list[Notice] = []
    if abs(facts.quantity) > policy.warn_quantity:
        warnings.append(Notice("scan.large-quantity", f"{abs(facts.quantity)}"))
    for ruling, notice in _doubts(policy, facts):
        if ruling == "allow":
            continue
        if ruling == "refuse":
            return Verdict(notice, (), expected)
        warnings.append(notice)
    return Verdict(None, tuple(warnings), expected)


def _meaningless(policy: Policy, facts: Facts) -> Notice | None:
    """What nobody can have meant."""
    if not facts.known:
        return Notice("scan.unknown-item", facts.code)
    if facts.removed:
        return Notice("scan.item-removed")
    if facts.asked is not None and not facts.asked.may:
        return Notice("task.step", facts.step)
    if facts.step == "adjust" and facts.quantity and not facts.reason.strip():
        return Notice("scan.reason-missing")
    return _quantity(policy, facts)


def _quantity(policy: Policy, facts: Facts) -> Notice | None:
    magnitude = abs(facts.quantity)
    if magnitude > policy.max_quantity:
        return Notice("scan.quantity", f"{magnitude}, at most {policy.max_quantity} are allowed")
    if facts.quantity == 0 and facts.step != "count":
        return Notice("scan.quantity", "zero")
    if facts.quantity < 0 and facts.step != "adjust":
        return Notice("scan.quantity", f"{facts.quantity}")
    return None


def _doubts(policy: Policy, facts: Facts) -> Iterator[tuple[Ruling, Notice]]:
    """What the policy rules on, the plainest mistake first."""
    if facts.asked is not None:
        yield from _missed(policy, facts.asked, facts.quantity)
    yield from _expiry(policy, facts)
    if facts.held and facts.step in _LEAVING:
        yield policy.held_leaving, Notice("scan.held", f"{facts.held} are held back here")
    if facts.sooner is not None and facts.step in _LEAVING:
        lot, expiry = facts.sooner
        yield policy.fefo, Notice("scan.fefo", f"take lot {lot}, which expires on {expiry}, first")
    if facts.left is not None and facts.left < 0:
        left = Notice("scan.negative-on-hand", f"{facts.left} would be left")
        yield policy.negative_on_hand, left


def _missed(policy: Policy, asked: Asked, quantity: int) -> Iterator[tuple[Ruling, Notice]]:
    match asked.match.missed:
        case "item":
            yield policy.wrong_item, Notice("task.wrong-item")
        case "lot":
            yield policy.wrong_item, Notice("task.wrong-lot")
        case "location":
            yield policy.wrong_location, Notice("task.wrong-location")
        case "":
            left = asked.match.line.left if asked.match.line is not None else None
            if left is None or quantity <= left or asked.blind:
                return
            over = f"{quantity} scanned, {left} left to do"
            if asked.arriving:
                yield policy.over_receipt, Notice("task.over-receipt", over)
            else:
                yield policy.over_task, Notice("task.over", over)


def _expiry(policy: Policy, facts: Facts) -> Iterator[tuple[Ruling, Notice]]:
    if facts.differs is not None:
        yield "warn", Notice("scan.expiry-differs", facts.differs)
    if facts.expiry is None or facts.step not in _ARRIVING | _LEAVING:
        return
    try:
        days_left = (date.fromisoformat(facts.expiry) - facts.today).days
    except ValueError:
        return
    if days_left < 0:
        ruling = policy.expired_leaving if facts.step in _LEAVING else policy.expired_arriving
        yield ruling, Notice("scan.expired", facts.expiry)
    elif days_left < policy.near_expiry_days:
        yield "warn", Notice("scan.near-expiry", facts.expiry)
