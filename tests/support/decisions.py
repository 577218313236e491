"""A decision as a gateway records it."""

from __future__ import annotations

import hashlib

from shared.events import DecisionTaken
from shared.policy import DecisionKind, Outcome, Policy, Recorded, decide, encode_input


def taken(
    kind: DecisionKind,
    policy: Policy,
    given: Recorded,
    *,
    subject: str = "TEA-1",
    version: int = 1,
    key: str = "key",
) -> tuple[Outcome, DecisionTaken]:
    """Decide, and record it under this version of the policy."""
    outcome, recorded = decide(kind, policy, given), encode_input(given)
    return outcome, DecisionTaken(
        kind,
        subject,
        "edge-fallback",
        version,
        1,
        hashlib.sha256(recorded).digest(),
        outcome.outcome,
        list(outcome.reasons),
        list(outcome.alternatives),
        recorded,
        key,
        outcome.quantity,
    )
