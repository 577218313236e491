"""What a gateway says of an earlier epoch, byte for byte: it is read years later, as evidence.

Each line of ``events_v1.hex`` is a plain CBOR encoding of the map, written without our encoder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.events import (
    DATA_OF,
    EpochOpened,
    EventData,
    EventsCarried,
    EventsLost,
    Kind,
    decode_event,
    encode_event,
)

_LINES = (Path(__file__).parent / "golden" / "events_v1.hex").read_text().splitlines()
GOLDEN = {name: bytes.fromhex(body) for name, body in (line.split() for line in _LINES)}
SAID: dict[str, EventData] = {
    "EPOCH_OPENED": EpochOpened(1, 100, bytes(range(32)), "lost"),
    "EVENTS_LOST": EventsLost(1, 104, 106, "store-damaged", "an event's bytes have changed"),
    "EVENTS_LOST-to-an-unknown-end": EventsLost(1, 111, None, "store-damaged"),
    "EVENTS_CARRIED": EventsCarried(1, 101, 103, "store-damaged"),
}


@pytest.mark.parametrize("name", SAID)
def test_an_event_about_an_earlier_epoch_has_its_golden_bytes(name: str) -> None:
    made = encode_event(
        SAID[name],
        event_id=bytes(range(16)),
        occurred_at=1_763_650_000_000_000,
        seq=2,
        prev_hash=bytes(range(32)),
        device="gw-north",
        clock_state=1,
    )
    assert made == GOLDEN[name]
    event = decode_event(GOLDEN[name])
    assert event.data == SAID[name]
    assert Kind(event.kind).name == name.partition("-")[0]
    assert DATA_OF[event.kind] is type(SAID[name])
