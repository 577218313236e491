"""Every local decision through one door: a kind, a policy and a recorded input give an outcome.

The gateway decides with this, and the cloud decides again, from the recorded bytes: the same
input under the same policy gives the same outcome, word for word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import cbor2
import msgspec

from shared.cose import decode
from shared.errors import QuartermasterError
from shared.events import DecisionTaken
from shared.policy.allocating import Allocation, allocate
from shared.policy.decision import RULES, DecisionKind, Outcome, Recorded
from shared.policy.noticing import Losses, PickErrors, pick_errors, shrinkage
from shared.policy.replenishing import Replenishment, replenish
from shared.policy.routing import Routing, route_to_dock, route_to_storage
from shared.policy.rules import Policy
from shared.policy.supplying import Outlook, Request, order, stockout, transfer

MAX_RECORDED: Final = 2048
MAX_KEY: Final = 160


class _Rule(NamedTuple):
    shape: type[Recorded]
    decide: Callable[[Policy, Any], Outcome]


_RULES: Final[dict[DecisionKind, _Rule]] = {
    "replenish": _Rule(Replenishment, replenish),
    "dock": _Rule(Routing, route_to_dock),
    "put_away": _Rule(Routing, route_to_storage),
    "allocate": _Rule(Allocation, allocate),
    "stockout": _Rule(Outlook, stockout),
    "transfer": _Rule(Request, transfer),
    "order": _Rule(Request, order),
    "shrinkage": _Rule(Losses, shrinkage),
    "pick_errors": _Rule(PickErrors, pick_errors),
}


def decide(kind: DecisionKind, policy: Policy, recorded: Recorded) -> Outcome:
    """The outcome of one decision. Pure: nothing else is looked at."""
    return _RULES[kind].decide(policy, recorded).bounded()


def encode_input(recorded: Recorded) -> bytes:
    """An input as it is recorded; equal for equal input.

    Raises:
        QuartermasterError: ``event.malformed`` beyond 2 KiB: names longer than a catalog has.
    """
    content = cbor2.dumps(msgspec.to_builtins(recorded, builtin_types=(bytes,)))
    if len(content) > MAX_RECORDED:
        raise QuartermasterError("event.malformed", f"an input of {len(content)} bytes")
    return content


def decode_input(kind: str, content: bytes) -> Recorded:
    """A recorded input.

    Raises:
        QuartermasterError: ``event.malformed``, also for a kind that is not known here.
    """
    rule = _RULES.get(cast("DecisionKind", kind))
    if rule is None:
        raise QuartermasterError("event.malformed", f"no decision is called {kind[:64]!r}")
    try:
        return msgspec.convert(decode(content, code="event.malformed"), rule.shape)
    except msgspec.ValidationError as error:
        raise QuartermasterError("event.malformed", str(error)) from None


def key_of(site: str, kind: DecisionKind, item: str, cycle: str, policy: int) -> str:
    """The idempotency key: two decisions that have it are one, whoever took them how often.

    ``item`` is what is decided about, ``cycle`` which time: a day, or the number of a request. A
    key that would be too long holds the hash of what it is about.
    """
    key = f"{site}/{kind}/{item}/{cycle}/{policy}"
    if len(key.encode()) <= MAX_KEY:
        return key
    about = hashlib.sha256(f"{item}/{cycle}".encode()).hexdigest()
    return f"{site}/{kind}/{about[:32]}/{policy}"


class Replayed(NamedTuple):
    """What deciding again found.

    ``cost`` are the base units that the difference concerns; ``why`` explains it in a sentence.
    ``outcome`` is what should have been decided, empty where that cannot be known.
    """

    identical: bool
    cost: int = 0
    why: str = ""
    outcome: str = ""


def replay(policy: Policy | None, taken: DecisionTaken) -> Replayed:
    """Decide again what a gateway has decided, and compare. None is a policy nobody has here."""
    if hashlib.sha256(taken.recorded).digest() != taken.inputs:
        return _unknowable(taken, "the recorded input does not have the hash that was signed for")
    if policy is None:
        return _unknowable(taken, f"policy {taken.policy} is not known here")
    try:
        recorded = decode_input(taken.decision, taken.recorded)
    except QuartermasterError as error:
        return _unknowable(taken, f"the recorded input cannot be read: {error.detail}")
    again = decide(cast("DecisionKind", taken.decision), policy, recorded)
    was = (taken.outcome, taken.quantity, tuple(taken.reasons), tuple(taken.alternatives))
    if was == (again.outcome, again.quantity, again.reasons, again.alternatives):
        return Replayed(identical=True, outcome=again.outcome)
    return Replayed(
        identical=False,
        cost=_cost(taken, again),
        why=_difference(taken, again, recorded),
        outcome=again.outcome,
    )


def _unknowable(taken: DecisionTaken, why: str) -> Replayed:
    return Replayed(identical=False, cost=taken.quantity, why=why)


def _cost(taken: DecisionTaken, again: Outcome) -> int:
    """The units decided too many or too few; all of them where they were sent elsewhere."""
    if taken.quantity != again.quantity:
        return abs(taken.quantity - again.quantity)
    return taken.quantity if taken.outcome != again.outcome else 0


def _difference(taken: DecisionTaken, again: Outcome, recorded: Recorded) -> str:
    other = f" (its rules are {recorded.rules}, ours {RULES})" if recorded.rules != RULES else ""
    if taken.quantity != again.quantity:
        return f"{taken.quantity} units were decided, {again.quantity} would be{other}"
    if taken.outcome != again.outcome:
        return f"for the same {again.quantity} units something else would be decided{other}"
    return f"the same is decided, for other reasons{other}"
