"""Decisions as records. Pure; the arithmetic that takes them again is :mod:`shared.policy`."""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.events import DecisionOverridden, DecisionTaken
from shared.policy import Replayed
from shared.units import Micros

DECISION_KEY: Final = (int,)
"""The types of a decision row's ``key_after``."""


class Origin(NamedTuple):
    """Which event says it, and when it was true."""

    gateway: str
    gateway_id: int
    site_id: int
    epoch: int
    seq: int
    event_id: bytes
    occurred_at: Micros


class Taken(NamedTuple):
    """A decision, as its gateway took it, and what taking it again found."""

    origin: Origin
    data: DecisionTaken
    again: Replayed


class Overridden(NamedTuple):
    """A person at the site decided otherwise."""

    origin: Origin
    data: DecisionOverridden
    person: str


class Override(NamedTuple):
    """What a person decided instead, and why."""

    outcome: str
    reason: str
    person: str
    at: int


class DecisionRow(NamedTuple):
    """A decision as it is listed; times in microseconds.

    ``identical``, ``cost``, ``why`` and ``replayed`` are what taking it again found: ``replayed``
    is what should have been decided, empty where that cannot be known. ``duplicate_of`` is the
    first decision with the same key: this one counts for nothing.
    """

    decision_id: int
    id: str
    gateway: str
    kind: str
    subject: str
    origin: str
    policy: int
    key: str
    outcome: str
    quantity: int
    carried_out: bool
    reasons: list[str]
    alternatives: list[str]
    identical: bool
    cost: int
    why: str
    replayed: str
    occurred_at: int
    received_at: int
    duplicate_of: str | None
    override: Override | None
