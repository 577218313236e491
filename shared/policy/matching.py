"""Which line of a task a scan counts for, and what it missed. Pure.

A line names what it wants; what it leaves open fits anything. Of the lines that want these goods,
the one that fits in most respects is taken; of those that fit alike, one with enough left to do,
then the first. Where nothing fits, the first line that still has something to do is what is
expected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from shared.plan import TaskKind
from shared.policy.rules import Step

Missed = Literal["", "item", "location", "lot"]

STEPS_OF: Final[dict[TaskKind, frozenset[Step]]] = {
    "receive": frozenset({"receive"}),
    "put_away": frozenset({"put_away", "move"}),
    "pick": frozenset({"pick"}),
    "pack": frozenset({"pack"}),
    "ship": frozenset({"ship"}),
    "transfer": frozenset({"ship", "receive", "move"}),
    "return": frozenset({"return"}),
    "count": frozenset({"count"}),
    "replenish": frozenset({"move"}),
}
"""How each kind of task is worked on. A transfer leaves as a shipment and comes in as a receipt."""
_ARRIVING: Final[frozenset[Step]] = frozenset({"receive", "return"})
CARRYING: Final[frozenset[Step]] = frozenset({"put_away", "pick", "move"})
"""Steps that bring goods to another place."""


class Wanted(NamedTuple):
    """A line of a task as it stands. An empty ``sku`` takes any goods, ``quantity`` 0 any number.

    Quantities are base units.
    """

    line: int
    sku: str
    quantity: int
    location: str | None
    to: str | None
    lot: str | None
    done: int

    @property
    def left(self) -> int | None:
        """What remains to be done; None where the line does not say how many."""
        return max(self.quantity - self.done, 0) if self.quantity else None


class Goods(NamedTuple):
    """What was scanned, where it was, and where it went."""

    sku: str
    quantity: int
    location: str | None
    to: str | None
    lot: str | None


class Match(NamedTuple):
    """The line that a scan counts for, or what it missed; ``wanted`` is what was expected."""

    line: Wanted | None
    missed: Missed
    wanted: Wanted | None


def match(step: Step, lines: Iterable[Wanted], goods: Goods) -> Match:
    """Find the line for these goods."""
    every = list(lines)
    candidates = [line for line in every if line.sku in {"", goods.sku}]
    if not candidates:
        return Match(None, "item", expected(every))
    best = min(candidates, key=lambda line: _misfit(step, line, goods))
    missed = _missed(step, best, goods)
    return Match(None if missed else best, missed, best)


def expected(lines: Iterable[Wanted]) -> Wanted | None:
    """What is to be done next: the first line with something left."""
    every = list(lines)
    return next((line for line in every if line.left != 0), every[0] if every else None)


def place_of(step: Step, line: Wanted) -> str | None:
    """Where a line has this step happen: goods that arrive do so where they are to go."""
    if step in _ARRIVING:
        return line.location or line.to
    return line.location


def _misfit(step: Step, line: Wanted, goods: Goods) -> tuple[bool, bool, bool, bool, bool, int]:
    left = line.left
    return (
        _is_elsewhere(step, line, goods),
        _is_other_lot(line, goods),
        not line.sku,
        left is not None and left < goods.quantity,
        left == 0,
        line.line,
    )


def _missed(step: Step, line: Wanted, goods: Goods) -> Missed:
    if _is_elsewhere(step, line, goods):
        return "location"
    return "lot" if _is_other_lot(line, goods) else ""


def _is_elsewhere(step: Step, line: Wanted, goods: Goods) -> bool:
    place = place_of(step, line)
    if place is not None and place != goods.location:
        return True
    return step in CARRYING and line.to is not None and line.to != goods.to


def _is_other_lot(line: Wanted, goods: Goods) -> bool:
    return line.lot is not None and line.lot != goods.lot
