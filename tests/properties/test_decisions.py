"""Local decisions: never beyond ceilings, leases and capacity; the same input, the same outcome."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.policy import (
    MAX_RECORDED,
    Allocation,
    DecisionKind,
    Held,
    Losses,
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
    narrowing,
    replay,
)
from tests.support.decisions import taken

NAMES = st.text("ABCDEFG-0123456789", min_size=1, max_size=64)
COUNTS = st.integers(0, 10_000_000) | st.integers(0, 100)
SIGNED = st.integers(-10_000_000, 10_000_000) | st.integers(-50, 100)
AWAY = st.integers(0, 60 * 24 * 30)
RULES = st.integers(0, 2)
DAYS = st.dates().map(str) | st.just("")
LOTS = st.text("ABC0123456789", max_size=20)

POLICIES = st.builds(
    Policy,
    offline_hours=st.integers(0, 1000),
    congested_percent=st.integers(1, 100),
    order_units=COUNTS,
    order_units_a_day=COUNTS,
    transfer_units=COUNTS,
    shrinkage_permille=st.integers(0, 1000),
    pick_errors=st.integers(0, 10),
)
RESERVES = st.builds(Reserve, NAMES, COUNTS, LOTS, DAYS)
REPLENISHMENTS = st.tuples(
    st.tuples(RULES, AWAY, NAMES, NAMES),
    st.tuples(COUNTS, COUNTS).map(lambda pair: tuple(sorted(pair))),
    st.tuples(SIGNED, COUNTS, st.dates().map(str), st.lists(RESERVES, max_size=16)),
    st.tuples(COUNTS, st.none() | COUNTS),
    st.sampled_from([("", ""), ("low", "aisle/S-1"), ("empty", "aisle/S-1")]),
).map(lambda parts: Replenishment(*(value for part in parts for value in part)))  # type: ignore[arg-type]
PLACES = st.builds(Place, NAMES, NAMES | st.just(""), SIGNED, COUNTS, COUNTS, COUNTS, st.booleans())


@st.composite
def routings(draw: st.DrawFn) -> Routing:
    places = draw(st.lists(PLACES, max_size=10))
    own = draw(st.sampled_from(["", "D-1", *(place.location for place in places)]))
    return Routing(draw(RULES), draw(AWAY), draw(NAMES), draw(COUNTS), own, places)


ALLOCATIONS = st.builds(
    Allocation,
    RULES,
    AWAY,
    NAMES,
    COUNTS,
    NAMES,
    NAMES | st.just(""),
    SIGNED,
    st.integers(0, 1000),
    st.lists(st.builds(Held, NAMES, COUNTS, st.integers(0, 1000)), max_size=16),
)
OUTLOOKS = st.builds(
    Outlook,
    RULES,
    AWAY,
    NAMES,
    SIGNED,
    COUNTS,
    COUNTS,
    st.integers(1, 24 * 366),
    st.integers(1, 24 * 366),
    st.none() | st.integers(0, 1000),
    st.binary(max_size=32),
)
REQUESTS = st.builds(Request, RULES, AWAY, NAMES, COUNTS, SIGNED, COUNTS, COUNTS)
LOSSES = st.builds(Losses, RULES, AWAY, NAMES, COUNTS, COUNTS, COUNTS, COUNTS, NAMES, COUNTS)
ERRORS = st.builds(
    PickErrors,
    RULES,
    AWAY,
    st.sampled_from(["person", "item", "location"]),
    NAMES,
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
)


def of(kind: DecisionKind, inputs: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return inputs.map(lambda recorded: (kind, recorded))


DECISIONS: st.SearchStrategy[tuple[DecisionKind, Recorded]] = st.one_of(
    of("replenish", REPLENISHMENTS),
    of("dock", routings()),
    of("put_away", routings()),
    of("allocate", ALLOCATIONS),
    of("stockout", OUTLOOKS),
    of("transfer", REQUESTS),
    of("order", REQUESTS),
    of("shrinkage", LOSSES),
    of("pick_errors", ERRORS),
)


@given(POLICIES, REPLENISHMENTS)
def test_a_face_never_gets_more_than_its_maximum_its_room_or_what_reserve_may_give(
    policy: Policy, given_: Replenishment
) -> None:
    outcome = decide("replenish", policy, given_)
    on_record = max(given_.on_face, 0)
    believed = {"": on_record, "low": min(on_record, given_.minimum), "empty": 0}[given_.seen]
    there = believed + given_.coming
    assert outcome.quantity + there <= max(given_.maximum, there)
    assert given_.room is None or outcome.quantity <= given_.room + on_record - believed
    fresh = [each for each in given_.reserves if not each.expiry or each.expiry >= given_.today]
    assert outcome.quantity <= sum(each.quantity for each in fresh)
    assert sum(part.quantity for part in outcome.parts) == outcome.quantity
    for part in outcome.parts:
        assert any((r.location, r.lot) == (part.source, part.lot) for r in fresh)


@given(POLICIES, st.sampled_from(["dock", "put_away"]), routings())
def test_goods_are_never_sent_where_they_do_not_fit_or_where_it_is_blocked(
    policy: Policy, kind: DecisionKind, given_: Routing
) -> None:
    outcome = decide(kind, policy, given_)
    if not outcome.place:
        assert outcome.quantity == 0
        return
    candidates = [place for place in given_.places if place.location == outcome.place]
    assert any(
        not place.blocked
        and (
            place.capacity == 0
            or max(place.holds, 0) + place.coming + given_.quantity <= place.capacity
        )
        for place in candidates
    )


@given(POLICIES, ALLOCATIONS)
def test_promises_never_exceed_what_leases_in_force_leave_or_what_is_there(
    policy: Policy, given_: Allocation
) -> None:
    outcome = decide("allocate", policy, given_)
    in_force = [held for held in given_.leases if held.not_after >= given_.now]
    assert outcome.quantity in {0, given_.quantity}
    assert outcome.quantity <= max(given_.free, 0)
    assert outcome.quantity <= sum(held.left for held in in_force)
    assert sum(part.quantity for part in outcome.parts) == outcome.quantity
    left = [(held.lease, held.left) for held in in_force]
    for part in outcome.parts:
        assert any(lease == part.source and part.quantity <= rest for lease, rest in left)


@given(POLICIES, st.sampled_from(["transfer", "order"]), REQUESTS)
def test_what_is_asked_for_stays_within_the_ceilings(
    policy: Policy, kind: DecisionKind, given_: Request
) -> None:
    outcome = decide(kind, policy, given_)
    assert outcome.quantity <= given_.missing
    if kind == "transfer":
        assert outcome.quantity <= policy.transfer_units
    else:
        assert outcome.quantity <= policy.order_units
        assert outcome.quantity == 0 or (
            outcome.quantity + given_.asked_today <= policy.order_units_a_day
        )
    if narrowing(policy, given_.away_minutes):
        assert outcome.quantity == 0


@given(POLICIES, DECISIONS)
def test_the_same_input_gives_the_same_outcome_also_from_its_bytes(
    policy: Policy, decision: tuple[DecisionKind, Recorded]
) -> None:
    kind, recorded = decision
    outcome, event = taken(kind, policy, recorded)
    assert decide(kind, policy, recorded) == outcome
    assert len(event.recorded) <= MAX_RECORDED
    assert replay(policy, event).identical


@given(POLICIES, DECISIONS)
def test_reasons_carry_the_numbers_and_every_text_is_bounded(
    policy: Policy, decision: tuple[DecisionKind, Recorded]
) -> None:
    kind, recorded = decision
    outcome = decide(kind, policy, recorded)
    assert outcome.reasons
    assert any(character.isdigit() for reason in outcome.reasons for character in reason)
    assert len(outcome.reasons) <= 16
    for text in (outcome.outcome, *outcome.reasons, *outcome.alternatives):
        assert 0 < len(text.encode()) <= 200
    if outcome.idle:
        assert (outcome.quantity, outcome.acts) == (0, False)


@given(POLICIES, DECISIONS)
def test_what_is_decided_while_narrowed_says_so(
    policy: Policy, decision: tuple[DecisionKind, Recorded]
) -> None:
    kind, recorded = decision
    outcome = decide(kind, policy, recorded)
    if not outcome.idle and narrowing(policy, recorded.away_minutes):
        said = f"{policy.offline_hours} h of the policy"
        assert any(said in reason for reason in outcome.reasons)
