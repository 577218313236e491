"""Whatever the catalogue can say survives the wire; whatever else comes is refused by code."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QuartermasterError
from shared.events import (
    Adjusted,
    CodeSeen,
    Counted,
    DecisionTaken,
    Event,
    EventData,
    EventsCarried,
    EventsLost,
    GatewayHealth,
    Inspected,
    Line,
    Moved,
    Packed,
    Picked,
    PutAway,
    Received,
    Returned,
    SensorRead,
    Shipped,
    StockState,
    decode_event,
    decode_events,
    encode_event,
)
from shared.ids import GatewayId
from shared.segment import parse, verify

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=64)
lines = st.builds(
    Line,
    sku=names,
    quantity=st.integers(0, 10_000_000),
    lot=st.none() | st.text(st.characters(codec="ascii"), max_size=20),
    expiry=st.none() | st.dates().map(str),
    raw=st.none() | st.text(st.characters(codec="utf-8"), max_size=512),
)
states = st.sampled_from(StockState)
signed = st.integers(-10_000_000, 10_000_000)
sequences = st.integers(1, 2**63 - 1)
datas: st.SearchStrategy[EventData] = st.one_of(
    st.builds(Received, line=lines, location=names, state=states, document=st.none() | names),
    st.builds(Returned, line=lines, location=names, state=states),
    st.builds(Shipped, line=lines, location=names, state=states),
    st.builds(Packed, line=lines, location=names),
    st.builds(Picked, line=lines, from_location=names, to_location=names),
    st.builds(PutAway, line=lines, from_location=names, to_location=names),
    st.builds(Moved, line=lines, from_location=names, to_location=names, state=states),
    st.builds(Inspected, line=lines, location=names, from_state=states, to_state=states),
    st.builds(Counted, line=lines, location=names, expected=signed),
    st.builds(Adjusted, line=lines, location=names, difference=signed, reason=names),
    st.builds(CodeSeen, camera=names, symbology=names, raw=names),
    st.builds(
        SensorRead,
        sensor=names,
        property=names,
        value=st.integers(-(2**53), 2**53),
        scale=st.integers(0, 9),
        unit=st.just("Cel"),
    ),
    st.builds(GatewayHealth, software=names, catalog=st.integers(0, 2**63 - 1), policy=st.just(1)),
    st.builds(
        DecisionTaken,
        decision=names,
        subject=names,
        origin=st.just("edge-fallback"),
        policy=st.just(1),
        catalog=st.just(1),
        inputs=st.binary(min_size=32, max_size=32),
        outcome=names,
        reasons=st.lists(names, max_size=16),
    ),
    st.builds(
        EventsLost,
        epoch=st.integers(0, 2**63 - 1),
        first_seq=sequences,
        last_seq=st.none() | sequences,
        reason=names,
        detail=names,
    ),
    st.builds(
        EventsCarried, epoch=st.just(1), first_seq=sequences, last_seq=sequences, reason=names
    ),
)


@given(
    data=datas,
    event_id=st.binary(min_size=16, max_size=16),
    occurred_at=st.integers(0, 2**53 - 1),
    seq=st.integers(1, 2**63 - 1),
    prev_hash=st.binary(min_size=32, max_size=32),
    device=names,
    clock_state=st.integers(0, 2),
)
def test_an_event_comes_back_as_it_was_said(data: EventData, **header: object) -> None:
    event = decode_event(encode_event(data, **header))  # type: ignore[arg-type]
    assert event.data == data
    assert {name: getattr(event, name) for name in header if name != "event_id"} == {
        name: value for name, value in header.items() if name != "event_id"
    }
    assert event.id == header["event_id"]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_with_a_code(data: bytes) -> None:
    for door in (decode_event, _open):
        with pytest.raises(QuartermasterError) as refusal:
            door(data)
        assert refusal.value.code in {
            "event.malformed",
            "event.unknown-version",
            "event.unknown-type",
            "segment.malformed",
            "payload.too-deep",
        }


def _open(data: bytes) -> object:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    return verify(parse(data), key, trust_domain="t", gateway=GatewayId("gw-1"))


_GOOD = encode_event(
    CodeSeen("cam-1", "ean13", "4006381333931"),
    event_id=bytes(16),
    occurred_at=1,
    seq=1,
    prev_hash=bytes(32),
    device="cam-1",
    clock_state=0,
)


@given(
    st.lists(
        st.just(_GOOD)
        | st.binary(max_size=80)
        | st.integers(0, len(_GOOD)).map(lambda end: _GOOD[:end])
        | st.integers(0, 60).map(lambda more: b"\x58" + bytes((more,)) + bytes(10))
        | st.just(_GOOD + b"\x00"),
        max_size=6,
    )
)
def test_many_events_are_read_together_as_each_is_alone(bodies: list[bytes]) -> None:
    def alone(body: bytes) -> Event | str:
        try:
            return decode_event(body)
        except QuartermasterError as error:
            return error.code

    together = decode_events(bodies)
    assert [
        each.code if isinstance(each, QuartermasterError) else each for each in together
    ] == list(map(alone, bodies))


def test_an_event_that_reaches_into_the_next_one_is_not_read() -> None:
    """Its open text would take in all between; the next one tries to close it well."""
    reaching = _GOOD[:-1] + b"\x78\x30" + b"x" * 20
    closing = b"x" * 11 + _GOOD
    assert [
        each.code if isinstance(each, QuartermasterError) else each
        for each in decode_events([reaching, closing])
    ] == ["event.malformed", "event.malformed"]
