"""What was written to be told is told: to customers' systems and to storefronts, at least once.

A message is written in the transaction that it tells of (an outbox), and sent after it, with the
same id at every attempt, so that a receiver can take it once. What fails is tried again for a day,
with longer and longer waits; then it stands with its error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

import httpx

from cloud.db import Connection
from cloud.promise import store
from cloud.promise.store import Message
from shared.units import DAY, MINUTE, SECOND, Micros
from shared.webhooks import sign

GIVEN_UP_AFTER: Final = DAY
_FIRST_WAIT: Final = Micros(5 * SECOND)
_LONGEST_WAIT: Final = Micros(30 * MINUTE)
_NAMESPACE: Final = "quartermaster"


class Sender(Protocol):
    """Tells one receiver; the port behind which a shop or a customer's system stands."""

    def send(self, message: Message, *, now: Micros) -> None:
        """Tell it.

        Raises:
            TellingError: it was not taken; it will be tried again.
        """
        ...


class TellingError(Exception):
    """A receiver did not take a message; says why, on one line and without secrets."""


class Webhook(NamedTuple):
    """A customer's system, told by signed webhooks (Standard Webhooks 1.0)."""

    http: httpx.Client
    url: str
    secrets: Sequence[bytes]

    def send(self, message: Message, *, now: Micros) -> None:
        """Post it, signed.

        Raises:
            TellingError: no answer, or not one of success.
        """
        body = json.dumps(
            {"type": message.kind, "timestamp": _rfc3339(message.made_at), "data": message.body}
        ).encode()
        proof = sign(self.secrets, f"promise-{message.message_id}", now // SECOND, body)
        _post(self.http, self.url, body, proof)


class ShopifyMetafields(NamedTuple):
    """A Shopify storefront: the window as metafields of the item's variants, before the purchase.

    ``variants`` gives the shop's own ids of an item's variants, as its products feed told them
    (Admin GraphQL API, ``metafieldsSet``: at most 25 a call, overwritten whole).
    """

    http: httpx.Client
    url: str
    token: str
    variants: Callable[[str], Sequence[str]]

    def send(self, message: Message, *, now: Micros) -> None:
        """Set the metafields of each variant; an item that the shop does not list is nothing to do.

        Raises:
            TellingError: no answer, or one with errors.
        """
        del now
        fields = [
            {
                "ownerId": variant,
                "namespace": _NAMESPACE,
                "key": key,
                "type": kind,
                "value": str(message.body[key]),
            }
            for variant in self.variants(str(message.body["item"]))
            for key, kind in (
                ("says", "single_line_text_field"),
                ("available", "number_integer"),
                ("first_day", "date"),
                ("last_day", "date"),
            )
            if message.body.get(key) is not None
        ]
        for start in range(0, len(fields), 25):
            query = (
                "mutation($fields: [MetafieldsSetInput!]!) {"
                " metafieldsSet(metafields: $fields) { userErrors { field message } } }"
            )
            body = {"query": query, "variables": {"fields": fields[start : start + 25]}}
            proof = {"x-shopify-access-token": self.token}
            answer = _post(self.http, self.url, json.dumps(body).encode(), proof)
            if flaws := _flaws(answer):
                raise TellingError(flaws)


def _flaws(answer: httpx.Response) -> str:
    """What GraphQL says is wrong: it answers 200 all the same."""
    try:
        content: Any = answer.json()
        wrong = content.get("errors") or content["data"]["metafieldsSet"]["userErrors"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "the shop's answer is not understood"
    return f"the shop says: {json.dumps(wrong)[:200]}" if wrong else ""


def _post(http: httpx.Client, url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    try:
        answer = http.post(
            url, content=body, headers={"content-type": "application/json", **headers}
        )
    except httpx.HTTPError as error:
        raise TellingError(type(error).__name__) from None
    if not answer.is_success:
        raise TellingError(f"answered {answer.status_code}")
    return answer


def tell(connection: Connection, senders: Mapping[str, Sender], *, now: Micros) -> int:
    """Send what is due, some at a time; returns how many were taken up.

    The rows are this transaction's while they are sent: no other sender sends them as well.
    """
    found = store.outgoing(connection, sorted(senders), now=now)
    for message in found:
        error, due = "", None
        try:
            senders[message.receiver].send(message, now=now)
        except TellingError as refused:
            error = str(refused) or "refused"
            if now - message.made_at < GIVEN_UP_AFTER:
                due = Micros(now + min(_FIRST_WAIT * 2**message.tries, _LONGEST_WAIT))
        store.sent(connection, message.message_id, error=error, due=due, now=now)
    return len(found)


def _rfc3339(micros: Micros) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return moment.isoformat().replace("+00:00", "Z")
