"""Gateways' decisions in the cloud: taken again as they arrive, and shown by the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cloud import fleet
from cloud.db import unit_of_work
from shared.downlink import encode
from shared.events import DecisionOverridden, DecisionTaken
from shared.policy import (
    RULES,
    Policy,
    Request,
    key_of,
)
from tests.support import FakeClock
from tests.support.decisions import taken
from tests.support.intake import AT, Intake
from tests.support.planner import Planner, bearer
from tests.support.uplink import Hand, scan_id

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
SITE = "S-gw-a"
PATH = f"/v1/sites/{SITE}/decisions"
POLICY = Policy(name="test", order_units=100, order_units_a_day=150)


class House:
    """Two sites with a gateway each, a published policy, and a planner with a key."""

    def __init__(self, pool: ConnectionPool[Connection], clock: FakeClock) -> None:
        self.planner = Planner(pool, clock)
        self.hand, self.other = self.planner.hands.values()
        self.intake = Intake(pool, self.hand, self.other)
        self.key = self.planner.key("read")
        with unit_of_work(pool) as connection:
            self.policy = fleet.publish(connection, "policy", encode(POLICY), now=AT)

    def order(self, missing: int = 80, cycle: str = "20513", **over: Any) -> DecisionTaken:
        """An order as a gateway decides it."""
        given = Request(RULES, 30, "SKU-0", missing, 10, 24, 0)
        key = key_of(SITE, "order", "SKU-0", cycle, self.policy)
        _, event = taken("order", POLICY, given, subject="SKU-0", version=self.policy, key=key)
        return msgspec.structs.replace(event, **over)

    def listed(self, **asked: Any) -> list[dict[str, Any]]:
        return self.planner.get(PATH, self.key, **asked)["items"]


@pytest.fixture
def house(pool: ConnectionPool[Connection], clock: FakeClock) -> House:
    return House(pool, clock)


def test_a_decision_that_the_cloud_would_take_is_identical(house: House) -> None:
    house.intake.say(house.hand, house.order())
    (line,) = house.listed()
    assert line["replay"] == {
        "verdict": "identical",
        "cost": 0,
        "why": "",
        "outcome": "order 80 units of SKU-0",
    }
    assert (line["gateway"], line["kind"], line["origin"]) == ("gw-a", "order", "edge-fallback")
    assert (line["outcome"], line["quantity"]) == ("order 80 units of SKU-0", 80)
    assert (line["policy"], line["carried_out"]) == (house.policy, True)
    assert (line["duplicate_of"], line["override"]) == (None, None)
    assert line["reasons"][0] == "80 units of SKU-0 are missing within 24 h; 10 are available."
    assert house.intake.cases() == []


def test_a_divergence_is_shown_with_its_cost_and_is_a_case(house: House) -> None:
    wrong = house.order(outcome="order 90 units of SKU-0", quantity=90)
    house.intake.say(house.hand, wrong, house.order(cycle="20514"))
    (line,) = house.listed(replay="diverged")
    assert line["replay"] == {
        "verdict": "diverged",
        "cost": 10,
        "why": "90 units were decided, 80 would be",
        "outcome": "order 80 units of SKU-0",
    }
    ((code, subject, detail),) = house.intake.cases()
    assert (code, subject) == ("decision.diverged", "gw-a: order SKU-0")
    assert "90 units were decided, 80 would be; 10 units" in detail
    assert len(house.listed(replay="identical")) == 1


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"policy": 99}, "policy 99 is not known here"),
        ({"recorded": b"\x80"}, "the recorded input does not have the hash that was signed for"),
    ],
)
def test_a_decision_that_cannot_be_taken_again_is_a_divergence(
    house: House, over: dict[str, Any], why: str
) -> None:
    house.intake.say(house.hand, house.order(**over))
    (line,) = house.listed()
    assert line["replay"] == {"verdict": "diverged", "cost": 80, "why": why, "outcome": None}


def test_of_orders_with_one_key_the_first_that_arrived_counts(house: House) -> None:
    segment = house.intake.say(house.hand, house.order())
    house.intake.say(house.hand, house.order(50))
    house.intake.deliver(house.hand, segment)
    second, first = house.listed()
    assert (first["duplicate_of"], second["duplicate_of"]) == (None, first["id"])
    assert sum(line["quantity"] for line in (first, second) if not line["duplicate_of"]) == 80


def test_an_override_is_shown_whichever_arrives_first(house: House) -> None:
    decision = scan_id(1, 1, house.hand.rng)
    first_seq, prev_hash = house.hand.seq + 1, house.hand.prev_hash
    body = house.hand.event(house.order(), event_id=decision)
    taken = house.hand.seal([body], first_seq=first_seq, prev_hash=prev_hash)
    first_seq, prev_hash = house.hand.seq + 1, house.hand.prev_hash
    body = house.hand.event(DecisionOverridden(decision, "order 20", "the truck is small"))
    instead = house.hand.seal([body], first_seq=first_seq, prev_hash=prev_hash)
    house.intake.deliver(house.hand, instead)
    house.intake.deliver(house.hand, taken)
    (line,) = house.listed()
    assert line["override"] == {
        "outcome": "order 20",
        "reason": "the truck is small",
        "person": "sc-1",
        "at": line["override"]["at"],
    }


def test_another_gateway_cannot_override(house: House) -> None:
    decision = scan_id(1, 1, house.hand.rng)
    first_seq, prev_hash = house.hand.seq + 1, house.hand.prev_hash
    body = house.hand.event(house.order(), event_id=decision)
    house.intake.deliver(
        house.hand, house.hand.seal([body], first_seq=first_seq, prev_hash=prev_hash)
    )
    house.intake.say(house.other, DecisionOverridden(decision, "nothing", "mine"))
    assert house.listed()[0]["override"] is None


def test_pages_follow_one_another_and_name_each_decision_once(house: House) -> None:
    house.intake.say(house.hand, *(house.order(cycle=str(day)) for day in range(7)))
    seen: list[str] = []
    page = house.planner.get(PATH, house.key, limit=3)
    while True:
        seen += [line["id"] for line in page["items"]]
        if page["next"] is None:
            break
        page = house.planner.get(PATH, house.key, limit=3, cursor=page["next"])
    assert len(seen) == len(set(seen)) == 7
    assert house.listed(kind="replenish") == []


def test_only_a_key_that_sees_the_site_sees_its_decisions(house: House) -> None:
    house.intake.say(house.hand, house.order())
    foreign = house.planner.key("read", sites=("S-gw-b",))
    for key, path, status in (
        (foreign, PATH, 404),
        (house.planner.key("metrics"), PATH, 403),
        ("qm_test_wrong", PATH, 401),
        (house.key, "/v1/sites/NONE/decisions", 404),
        (house.key, f"{PATH}?kind=guess", 422),
    ):
        answer = house.planner.client.get(path, headers=bearer(key))
        assert answer.status_code == status, (path, answer.text)


def test_what_is_taken_back_is_not_listed(house: House) -> None:
    house.intake.say(house.hand, house.order(cycle="1"))
    clone = Hand("gw-a", seq=1, prev_hash=bytes(range(32)))
    house.intake.deliver(house.hand, clone.segment(house.order(cycle="2")))
    assert len(house.listed()) == 2
    house.intake.take_back()
    assert [line["key"].split("/")[3] for line in house.listed()] == ["1"]
