"""One decision, inside the transaction that makes it durable: input, outcome, event, record.

What is decided for the second time (the same key) is not decided again.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Protocol

from edge import stock
from edge.db import Connection
from edge.fallback import book
from edge.fallback.book import ORIGIN, Decision
from edge.ports import Ids
from shared.clock import ClockState
from shared.events import DecisionTaken, EventData
from shared.policy import (
    DecisionKind,
    Outcome,
    Recorded,
    decide,
    encode_input,
    key_of,
    narrowing,
)


class Append(Protocol):
    """Chains an event in the transaction of the unit that it belongs to."""

    def __call__(
        self,
        connection: Connection,
        data: EventData,
        *,
        event_id: bytes,
        device: str,
        occurred_at: int,
        clock_state: int,
        operator: str | None = None,
        task: str | None = None,
    ) -> int:
        """Returns its sequence number."""
        ...


class Moment(NamedTuple):
    """When something is decided, and for how long nothing was heard from the cloud."""

    now: int
    state: ClockState
    away_minutes: int


class About(NamedTuple):
    """What is decided about: two decisions with the same item and cycle are one."""

    kind: DecisionKind
    subject: str
    item: str
    cycle: str


class By(NamedTuple):
    """Who asked for a decision; nobody did where the gateway decides by itself."""

    device: str
    operator: str | None


class Taken(NamedTuple):
    """A decision that was taken now, and its outcome for programs."""

    decision: Decision
    outcome: Outcome


class Here(NamedTuple):
    """Where decisions are taken."""

    site: str
    gateway: str


class Deciding:
    """Takes decisions.

    Args:
        here: site and gateway.
        append: chains events.
        ids: for what nobody asked for.
    """

    def __init__(self, here: Here, append: Append, ids: Ids) -> None:
        self.here = here
        self._append = append
        self._ids = ids

    def key(self, connection: Connection, about: About) -> str:
        """What makes two decisions one."""
        version = stock.versions(connection)["policy"]
        return key_of(self.here.site, about.kind, about.item, about.cycle, version)

    def is_due(self, connection: Connection, about: About, recorded: Recorded) -> bool:
        """Whether there is something to decide that was not decided yet; changes nothing."""
        policy = stock.policy(connection)
        if decide(about.kind, policy, recorded).idle:
            return False
        return not book.has_key(connection, self.key(connection, about))

    def take(
        self,
        connection: Connection,
        about: About,
        recorded: Recorded,
        moment: Moment,
        *,
        by: By | None = None,
        decision_id: bytes | None = None,
        task: str | None = None,
    ) -> Taken | None:
        """Decide; None where there is nothing to decide, or it has been decided.

        Args:
            connection: the unit's.
            about: what is decided about.
            recorded: what it is based on.
            moment: when.
            by: who asked.
            decision_id: the decision's own, where a request brings one.
            task: the code that a task gets which carries it out. To make it, where ``carried_out``
                says so, is the caller's.

        Raises:
            QuartermasterError: ``event.malformed`` for names longer than a catalog has.
        """
        versions, policy = stock.versions(connection), stock.policy(connection)
        key = self.key(connection, about)
        outcome = decide(about.kind, policy, recorded)
        if outcome.idle or book.has_key(connection, key):
            return None
        carried_out = outcome.acts and about.kind not in policy.shadow
        content = encode_input(recorded)
        data = DecisionTaken(
            about.kind,
            about.subject[:64],
            ORIGIN,
            versions["policy"],
            versions["catalog"],
            hashlib.sha256(content).digest(),
            outcome.outcome,
            list(outcome.reasons),
            list(outcome.alternatives),
            content,
            key,
            outcome.quantity,
            carried_out,
        )
        decision_id = decision_id or self._ids.uuid7()
        self.tell(connection, data, moment, by=by, event_id=decision_id)
        decision = Decision(
            decision_id,
            key,
            about.kind,
            data.subject,
            versions["policy"],
            outcome.outcome,
            outcome.quantity,
            outcome.reasons,
            outcome.alternatives,
            outcome.place,
            task if carried_out else None,
            carried_out,
            moment.away_minutes,
            bool(narrowing(policy, moment.away_minutes)),
            moment.now,
        )
        book.write(connection, decision)
        return Taken(decision, outcome)

    def tell(
        self,
        connection: Connection,
        data: EventData,
        moment: Moment,
        *,
        by: By | None = None,
        event_id: bytes | None = None,
    ) -> int:
        """State a fact that follows from a decision; returns its sequence number."""
        return self._append(
            connection,
            data,
            event_id=event_id or self._ids.uuid7(),
            device=by.device if by is not None else self.here.gateway,
            occurred_at=moment.now,
            clock_state=int(moment.state),
            operator=by.operator if by is not None else None,
        )
