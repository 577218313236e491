"""Will an item run out, and what may be asked for without the cloud: a transfer, then an order.

The rule compares what is at hand with what went out lately, carried on over a horizon. A gateway
that has a model records its score, and the score decides about the risk; how much is missing is
always told by the rule. What is asked for stays within the policy's ceilings, per request and per
day, and only while nobody better placed can be asked.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from shared.events import Count, Name, Signed
from shared.policy.decision import Outcome, Recorded, narrowing, nothing, units
from shared.policy.rules import Policy

LEAVES_TO_THE_CLOUD_MINUTES: Final = 5
"""A heartbeat is due each minute: after five without a word the cloud is away."""
_RISKY: Final = 500
"""A model's score from which an item is at risk, in thousandths."""


class Outlook(Recorded, frozen=True):
    """What is at hand of an item, and how fast it goes.

    ``out`` base units left in the last ``hours``. ``coming`` is announced. ``score`` is what a
    model says about running out within ``horizon_hours``, in thousandths; ``model`` its SHA-256.
    """

    sku: Name
    available: Signed
    coming: Count
    out: Count
    hours: Annotated[int, Meta(ge=1, le=24 * 366)]
    horizon_hours: Annotated[int, Meta(ge=1, le=24 * 366)]
    score: Annotated[int, Meta(ge=0, le=1000)] | None = None
    model: Annotated[bytes, Meta(max_length=32)] = b""


class Request(Recorded, frozen=True):
    """An item of which ``missing`` base units will be wanted before anything else arrives.

    ``asked_today`` counts the units of all orders (or transfers) that were asked for that day.
    """

    sku: Name
    missing: Count
    available: Signed
    horizon_hours: Count
    asked_today: Count


def missing_of(given: Outlook) -> int:
    """How many base units more than there are will be wanted; 0 when there is enough."""
    wanted = -(-given.out * given.horizon_hours // given.hours)
    return max(wanted - max(given.available, 0) - given.coming, 0)


def stockout(policy: Policy, given: Outlook) -> Outcome:
    """Whether an item is about to run out."""
    missing = missing_of(given)
    pace = (
        f"{given.out} of {given.sku} went out in {given.hours} h; {max(given.available, 0)} are "
        f"available and {given.coming} are announced, for {given.horizon_hours} h to come."
    )
    reasons = [pace]
    if given.score is not None:
        reasons.append(
            f"The model {given.model.hex()[:12]} gives {given.score} of 1000 for running out; "
            f"{_RISKY} is at risk."
        )
    at_risk = missing > 0 if given.score is None else given.score >= _RISKY
    if not at_risk:
        return nothing(pace)
    if narrowed := narrowing(policy, given.away_minutes):
        reasons.append(narrowed)
    return Outcome(
        f"{given.sku} is about to run out: {missing} short within {given.horizon_hours} h",
        missing,
        tuple(reasons),
        ("count it before anything is asked for",),
    )


def transfer(policy: Policy, given: Request) -> Outcome:
    """How much to ask another site for."""
    ceiling = f"The policy allows {policy.transfer_units} in one transfer request."
    most = min(given.missing, policy.transfer_units)
    return _asked(policy, given, "transfer", most, ceiling)


def order(policy: Policy, given: Request) -> Outcome:
    """How much to order in an emergency."""
    left = max(policy.order_units_a_day - given.asked_today, 0)
    ceiling = (
        f"The policy allows {policy.order_units} in one order and {policy.order_units_a_day} a "
        f"day, of which {given.asked_today} are gone."
    )
    return _asked(policy, given, "order", min(given.missing, policy.order_units, left), ceiling)


def _asked(policy: Policy, given: Request, noun: str, most: int, ceiling: str) -> Outcome:
    if given.away_minutes < LEAVES_TO_THE_CLOUD_MINUTES or not given.missing:
        return nothing(f"The cloud was heard {given.away_minutes} minutes ago: it decides.")
    need = (
        f"{units(given.missing)} of {given.sku} are missing within {given.horizon_hours} h; "
        f"{max(given.available, 0)} are available."
    )
    away = f"Nothing was heard from the cloud for {given.away_minutes} minutes."
    if narrowed := narrowing(policy, given.away_minutes):
        return Outcome(
            f"left to a person: {noun} {units(given.missing)} of {given.sku}",
            0,
            (narrowed, need),
            (f"{noun} {units(most)}",) if most else (),
            acts=False,
        )
    if not most:
        return Outcome(
            f"no {noun} of {given.sku}: the ceiling is reached",
            0,
            (need, ceiling, away),
            ("ask a person",),
            acts=False,
        )
    return Outcome(
        f"{noun} {units(most)} of {given.sku}",
        most,
        (need, ceiling, away),
        (f"wait for the cloud and risk {units(given.missing)}",),
    )
