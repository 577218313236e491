"""What a scan may do: the rules of a signed, versioned policy, as pure functions.

The gateway judges every scan with this, connected or not, and the cloud replays it with the same
code. A policy refuses only what nobody could mean; what is merely suspicious is accepted with a
warning, because goods that have moved have moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from shared.cose import decode
from shared.errors import Code, QuartermasterError
from shared.events import Count, Data, Name

Step = Literal[
    "receive",
    "put_away",
    "pick",
    "pack",
    "ship",
    "return",
    "count",
    "adjust",
    "move",
    "inspect",
]
Ruling = Literal["allow", "warn", "refuse"]

_ARRIVING: Final[frozenset[Step]] = frozenset({"receive", "return"})
_LEAVING: Final[frozenset[Step]] = frozenset({"pick", "pack", "ship"})


class Policy(Data, frozen=True):
    """The rules in force at a gateway. A field is only ever appended, with a default.

    ``max_quantity`` and ``warn_quantity`` are base units of one scan; ``near_expiry_days`` warns
    of goods that expire within that many days (0 warns never); ``max_age_hours`` is how far in
    the past a device may say that a scan happened.
    """

    name: Name = "built-in"
    max_quantity: Count = 1_000_000
    warn_quantity: Count = 10_000
    negative_on_hand: Ruling = "warn"
    expired_arriving: Ruling = "warn"
    expired_leaving: Ruling = "refuse"
    near_expiry_days: Count = 14
    arrival_role: Name = "dock"
    staging_role: Name = "staging"
    max_age_hours: Annotated[int, Meta(ge=1, le=24 * 366)] = 24 * 14


BUILT_IN: Final = Policy()
"""In force, as version 0, until the cloud has sent one."""


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


def from_toml_dict(table: Mapping[str, Any]) -> Policy:
    """The policy of a parsed ``firmware_config/policies/*.toml``.

    Raises:
        QuartermasterError: ``settings.invalid``, naming the key.
    """
    unknown = sorted(set(table) - set(Policy.__struct_fields__))
    if unknown:
        raise QuartermasterError("settings.invalid", f"unknown keys: {', '.join(unknown)}")
    fields = Policy.__struct_fields__
    given = [table.get(field, default) for field, default in zip(fields, _defaults(), strict=True)]
    try:
        return msgspec.convert(given, Policy)
    except msgspec.ValidationError as error:
        raise QuartermasterError("settings.invalid", str(error)) from None


def _defaults() -> list[Any]:
    return list(msgspec.structs.astuple(BUILT_IN))


def decode_policy(content: bytes) -> Policy:
    """Read a policy document (made by :func:`shared.downlink.encode`).

    Raises:
        QuartermasterError: ``downlink.malformed``.
    """
    try:
        return msgspec.convert(decode(content, code="downlink.malformed"), Policy)
    except msgspec.ValidationError as error:
        raise QuartermasterError("downlink.malformed", str(error)) from None


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
