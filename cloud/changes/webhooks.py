"""Who is told by webhook: add and remove, queue what changed, and what became of each message.

A message is queued in the transaction that moves its webhook on, so none is missed and none is
queued twice; it is then sent until it is taken, for a day. Sending itself is ``cloud.app``'s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from cloud.changes import store_webhooks as store
from cloud.changes.model import KINDS, Wanted
from cloud.changes.service import Log
from cloud.changes.store_webhooks import Due, Sent, Webhook
from cloud.changes.targets import target, wait_after
from cloud.db import Connection
from shared.errors import Code, QuartermasterError
from shared.ids import is_code
from shared.units import DAY, Micros

__all__ = [
    "Due",
    "Outcome",
    "Queued",
    "Sent",
    "Webhook",
    "add",
    "due",
    "forget",
    "one",
    "queue",
    "record",
    "remove",
    "replay",
    "resume",
    "secret_of",
    "sent",
    "webhooks",
]

Standing = Literal["waiting", "delivered", "given-up"]
_KEPT_FOR: Final = Micros(30 * DAY)
_GONE: Final = 410


def secret_of(code: str) -> str:
    """The name under which the operator keeps a webhook's signing secret."""
    return f"webhook-{code}"


class Outcome(NamedTuple):
    """What an attempt came to: the answer's status, or None where nobody answered, and why."""

    status: int | None
    answer: str

    @property
    def delivered(self) -> bool:
        """Whether it was taken."""
        return self.status is not None and 200 <= self.status < 300


def add(
    connection: Connection,
    log: Log,
    *,
    code: str,
    url: str,
    kinds: Sequence[str],
    sites: Sequence[int] | None,
    by: str,
    at: Micros,
) -> Webhook:
    """Tell somebody of everything from now on.

    Raises:
        QuartermasterError: ``webhook.target`` for a URL that is not one of the public internet,
            ``request.invalid`` for a code or kind, ``request.conflict`` where the code is taken.
    """
    target(url)
    if not is_code(code):
        raise QuartermasterError("request.invalid", repr(code[:60]), where="code")
    strange = sorted(set(kinds).difference(KINDS))
    if strange or not kinds:
        raise QuartermasterError("request.invalid", f"one of {', '.join(KINDS)}", where="kinds")
    row = {
        "code": code,
        "url": url,
        "kinds": sorted(set(kinds)),
        "sites": None if sites is None else sorted(sites),
        "position": log.end(connection).position,
        "at": at,
        "by": by,
    }
    if store.add(connection, row) is None:
        raise QuartermasterError("request.conflict", f"there is a webhook {code}", where="code")
    return one(connection, code)


def webhooks(connection: Connection, sites: frozenset[int] | None = None) -> list[Webhook]:
    """Who is told, as far as the reader sees all of the sites concerned (``None``: all)."""
    return [each for each in store.webhooks(connection) if _within(each, sites)]


def one(connection: Connection, code: str, sites: frozenset[int] | None = None) -> Webhook:
    """One webhook.

    Raises:
        QuartermasterError: ``request.not-found``, also for one that the reader may not see.
    """
    for webhook in store.webhooks(connection, code):
        if _within(webhook, sites):
            return webhook
    raise QuartermasterError("request.not-found", f"webhook {code[:60]}", where="code")


def _within(webhook: Webhook, sites: frozenset[int] | None) -> bool:
    return sites is None or (webhook.sites is not None and sites.issuperset(webhook.sites))


def remove(connection: Connection, code: str, *, at: Micros) -> None:
    """Tell somebody no more.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    if not store.remove(connection, code, at):
        raise QuartermasterError("request.not-found", f"webhook {code[:60]}", where="code")


def resume(connection: Connection, code: str) -> None:
    """Send again, what waited included.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    if not store.resume(connection, code):
        raise QuartermasterError("request.not-found", f"webhook {code[:60]}", where="code")


class Queued(NamedTuple):
    """How many messages were queued, and why some before them never will be (mostly empty)."""

    messages: int
    missed: str = ""


def queue(connection: Connection, log: Log, webhook: Webhook, *, at: Micros) -> Queued:
    """Queue what has changed since a webhook was last told.

    One whose place in the log was given up meanwhile (it was paused too long) goes on from where
    the log begins; the caller tells a person of what was missed.
    """
    held = store.hold(connection, webhook.webhook_id)
    if held is None:
        return Queued(0)
    here = log.end(connection)._replace(position=held[0], part=held[1])
    wanted = Wanted(
        frozenset(webhook.kinds), None if webhook.sites is None else frozenset(webhook.sites)
    )
    missed = ""
    try:
        read = log.read(connection, here, wanted)
    except QuartermasterError as error:
        if error.code != "changes.cursor":
            raise
        missed = str(error.detail)
        read = log.read(connection, log.begin(connection), wanted)
    for message in read.messages:
        store.add_message(
            connection,
            {
                "webhook_id": webhook.webhook_id,
                "name": f"msg-{message.cursor}",
                "kind": message.kind,
                "body": json.dumps(
                    {
                        "type": message.kind,
                        "timestamp": message.at,
                        "data": message.told(),
                    },
                    separators=(",", ":"),
                ).encode(),
                "at": at,
            },
        )
    if read.cursor != here:
        store.move(connection, webhook.webhook_id, read.cursor.position, read.cursor.part)
    return Queued(len(read.messages), missed)


def due(connection: Connection, *, now: Micros, limit: int = 50) -> list[Due]:
    """Messages to send now; lent for a minute, within which :func:`record` is to be called."""
    return store.claim_due(connection, now, limit)


def record(connection: Connection, message: Due, outcome: Outcome, *, now: Micros) -> Code | None:
    """Write down what an attempt came to; returns what a person should be told, if anything.

    ``webhook.gone``: an answer 410 means that nobody wants them any more, and the webhook pauses
    (Standard Webhooks). ``webhook.given-up``: it was tried for a day.
    """
    gone = outcome.status == _GONE and store.pause(
        connection, message.webhook_id, "answered 410 Gone", now
    )
    wait = None if outcome.delivered else wait_after(message.attempts)
    store.record(
        connection,
        {
            "message_id": message.message_id,
            "attempts": message.attempts,
            "status": outcome.status,
            "answer": outcome.answer.replace("\0", "")[:200],
            "delivered": outcome.delivered,
            "next": None if wait is None else now + wait,
            "now": now,
        },
    )
    if gone:
        return "webhook.gone"
    return None if outcome.delivered or wait is not None else "webhook.given-up"


def sent(
    connection: Connection,
    code: str,
    *,
    standing: Standing | None = None,
    after: Sequence[Any] | None = None,
    limit: int = 100,
) -> list[Sent]:
    """Messages of a webhook and what became of them, the newest first."""
    filters = {
        "code": code,
        "standing": standing,
        "after": None if after is None else after[0],
        "limit": limit,
    }
    return store.messages(connection, filters)


def replay(connection: Connection, code: str, name: str | None, *, at: Micros) -> int:
    """Send one message again, or all that were given up; returns how many.

    The receiver sees the same id again, so that it can tell it from a new one.

    Raises:
        QuartermasterError: ``request.not-found`` for a webhook or message that is not there.
    """
    one(connection, code)
    count = store.replay(connection, code, name, at)
    if name is not None and not count:
        raise QuartermasterError("request.not-found", f"message {name[:80]}", where="message")
    return count


def forget(connection: Connection, *, now: Micros) -> int:
    """Forget messages that were delivered or given up a month ago; returns how many."""
    return store.forget(connection, Micros(now - _KEPT_FOR), 2_000)
