"""Scans against tasks: what is expected, what remains, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from shared.events import Picked, Received, TaskChanged
from shared.plan import Task, TaskLine
from tests.support.floor import CARTON, OAT, TEA, FloorAt, label

PICK = Task(
    "P-1",
    "pick",
    [
        TaskLine("TEA-1", 5, location="A-01", to="STAGE-2"),
        TaskLine("OAT-1", 2, location="A-02", to="STAGE-2", lot="O1"),
    ],
    document="SO-7",
)


def stocked(floor: FloorAt) -> None:
    floor.good(label(lot="T1"), "receive", 20, location="A-01")
    floor.good(label(OAT, lot="O1"), "receive", 10, location="A-02")
    floor.good(label(OAT, lot="O2"), "receive", 10, location="A-02")


def test_a_scan_for_a_task_says_what_is_expected_and_what_remains(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(PICK)
    answer = floor.good(label(lot="T1"), "pick", 3, location="A-01", task="P-1", operator="ann")
    assert answer["task"] == {
        "code": "P-1",
        "kind": "pick",
        "line": 1,
        "done": 3,
        "expected": 5,
        "left": 2,
        "complete": False,
    }
    assert answer["expected"] is None
    event = floor.events()[-2]
    assert isinstance(event.data, Picked)
    assert (event.data.document, event.data.to_location) == ("SO-7", "STAGE-2")
    assert (event.task, event.operator) == ("P-1", "ann")
    assert floor.told("P-1") == [("started", 3, 7)]


def test_a_task_is_done_with_its_last_line(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(PICK)
    floor.good(label(lot="T1"), "pick", 5, location="A-01", task="P-1")
    answer = floor.good(label(OAT, lot="O1"), "pick", 2, location="A-02", task="P-1")
    assert answer["task"]["complete"]
    assert floor.told("P-1") == [("started", 5, 7), ("done", 7, 7)]
    code = floor.refused(label(lot="T1"), "pick", 1, location="A-01", task="P-1")
    assert code == "task.closed"


def test_pack_levels_multiply_against_the_task(floor: FloorAt) -> None:
    floor.plan(Task("R-1", "receive", [TaskLine("TEA-1", 36)], document="PO-1"))
    answer = floor.good(CARTON, "receive", 2, task="R-1")
    assert (answer["task"]["done"], answer["task"]["left"]) == (24, 12)
    received = floor.events()[-2].data
    assert isinstance(received, Received)
    assert (received.line.quantity, received.document) == (24, "PO-1")


@pytest.mark.parametrize(
    ("raw", "over", "code", "expected"),
    [
        ("SOAP-1", {"location": "A-01"}, "task.wrong-item", "TEA-1"),
        (label(lot="T1"), {"location": "A-02"}, "task.wrong-location", "TEA-1"),
        (label(lot="T1"), {"location": "A-01", "to": "STAGE-1"}, "task.wrong-location", "TEA-1"),
        (label(OAT, lot="O2"), {"location": "A-02"}, "task.wrong-lot", "OAT-1"),
        (OAT, {"location": "A-02"}, "task.wrong-lot", "OAT-1"),
        (label(lot="T1"), {"location": "A-01", "quantity": 6}, "task.over", "TEA-1"),
        (
            label(lot="T1"),
            {"step": "move", "location": "A-01", "to": "STAGE-2"},
            "task.step",
            "TEA-1",
        ),
        ("4006381333931", {"location": "A-01"}, "scan.unknown-item", "TEA-1"),
    ],
)
def test_what_a_task_did_not_ask_for_is_refused_with_what_it_asks_for(
    floor: FloorAt,
    raw: str,
    over: dict[str, Any],
    code: str,
    expected: str,
) -> None:
    stocked(floor)
    floor.plan(PICK)
    before = floor.trace()
    answer = floor.scan(raw, **{"step": "pick", "quantity": 1, **over}, task="P-1")
    assert (answer["outcome"], answer["error"]["code"]) == ("refused", code)
    assert answer["expected"]["sku"] == expected
    assert answer["expected"]["name"] in answer["error"]["detail"]
    assert answer["expected"]["location"] in answer["error"]["detail"]
    assert floor.trace() == before


def test_a_task_nobody_knows_and_one_that_was_withdrawn_are_refused(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(PICK)
    assert floor.refused("TEA-1", "pick", 1, location="A-01", task="P-9") == "task.unknown"
    floor.plan()
    assert floor.refused("TEA-1", "pick", 1, location="A-01", task="P-1") == "task.closed"


def test_the_policy_rules_on_what_a_task_did_not_ask_for(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(PICK)
    floor.policy(
        wrong_item="warn",
        wrong_location="warn",
        over_task="warn",
        fefo="allow",
        over_receipt="warn",
    )
    for raw, over, code, line in (
        ("SOAP-1", {"location": "A-01"}, "task.wrong-item", None),
        (label(lot="T1"), {"location": "A-02"}, "task.wrong-location", None),
        (label(lot="T1"), {"location": "A-01", "quantity": 9}, "task.over", 1),
    ):
        answer = floor.good(raw, "pick", task="P-1", **over)
        assert code in [warning["code"] for warning in answer["warnings"]]
        assert answer["task"]["line"] == line
    assert floor.progress("P-1") == [9, 0]


def test_more_than_was_announced_is_taken_in_with_a_warning(floor: FloorAt) -> None:
    floor.plan(Task("R-1", "receive", [TaskLine("TEA-1", 10)], document="PO-1"))
    answer = floor.good(TEA, "receive", 12, task="R-1")
    assert [warning["code"] for warning in answer["warnings"]] == ["task.over-receipt"]
    assert floor.told("R-1") == [("done", 12, 10)]
    floor.policy(over_receipt="refuse")
    floor.plan(Task("R-2", "receive", [TaskLine("TEA-1", 10)]))
    assert floor.refused(TEA, "receive", 12, task="R-2") == "task.over-receipt"


def test_blind_work_is_never_told_how_many_are_expected(floor: FloorAt) -> None:
    floor.plan(Task("R-1", "receive", [TaskLine("TEA-1", 10), TaskLine("OAT-1", 4)], blind=True))
    answer = floor.good(TEA, "receive", 25, task="R-1")
    assert (answer["warnings"], answer["task"]["complete"]) == ([], False)
    assert (answer["task"]["expected"], answer["task"]["left"]) == (None, None)
    wrong = floor.scan("SOAP-1", "receive", 1, task="R-1")
    assert wrong["expected"]["quantity"] is None
    ended = floor.act("R-1", "finish")
    assert (ended["status"], floor.status("R-1")) == ("short", "short")
    assert floor.told("R-1") == [("started", 25, 14), ("short", 25, 14)]


def test_a_blind_receipt_takes_whatever_comes(floor: FloorAt) -> None:
    floor.plan(Task("R-1", "receive", [TaskLine("")], document="ASN-1", blind=True))
    floor.good(TEA, "receive", 3, task="R-1")
    answer = floor.good(OAT, "receive", 2, task="R-1")
    assert (answer["task"]["line"], answer["task"]["done"]) == (1, 5)
    assert floor.act("R-1", "finish")["status"] == "done"
    assert floor.told("R-1") == [("started", 3, 0), ("done", 5, 0)]


def test_what_is_left_of_a_task_is_given_up_with_a_reason_only(floor: FloorAt) -> None:
    floor.plan(PICK)
    incomplete = floor.act("P-1", "finish")
    assert (incomplete["status"], incomplete["error"]["code"]) == (409, "task.incomplete")
    assert "5 × Green tea" in incomplete["error"]["detail"]
    assert floor.act("P-1", "short")["error"]["code"] == "scan.reason-missing"
    assert floor.status("P-1") == "open"
    assert floor.act("P-1", "start")["status"] == "started"
    assert floor.act("P-1", "short", reason="nothing left on the shelf")["status"] == "short"
    changed = floor.events()[-1].data
    assert isinstance(changed, TaskChanged)
    assert changed.detail == "nothing left on the shelf"
    assert floor.act("P-1", "start")["error"]["code"] == "task.closed"


def test_a_step_of_a_task_is_done_once_for_its_id(floor: FloorAt) -> None:
    floor.plan(PICK)
    first = floor.act("P-1", "start", id="0198c0de-0000-7000-8000-000000000001")
    again = floor.act("P-1", "start", id="0198c0de-0000-7000-8000-000000000001")
    assert first == again
    assert len(floor.events()) == 1
    other = floor.act("P-1", "finish", id="0198c0de-0000-7000-8000-000000000001")
    assert other["error"]["code"] == "scan.id-reused"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"id":"x","action":"start"}', b"[" * 3000, b"x" * 9000]
)
def test_a_bad_step_is_refused_in_words(floor: FloorAt, body: bytes) -> None:
    import asyncio

    floor.plan(PICK)
    before = floor.trace()
    answer = asyncio.run(floor.store.floor.act("P-1", body, device="sc-01"))
    assert answer.status in {413, 422}
    assert floor.trace() == before


def test_put_away_pack_and_ship_follow_their_tasks(floor: FloorAt) -> None:
    floor.plan(
        Task("A-1", "put_away", [TaskLine("TEA-1", 6, location="DOCK-1", to="A-01")]),
        Task("K-1", "pack", [TaskLine("TEA-1", 6, location="STAGE-1")], document="SO-1"),
        Task("S-1", "ship", [TaskLine("TEA-1", 6, location="STAGE-1")], document="SO-1"),
    )
    floor.good(TEA, "receive", 6)
    assert floor.refused(TEA, "put_away", 6, to="A-02", task="A-1") == "task.wrong-location"
    floor.good(TEA, "put_away", 6, to="A-01", task="A-1")
    floor.good(TEA, "pick", 6, location="A-01", to="STAGE-1")
    floor.good(TEA, "pack", 6, task="K-1")
    floor.good(TEA, "ship", 6, task="S-1")
    assert [floor.status(code) for code in ("A-1", "K-1", "S-1")] == ["done"] * 3
    assert floor.balances() == {}


def test_a_transfer_leaves_as_a_shipment_and_comes_in_as_a_receipt(floor: FloorAt) -> None:
    floor.good(TEA, "receive", 6, location="STAGE-1")
    floor.plan(
        Task("T-OUT", "transfer", [TaskLine("TEA-1", 4, location="STAGE-1")], document="TR-1"),
        Task("T-IN", "transfer", [TaskLine("OAT-1", 3, to="DOCK-1")], document="TR-2"),
    )
    floor.good(TEA, "ship", 4, state="available", task="T-OUT")
    floor.good(OAT, "receive", 3, task="T-IN")
    assert floor.status("T-OUT") == floor.status("T-IN") == "done"
    assert floor.balances() == {
        ("TEA-1", "STAGE-1", "", "AVAILABLE"): 2,
        ("OAT-1", "DOCK-1", "", "AVAILABLE"): 3,
    }
    documents = [getattr(event.data, "document", None) for event in floor.events()]
    assert documents[1] == "TR-1"


@pytest.mark.parametrize(
    ("disposition", "state"),
    [("restock", "AVAILABLE"), ("quarantine", "QUARANTINED"), ("scrap", "DAMAGED")],
)
def test_a_return_becomes_what_the_person_decides(
    floor: FloorAt, disposition: str, state: str
) -> None:
    floor.plan(Task("B-1", "return", [TaskLine("TEA-1", 2)], document="RMA-1"))
    floor.good(TEA, "return", 2, disposition=disposition, task="B-1")
    assert floor.balances() == {("TEA-1", "DOCK-1", "", state): 2}
    assert floor.status("B-1") == "done"
    assert floor.refused(TEA, "receive", 1, disposition="scrap") == "scan.malformed"
    code = floor.refused(TEA, "return", 1, disposition="scrap", state="available")
    assert code == "scan.malformed"


def test_goods_are_quarantined_by_inspecting_them(floor: FloorAt) -> None:
    floor.good(label(lot="T1"), "receive", 5, location="A-01")
    raw = label(lot="T1")
    floor.good(raw, "inspect", 5, location="A-01", state="quarantined", reason="wet")
    assert floor.refused(raw, "pick", 1, location="A-01") == "scan.held"
    code = floor.refused(raw, "ship", 1, location="A-01", state="quarantined")
    assert code == "scan.held"
    floor.policy(held_leaving="warn")
    answer = floor.good(raw, "ship", 1, location="A-01", state="quarantined")
    assert "scan.held" in [warning["code"] for warning in answer["warnings"]]


def test_a_later_plan_withdraws_what_it_leaves_out_and_keeps_what_is_done(floor: FloorAt) -> None:
    stocked(floor)
    other = Task("P-2", "pick", [TaskLine("TEA-1", 1, location="A-01")])
    floor.plan(PICK, other)
    floor.good(label(lot="T1"), "pick", 3, location="A-01", task="P-1")
    more = Task(
        "P-1",
        "pick",
        [
            TaskLine("SOAP-1", 1, location="B-01"),
            TaskLine("TEA-1", 8, location="A-01", to="STAGE-2"),
        ],
        document="SO-7",
        priority=5,
    )
    floor.plan(more)
    assert floor.told("P-2") == [("withdrawn", 0, 1)]
    assert floor.status("P-2") == "withdrawn"
    assert floor.progress("P-1") == [0, 3]
    answer = floor.good(label(lot="T1"), "pick", 1, location="A-01", task="P-1")
    assert answer["task"]["left"] == 4
    floor.plan(more, other)
    assert floor.status("P-2") == "open"
    floor.good(label(lot="T1"), "pick", 1, location="A-01", to="STAGE-1", task="P-2")
    assert floor.status("P-2") == "done"
    floor.plan(more)
    floor.plan(more, other)
    assert floor.status("P-2") == "done"


def test_the_same_plan_again_writes_nothing(floor: FloorAt) -> None:
    floor.plan(PICK)
    before = floor.trace()
    floor.plan(PICK)
    assert floor.trace() == before


def test_a_plan_that_cannot_be_used_is_refused_whole(floor: FloorAt) -> None:
    from shared.errors import QuartermasterError

    floor.plan(PICK)
    before = floor.trace()
    for bad in (
        [PICK, PICK],
        [Task("C-1", "count", [TaskLine("TEA-1")])],
        [Task("P\x001", "pick", [TaskLine("TEA-1")])],
        [Task("P 1", "pick", [TaskLine("TEA-1")])],
    ):
        with pytest.raises(QuartermasterError) as refused:
            floor.plan(*bad)
        assert refused.value.code == "downlink.malformed"
        assert floor.trace() == before


def test_progress_is_there_after_a_restart(floor: FloorAt) -> None:
    from edge.app.store import opened

    stocked(floor)
    floor.plan(PICK)
    floor.good(label(lot="T1"), "pick", 3, location="A-01", task="P-1")
    floor.store.database.close()
    with opened(floor.store.data) as again:
        rows = again.database.reader.execute("SELECT done FROM task_line ORDER BY line").fetchall()
        assert rows == [(3,), (0,)]


def test_a_clock_that_runs_backwards_changes_no_verdict(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(PICK)
    floor.good(label(lot="T1"), "pick", 2, location="A-01", task="P-1")
    floor.clock.moment -= 40 * 86_400_000_000
    answer = floor.good(label(lot="T1"), "pick", 2, location="A-01", task="P-1")
    assert (answer["task"]["done"], answer["warnings"]) == (4, [])
    assert floor.refused("SOAP-1", "pick", 1, location="A-01", task="P-1") == "task.wrong-item"


def test_a_full_disk_refuses_work_on_a_task_and_keeps_how_far_it_was(floor: FloorAt) -> None:
    from edge.db import Level

    stocked(floor)
    floor.plan(PICK)
    floor.good(label(lot="T1"), "pick", 2, location="A-01", task="P-1")
    floor.store.space.level = Level.FULL
    code = floor.refused(label(lot="T1"), "pick", 1, location="A-01", task="P-1")
    assert code == "disk.full"
    assert floor.act("P-1", "short", reason="x")["error"]["code"] == "disk.full"
    assert floor.progress("P-1") == [2, 0]


def test_what_was_done_before_a_task_ended_has_been_done(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(PICK)
    floor.clock.moment += 60_000_000
    then = floor.clock.now()
    floor.clock.moment += 60_000_000
    floor.plan()
    late = {"location": "A-01", "task": "P-1", "occurred_at": then}
    answer = floor.good(label(lot="T1"), "pick", 2, **late)
    assert [warning["code"] for warning in answer["warnings"]] == ["task.closed"]
    assert answer["task"] is None
    event = floor.events()[-1]
    assert (event.task, floor.progress("P-1")) == ("P-1", [0, 0])
    floor.undo(answer["id"])
    after = {**late, "occurred_at": floor.clock.now()}
    assert floor.refused(label(lot="T1"), "pick", 2, **after) == "task.closed"
