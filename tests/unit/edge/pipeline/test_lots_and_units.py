"""Lots that expire, and pallets and parcels that move by their label."""

from __future__ import annotations

from typing import Any

import pytest

from shared.events import Packed, Received, Shipped
from shared.plan import Task, TaskLine
from tests.support.floor import OAT, SSCC, TEA, FloorAt, label

UNIT = f"]C100{SSCC}"
ANOTHER = "006141411234567906"


def test_the_lot_that_expires_first_leaves_first(floor: FloorAt) -> None:
    floor.good(label(lot="LATE", expiry="270101"), "receive", 5, location="A-01")
    floor.good(label(lot="SOON", expiry="260601"), "receive", 5, location="A-01")
    answer = floor.scan(label(lot="LATE"), "pick", 1, location="A-01")
    assert answer["error"]["code"] == "scan.fefo"
    assert "SOON" in answer["error"]["detail"]
    assert answer["understood"]["expiry"] == "2027-01-01"
    floor.good(label(lot="SOON"), "pick", 5, location="A-01")
    floor.good(label(lot="LATE"), "pick", 1, location="A-01")


def test_another_place_another_lot_and_a_lot_the_task_names_do_not_matter(floor: FloorAt) -> None:
    floor.good(label(lot="LATE", expiry="270101"), "receive", 5, location="A-01")
    floor.good(label(lot="SOON", expiry="260601"), "receive", 5, location="A-02")
    floor.good(label(lot="LATE"), "pick", 1, location="A-01")
    floor.good(label(lot="SOON"), "move", 5, location="A-02", to="A-01")
    assert floor.refused(label(lot="LATE"), "pick", 1, location="A-01") == "scan.fefo"
    floor.plan(Task("P-1", "pick", [TaskLine("TEA-1", 1, location="A-01", lot="LATE")]))
    floor.good(label(lot="LATE"), "pick", 1, location="A-01", task="P-1")


def test_a_lot_that_is_held_or_has_expired_is_nobodys_first(floor: FloorAt) -> None:
    floor.good(label(lot="LATE", expiry="270101"), "receive", 5, location="A-01")
    floor.good(
        label(lot="SOON", expiry="260601"), "receive", 5, location="A-01", state="quarantined"
    )
    floor.good(label(lot="GONE", expiry="250101"), "receive", 5, location="A-01")
    floor.good(label(lot="LATE"), "pick", 1, location="A-01")


def test_what_was_learnt_of_a_lot_is_used_where_its_label_says_nothing(floor: FloorAt) -> None:
    floor.good(label(lot="OLD", expiry="251201"), "receive", 5, location="A-01")
    assert floor.refused(label(lot="OLD"), "pick", 1, location="A-01") == "scan.expired"
    answer = floor.good(label(lot="OLD", expiry="270101"), "receive", 1, location="A-01")
    assert "scan.expiry-differs" in [warning["code"] for warning in answer["warnings"]]
    assert floor.refused(label(lot="OLD"), "pick", 1, location="A-01") == "scan.expired"


def test_the_policy_rules_on_lots(floor: FloorAt) -> None:
    floor.good(label(lot="LATE", expiry="270101"), "receive", 5, location="A-01")
    floor.good(label(lot="SOON", expiry="260601"), "receive", 5, location="A-01")
    floor.policy(fefo="warn")
    answer = floor.good(label(lot="LATE"), "pick", 1, location="A-01")
    assert [warning["code"] for warning in answer["warnings"]] == ["scan.fefo"]
    floor.policy(fefo="allow")
    assert floor.good(label(lot="LATE"), "pick", 1, location="A-01")["warnings"] == []


def packed(floor: FloorAt) -> None:
    """Three teas and two oats, picked and packed into one parcel."""
    floor.good(label(lot="T1"), "receive", 9, location="A-01")
    floor.good(OAT, "receive", 9, location="A-01")
    for raw, quantity in ((label(lot="T1"), 3), (OAT, 2)):
        floor.good(raw, "pick", quantity, location="A-01")
        floor.good(raw, "pack", quantity, sscc=SSCC, document="SO-1")


def test_goods_are_packed_into_a_parcel_that_ships_by_its_label(floor: FloorAt) -> None:
    packed(floor)
    event = floor.events()[-1].data
    assert isinstance(event, Packed)
    assert event.line.sscc == SSCC
    answer = floor.good(UNIT, "ship", document="SO-1")
    assert answer["contents"] == [
        {"sku": "OAT-1", "name": "Oats", "lot": None, "serial": None, "quantity": 2},
        {"sku": "TEA-1", "name": "Green tea", "lot": "T1", "serial": None, "quantity": 3},
    ]
    shipped = floor.events()[-2:]
    assert all(isinstance(event.data, Shipped) for event in shipped)
    assert shipped[0].id != shipped[1].id
    assert answer["seq"] == shipped[0].seq
    assert floor.balances() == {
        ("OAT-1", "A-01", "", "AVAILABLE"): 7,
        ("TEA-1", "A-01", "T1", "AVAILABLE"): 6,
    }
    assert floor.refused(UNIT, "ship") == "scan.unknown-unit"
    assert floor.refused(OAT, "pack", 1, sscc=SSCC) == "scan.unit-elsewhere"


def test_more_than_stands_there_cannot_be_packed_unnoticed(floor: FloorAt) -> None:
    packed(floor)
    answer = floor.good(OAT, "pack", 1, sscc=ANOTHER)
    assert [warning["code"] for warning in answer["warnings"]] == ["scan.negative-on-hand"]


def test_a_retry_of_a_whole_parcel_changes_nothing(floor: FloorAt) -> None:
    packed(floor)
    request = {"id": "0198c0de-0000-7000-8000-00000000000a", "raw": UNIT, "step": "ship"}
    first = floor.ask(request)
    before = floor.trace()
    assert floor.ask(request) == first
    assert floor.trace() == before


ASN = Task(
    "R-1",
    "receive",
    [
        TaskLine("TEA-1", 24, sscc=SSCC, lot="T7"),
        TaskLine("OAT-1", 6, sscc=SSCC),
        TaskLine("OAT-1", 5, sscc=ANOTHER),
    ],
    document="ASN-1",
)


def test_an_announced_pallet_is_received_and_put_away_by_its_label(floor: FloorAt) -> None:
    floor.plan(ASN)
    answer = floor.good(UNIT, "receive", location="DOCK-1")
    assert len(answer["contents"]) == 2
    assert floor.progress("R-1") == [24, 6, 0]
    received = floor.events()[0]
    assert isinstance(received.data, Received)
    assert (received.data.document, received.task) == ("ASN-1", "R-1")
    floor.good(UNIT, "put_away", to="B-01")
    floor.good(UNIT, "move", location="B-01", to="A-02")
    assert floor.balances() == {
        ("TEA-1", "A-02", "T7", "AVAILABLE"): 24,
        ("OAT-1", "A-02", "", "AVAILABLE"): 6,
    }
    floor.good(UNIT, "pick")
    assert set(floor.balances()) == {
        ("TEA-1", "STAGE-1", "T7", "ALLOCATED"),
        ("OAT-1", "STAGE-1", "", "ALLOCATED"),
    }
    floor.good(UNIT, "ship")
    assert floor.balances() == {}


@pytest.mark.parametrize(
    ("raw", "step", "over", "code"),
    [
        (UNIT, "receive", {}, "scan.unit-elsewhere"),
        (UNIT, "ship", {"location": "A-01"}, "scan.unit-elsewhere"),
        (UNIT, "count", {"location": "DOCK-1"}, "scan.unit-step"),
        (UNIT, "adjust", {"location": "DOCK-1", "reason": "x"}, "scan.unit-step"),
        (UNIT, "move", {"to": "A-01", "quantity": 2}, "scan.quantity"),
        (UNIT, "put_away", {}, "scan.location-missing"),
        (UNIT, "put_away", {"to": "NOWHERE"}, "scan.unknown-location"),
        (f"]C100{ANOTHER}", "ship", {}, "scan.unknown-unit"),
        (ANOTHER[:-1] + "7", "ship", {}, "gs1.check-digit"),
        ("]C100" + ANOTHER[:-1], "ship", {}, "gs1.syntax"),
        (TEA, "pack", {"sscc": ANOTHER[:-1] + "7"}, "gs1.check-digit"),
        (TEA, "pack", {"sscc": "12"}, "scan.malformed"),
    ],
)
def test_a_pallet_that_cannot_be_meant_is_refused(
    floor: FloorAt, raw: str, step: str, over: dict[str, Any], code: str
) -> None:
    floor.plan(ASN)
    floor.good(UNIT, "receive", location="DOCK-1")
    assert floor.refused(raw, step, **over) == code


def test_a_pallet_that_nobody_announced_is_opened(floor: FloorAt) -> None:
    assert floor.refused(UNIT, "receive") == "scan.unknown-unit"


def test_one_refused_content_refuses_the_whole_pallet(floor: FloorAt) -> None:
    floor.plan(ASN, Task("S-1", "ship", [TaskLine("TEA-1", 24)]))
    floor.good(UNIT, "receive", location="DOCK-1")
    assert floor.refused(UNIT, "ship", task="S-1") == "task.wrong-item"


def test_a_pallet_that_comes_back_is_known(floor: FloorAt) -> None:
    packed(floor)
    floor.good(UNIT, "ship")
    answer = floor.good(UNIT, "receive", state="quarantined")
    assert sum(each["quantity"] for each in answer["contents"]) == 5
    assert floor.balances()["TEA-1", "DOCK-1", "T1", "QUARANTINED"] == 3
    assert floor.refused(UNIT, "put_away", to="A-01") == "scan.unit-step"
