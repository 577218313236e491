"""Pick faces are kept filled without anybody asking, and without slowing anybody down."""

from __future__ import annotations

from shared.events import DecisionOverridden, DecisionTaken
from shared.plan import PickFace
from shared.units import DAY, HOUR, MINUTE
from tests.support.alone import FACE, Alone
from tests.support.floor import TEA, label


def test_without_a_plan_there_is_nothing_to_decide(alone: Alone) -> None:
    alone.receive(50)
    alone.look()
    assert alone.decisions() == []
    assert alone.facts(DecisionTaken) == []


def test_a_face_that_falls_to_its_minimum_gets_a_task_that_fills_it(alone: Alone) -> None:
    alone.plan(faces=[FACE])
    alone.receive(30, "R-01", lot="L2", expiry="270901")
    alone.receive(12, "R-02", lot="L1", expiry="270501")
    alone.receive(8, "A-01")
    alone.look()
    assert alone.decisions() == []
    alone.good(label(), "pick", 3, location="A-01")
    alone.look()
    (decision,) = alone.decisions("replenish")
    assert (decision.quantity, decision.carried_out, decision.subject) == (15, True, "TEA-1")
    assert alone.open_tasks() == [
        ("replenish", [("TEA-1", 12, "R-02", "A-01"), ("TEA-1", 3, "R-01", "A-01")])
    ]
    (taken,) = alone.facts(DecisionTaken)
    assert (taken.origin, taken.policy, taken.key) == ("edge-fallback", 0, decision.key)
    assert taken.key.startswith("berlin/replenish/TEA-1@A-01/")
    assert alone.replays()


def test_a_face_on_the_way_to_be_filled_is_left_alone_and_filled_again_later(
    alone: Alone,
) -> None:
    alone.plan(faces=[FACE])
    alone.receive(50)
    alone.look()
    (decision,) = alone.decisions()
    assert decision.quantity == 20
    alone.look()
    alone.good(label(), "move", 20, location="R-01", to="A-01", task=decision.task)
    assert alone.status(decision.task or "") == "done"
    alone.look()
    assert len(alone.decisions()) == 1
    alone.good(label(), "pick", 16, location="A-01")
    alone.look()
    first, second = alone.decisions()
    assert (first.key != second.key, second.quantity) == (True, 16)
    assert alone.replays()


def test_a_restart_forgets_no_face_and_decides_nothing_twice(alone: Alone) -> None:
    alone.plan(faces=[FACE])
    alone.receive(50)
    alone.restart()
    alone.look()
    assert len(alone.decisions()) == 1
    alone.restart()
    alone.look()
    assert len(alone.decisions()) == 1
    assert len(alone.open_tasks()) == 1


def test_an_empty_reserve_is_told_once_a_day(alone: Alone) -> None:
    alone.plan(faces=[FACE])
    alone.receive(3, "A-01")
    for _ in range(3):
        alone.good(label(), "pick", 1, location="A-01")
        alone.look()
    (decision,) = alone.decisions()
    assert (decision.quantity, decision.carried_out) == (0, False)
    assert alone.open_tasks() == []
    alone.pass_time(DAY)
    assert len(alone.decisions()) == 2


def test_what_a_person_decided_otherwise_stays_so_for_the_day(alone: Alone) -> None:
    alone.plan(faces=[FACE])
    alone.receive(50)
    alone.look()
    (decision,) = alone.decisions()
    told = decision.in_words()["id"]
    assert alone.override(told, "not now", "inventory")["error"]["code"] == "people.not-signed-in"
    alone.sign_in()
    overridden = alone.override(told, "not now", "inventory")
    assert overridden["override"]["person"] == "ann"
    assert alone.open_tasks() == []
    assert alone.facts(DecisionOverridden) == [
        DecisionOverridden(decision.id, "not now", "inventory")
    ]
    assert alone.override(told, "not now", "inventory") == overridden
    assert alone.override(told, "yes", "no")["error"]["code"] == "decision.overridden"
    assert len(alone.facts(DecisionOverridden)) == 1
    alone.pass_time(HOUR)
    assert len(alone.decisions()) == 1
    alone.pass_time(DAY)
    assert len(alone.decisions()) == 2


def test_in_shadow_a_decision_is_written_down_and_not_carried_out(alone: Alone) -> None:
    alone.policy(shadow=["replenish"])
    alone.plan(faces=[FACE])
    alone.receive(50)
    alone.look()
    alone.pass_time(20 * MINUTE)
    (decision,) = alone.decisions()
    assert (decision.quantity, decision.carried_out, decision.task) == (20, False, None)
    assert alone.open_tasks() == []
    (taken,) = alone.facts(DecisionTaken)
    assert not taken.carried_out


def test_while_the_cloud_is_away_for_long_only_an_empty_face_is_filled(alone: Alone) -> None:
    alone.away = 73 * 60
    alone.plan(faces=[FACE, PickFace("TEA-1", "A-02", 5, 20)])
    alone.receive(50)
    alone.receive(2, "A-01")
    alone.look()
    waiting, filled = alone.decisions()
    assert (waiting.quantity, filled.quantity, filled.place) == (0, 5, "A-02")
    assert waiting.narrowed
    assert alone.decider.report(alone.store.database.reader)["narrowed"].startswith("The cloud has")
    assert alone.replays()


def test_a_new_plan_is_looked_at_at_once(alone: Alone) -> None:
    alone.receive(50)
    alone.look()
    alone.plan(faces=[FACE])
    alone.look()
    assert len(alone.decisions()) == 1


def test_a_gateway_with_a_full_disk_decides_nothing(alone: Alone) -> None:
    alone.plan(faces=[FACE])
    alone.receive(50)
    alone.full = True
    alone.look()
    assert alone.decisions() == []
    alone.full = False
    alone.look()
    assert len(alone.decisions()) == 1


def test_a_scan_that_is_undone_fills_nothing_twice(alone: Alone) -> None:
    alone.plan(faces=[FACE])
    alone.receive(50)
    alone.receive(20, "A-01")
    picked = alone.good(label(TEA), "pick", 16, location="A-01")
    alone.undo(picked["id"])
    alone.look()
    assert alone.decisions() == []
