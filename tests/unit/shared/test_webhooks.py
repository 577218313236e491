"""Signed webhooks: proven, and whatever is not what was signed is refused."""

from __future__ import annotations

import pytest

from shared.errors import QuartermasterError
from shared.webhooks import Signed, read_secret, sign, verify, write_secret

_SECRET = bytes(range(32))
_NOW = 1_700_000_000


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The example of the Standard Webhooks specification and its libraries."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_is_proven_by_any_secret_that_is_accepted() -> None:
    headers = sign([_SECRET], "msg-1", _NOW, b"{}")
    assert verify([b"x" * 32, _SECRET], headers, b"{}", now=_NOW + 299) == Signed("msg-1", _NOW)


@pytest.mark.parametrize(
    ("changed", "body", "later", "code"),
    [
        ({}, b"{ }", 0, "webhook.unsigned"),
        ({"webhook-id": "msg-2"}, b"{}", 0, "webhook.unsigned"),
        ({"webhook-timestamp": str(_NOW + 1)}, b"{}", 0, "webhook.unsigned"),
        ({"webhook-timestamp": "soon"}, b"{}", 0, "webhook.unsigned"),
        ({"webhook-signature": "v1,!!!! v2,AAAA"}, b"{}", 0, "webhook.unsigned"),
        ({"webhook-signature": ""}, b"{}", 0, "webhook.unsigned"),
        ({}, b"{}", 301, "webhook.stale"),
        ({}, b"{}", -301, "webhook.stale"),
    ],
)
def test_whatever_is_not_what_was_signed_is_refused(
    changed: dict[str, str], body: bytes, later: int, code: str
) -> None:
    headers = {**sign([_SECRET], "msg-1", _NOW, b"{}"), **changed}
    with pytest.raises(QuartermasterError) as refused:
        verify([_SECRET], headers, body, now=_NOW + later)
    assert refused.value.code == code


def test_a_secret_is_read_as_it_was_written_and_a_short_one_is_refused() -> None:
    assert read_secret(write_secret(_SECRET) + "\n") == _SECRET
    for text in ("whsec_AAAA", "whsec_é", ""):
        with pytest.raises(QuartermasterError, match=r"settings\.invalid|webhook secret"):
            read_secret(text)
