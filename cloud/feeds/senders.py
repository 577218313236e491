"""Who has sent a webhook: proven before anything of it is believed. Pure.

Shopify signs the body only: its headers prove nothing, so the reader goes by what the body says,
and what the headers say serves to find doubles and to refuse what is old. Everybody else signs as
Standard Webhooks has it: id, time and body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from cloud.feeds.kinds import ShopifySettings, settings_of
from cloud.feeds.model import MAX_KEY, Arrival, Feed
from cloud.feeds.reading import moment
from shared import webhooks
from shared.errors import QuartermasterError
from shared.units import HOUR, MINUTE, SECOND, Micros

SIGNED_KINDS: Final = frozenset({"carrier", "pos", "rest"})
"""Feeds whose webhooks are signed as Standard Webhooks has it."""
_OLDEST: Final = Micros(48 * HOUR)
"""Shopify tries again for four hours, by its changelog of September 2024; older shops for 48."""
_AHEAD: Final = Micros(5 * MINUTE)


def proven(
    of: Feed, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: Micros
) -> Arrival:
    """A webhook whose sender has one of the feed's secrets, as it is to be kept.

    ``headers`` are by name in small letters.

    Raises:
        QuartermasterError: ``feed.secret`` where there is none; ``webhook.unsigned``,
            ``webhook.stale``, ``feed.wrong-sender``; ``request.invalid`` for a feed that takes no
            webhooks.
    """
    if of.kind != "shopify" and of.kind not in SIGNED_KINDS:
        raise QuartermasterError(
            "request.invalid", f"a feed of the kind {of.kind} takes no webhook"
        )
    if not secrets:
        raise QuartermasterError("feed.secret", of.code)
    if of.kind == "shopify":
        return _shopify(of, headers, body, secrets, now=now)
    keys = [webhooks.read_secret(text) for text in secrets]
    signed = webhooks.verify(keys, headers, body, now=now // SECOND)
    return Arrival(body, signed.message_id)


def _shopify(
    of: Feed, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: Micros
) -> Arrival:
    try:
        given = base64.b64decode(headers.get("x-shopify-hmac-sha256", ""), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    macs = [hmac.new(text.encode(), body, hashlib.sha256).digest() for text in secrets]
    if not any([hmac.compare_digest(mac, given) for mac in macs]):  # noqa: C419 - each is compared
        raise QuartermasterError("webhook.unsigned", "X-Shopify-Hmac-Sha256 does not fit the body")
    shop = headers.get("x-shopify-shop-domain", "").lower()
    if shop != settings_of(of.settings, ShopifySettings).shop:
        raise QuartermasterError("feed.wrong-sender", shop[:100], where="x-shopify-shop-domain")
    _not_old(headers.get("x-shopify-triggered-at", ""), now)
    topic = headers.get("x-shopify-topic", "").lower()[:80]
    webhook = headers.get("x-shopify-webhook-id", "")
    if not webhook:
        raise QuartermasterError("request.invalid", "it is missing", where="x-shopify-webhook-id")
    event = headers.get("x-shopify-event-id", "")
    key = f"{topic} {event}" if event and len(event) + len(topic) < MAX_KEY else webhook
    return Arrival(body, key, topic, otherwise=webhook if key != webhook else "")


def _not_old(triggered: str, now: Micros) -> None:
    """Refuse what was triggered too long ago, where the shop says when."""
    if not triggered:
        return
    at = moment(triggered[:40], where="x-shopify-triggered-at")
    if not now - _OLDEST <= at <= now + _AHEAD:
        raise QuartermasterError("webhook.stale", f"triggered {triggered[:40]}")
