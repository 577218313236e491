"""The doors of single fields."""

from __future__ import annotations

import cbor2
import pytest

from shared.errors import QuartermasterError
from shared.events import (
    CodeSeen,
    EventData,
    Line,
    Received,
    decode_event,
    encode_event,
)

DOORS: list[EventData] = [
    Received(Line("SKU-1", 1, expiry="2027-01-31\n"), "DOCK"),
    Received(Line("SKU-1", 1, expiry="٢٠٢٧-01-31"), "DOCK"),
    Received(Line("SKU-1", 1, sscc="340123450000000018\n"), "DOCK"),
    Received(Line("SKU-1", -1), "DOCK"),
    Received(Line("SKU-1", 10_000_001), "DOCK"),
    Received(Line("", 1), "DOCK"),
    Received(Line("SKU-1", 1, lot="L" * 21), "DOCK"),
    Received(Line("SKU-1", 1, raw="x" * 513), "DOCK"),
    CodeSeen("cam-1", "EAN13", "4006381333931", gtin="04006381333931\n"),
    CodeSeen("cam-1", "EAN13", "4006381333931", gtin="4006381333931"),
]


@pytest.mark.parametrize("data", DOORS)
def test_a_field_outside_its_bounds_is_refused(data: EventData) -> None:
    body = encode_event(
        data,
        event_id=bytes(16),
        occurred_at=1,
        seq=1,
        prev_hash=bytes(32),
        device="sc-01",
        clock_state=1,
    )
    with pytest.raises(QuartermasterError, match=r"event\.malformed"):
        decode_event(body)


@pytest.mark.parametrize("kind", [1.0, True, "1", 0, 99, -1, None])
def test_a_type_that_is_no_number_of_the_catalogue_is_refused(kind: object) -> None:
    body = cbor2.dumps({0: 1, 1: bytes(16), 2: kind, 3: 1, 4: 1, 5: bytes(32), 6: "x", 7: 1, 8: []})
    with pytest.raises(QuartermasterError, match=r"event\.unknown-type"):
        decode_event(body)


def _event(**who: str) -> bytes:
    return encode_event(
        Received(Line("SKU-1", 1), "DOCK"),
        event_id=bytes(16),
        occurred_at=1,
        seq=1,
        prev_hash=bytes(32),
        device="sc-01",
        clock_state=1,
        **who,
    )


@pytest.mark.parametrize(
    ("who", "keys"),
    [
        ({}, 9),
        ({"operator": "p-7"}, 10),
        ({"task": "t-1"}, 10),
        ({"operator": "p", "task": "t"}, 11),
    ],
)
def test_an_event_says_who_worked_on_which_task_where_there_is_one(
    who: dict[str, str], keys: int
) -> None:
    body = _event(**who)
    event = decode_event(body)
    assert (event.operator, event.task) == (who.get("operator"), who.get("task"))
    assert len(cbor2.loads(body)) == keys
    assert cbor2.dumps(cbor2.loads(body)) == body


def test_a_key_beyond_those_known_is_refused() -> None:
    for surplus in ({11: "x"}, {9: "", 10: "t"}, {-1: 0}):
        with pytest.raises(QuartermasterError, match=r"event\.malformed"):
            decode_event(cbor2.dumps({**cbor2.loads(_event()), **surplus}))
