"""The downlink: signed for one gateway and one purpose, or refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.cose import key_id
from shared.downlink import (
    Catalog,
    Code,
    Item,
    Location,
    Offer,
    Watermark,
    decode_catalog,
    digest,
    encode,
    sign_message,
    verify_message,
)
from shared.errors import QuartermasterError
from shared.ids import GatewayId

DOMAIN = "quartermaster.test"
GATEWAY = GatewayId("gw-north")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
WATERMARK = Watermark(1, 1, 41, bytes(32), [(43, 44)])


def signed(
    body: Watermark | Offer = WATERMARK,
    *,
    gateway: GatewayId = GATEWAY,
    not_after: int | None = None,
) -> bytes:
    return sign_message(
        KEY.sign,
        kid=key_id(KEY.public_key()),
        trust_domain=DOMAIN,
        gateway=gateway,
        body=body,
        issued_at=1_000,
        not_after=not_after,
    )


def opened(
    data: bytes, shape: type[Watermark | Offer] = Watermark, *, now: int = 2_000
) -> Watermark | Offer:
    return verify_message(
        data, KEY.public_key(), shape, trust_domain=DOMAIN, gateway=GATEWAY, now=now
    )


def test_a_watermark_arrives_as_it_was_signed() -> None:
    assert opened(signed()) == WATERMARK


def test_a_watermark_for_another_gateway_is_refused() -> None:
    with pytest.raises(QuartermasterError, match=r"downlink\.signature"):
        opened(signed(gateway=GatewayId("gw-south")))


def test_a_watermark_cannot_pass_for_an_offer() -> None:
    with pytest.raises(QuartermasterError, match=r"downlink\.signature"):
        opened(signed(), Offer)


def test_a_message_past_its_time_is_refused() -> None:
    with pytest.raises(QuartermasterError, match=r"downlink\.expired"):
        opened(signed(not_after=1_999))


def test_a_message_in_its_last_microsecond_is_accepted() -> None:
    assert opened(signed(not_after=2_000)) == WATERMARK


@pytest.mark.parametrize("position", [2, 30, 90, -1])
def test_a_changed_byte_is_refused(position: int) -> None:
    data = bytearray(signed())
    data[position] ^= 1
    with pytest.raises(QuartermasterError, match=r"downlink\.(signature|malformed)"):
        opened(bytes(data))


def test_a_catalog_document_survives_the_journey() -> None:
    catalog = Catalog(
        "north",
        [Item("SKU-1", "Soap", [Code("04006381333931", 1), Code("14006381333938", 12)])],
        [Location("DOCK", "dock"), Location("A-01", "shelf", removed=True)],
    )
    content = encode(catalog)
    offer = Offer("catalog", 0, 7, digest(content), len(content), content)
    arrived = opened(signed(offer), Offer)
    assert isinstance(arrived, Offer)
    assert arrived.content is not None
    assert decode_catalog(arrived.content) == catalog


def test_a_catalog_that_is_something_else_is_refused() -> None:
    with pytest.raises(QuartermasterError, match=r"downlink\.malformed"):
        decode_catalog(encode(WATERMARK))
