"""The decisions that were taken here, as they stand: what, why, and what a person made of it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from edge.db import Connection
from edge.fallback.leases import SQL
from shared.errors import QuartermasterError
from shared.policy import DecisionKind
from shared.units import DAY


class Decision(NamedTuple):
    """A decision; times in microseconds, quantities in base units.

    ``instead`` and what follows say what a person decided otherwise.
    """

    id: bytes
    key: str
    kind: DecisionKind
    subject: str
    policy: int
    outcome: str
    quantity: int
    reasons: tuple[str, ...]
    alternatives: tuple[str, ...]
    place: str
    task: str | None
    carried_out: bool
    away_minutes: int
    narrowed: bool
    taken_at: int
    instead: str | None = None
    why: str | None = None
    overridden_by: str | None = None
    overridden_at: int | None = None

    def in_words(self) -> dict[str, Any]:
        """As the local API tells it."""
        told = self._asdict()
        told["id"] = str(UUID(bytes=self.id))
        told["origin"] = ORIGIN
        for field in ("instead", "why", "overridden_by", "overridden_at"):
            del told[field]
        told["override"] = None
        if self.overridden_at is not None:
            told["override"] = {
                "outcome": self.instead,
                "reason": self.why,
                "person": self.overridden_by,
                "at": self.overridden_at,
            }
        return told


ORIGIN: Final = "edge-fallback"


def write(connection: Connection, decision: Decision) -> None:
    """Keep a new decision."""
    row = (
        *decision[:7],
        msgspec.json.encode(decision.reasons).decode(),
        msgspec.json.encode(decision.alternatives).decode(),
        decision.place,
        decision.task,
        int(decision.carried_out),
        decision.away_minutes,
        int(decision.narrowed),
        decision.taken_at,
    )
    connection.execute(SQL["insert_decision"], row)


def has_key(connection: Connection, key: str) -> bool:
    """Whether this has been decided."""
    return connection.execute(SQL["has_key"], (key,)).fetchone() is not None


def times_done(
    connection: Connection, kind: DecisionKind, subject: str, place: str, since: int
) -> int:
    """How often a decision about a subject and place was carried out since a moment."""
    row = connection.execute(SQL["times_done"], (kind, subject, place, since)).fetchone()
    return int(row[0])


def was_overridden(
    connection: Connection, kind: DecisionKind, subject: str, place: str, since: int
) -> bool:
    """Whether a person overrode a decision about a subject and place since a moment."""
    row = connection.execute(SQL["was_overridden"], (kind, subject, place, since)).fetchone()
    return row is not None


def asked_since(
    connection: Connection, kind: DecisionKind, since: int, *, subject: str | None = None
) -> int:
    """Units of all decisions of a kind, or of those about a subject, carried out since a moment.

    Those of the last day of use count whatever the clock says.
    """
    where = {"kind": kind, "since": since, "subject": subject, "day": DAY}
    return int(connection.execute(SQL["asked_since"], where).fetchone()[0])


def decision(connection: Connection, decision_id: bytes) -> Decision:
    """One decision.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    row = connection.execute(SQL["decision"], (decision_id,)).fetchone()
    if row is None:
        raise QuartermasterError("request.not-found", decision_id.hex(), where="decision")
    return _decision(row)


def decisions(
    connection: Connection,
    *,
    since: int = 0,
    kind: str | None = None,
    before: Decision | None = None,
    limit: int = 100,
) -> list[Decision]:
    """Decisions since a moment, the newest first, those before one."""
    where = {
        "since": since,
        "kind": kind,
        "before": before.id if before is not None else None,
        "before_at": before.taken_at if before is not None else None,
        "limit": limit,
    }
    return [_decision(row) for row in connection.execute(SQL["decisions"], where).fetchall()]


def override(
    connection: Connection, decision_id: bytes, *, outcome: str, why: str, by: str, at: int
) -> None:
    """Keep what a person decided instead; the first stands.

    Raises:
        QuartermasterError: ``decision.overridden``.
    """
    values = (outcome, why, by, at, decision_id)
    if not connection.execute(SQL["override"], values).rowcount:
        raise QuartermasterError("decision.overridden", decision_id.hex())


def forget(connection: Connection, before: int, *, limit: int) -> int:
    """Forget what was kept before an age of the database; returns how many of the most."""
    return max(
        connection.execute(SQL["forget_decisions"], (before, limit)).rowcount,
        connection.execute(SQL["forget_decided"], (before, limit)).rowcount,
    )


def _decision(row: tuple[Any, ...]) -> Decision:
    found = Decision._make(row)
    return found._replace(
        reasons=msgspec.json.decode(row[7], type=tuple[str, ...]),
        alternatives=msgspec.json.decode(row[8], type=tuple[str, ...]),
        carried_out=bool(found.carried_out),
        narrowed=bool(found.narrowed),
    )
