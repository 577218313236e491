"""Cycle counts: how exact a record must be, when a count is repeated, what is due. Pure.

A difference within the tolerance of the item's class is posted at once. One beyond it is counted
again before anything moves; goods that moved in between are no difference, because each count is
compared with the record of its own moment. A second count that comes to the same difference is
believed. When three do not agree, the last is taken, and a person is told.

Inventory-record accuracy is the share of positions whose record was right within its tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from shared.policy.rules import Policy
from shared.units import DAY

CountClass = Literal["A", "B", "C"]
CountVerdict = Literal["exact", "within", "again", "beyond", "unsettled"]
"""``again``: nothing is posted yet. All others are; ``unsettled`` is told to a person."""

MAX_COUNTS: Final = 3
_CLASSES: Final = "ABC"


class Accuracy(NamedTuple):
    """Positions counted, whose record was right exactly, and within its tolerance."""

    positions: int
    exact: int
    within: int

    @property
    def permille(self) -> int:
        """Inventory-record accuracy; 1000 where nothing was counted."""
        return self.within * 1000 // self.positions if self.positions else 1000


def tolerance(policy: Policy, count_class: CountClass, expected: int) -> int:
    """By how many base units a record of ``expected`` may be off."""
    permille = policy.count_tolerance_permille[_CLASSES.index(count_class)]
    return abs(expected) * permille // 1000


def judge_count(
    policy: Policy,
    count_class: CountClass,
    *,
    expected: int,
    counted: int,
    earlier: Sequence[int] = (),
) -> CountVerdict:
    """What becomes of a count.

    Args:
        policy: the one in force.
        count_class: of the item.
        expected: what is on record now.
        counted: what was found.
        earlier: the differences that earlier counts of this position came to.
    """
    difference = counted - expected
    allowed = tolerance(policy, count_class, expected)
    if difference == 0:
        return "exact"
    if abs(difference) <= allowed:
        return "within"
    if any(abs(difference - one) <= allowed for one in earlier):
        return "beyond"
    return "unsettled" if len(earlier) + 1 >= MAX_COUNTS else "again"


def is_due(policy: Policy, count_class: CountClass, *, counted_at: int, now: int) -> bool:
    """Whether a position that was last counted then is to be counted again; 0 days: never."""
    days = policy.count_every_days[_CLASSES.index(count_class)]
    return days > 0 and now - counted_at >= days * DAY


def accuracy(verdicts: Sequence[CountVerdict]) -> Accuracy:
    """What the settled counts say of the record."""
    exact = sum(verdict == "exact" for verdict in verdicts)
    within = sum(verdict == "within" for verdict in verdicts)
    return Accuracy(len(verdicts), exact, exact + within)
