"""What a scan may do. Pure: facts in, verdict out.

The gateway judges every scan with this, connected or not, and the cloud replays it with the same
code. A policy refuses only what nobody could mean; what is merely suspicious is accepted with a
warning, because goods that have moved have moved.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from shared.errors import Code
from shared.policy.rules import Policy, Ruling, Step

_ARRIVING: Final[frozenset[Step]] = frozenset({"receive", "return"})
_LEAVING: Final[frozenset[Step]] = frozenset({"pick", "pack", "ship"})


class Facts(NamedTuple):
    """What a verdict is based on.

    ``quantity`` is in base units and negative only for a downward adjustment; ``left`` is what
    would remain on hand at the position that the goods are taken from, None where none are taken.
    """

    step: Step
    quantity: int
    expiry: str | None
    today: date
    removed: bool
    reason: str
    left: int | None


class Notice(NamedTuple):
    """One thing to tell the person who scans."""

    code: Code
    detail: str = ""


class Verdict(NamedTuple):
    """Refused for a reason, or accepted with warnings."""

    refusal: Notice | None
    warnings: tuple[Notice, ...]


def judge(policy: Policy, facts: Facts) -> Verdict:
    """The verdict on one understood scan."""
    refusal = _meaningless(policy, facts)
    if refusal is not None:
        return Verdict(refusal, ())
    warnings: list[Notice] = []
    if abs(facts.quantity) > policy.warn_quantity:
        warnings.append(Notice("scan.large-quantity", f"{abs(facts.quantity)}"))
    for ruling, notice in (_expiry(policy, facts), _left(policy, facts)):
        if notice is None or ruling == "allow":
            continue
        if ruling == "refuse":
            return Verdict(notice, ())
        warnings.append(notice)
    return Verdict(None, tuple(warnings))


def _meaningless(policy: Policy, facts: Facts) -> Notice | None:
    """What nobody can have meant."""
    magnitude = abs(facts.quantity)
    if facts.removed:
        return Notice("scan.item-removed")
    if magnitude > policy.max_quantity:
        return Notice("scan.quantity", f"{magnitude}, at most {policy.max_quantity} are allowed")
    if facts.quantity == 0 and facts.step != "count":
        return Notice("scan.quantity", "zero")
    if facts.quantity < 0 and facts.step != "adjust":
        return Notice("scan.quantity", f"{facts.quantity}")
    if facts.step == "adjust" and not facts.reason.strip():
        return Notice("scan.reason-missing")
    return None


def _expiry(policy: Policy, facts: Facts) -> tuple[Ruling, Notice | None]:
    if facts.expiry is None or facts.step not in _ARRIVING | _LEAVING:
        return "allow", None
    try:
        days_left = (date.fromisoformat(facts.expiry) - facts.today).days
    except ValueError:
        return "allow", None
    if days_left < 0:
        ruling = policy.expired_leaving if facts.step in _LEAVING else policy.expired_arriving
        return ruling, Notice("scan.expired", facts.expiry)
    if days_left < policy.near_expiry_days:
        return "warn", Notice("scan.near-expiry", facts.expiry)
    return "allow", None


def _left(policy: Policy, facts: Facts) -> tuple[Ruling, Notice | None]:
    if facts.left is None or facts.left >= 0:
        return "allow", None
    return policy.negative_on_hand, Notice("scan.negative-on-hand", f"{facts.left} would be left")
