"""The rules in force at a gateway: one signed, versioned record of numbers and rulings.

They come as a document (:mod:`shared.downlink`); in files they are TOML
(``firmware_config/policies``). What follows from them is said by the other modules of this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from shared.cose import decode
from shared.errors import QuartermasterError
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


class Policy(Data, frozen=True):
    """The rules in force at a gateway. A field is only ever appended, with a default.

    ``max_quantity`` and ``warn_quantity`` are base units of one scan; ``near_expiry_days`` warns
    of goods that expire within that many days (0 warns never); ``max_age_hours`` is how far in
    the past a device may say that a scan happened.

    Against a task: ``wrong_item``, ``wrong_location``, ``over_task`` (more than is asked for) and
    ``over_receipt`` (more came than was announced). ``held_leaving``: goods in quarantine leave;
    ``fefo``: another lot at hand expires first. What was scanned can be undone for
    ``undo_minutes``.

    Counts: the tolerances and the days between two counts are of the classes A, B and C; a
    difference above the tolerance is counted again.

    Without the cloud: after ``offline_hours`` only what cannot wait is decided; the kinds of
    decision in ``shadow`` are written down, not carried out; a location is congested from
    ``congested_percent`` of its capacity; an emergency order has at most ``order_units`` and all of
    a day ``order_units_a_day`` together, a transfer request ``transfer_units`` (0: none).
    ``shrinkage_permille`` of an item lost to counts, or ``pick_errors`` of one person, item or
    location within ``pick_error_minutes``, are worth a look.
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
    wrong_item: Ruling = "refuse"
    wrong_location: Ruling = "refuse"
    over_task: Ruling = "refuse"
    over_receipt: Ruling = "warn"
    held_leaving: Ruling = "refuse"
    fefo: Ruling = "refuse"
    undo_minutes: Count = 10
    count_tolerance_permille: tuple[Count, Count, Count] = (0, 10, 20)
    count_every_days: tuple[Count, Count, Count] = (30, 90, 180)
    offline_hours: Count = 72
    shadow: Annotated[list[Name], Meta(max_length=32)] = []  # noqa: RUF012 - msgspec copies it
    congested_percent: Annotated[int, Meta(ge=1, le=100)] = 90
    order_units: Count = 0
    order_units_a_day: Count = 0
    transfer_units: Count = 0
    shrinkage_permille: Count = 20
    pick_errors: Count = 3
    pick_error_minutes: Count = 60


BUILT_IN: Final = Policy()
"""In force, as version 0, until the cloud has sent one."""


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
