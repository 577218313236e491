"""Where pallets go, what runs out while the cloud is away, and what deserves a second look."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from edge.fallback import load
from shared.events import DecisionTaken
from shared.plan import Task, TaskLine
from shared.policy import RULES, Outlook
from shared.units import DAY, HOUR, MINUTE
from tests.support.alone import Alone
from tests.support.floor import OAT, TEA, label, new_id
from tests.support.onnx import logistic


def kinds(alone: Alone) -> list[str]:
    return [decision.kind for decision in alone.decisions()]


def test_a_pallet_goes_to_its_own_dock_unless_that_is_blocked(alone: Alone) -> None:
    assert alone.route(40, own="DOCK-1")["location"] == "DOCK-1"
    told = alone.report(about="dock.blocked", subject="a truck broke down", location="DOCK-1")
    answer = alone.route(40, own="DOCK-1")
    assert (answer["outcome"], answer["location"], answer["own"]) == ("send", "DOCK-2", "DOCK-1")
    assert "Its own dock, DOCK-1, is blocked." in answer["decision"]["reasons"]
    alone.sign_in()
    alone.resolve(told["exception"], resolution="towed", note="")
    assert alone.route(40, own="DOCK-1")["location"] == "DOCK-1"
    assert kinds(alone) == ["dock"] * 3
    assert alone.replays()


def test_a_pallet_is_not_sent_to_where_a_vehicle_stands(alone: Alone) -> None:
    alone.occupied = frozenset({"DOCK-1"})
    answer = alone.route(40, own="DOCK-1")
    assert answer["location"] == "DOCK-2"
    assert "Its own dock, DOCK-1, is blocked." in answer["decision"]["reasons"]
    alone.occupied = frozenset()
    assert alone.route(40, own="DOCK-1")["location"] == "DOCK-1"
    assert alone.replays()


def test_a_full_dock_and_what_is_on_its_way_send_a_pallet_elsewhere(alone: Alone) -> None:
    alone.receive(50, "DOCK-1")
    alone.plan(Task("PA-1", "transfer", [TaskLine("TEA-1", 30, "R-01", "DOCK-1")]))
    assert alone.route(20, own="DOCK-1")["location"] == "DOCK-1"
    assert alone.route(21, own="DOCK-1")["location"] == "DOCK-2"
    answer = alone.route(101)
    assert (answer["outcome"], answer["location"]) == ("wait", None)
    assert answer["decision"]["alternatives"][0] == "100 units to DOCK-2"


def test_goods_are_put_away_where_the_same_goods_lie_else_where_it_is_empty(alone: Alone) -> None:
    alone.receive(10, "A-02")
    alone.receive(5, "A-01", gtin=OAT)
    assert alone.route(20, "put_away")["location"] == "A-02"
    assert alone.route(20, "put_away", sku="SOAP-1")["location"] in {"R-01", "R-02"}
    assert alone.route(95, "put_away", own="A-02")["location"] == "A-01"
    assert alone.replays()


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"sku": "NONE"}, "scan.unknown-item"),
        ({"own": "NOWHERE"}, "scan.unknown-location"),
        ({"kind": "guess"}, "request.invalid"),
        ({"sscc": "1"}, "request.invalid"),
    ],
)
def test_a_route_that_cannot_be_is_refused(alone: Alone, over: dict[str, Any], code: str) -> None:
    kind = over.pop("kind", "dock")
    assert alone.route(1, kind, **over)["error"]["code"] == code
    assert alone.decisions() == []


def test_a_route_is_asked_once(alone: Alone) -> None:
    request = {"id": new_id(), "sscc": "006141411234567890"}
    first = alone.route(10, **request)
    assert first["decision"]["subject"] == "006141411234567890"
    assert alone.route(10, **request) == first
    assert len(alone.decisions()) == 1


def test_while_the_cloud_is_there_it_supplies(alone: Alone) -> None:
    alone.policy(order_units=100, order_units_a_day=150, transfer_units=40)
    alone.receive(100)
    alone.good(label(), "pick", 90, location="R-01")
    alone.look()
    alone.pass_time(2 * MINUTE)
    assert alone.decisions() == []


def test_cut_off_a_gateway_asks_for_a_transfer_then_orders_within_its_ceilings(
    alone: Alone,
) -> None:
    alone.policy(order_units=100, order_units_a_day=150, transfer_units=40)
    alone.away = 30
    for gtin in (TEA, OAT):
        alone.receive(100, gtin=gtin)
        alone.good(label(gtin), "pick", 90, location="R-01")
    alone.look()
    alone.pass_time(2 * MINUTE)
    assert kinds(alone) == ["stockout", "transfer", "order"] * 2
    quantities = [(each.subject, each.kind, each.quantity) for each in alone.decisions()]
    assert quantities[1:3] == [("OAT-1", "transfer", 40), ("OAT-1", "order", 100)]
    assert quantities[4:] == [("TEA-1", "transfer", 40), ("TEA-1", "order", 50)]
    alone.restart()
    alone.pass_time(5 * MINUTE)
    assert len(alone.decisions()) == 6
    assert alone.replays()


def test_a_clock_that_jumps_makes_no_room_below_a_days_ceiling(alone: Alone) -> None:
    alone.policy(order_units=100, order_units_a_day=150)
    alone.away = 30
    alone.receive(100)
    alone.good(label(), "pick", 99, location="R-01")
    alone.look()
    alone.pass_time(2 * MINUTE)
    ordered = [each.quantity for each in alone.decisions("order")]
    for _ in range(3):
        alone.clock.moment += DAY
        alone.receive(100)
        alone.good(label(), "pick", 99, location="R-01")
        alone.look()
        alone.pass_time(2 * MINUTE)
    assert ordered == [100]
    assert [each.quantity for each in alone.decisions("order")] == [100, 50, 0, 0]
    alone.grow_older(DAY)
    alone.clock.moment += DAY
    alone.receive(100)
    alone.good(label(), "pick", 99, location="R-01")
    alone.look()
    alone.pass_time(2 * MINUTE)
    assert alone.decisions("order")[-1].quantity == 100
    assert alone.replays()


def test_what_is_announced_is_not_ordered(alone: Alone) -> None:
    alone.policy(order_units=5000, order_units_a_day=5000)
    alone.away = 30
    alone.plan(Task("PO-1", "receive", [TaskLine("TEA-1", 5000, None, "DOCK-1")]))
    alone.receive(100)
    alone.good(label(), "pick", 90, location="R-01")
    alone.look()
    alone.pass_time(2 * MINUTE)
    assert alone.decisions() == []


def test_beyond_the_limit_orders_are_left_to_a_person(alone: Alone) -> None:
    alone.policy(order_units=100, order_units_a_day=150, transfer_units=40)
    alone.away = 73 * 60
    alone.receive(100)
    alone.good(label(), "pick", 90, location="R-01")
    alone.look()
    alone.pass_time(2 * MINUTE)
    assert [(each.kind, each.carried_out) for each in alone.decisions()] == [
        ("stockout", True),
        ("transfer", False),
        ("order", False),
    ]
    assert alone.decisions()[-1].outcome.startswith("left to a person: order")


def test_counts_that_keep_missing_goods_are_told_with_the_next_step(alone: Alone) -> None:
    alone.receive(100, "A-01")
    alone.good(label(), "count", 99, location="A-01")
    alone.look()
    assert alone.decisions() == []
    alone.good(label(), "count", 95, location="A-01")
    alone.look()
    (decision,) = alone.decisions()
    assert (decision.kind, decision.quantity, decision.place) == ("shrinkage", 5, "A-01")
    assert "2 counts in 30 days found 5 of 199 TEA-1 missing" in decision.reasons[0]
    alone.good(label(), "count", 90, location="A-01")
    alone.look()
    assert len(alone.decisions()) == 1
    assert alone.replays()


def test_picks_that_keep_going_wrong_are_told_by_item_place_and_person(alone: Alone) -> None:
    alone.plan(Task("PK-1", "pick", [TaskLine("TEA-1", 10, "A-01")]))
    alone.receive(50, "A-01")
    alone.receive(50, "A-01", gtin=OAT)
    for _ in range(3):
        answer = alone.scan_through(label(OAT), "pick", 1, location="A-01", task="PK-1")
        assert answer["error"]["code"] == "task.wrong-item"
        alone.look()
    assert {(each.kind, each.subject, each.quantity) for each in alone.decisions()} == {
        ("pick_errors", "sc-01", 3),
        ("pick_errors", "TEA-1", 3),
        ("pick_errors", "A-01", 3),
    }
    alone.scan_through(label(OAT), "pick", 1, location="A-01", task="PK-1")
    alone.look()
    assert len(alone.decisions()) == 3
    assert alone.replays()


def test_errors_of_long_ago_and_refusals_of_other_kinds_count_for_nothing(alone: Alone) -> None:
    alone.plan(Task("PK-1", "pick", [TaskLine("TEA-1", 10, "A-01")]))
    alone.receive(50, "A-01", gtin=OAT)
    for _ in range(4):
        alone.scan_through(label(OAT), "pick", 1, location="A-01", task="PK-1")
        alone.pass_time(HOUR)
    for _ in range(4):
        alone.scan_through("nonsense", "pick", 1, location="A-01")
        alone.scan_through(label(OAT), "move", 1, location="A-01", to="NOWHERE")
    alone.look()
    assert alone.decisions() == []


def test_decisions_are_forgotten_after_their_term_and_by_no_date(alone: Alone) -> None:
    alone.route(10)
    alone.pass_time(4000 * DAY)
    assert len(alone.decisions()) == 1
    alone.grow_older(6 * DAY)
    assert len(alone.decisions()) == 1
    alone.grow_older(2 * DAY)
    assert alone.decisions() == []
    assert len(alone.facts(DecisionTaken)) == 1


# The model

GIVEN = Outlook(RULES, 30, "TEA-1", 100, 0, 24, 8, 24)


def put_model(folder: Path, content: bytes, said: str | None = None) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "stockout.onnx").write_bytes(content)
    if said != "":
        (folder / "stockout.onnx.sha256").write_text(
            said or hashlib.sha256(content).hexdigest() + "  stockout.onnx\n"
        )


def test_a_model_with_its_hash_beside_it_scores_an_outlook(tmp_path: Path) -> None:
    content = logistic([-1.0, 0.0, 0.0, 0.0, 0.0], 100.0)
    put_model(tmp_path, content)
    model = load(tmp_path)
    assert model is not None
    scored = model.scored(GIVEN)
    assert (scored.score, scored.model) == (500, hashlib.sha256(content).digest())


@pytest.mark.parametrize("said", ["", "0" * 64])
def test_a_model_without_its_hash_is_none(tmp_path: Path, said: str) -> None:
    put_model(tmp_path, logistic([0.0] * 5, 0.0), said)
    assert load(tmp_path) is None


def test_a_file_that_is_no_model_is_none(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    put_model(tmp_path, b"no model")
    assert load(tmp_path) is None


def test_a_model_that_gives_no_probability_is_passed_over(tmp_path: Path) -> None:
    put_model(tmp_path, logistic([0.0] * 5, 7.0, squashed=False))
    model = load(tmp_path)
    assert model is not None
    assert model.scored(GIVEN) == GIVEN


def test_where_there_is_a_model_its_score_is_recorded_and_decides(
    alone: Alone, tmp_path: Path
) -> None:
    put_model(tmp_path / "models", logistic([0.0] * 5, 3.0))
    alone.model = load(tmp_path / "models")
    alone.restart()
    alone.away = 30
    alone.receive(1000)
    alone.good(label(), "pick", 1, location="R-01")
    alone.look()
    alone.pass_time(2 * MINUTE)
    (decision,) = alone.decisions()
    assert (decision.kind, decision.quantity) == ("stockout", 0)
    assert "gives 953 of 1000" in decision.reasons[1]
    assert alone.replays()
