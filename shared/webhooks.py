"""Signed webhooks, theirs and ours, as Standard Webhooks 1.0 has them. Pure.

``webhook-signature`` holds ``v1,`` and the Base64 of an HMAC-SHA256 over ``id.timestamp.body``; a
space separates several while a secret is being changed. Secrets are 24 to 64 random bytes, written
``whsec_`` and Base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from shared.errors import QuartermasterError

TOLERANCE_S: Final = 300
"""How far the sender's clock may be from ours."""
_PREFIX: Final = "whsec_"
_MOST_SIGNATURES: Final = 10
_LONGEST_ID: Final = 200


class Signed(NamedTuple):
    """A message that was proven: its id, by which it is taken once, and when it was sent (s)."""

    message_id: str
    timestamp: int


def sign(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove a message; with several secrets it is signed by each.

    Args:
        secrets: keys, the one in force first.
        message_id: the same for every attempt.
        timestamp: seconds UTC, of this attempt.
        body: exactly as it is sent.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(_mac(secret, message_id, str(timestamp), body)).decode()}"
            for secret in secrets
        ),
    }


def verify(
    secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes, *, now: int
) -> Signed:
    """Prove a message by any of the secrets.

    Args:
        secrets: keys that are accepted.
        headers: by name in small letters.
        body: exactly as it came.
        now: seconds UTC.

    Raises:
        QuartermasterError: ``webhook.unsigned`` for a missing or wrong signature, ``webhook.stale``
            for one that was made over five minutes ago or lies ahead.
    """
    message_id = headers.get("webhook-id", "")
    sent = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split(" ")[:_MOST_SIGNATURES]
    if not 0 < len(message_id) <= _LONGEST_ID or not (sent.isascii() and sent.isdigit()):
        raise QuartermasterError("webhook.unsigned", "its headers are missing or malformed")
    macs = [_mac(secret, message_id, sent, body) for secret in secrets]
    if not any(hmac.compare_digest(one, mac) for one in _signatures(given) for mac in macs):
        raise QuartermasterError("webhook.unsigned", "the signature is wrong")
    timestamp = int(sent[:15])
    if abs(now - timestamp) > TOLERANCE_S:
        raise QuartermasterError("webhook.stale", f"sent {now - timestamp} s ago")
    return Signed(message_id, timestamp)


def write_secret(random: bytes) -> str:
    """A secret as people copy it, of 24 to 64 random bytes."""
    return _PREFIX + base64.b64encode(random).decode()


def read_secret(text: str) -> bytes:
    """A secret as it was copied.

    Raises:
        QuartermasterError: ``settings.invalid``; the text itself is not told.
    """
    try:
        secret = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise QuartermasterError("settings.invalid", "no webhook secret") from None
    if not 24 <= len(secret) <= 64:
        raise QuartermasterError("settings.invalid", "a webhook secret has 24 to 64 bytes")
    return secret


def _mac(secret: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return hmac.new(secret, signed, hashlib.sha256).digest()


def _signatures(given: Sequence[str]) -> list[bytes]:
    found: list[bytes] = []
    for each in given:
        version, _, text = each.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found
