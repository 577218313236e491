"""SQL of the decide room; private to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from cloud.db import Connection, Queries
from cloud.decide.model import DecisionRow, Origin, Overridden, Override, Taken
from shared.units import Micros

_Q: Final = Queries(__package__ or "")
_COLUMNS: Final = 20


def insert_decisions(connection: Connection, taken: Sequence[Taken], *, at: Micros) -> None:
    """Write decisions."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _Q["insert_decisions"],
            [
                {
                    **_said_by(origin),
                    "site_id": origin.site_id,
                    "kind": data.decision,
                    "subject": data.subject,
                    "origin": data.origin,
                    "policy": data.policy,
                    "key": data.key,
                    "outcome": data.outcome,
                    "quantity": data.quantity,
                    "carried_out": data.carried_out,
                    "reasons": data.reasons,
                    "alternatives": data.alternatives,
                    "identical": again.identical,
                    "cost": again.cost,
                    "why": again.why,
                    "replayed": again.outcome,
                    "at": at,
                }
                for origin, data, again in taken
            ],
        )


def insert_overrides(connection: Connection, overrides: Sequence[Overridden]) -> None:
    """Write overrides."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _Q["insert_overrides"],
            [
                {
                    **_said_by(origin),
                    "decision": UUID(bytes=data.decision),
                    "outcome": data.outcome,
                    "reason": data.reason,
                    "person": person,
                }
                for origin, data, person in overrides
            ],
        )


def _said_by(origin: Origin) -> dict[str, Any]:
    return {
        "event_id": UUID(bytes=origin.event_id),
        "gateway_id": origin.gateway_id,
        "epoch": origin.epoch,
        "seq": origin.seq,
        "occurred_at": origin.occurred_at,
    }


def decisions(
    connection: Connection,
    site_id: int,
    *,
    kind: str | None,
    identical: bool | None,
    after: int | None,
    limit: int,
) -> list[DecisionRow]:
    """A site's decisions, the newest first."""
    rows = connection.execute(
        _Q["decisions"],
        {
            "site_id": site_id,
            "kind": kind,
            "identical": identical,
            "after": after,
            "limit": limit,
        },
        prepare=False,
    )
    return [_row(row) for row in rows]


def _row(row: tuple[Any, ...]) -> DecisionRow:
    override = None if row[_COLUMNS] is None else Override(*row[_COLUMNS:])
    return DecisionRow._make((*row[:_COLUMNS], override))


def forget(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> None:
    """Forget what these events said."""
    values = {
        "gateway_id": gateway_id,
        "epoch": epoch,
        "firsts": [first for first, _ in ranges],
        "lasts": [last for _, last in ranges],
    }
    connection.execute(_Q["forget_decisions"], values)
    connection.execute(_Q["forget_overrides"], values)
