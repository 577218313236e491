"""The wire format, byte for byte.

``segment_v1.hex`` was checked with an independent COSE implementation (cwt 3.3.0): it verifies
these bytes under this key and produces the very same ones. A change here breaks every gateway in
the field; a new format gets a new content type and a new file beside this one.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.cose import key_id
from shared.events import Line, Received, encode_event, event_hash
from shared.ids import GatewayId
from shared.segment import GENESIS, parse, seal, verify

GOLDEN = bytes.fromhex((Path(__file__).parent / "golden" / "segment_v1.hex").read_text())
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_sealing_gives_the_golden_bytes() -> None:
    bodies: list[bytes] = []
    prev = GENESIS
    for seq in (1, 2):
        bodies.append(
            encode_event(
                Received(Line("SKU-1", 3, lot="L1", raw="]C1011234"), "DOCK"),
                event_id=seq.to_bytes(16, "big"),
                occurred_at=1_763_650_000_000_000 + seq,
                seq=seq,
                prev_hash=prev,
                device="sc-01",
                clock_state=1,
            )
        )
        prev = event_hash(bodies[-1])
    made = seal(
        KEY.sign,
        kid=key_id(KEY.public_key()),
        trust_domain="quartermaster.test",
        gateway=GatewayId("gw-north"),
        epoch=1,
        first_seq=1,
        prev_hash=GENESIS,
        events=bodies,
    )
    assert made == GOLDEN


def test_the_golden_bytes_still_open() -> None:
    segment = verify(
        parse(GOLDEN),
        KEY.public_key(),
        trust_domain="quartermaster.test",
        gateway=GatewayId("gw-north"),
    )
    assert [event.seq for event in segment.events] == [1, 2]
    assert segment.events[1].prev_hash == segment.events[0].hash
