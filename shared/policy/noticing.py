"""What deserves a second look: stock that counts keep missing, picks that keep going wrong.

Nothing is done here but to recommend the next step to a person.
"""

from __future__ import annotations

from typing import Literal

from shared.events import Count, Name
from shared.policy.decision import Code, Outcome, Recorded, narrowing, nothing
from shared.policy.rules import Policy

About = Literal["person", "item", "location"]


class Losses(Recorded, frozen=True):
    """What counts of an item found missing in some days.

    ``lost`` of ``expected`` base units in ``counts`` counts; the location with the greatest loss is
    ``worst``, with ``worst_lost`` of them.
    """

    sku: Name
    days: Count
    counts: Count
    expected: Count
    lost: Count
    worst: Code
    worst_lost: Count


class PickErrors(Recorded, frozen=True):
    """Picks of one person, item or location that were refused within some minutes, by reason."""

    about: About
    subject: Name
    minutes: Count
    wrong_item: Count
    wrong_location: Count
    too_many: Count
    other: Count

    def total(self) -> int:
        """All of them."""
        return self.wrong_item + self.wrong_location + self.too_many + self.other


def shrinkage(policy: Policy, given: Losses) -> Outcome:
    """Whether counts lose too much of an item, and what to do about it."""
    permille = given.lost * 1000 // given.expected if given.expected else 0
    what = (
        f"{given.counts} counts in {given.days} days found {given.lost} of {given.expected} "
        f"{given.sku} missing, {permille} ‰"
    )
    if not given.lost or given.lost * 1000 < policy.shrinkage_permille * given.expected:
        return nothing(f"{what}: below {policy.shrinkage_permille} ‰.")
    reasons = [f"{what}; {policy.shrinkage_permille} ‰ are worth a look."]
    if given.worst:
        reasons.append(f"{given.worst_lost} of the {given.lost} are missing at {given.worst}.")
    if narrowed := narrowing(policy, given.away_minutes):
        reasons.append(narrowed)
    at_one_place = bool(given.worst) and given.worst_lost * 2 >= given.lost
    here = f"have somebody else count {given.worst} again, and look where it borders"
    everywhere = f"count {given.sku} everywhere and compare its last receipts with their papers"
    return Outcome(
        f"{given.sku} is shrinking: {here if at_one_place else everywhere}",
        given.lost,
        tuple(reasons),
        (everywhere if at_one_place else f"first {here}",) if given.worst else (),
        place=given.worst if at_one_place else "",
    )


def pick_errors(policy: Policy, given: PickErrors) -> Outcome:
    """Whether picks go wrong too often, and what to do about it."""
    errors = given.total()
    what = f"{errors} picks of {given.subject} went wrong in {given.minutes} minutes"
    if not errors or errors < policy.pick_errors:
        return nothing(f"{what}: fewer than {policy.pick_errors}.")
    reasons = [
        f"{what}; {policy.pick_errors} are worth a look.",
        (
            f"Wrong item {given.wrong_item}, wrong location {given.wrong_location}, too many "
            f"{given.too_many}, other {given.other}."
        ),
    ]
    if narrowed := narrowing(policy, given.away_minutes):
        reasons.append(narrowed)
    step, other = _STEPS[given.about]
    return Outcome(f"{given.subject}: {_by_cause(given) or step}", errors, tuple(reasons), (other,))


_STEPS: dict[About, tuple[str, str]] = {
    "person": ("show the task once more, together", "give this person another zone for today"),
    "item": ("check the item's label and what lies beside it", "count it where it lies"),
    "location": ("check the location's label and that it holds one item", "count the location"),
}


def _by_cause(given: PickErrors) -> str:
    """The step against one cause, where most errors have it."""
    errors = given.total()
    if given.about == "item" and given.wrong_item * 2 > errors:
        return "check that its label is on the right goods"
    if given.about == "location" and given.wrong_location * 2 > errors:
        return "check that the location's label hangs where it belongs"
    if given.about == "person" and given.too_many * 2 > errors:
        return "explain pack sizes once more, together"
    return ""
