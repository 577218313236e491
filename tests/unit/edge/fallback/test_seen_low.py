"""A slot that a camera sees low or empty is filled: once, with the sight as the reason."""

from __future__ import annotations

from typing import Any

from edge.fallback import sights
from shared.events import DecisionTaken, SlotSeen
from shared.events.sights import SlotState
from shared.plan import PickFace
from shared.units import DAY, HOUR, MINUTE
from tests.support.alone import FACE, Alone
from tests.support.floor import label


def see(alone: Alone, state: SlotState, *, slot: str = "S-1", **over: Any) -> None:
    """The camera tells of a slot, as its worker does; then the gateway looks."""
    alone.clock.moment += MINUTE
    fields: dict[str, Any] = {
        "camera": "aisle",
        "zone": None,
        "frame_at": alone.clock.now(),
        "model": "slots-1",
        "model_sha256": bytes(32),
        "confidence": 990,
        "image_sha256": None,
        "slot": slot,
        "location": "A-01",
        "state": state,
        "before": "unknown",
        **over,
    }
    event_id = alone.clock.now().to_bytes(16, "big")
    alone.store.database.run_blocking(
        lambda connection: alone.store.outbox.append(
            connection,
            SlotSeen(**fields),
            event_id=event_id,
            device="gw-01",
            occurred_at=alone.clock.now(),
            clock_state=0,
        )
    )
    alone.look()


def stocked(alone: Alone, on_face: int = 12) -> None:
    alone.plan(faces=[FACE])
    alone.receive(50, "R-01")
    alone.receive(on_face, "A-01")
    alone.look()
    assert alone.decisions() == []


def test_a_slot_seen_empty_is_filled_whatever_the_record_says(alone: Alone) -> None:
    stocked(alone)
    see(alone, "empty")
    (decision,) = alone.decisions("replenish")
    assert (decision.quantity, decision.carried_out) == (20, True)
    assert decision.reasons[:2] == (
        "aisle/S-1 sees A-01 empty.",
        (
            "A-01 holds 12 of TEA-1, 0 are on the way: its minimum is 5; "
            "20 units are missing up to 20."
        ),
    )
    assert "count A-01 first: what is seen there differs from the record" in decision.alternatives
    assert alone.open_tasks() == [("replenish", [("TEA-1", 20, "R-01", "A-01")])]
    assert alone.replays()


def test_a_slot_seen_low_is_filled_up_from_its_minimum(alone: Alone) -> None:
    stocked(alone)
    see(alone, "low")
    (decision,) = alone.decisions()
    assert (decision.quantity, decision.reasons[0]) == (15, "aisle/S-1 sees A-01 low.")
    assert alone.replays()


def test_what_is_seen_once_is_answered_once_also_after_the_goods_came(alone: Alone) -> None:
    stocked(alone)
    see(alone, "empty")
    see(alone, "low")
    alone.pass_time(20 * MINUTE)
    (decision,) = alone.decisions()
    alone.good(label(), "move", 20, location="R-01", to="A-01", task=decision.task)
    assert alone.status(decision.task or "") == "done"
    alone.pass_time(HOUR)
    see(alone, "unknown")
    alone.restart()
    alone.look()
    assert len(alone.decisions()) == 1
    see(alone, "full")
    see(alone, "low")
    assert len(alone.decisions()) == 2


def test_that_reserve_was_empty_when_the_record_asked_keeps_no_sight_from_being_answered(
    alone: Alone,
) -> None:
    alone.plan(faces=[FACE])
    alone.look()
    (nothing,) = alone.decisions()
    assert not nothing.carried_out
    alone.receive(12, "A-01")
    alone.receive(50, "R-01")
    alone.look()
    see(alone, "empty")
    _, filled = alone.decisions()
    assert (filled.carried_out, filled.quantity) == (True, 20)
    alone.pass_time(20 * MINUTE)
    assert len(alone.decisions()) == 2


def test_full_and_unknown_call_for_nothing(alone: Alone) -> None:
    stocked(alone)
    see(alone, "full")
    see(alone, "unknown", before="full")
    assert alone.decisions() == []
    assert alone.facts(DecisionTaken) == []


def test_a_location_is_empty_only_where_all_of_its_slots_are(alone: Alone) -> None:
    stocked(alone)
    see(alone, "full", slot="S-2")
    see(alone, "empty")
    (decision,) = alone.decisions()
    assert decision.reasons[0] == "aisle/S-1 sees A-01 low."
    assert decision.quantity == 15


def test_of_several_items_at_a_location_a_camera_cannot_tell_which_is_missing(
    alone: Alone,
) -> None:
    alone.plan(faces=[FACE, PickFace("OAT-1", "A-01", 0, 20)])
    alone.receive(50, "R-01")
    alone.receive(12, "A-01")
    alone.look()
    before = len(alone.decisions())
    see(alone, "empty")
    assert len(alone.decisions()) == before


def test_a_slot_of_no_location_or_of_none_that_is_picked_from_calls_for_nothing(
    alone: Alone,
) -> None:
    stocked(alone)
    see(alone, "empty", location=None)
    see(alone, "empty", slot="S-9", location="A-02")
    assert alone.decisions() == []


def test_a_hint_that_was_lost_with_the_process_is_made_up_for_by_the_sweep(alone: Alone) -> None:
    stocked(alone)
    alone.full = True
    see(alone, "empty")
    assert alone.decisions() == []
    alone.full = False
    alone.restart()
    alone.look()
    assert len(alone.decisions()) == 1


def test_a_sight_of_yesterday_or_of_a_slot_that_was_drawn_anew_says_nothing(alone: Alone) -> None:
    stocked(alone)
    alone.full = True
    see(alone, "empty")
    database = alone.store.database
    assert sights.of_camera(database.reader, "aisle")["S-1"].state == "empty"
    database.run_blocking(lambda connection: sights.forget(connection, "aisle", "S-1"))
    assert sights.of_camera(database.reader, "aisle") == {}
    see(alone, "low", slot="S-3")
    alone.full = False
    alone.restart()
    alone.pass_time(DAY + MINUTE)
    assert alone.decisions() == []


def test_what_a_person_decided_otherwise_stays_so_though_it_is_seen_again(alone: Alone) -> None:
    stocked(alone)
    see(alone, "empty")
    (decision,) = alone.decisions()
    alone.sign_in()
    alone.override(decision.in_words()["id"], "not now", "inventory")
    see(alone, "full")
    see(alone, "empty")
    assert len(alone.decisions()) == 1
