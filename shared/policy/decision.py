"""What every decision has in common: a recorded input, an outcome in words, and its narrowing.

A decision is a pure function of the policy and a recorded input. The gateway records the input and
the outcome; the cloud decides again from the same bytes with the same code. Whatever a decision
depends on, the hours without the cloud included, is therefore in its input.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple, get_args

from msgspec import Meta

from shared.events import Data, Whole
from shared.policy.rules import Policy
from shared.units import MAX_QUANTITY

DecisionKind = Literal[
    "replenish",
    "dock",
    "put_away",
    "allocate",
    "stockout",
    "transfer",
    "order",
    "shrinkage",
    "pick_errors",
]
DECISION_KINDS: Final[tuple[DecisionKind, ...]] = get_args(DecisionKind)

RULES: Final = 2
"""The version of this arithmetic. It is raised by every change that can change an outcome."""
LONG_AGO: Final = "9999-12-31"
_OUTCOME: Final = 200
_REASON: Final = 160
_ALTERNATIVE: Final = 120
_REASONS: Final = 4
_ALTERNATIVES: Final = 3
"""With these bounds and an input of 2 KiB a decision always fits into one event."""

Code = Annotated[str, Meta(max_length=64)]
"""A name out of the catalog, or nothing."""
Lot = Annotated[str, Meta(max_length=20)]
Day = Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z")]
"""``YYYY-MM-DD``, or nothing."""


class Recorded(Data, frozen=True):
    """The beginning of every recorded input.

    ``rules`` is the version of the arithmetic, ``away_minutes`` how long nothing had been heard
    from the cloud. A field is only ever appended, with a default.
    """

    rules: Whole
    away_minutes: Whole


class Part(NamedTuple):
    """A part of what is decided: so many base units out of one location and lot, or one lease."""

    source: str
    lot: str
    quantity: int


class Outcome(NamedTuple):
    """What was decided, and why, in sentences with numbers.

    ``quantity`` is in base units. ``place`` and ``parts`` say the same for programs. ``acts`` tells
    that something is to be done; ``idle`` that there was nothing to decide, which nobody records.
    """

    outcome: str
    quantity: int
    reasons: tuple[str, ...]
    alternatives: tuple[str, ...] = ()
    acts: bool = True
    idle: bool = False
    place: str = ""
    parts: tuple[Part, ...] = ()

    def bounded(self) -> Outcome:
        """With texts and a number that fit into an event."""
        return self._replace(
            outcome=clipped(self.outcome, _OUTCOME),
            quantity=min(self.quantity, MAX_QUANTITY),
            reasons=tuple(clipped(reason, _REASON) for reason in self.reasons[:_REASONS]),
            alternatives=tuple(
                clipped(other, _ALTERNATIVE) for other in self.alternatives[:_ALTERNATIVES]
            ),
        )


def clipped(text: str, limit: int) -> str:
    """A text of at most ``limit`` bytes."""
    if len(text) * 4 <= limit:
        return text
    coded = text.encode()
    if len(coded) <= limit:
        return text
    return coded[: limit - 3].decode(errors="ignore") + "…"


def nothing(why: str) -> Outcome:
    """There is nothing to decide."""
    return Outcome("nothing to do", 0, (why,), acts=False, idle=True)


def narrowing(policy: Policy, away_minutes: int) -> str:
    """Why less is decided than usual, in words; empty as long as the cloud is not away for long.

    From then on a gateway decides only what cannot wait: an empty pick face, a pallet at the door,
    a promise within a lease. Orders and transfers are left to a person.
    """
    if away_minutes <= policy.offline_hours * 60:
        return ""
    return (
        f"The cloud has been away for {away_minutes // 60} h, more than the "
        f"{policy.offline_hours} h of the policy: only what cannot wait is decided."
    )


def units(quantity: int) -> str:
    """A number of base units, in words."""
    return f"{quantity} unit" if quantity == 1 else f"{quantity} units"
