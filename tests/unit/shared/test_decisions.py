"""What a gateway may decide by itself, and in which words."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from shared.errors import QuartermasterError
from shared.events import MAX_EVENT_BYTES, DecisionTaken, encode_event
from shared.policy import (
    BUILT_IN,
    MAX_HELD,
    MAX_PLACES,
    MAX_RECORDED,
    MAX_RESERVES,
    RULES,
    Allocation,
    DecisionKind,
    Held,
    Losses,
    Outcome,
    Outlook,
    PickErrors,
    Place,
    Policy,
    Recorded,
    Replenishment,
    Request,
    Reserve,
    Routing,
    decide,
    decode_input,
    encode_input,
    key_of,
    replay,
)
from tests.support.decisions import taken

AWAY = 73 * 60
"""Minutes without the cloud, beyond the 72 h of the built-in policy."""
POLICY = Policy(order_units=100, order_units_a_day=150, transfer_units=40)


def face(on_face: int = 2, *, away: int = 0, **over: Any) -> Replenishment:
    given = Replenishment(
        rules=RULES,
        away_minutes=away,
        sku="TEA-1",
        face="A-01",
        minimum=5,
        maximum=20,
        on_face=on_face,
        coming=0,
        today="2026-03-01",
        reserves=[
            Reserve("R-02", 50, "L2", "2026-09-01"),
            Reserve("R-01", 12, "L1", "2026-05-01"),
            Reserve("R-03", 30, "L0", "2026-02-01"),
        ],
    )
    return msgspec.structs.replace(given, **over)


def pallet(*places: Place, own: str = "", away: int = 0, quantity: int = 40) -> Routing:
    return Routing(RULES, away, "TEA-1", quantity, own, list(places))


def place(location: str, holds: int = 0, capacity: int = 100, **over: Any) -> Place:
    given = Place(location, "Z1", holds, 0, capacity)
    return msgspec.structs.replace(given, **over)


def asked(quantity: int = 10, *leases: Held, free: int = 100, away: int = 0) -> Allocation:
    held = list(leases) or [Held("LE-1", 30, 2_000)]
    return Allocation(RULES, away, "TEA-1", quantity, "SO-7", "", free, 1_000, held)


def outlook(**over: Any) -> Outlook:
    given = Outlook(RULES, 30, "TEA-1", 10, 0, 24, 8, 24)
    return msgspec.structs.replace(given, **over)


def request(missing: int, *, today: int = 0, away: int = 30) -> Request:
    return Request(RULES, away, "TEA-1", missing, 10, 24, today)


def words(outcome: Outcome) -> str:
    return " ".join((outcome.outcome, *outcome.reasons, *outcome.alternatives))


# Replenishment


def test_a_face_at_its_minimum_is_filled_with_what_expires_first_and_has_not() -> None:
    outcome = decide("replenish", BUILT_IN, face())
    assert outcome.quantity == 18
    assert [part[:3] for part in outcome.parts] == [("R-01", "L1", 12), ("R-02", "L2", 6)]
    assert outcome.outcome == (
        "bring 18 units of TEA-1 to A-01: 12 from R-01 (lot L1), 6 from R-02 (lot L2)"
    )
    assert "30 units in reserve expired before 2026-03-01" in words(outcome)
    assert outcome.place == "A-01"


def test_what_reserve_has_comes_when_it_is_less_than_is_missing() -> None:
    outcome = decide("replenish", BUILT_IN, face(reserves=[Reserve("R-01", 4)]))
    assert outcome.quantity == 4
    assert "reserve has 4 of the 18 missing" in words(outcome)


def test_an_empty_reserve_is_told_and_nothing_is_carried_out() -> None:
    outcome = decide("replenish", BUILT_IN, face(reserves=[]))
    assert (outcome.quantity, outcome.acts, outcome.idle) == (0, False, False)


@pytest.mark.parametrize("given", [face(6), face(coming=4), face(room=0)])
def test_a_face_that_has_enough_is_left_alone(given: Replenishment) -> None:
    assert decide("replenish", BUILT_IN, given).idle


def test_a_face_gets_no_more_than_it_has_room_for() -> None:
    assert decide("replenish", BUILT_IN, face(room=7)).quantity == 7


def test_while_the_cloud_is_away_for_long_only_an_empty_face_is_filled_to_its_minimum() -> None:
    waiting = decide("replenish", BUILT_IN, face(away=AWAY))
    assert (waiting.quantity, waiting.acts, waiting.idle) == (0, False, False)
    filled = decide("replenish", BUILT_IN, face(0, away=AWAY))
    assert filled.quantity == 5
    for outcome in (waiting, filled):
        assert "The cloud has been away for 73 h, more than the 72 h" in outcome.reasons[0]


# Routing


def test_a_pallet_goes_to_its_own_dock() -> None:
    outcome = decide("dock", BUILT_IN, pallet(place("D-2"), place("D-1", 30), own="D-1"))
    assert outcome.place == "D-1"
    assert outcome.outcome == "send TEA-1 to D-1"


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (place("D-1", blocked=True), "is blocked"),
        (place("D-1", 70), "has room for 30, not for 40 units"),
        (place("D-1", 900, 1000), "is 90 % full; congested is 90 %"),
    ],
)
def test_a_pallet_goes_to_another_dock_when_its_own_is_blocked_full_or_congested(
    own: Place, why: str
) -> None:
    outcome = decide("dock", BUILT_IN, pallet(own, place("D-3", 50), place("D-2", 20), own="D-1"))
    assert outcome.place == "D-2"
    assert outcome.outcome == "send TEA-1 to D-2 instead of D-1"
    assert why in outcome.reasons[0]


def test_a_congested_dock_is_better_than_none() -> None:
    outcome = decide("dock", BUILT_IN, pallet(place("D-1", 900, 1000), own="D-1"))
    assert outcome.place == "D-1"


def test_a_pallet_waits_where_no_dock_has_room() -> None:
    outcome = decide("dock", BUILT_IN, pallet(place("D-1", 70), place("D-2", 95), own="D-1"))
    assert (outcome.quantity, outcome.acts, outcome.place) == (0, False, "")
    assert outcome.alternatives == ("30 units to D-1", "5 units to D-2")


def test_goods_are_put_where_the_same_goods_lie() -> None:
    there = place("A-02", 50, alike=50)
    assert decide("put_away", BUILT_IN, pallet(place("A-01"), there)).place == "A-02"


# Allocation


def test_an_order_is_promised_out_of_the_leases_that_end_first() -> None:
    given = asked(10, Held("LE-2", 30, 9_000), Held("LE-1", 4, 2_000))
    outcome = decide("allocate", BUILT_IN, given)
    assert outcome.quantity == 10
    assert [(part.source, part.quantity) for part in outcome.parts] == [("LE-1", 4), ("LE-2", 6)]


@pytest.mark.parametrize(
    ("given", "most"),
    [
        (asked(31), 30),
        (asked(10, free=9), 9),
        (asked(10, Held("LE-1", 30, 999)), 0),
        (asked(10, free=-3), 0),
    ],
)
def test_an_order_is_refused_whole_with_what_remains(given: Allocation, most: int) -> None:
    outcome = decide("allocate", BUILT_IN, given)
    assert (outcome.quantity, outcome.acts, outcome.parts) == (0, False, ())
    assert outcome.outcome.endswith(f"; {most} can be had")


# Supply


def test_an_item_that_goes_faster_than_it_is_there_is_at_risk() -> None:
    outcome = decide("stockout", POLICY, outlook())
    assert outcome.quantity == 62
    assert "24 of TEA-1 went out in 8 h; 10 are available" in outcome.reasons[0]


@pytest.mark.parametrize("given", [outlook(available=72), outlook(coming=62), outlook(score=499)])
def test_an_item_that_lasts_is_not_spoken_of(given: Outlook) -> None:
    assert decide("stockout", POLICY, given).idle


def test_a_models_score_decides_about_the_risk() -> None:
    outcome = decide("stockout", POLICY, outlook(score=500, available=100, model=bytes(32)))
    assert (outcome.quantity, outcome.acts) == (0, True)
    assert "gives 500 of 1000" in outcome.reasons[1]


def test_orders_stay_within_the_ceilings_per_order_and_per_day() -> None:
    assert decide("order", POLICY, request(500)).quantity == 100
    assert decide("order", POLICY, request(500, today=120)).quantity == 30
    held = decide("order", POLICY, request(500, today=150))
    assert (held.quantity, held.acts) == (0, False)
    assert "100 in one order and 150 a day, of which 150 are gone" in words(held)


def test_a_policy_without_ceilings_orders_nothing() -> None:
    assert decide("order", BUILT_IN, request(5)).quantity == 0
    assert decide("transfer", BUILT_IN, request(5)).quantity == 0


def test_what_the_cloud_can_decide_is_left_to_it() -> None:
    assert decide("order", POLICY, request(50, away=4)).idle


def test_while_the_cloud_is_away_for_long_a_person_orders() -> None:
    outcome = decide("order", POLICY, request(50, away=AWAY))
    assert (outcome.quantity, outcome.acts) == (0, False)
    assert outcome.outcome == "left to a person: order 50 units of TEA-1"


# Second looks


def test_an_item_that_counts_keep_missing_is_to_be_counted_again_where_it_is_missing() -> None:
    given = Losses(RULES, 0, "TEA-1", 7, 4, 500, 10, "A-01", 8)
    outcome = decide("shrinkage", BUILT_IN, given)
    assert "have somebody else count A-01 again" in outcome.outcome
    assert "4 counts in 7 days found 10 of 500 TEA-1 missing, 20 ‰" in outcome.reasons[0]
    spread = msgspec.structs.replace(given, worst_lost=4)
    assert "count TEA-1 everywhere" in decide("shrinkage", BUILT_IN, spread).outcome
    assert decide("shrinkage", BUILT_IN, msgspec.structs.replace(given, lost=9)).idle


def test_picks_that_keep_going_wrong_are_told_with_the_next_step() -> None:
    given = PickErrors(RULES, 0, "item", "TEA-1", 60, 2, 0, 0, 1)
    outcome = decide("pick_errors", BUILT_IN, given)
    assert outcome.outcome == "TEA-1: check that its label is on the right goods"
    assert decide("pick_errors", BUILT_IN, msgspec.structs.replace(given, wrong_item=1)).idle


# Recording and deciding again

GIVEN: list[tuple[DecisionKind, Recorded]] = [
    ("replenish", face()),
    ("dock", pallet(place("D-1"), own="D-1")),
    ("put_away", pallet(place("A-01"))),
    ("allocate", asked()),
    ("stockout", outlook()),
    ("transfer", request(9)),
    ("order", request(9)),
    ("shrinkage", Losses(RULES, 0, "TEA-1", 7, 4, 500, 10, "A-01", 8)),
    ("pick_errors", PickErrors(RULES, 0, "person", "ann", 60, 1, 1, 1, 0)),
]


def event_of(kind: DecisionKind, given: Recorded) -> DecisionTaken:
    return taken(kind, POLICY, given, version=3)[1]


@pytest.mark.parametrize(("kind", "given"), GIVEN, ids=[kind for kind, _ in GIVEN])
def test_deciding_again_from_the_recorded_bytes_gives_the_same(
    kind: DecisionKind, given: Recorded
) -> None:
    event = event_of(kind, given)
    assert decode_input(kind, event.recorded) == given
    assert replay(POLICY, event).identical


def test_another_policy_diverges_and_tells_what_it_costs() -> None:
    replayed = replay(
        msgspec.structs.replace(POLICY, order_units=60), event_of("order", request(100))
    )
    assert (replayed.identical, replayed.cost) == (False, 40)
    assert replayed.why == "100 units were decided, 60 would be"
    assert replayed.outcome == "order 60 units of TEA-1"


def test_the_same_units_sent_elsewhere_cost_all_of_them() -> None:
    event = event_of("dock", pallet(place("D-1"), place("D-2"), own="D-1"))
    moved = msgspec.structs.replace(event, outcome="send TEA-1 to D-2")
    assert replay(POLICY, moved).cost == 40


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"recorded": b"\x80"}, "does not have the hash that was signed for"),
        ({"recorded": b"\x80", "inputs": hashlib.sha256(b"\x80").digest()}, "cannot be read"),
        ({"decision": "guess"}, "no decision is called 'guess'"),
    ],
)
def test_an_input_that_cannot_be_used_is_a_divergence(change: dict[str, Any], why: str) -> None:
    replayed = replay(POLICY, msgspec.structs.replace(event_of("order", request(9)), **change))
    assert (replayed.identical, replayed.cost) == (False, 9)
    assert why in replayed.why


def test_a_policy_that_is_not_known_is_a_divergence() -> None:
    replayed = replay(None, event_of("order", request(9)))
    assert (replayed.identical, replayed.why) == (False, "policy 3 is not known here")


LONG = "N" * 64


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (
            "replenish",
            face(
                sku=LONG,
                face=LONG,
                reserves=[Reserve(LONG, 9_999_999, "L" * 20, "2027-01-01")] * MAX_RESERVES,
                away_minutes=2**40,
                room=9_999_999,
            ),
        ),
        (
            "dock",
            Routing(
                RULES, 2**40, LONG, 9_999_999, LONG,
                [Place(LONG, LONG, 9_999_999, 9_999_999, 9_999_999, 9_999_999)] * MAX_PLACES,
            ),
        ),
        (
            "allocate",
            Allocation(
                RULES, 2**40, LONG, 9_999_999, LONG, LONG, 9_999_999, 2**60,
                [Held(LONG, 9_999_999, 2**60)] * MAX_HELD,
            ),
        ),
    ],
)  # fmt: skip
def test_the_longest_decision_fits_into_its_record_and_its_event(
    kind: DecisionKind, given: Recorded
) -> None:
    assert len(encode_input(given)) <= MAX_RECORDED
    event = msgspec.structs.replace(event_of(kind, given), key="k" * 160, subject=LONG)
    assert all(len(text.encode()) <= 200 for text in (event.outcome, *event.reasons))
    body = encode_event(
        event,
        event_id=bytes(16),
        occurred_at=2**60,
        seq=2**60,
        prev_hash=bytes(32),
        device=LONG,
        clock_state=1,
        operator=LONG,
        task=LONG,
    )
    assert len(body) <= MAX_EVENT_BYTES


def test_an_input_that_is_too_large_is_refused() -> None:
    with pytest.raises(QuartermasterError, match=r"event\.malformed"):
        encode_input(face(reserves=[Reserve("🍵" * 64, 1)] * MAX_RESERVES))


def test_a_key_names_site_item_cycle_and_policy_and_is_never_too_long() -> None:
    assert key_of("AMS1", "order", "TEA-1", "20513", 4) == "AMS1/order/TEA-1/20513/4"
    long = key_of("S" * 64, "replenish", f"{LONG}@{LONG}", "1.2", 4)
    assert len(long) <= 160
    assert long != key_of("S" * 64, "replenish", f"{LONG}@{LONG}", "1.3", 4)
