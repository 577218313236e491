"""SQL of the webhooks that leave; private to the room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cloud.db import Connection, Queries
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


class Webhook(NamedTuple):
    """Who is told; ``sites`` None is all, ``position`` and ``part`` how far it has been told."""

    webhook_id: int
    code: str
    url: str
    kinds: list[str]
    sites: list[int] | None
    position: int
    part: int
    created_at: Micros
    created_by: str
    paused_at: Micros | None
    why: str
    waiting: int
    given_up: int


class Due(NamedTuple):
    """A message to be sent now; ``attempts`` counts this one."""

    message_id: int
    webhook_id: int
    code: str
    url: str
    name: str
    body: bytes
    attempts: int


class Sent(NamedTuple):
    """A message with its standing; one of ``next_at``, ``delivered_at``, ``given_up_at`` is set."""

    message_id: int
    name: str
    kind: str
    made_at: Micros
    attempts: int
    next_at: Micros | None
    delivered_at: Micros | None
    given_up_at: Micros | None
    status: int | None
    answer: str


def add(connection: Connection, row: Mapping[str, Any]) -> int | None:
    """A new webhook's key; None where the code is taken."""
    found = connection.execute(_Q["add_webhook"], row).fetchone()
    return None if found is None else int(found[0])


def webhooks(connection: Connection, code: str | None = None) -> list[Webhook]:
    """All webhooks, or the one of this code."""
    return [Webhook(*row) for row in connection.execute(_Q["webhooks"], {"code": code})]


def hold(connection: Connection, webhook_id: int) -> tuple[int, int] | None:
    """How far a webhook has been told; None where another worker is at it, or it is paused."""
    row = connection.execute(_Q["hold_webhook"], {"webhook_id": webhook_id}).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def move(connection: Connection, webhook_id: int, position: int, part: int) -> None:
    """Note how far a webhook has been told."""
    connection.execute(
        _Q["move_webhook"], {"webhook_id": webhook_id, "position": position, "part": part}
    )


def pause(connection: Connection, webhook_id: int, why: str, at: Micros) -> bool:
    """Stop sending; whether it was not stopped before."""
    row = {"webhook_id": webhook_id, "why": why[:500], "at": at}
    return connection.execute(_Q["pause_webhook"], row).rowcount > 0


def resume(connection: Connection, code: str) -> bool:
    """Send again; False where there is no such webhook."""
    return connection.execute(_Q["resume_webhook"], {"code": code}).rowcount > 0


def remove(connection: Connection, code: str, at: Micros) -> bool:
    """Tell somebody no more; False where there is no such webhook."""
    row = connection.execute(_Q["remove_webhook"], {"code": code, "at": at}).fetchone()
    if row is None:
        return False
    connection.execute(_Q["drop_waiting"], {"webhook_id": row[0], "at": at})
    return True


def add_message(connection: Connection, row: Mapping[str, Any]) -> None:
    """Queue one message."""
    connection.execute(_Q["add_message"], row)


def claim_due(connection: Connection, now: Micros, limit: int) -> list[Due]:
    """Messages to send now."""
    rows = connection.execute(_Q["claim_due"], {"now": now, "limit": limit})
    return sorted((Due(*row) for row in rows), key=lambda due: due.message_id)


def record(connection: Connection, row: Mapping[str, Any]) -> None:
    """Write down what an attempt came to."""
    connection.execute(_Q["record_attempt"], row)


def messages(connection: Connection, filters: Mapping[str, Any]) -> list[Sent]:
    """Messages of one webhook, the newest first."""
    return [Sent(*row) for row in connection.execute(_Q["messages"], filters)]


def replay(connection: Connection, code: str, name: str | None, at: Micros) -> int:
    """Make one message due again, or all that were given up; returns how many."""
    row = {"code": code, "name": name, "at": at}
    return connection.execute(_Q["replay"], row).rowcount


def forget(connection: Connection, before: Micros, limit: int) -> int:
    """Forget what was delivered or given up before a moment; returns how many."""
    row = {"before": before, "limit": limit}
    return connection.execute(_Q["forget_messages"], row).rowcount
