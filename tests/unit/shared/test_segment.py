"""Segments: what is refused, with which code, and what survives."""

from __future__ import annotations

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.cose import key_id, sign1
from shared.errors import QuartermasterError
from shared.events import Line, Received, encode_event, event_hash
from shared.ids import GatewayId
from shared.segment import (
    CONTENT_TYPE,
    GENESIS,
    MAX_BYTES,
    Segment,
    parse,
    seal,
    verify,
)

DOMAIN = "quartermaster.test"
GATEWAY = GatewayId("gw-north")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KID = key_id(KEY.public_key())


def chain(count: int, *, first: int = 1, prev: bytes = GENESIS, quantity: int = 3) -> list[bytes]:
    bodies: list[bytes] = []
    for seq in range(first, first + count):
        bodies.append(
            encode_event(
                Received(Line("SKU-1", quantity, lot="L1", raw="]C1011234"), "DOCK"),
                event_id=seq.to_bytes(16, "big"),
                occurred_at=1_763_650_000_000_000 + seq,
                seq=seq,
                prev_hash=prev,
                device="sc-01",
                clock_state=1,
            )
        )
        prev = event_hash(bodies[-1])
    return bodies


def sealed(bodies: list[bytes], *, first: int = 1, prev: bytes = GENESIS) -> bytes:
    return seal(
        KEY.sign,
        kid=KID,
        trust_domain=DOMAIN,
        gateway=GATEWAY,
        epoch=1,
        first_seq=first,
        prev_hash=prev,
        events=bodies,
    )


def forged(payload: object, *, key: Ed25519PrivateKey = KEY) -> bytes:
    """A well-signed segment with an arbitrary payload."""
    return sign1(
        key.sign,
        kid=KID,
        content_type=CONTENT_TYPE,
        external=["qm-seg/1", DOMAIN, GATEWAY],
        payload=cbor2.dumps(payload),
    )


def opened(data: bytes, *, gateway: GatewayId = GATEWAY, domain: str = DOMAIN) -> Segment:
    return verify(parse(data), KEY.public_key(), trust_domain=domain, gateway=gateway)


def code_of(data: bytes, **context: object) -> str:
    with pytest.raises(QuartermasterError) as caught:
        opened(data, **context)  # type: ignore[arg-type]
    return caught.value.code


def test_a_sealed_segment_opens_to_the_same_events() -> None:
    bodies = chain(5)
    segment = opened(sealed(bodies))
    assert [event.seq for event in segment.events] == [1, 2, 3, 4, 5]
    assert segment.refused == []
    assert (segment.prev_hash, segment.last_hash) == (GENESIS, event_hash(bodies[-1]))
    assert segment.events[0].data == Received(Line("SKU-1", 3, lot="L1", raw="]C1011234"), "DOCK")


def test_sealing_twice_gives_the_same_bytes() -> None:
    assert sealed(chain(3)) == sealed(chain(3))


@pytest.mark.parametrize("position", [0, 1, 3, 20, 60, 100, 200, -70, -64, -1])
def test_a_changed_byte_anywhere_is_refused(position: int) -> None:
    data = bytearray(sealed(chain(3)))
    data[position] ^= 0x01
    assert code_of(bytes(data)) in {"segment.malformed", "segment.signature"}


def test_another_gateways_segment_is_refused() -> None:
    assert code_of(sealed(chain(3)), gateway=GatewayId("gw-south")) == "segment.signature"


def test_a_segment_of_another_trust_domain_is_refused() -> None:
    assert code_of(sealed(chain(3)), domain="elsewhere.test") == "segment.signature"


def test_a_wrong_key_is_refused() -> None:
    other = Ed25519PrivateKey.generate()
    assert code_of(forged([1, 1, 1, GENESIS, chain(1), GENESIS], key=other)) == "segment.signature"


def test_trailing_bytes_are_refused() -> None:
    assert code_of(sealed(chain(1)) + b"\x00") == "segment.malformed"


def test_an_oversized_segment_is_refused_before_it_is_parsed() -> None:
    assert code_of(b"\xd2\x84" + bytes(MAX_BYTES)) == "segment.too-large"


def test_deep_nesting_is_refused() -> None:
    assert code_of(b"\xd2\x84" + b"\x81" * 1000 + b"\x01") == "payload.too-deep"


def test_duplicate_map_keys_are_refused() -> None:
    duplicate = b"\xd2\x84" + cbor2.dumps(b"\xa2\x01\x27\x01\x27") + b"\xa0\x40\x40"
    assert code_of(duplicate) == "segment.malformed"


def test_more_than_256_events_are_neither_sealed_nor_accepted() -> None:
    bodies = chain(257)
    with pytest.raises(QuartermasterError, match=r"segment\.too-large"):
        sealed(bodies)
    assert (
        code_of(forged([1, 1, 257, GENESIS, bodies, event_hash(bodies[-1])])) == "segment.too-large"
    )


def test_a_range_that_does_not_match_its_events_is_refused() -> None:
    bodies = chain(3)
    assert code_of(forged([1, 1, 4, GENESIS, bodies, event_hash(bodies[-1])])) == "segment.chain"


def test_events_out_of_order_are_refused() -> None:
    first, second, third = chain(3)
    assert (
        code_of(forged([1, 1, 3, GENESIS, [first, third, second], event_hash(second)]))
        == "segment.chain"
    )


def test_a_wrong_last_hash_is_refused() -> None:
    assert code_of(forged([1, 1, 3, GENESIS, chain(3), GENESIS])) == "segment.chain"


def test_one_unreadable_event_is_set_aside_and_the_others_stand() -> None:
    first = chain(1)[0]
    strange = cbor2.dumps({0: 99, 1: b"what is this"})
    third = chain(1, first=3, prev=event_hash(strange))[0]
    segment = opened(forged([1, 1, 3, GENESIS, [first, strange, third], event_hash(third)]))
    assert [event.seq for event in segment.events] == [1, 3]
    assert [(refused.seq, refused.error.code) for refused in segment.refused] == [
        (2, "event.unknown-version")
    ]
    assert segment.refused[0].body == strange
