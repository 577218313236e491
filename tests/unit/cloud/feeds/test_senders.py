"""A webhook is believed only from who has the feed's secret, now, and from the right shop."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from cloud.feeds import Feed
from cloud.feeds.senders import proven
from shared.errors import QuartermasterError
from shared.units import HOUR, MINUTE, SECOND, Micros
from shared.webhooks import sign, write_secret
from tests.support.clock import START

BODY = b'{"id": 1}'
OLD, NEW = b"o" * 32, b"n" * 32


def feed(kind: str) -> Feed:
    settings = {"shop": "oats.myshopify.com"} if kind == "shopify" else {}
    return Feed(1, "feed", kind, "on", None, None, "", "", settings, None, Micros(0))


def from_shop(key: str = "first", body: bytes = BODY, **changes: str) -> dict[str, str]:
    mac = hmac.new(key.encode(), body, hashlib.sha256).digest()
    headers = {
        "x-shopify-hmac-sha256": base64.b64encode(mac).decode(),
        "x-shopify-shop-domain": "oats.myshopify.com",
        "x-shopify-topic": "orders/create",
        "x-shopify-webhook-id": "w-1",
        "x-shopify-event-id": "e-1",
        "x-shopify-triggered-at": "2025-11-20T14:46:00.123456789Z",
    }
    return headers | {
        f"x-shopify-{name.replace('_', '-')}": value for name, value in changes.items()
    }


def test_a_shops_webhook_is_kept_under_its_event_and_topic() -> None:
    arrival = proven(feed("shopify"), from_shop(), BODY, ("second", "first"), now=START)
    assert arrival == (BODY, "orders/create e-1", "orders/create", "push", "w-1")
    headers = from_shop(event_id="")
    assert proven(feed("shopify"), headers, BODY, ("first",), now=START).key == "w-1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": "guessed"}, "webhook.unsigned"),
        ({"body": b'{"id": 2}'}, "webhook.unsigned"),
        ({"hmac_sha256": ""}, "webhook.unsigned"),
        ({"hmac_sha256": "not base64 \xff"}, "webhook.unsigned"),
        ({"shop_domain": "other.myshopify.com"}, "feed.wrong-sender"),
        ({"shop_domain": ""}, "feed.wrong-sender"),
        ({"triggered_at": "2025-11-18T14:46:00Z"}, "webhook.stale"),
        ({"triggered_at": "2025-11-20T14:52:00Z"}, "webhook.stale"),
        ({"triggered_at": "whenever"}, "feed.document"),
        ({"webhook_id": ""}, "request.invalid"),
    ],
)
def test_a_forged_old_or_foreign_shop_webhook_is_refused(
    changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(QuartermasterError) as refused:
        proven(feed("shopify"), from_shop(**changes), BODY, ("first",), now=START)
    assert refused.value.code == code


def signed(secret: bytes, at: int = START, body: bytes = BODY) -> dict[str, str]:
    return sign([secret], "msg_1", at // SECOND, body)


def test_a_signed_webhook_is_kept_under_its_id_by_any_secret_in_force() -> None:
    secrets = (write_secret(NEW), write_secret(OLD))
    for secret in (OLD, NEW):
        arrival = proven(feed("carrier"), signed(secret), BODY, secrets, now=START)
        assert arrival.key == "msg_1"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (signed(b"x" * 32), "webhook.unsigned"),
        (signed(NEW, body=b"{}"), "webhook.unsigned"),
        (signed(NEW, START - 6 * MINUTE), "webhook.stale"),
        (signed(NEW, START + 6 * MINUTE), "webhook.stale"),
        (signed(NEW) | {"webhook-id": "msg_2"}, "webhook.unsigned"),
        (signed(NEW) | {"webhook-timestamp": str(START // SECOND + 1)}, "webhook.unsigned"),
        ({}, "webhook.unsigned"),
    ],
)
def test_a_forged_replayed_or_old_signed_webhook_is_refused(
    headers: dict[str, str], code: str
) -> None:
    with pytest.raises(QuartermasterError) as refused:
        proven(feed("pos"), headers, BODY, (write_secret(NEW),), now=START)
    assert refused.value.code == code


def test_without_a_secret_nobody_is_believed_and_some_feeds_take_no_webhooks() -> None:
    with pytest.raises(QuartermasterError, match=r"feed\.secret"):
        proven(feed("shopify"), from_shop(), BODY, (), now=START)
    with pytest.raises(QuartermasterError, match=r"request\.invalid"):
        proven(feed("x12"), {}, BODY, ("first",), now=Micros(START + HOUR))
