"""The use cases: take a gateway's decisions again as they arrive, and tell what was found.

The policy in force at the gateway is asked for through a port; the room that keeps policies stands
above this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cloud.db import Connection
from cloud.decide import store
from cloud.decide.model import DecisionRow, Origin, Overridden, Taken
from cloud.exceptions import raise_exception
from shared.events import DecisionOverridden, DecisionTaken
from shared.policy import Policy, replay
from shared.units import Micros

__all__ = ["decisions", "forget", "note_decisions", "note_overrides"]

PolicyOf = Callable[[int], Policy | None]
"""The policy of a version, or None where it is not known."""


def note_decisions(
    connection: Connection,
    facts: Sequence[tuple[Origin, DecisionTaken]],
    *,
    policy_of: PolicyOf,
    at: Micros,
) -> None:
    """Take these decisions again and keep both; a divergence is a case for a person."""
    if not facts:
        return
    ordered = sorted(facts, key=lambda fact: fact[0].event_id)
    taken = [Taken(origin, data, replay(policy_of(data.policy), data)) for origin, data in ordered]
    store.insert_decisions(connection, taken, at=at)
    cases = sorted(
        (f"{origin.gateway}: {data.decision} {data.subject}", origin, data, again)
        for origin, data, again in taken
        if not again.identical
    )
    for subject, origin, data, again in cases:
        detail = (
            f"epoch {origin.epoch} seq {origin.seq}, policy {data.policy}: decided {data.outcome!r}"
            f"; here {again.outcome!r}: {again.why}; {again.cost} units"
        )
        raise_exception(
            connection, "decision.diverged", subject, detail, at=at, site_id=origin.site_id
        )


def note_overrides(
    connection: Connection, facts: Sequence[tuple[Origin, DecisionOverridden, str]]
) -> None:
    """Keep what people decided instead; the last of each fact is the person."""
    if facts:
        ordered = sorted(facts, key=lambda fact: fact[0].event_id)
        store.insert_overrides(connection, [Overridden(*fact) for fact in ordered])


def decisions(
    connection: Connection,
    site_id: int,
    *,
    kind: str | None = None,
    identical: bool | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[DecisionRow]:
    """A site's decisions, the newest first, after one by its ``decision_id``."""
    return store.decisions(
        connection, site_id, kind=kind, identical=identical, after=after, limit=limit
    )


def forget(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> None:
    """Forget what events said that are taken back."""
    store.forget(connection, gateway_id, epoch, ranges)
