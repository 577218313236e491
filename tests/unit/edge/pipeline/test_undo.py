"""Taking a scan back: once, soon, by its own device, and everything as it was."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shared.events import ScanUndone
from shared.plan import Task, TaskLine
from tests.support.floor import CARTON, OAT, SSCC, TEA, FloorAt, label, new_id

MINUTE = 60_000_000
STEPS: list[dict[str, Any]] = [
    {"raw": TEA, "step": "receive", "quantity": 5},
    {"raw": TEA, "step": "put_away", "quantity": 5, "location": "A-01", "to": "A-02"},
    {"raw": TEA, "step": "pick", "quantity": 3, "location": "A-01"},
    {"raw": TEA, "step": "pack", "quantity": 2, "location": "STAGE-1", "sscc": SSCC},
    {"raw": TEA, "step": "ship", "quantity": 2, "state": "available", "location": "A-01"},
    {"raw": TEA, "step": "return", "quantity": 2, "disposition": "scrap"},
    {"raw": TEA, "step": "count", "quantity": 40, "location": "A-01"},
    {"raw": TEA, "step": "adjust", "quantity": -7, "location": "A-01", "reason": "broken"},
    {"raw": TEA, "step": "move", "quantity": 5, "location": "A-01", "to": "B-01"},
    {"raw": TEA, "step": "inspect", "quantity": 5, "location": "A-01", "state": "damaged"},
    {"raw": CARTON, "step": "receive", "quantity": 2},
]


@pytest.mark.parametrize("request_", STEPS, ids=lambda each: each["step"])
def test_every_step_can_be_taken_back(floor: FloorAt, request_: dict[str, Any]) -> None:
    floor.good(TEA, "receive", 50, location="A-01")
    floor.policy(wrong_item="warn", undo_minutes=10, negative_on_hand="allow")
    before = floor.balances()
    done = floor.ask({"id": new_id(), **request_})
    answer = floor.undo(done["id"], reason="a slip")
    assert (answer["status"], answer["outcome"]) == (200, "accepted")
    assert answer["understood"] == done["understood"]
    assert floor.balances() == before
    event = floor.events()[-1]
    assert isinstance(event.data, ScanUndone)
    assert (event.data.reason, event.seq) == ("a slip", answer["seq"])


def test_an_undo_is_idempotent_by_its_id_and_happens_once(floor: FloorAt) -> None:
    done = floor.good(TEA, "receive", 5)
    request = {"id": new_id(), "undoes": done["id"]}
    first = floor.undo(**request)
    before = floor.trace()
    assert floor.undo(**request) == first
    another = floor.undo(done["id"])
    assert (another["status"], another["error"]["code"]) == (409, "undo.already")
    undone_again = floor.undo(first["id"])
    assert undone_again["error"]["code"] == "undo.unknown"
    assert floor.trace() == before


def test_an_undone_scan_sent_again_stays_undone(floor: FloorAt) -> None:
    request = {"id": new_id(), "raw": TEA, "step": "receive", "quantity": 5}
    first = floor.ask(request)
    floor.undo(first["id"])
    assert floor.ask(request) == first
    assert floor.balances() == {}


def test_what_cannot_be_taken_back_stays(floor: FloorAt) -> None:
    done = floor.good(TEA, "receive", 5)
    foreign = floor.undo(done["id"], device="sc-02")
    assert (foreign["status"], foreign["error"]["code"]) == (403, "undo.foreign")
    assert floor.undo(new_id())["error"]["code"] == "undo.unknown"
    floor.good(TEA, "put_away", 3, to="A-01")
    moved = floor.undo(done["id"])
    assert (moved["status"], moved["error"]["code"]) == (409, "undo.moved-on")
    floor.clock.moment += 10 * MINUTE
    late = floor.undo(done["id"])
    assert (late["status"], late["error"]["code"]) == (409, "undo.too-late")
    assert floor.balances() == {
        ("TEA-1", "A-01", "", "AVAILABLE"): 3,
        ("TEA-1", "DOCK-1", "", "AVAILABLE"): 2,
    }


def test_the_policy_says_for_how_long(floor: FloorAt) -> None:
    floor.policy(undo_minutes=0)
    assert floor.undo(floor.good(TEA, "receive", 1)["id"])["error"]["code"] == "undo.too-late"
    floor.policy(undo_minutes=60)
    done = floor.good(TEA, "receive", 1)
    floor.clock.moment += 59 * MINUTE
    assert floor.undo(done["id"])["outcome"] == "accepted"


def test_a_clock_that_runs_backwards_does_not_stop_an_undo(floor: FloorAt) -> None:
    done = floor.good(TEA, "receive", 1)
    floor.clock.moment -= 3600 * MINUTE
    assert floor.undo(done["id"])["outcome"] == "accepted"


def test_a_task_is_as_far_as_before_and_open_again(floor: FloorAt) -> None:
    floor.plan(Task("R-1", "receive", [TaskLine("TEA-1", 5), TaskLine("OAT-1", 2)]))
    floor.good(TEA, "receive", 5, task="R-1")
    done = floor.good(OAT, "receive", 2, task="R-1")
    assert done["task"]["complete"]
    answer = floor.undo(done["id"])
    assert answer["task"]["left"] == 2
    assert not answer["task"]["complete"]
    assert floor.progress("R-1") == [5, 0]
    assert floor.told("R-1") == [("started", 5, 7), ("done", 7, 7), ("started", 5, 7)]
    floor.good(OAT, "receive", 2, task="R-1")
    assert floor.status("R-1") == "done"


def test_a_parcel_is_unpacked_and_a_whole_one_comes_back(floor: FloorAt) -> None:
    floor.good(TEA, "receive", 9, location="A-01")
    floor.good(TEA, "pick", 3, location="A-01")
    first = floor.good(TEA, "pack", 2, sscc=SSCC)
    second = floor.good(TEA, "pack", 1, sscc=SSCC)
    shipped = floor.good(SSCC, "ship")
    assert floor.undo(second["id"])["error"]["code"] == "undo.moved-on"
    floor.undo(shipped["id"])
    floor.undo(second["id"])
    assert floor.good(SSCC, "ship")["contents"][0]["quantity"] == 2
    assert floor.undo(first["id"])["error"]["code"] == "undo.moved-on"


def test_a_whole_pallets_events_are_taken_back_one_by_one(floor: FloorAt) -> None:
    floor.plan(
        Task("R-1", "receive", [TaskLine("TEA-1", 9, sscc=SSCC), TaskLine("OAT-1", 4, sscc=SSCC)])
    )
    done = floor.good(SSCC, "receive")
    received = [event.id for event in floor.events()[:2]]
    floor.undo(done["id"])
    undone = [e.data.undone for e in floor.events() if isinstance(e.data, ScanUndone)]
    assert undone == received
    assert (floor.balances(), floor.progress("R-1")) == ({}, [0, 0])
    assert floor.refused(SSCC, "ship") == "scan.unknown-unit"
    floor.good(SSCC, "receive")
    assert floor.status("R-1") == "done"


def test_a_count_is_taken_back_with_what_it_said_of_the_record(floor: FloorAt) -> None:
    from edge import tasks

    floor.good(TEA, "receive", 50, location="A-01")
    floor.plan(Task("C-1", "count", [TaskLine("TEA-1", location="A-01")]))
    first = floor.good(TEA, "count", 40, location="A-01", task="C-1")
    assert floor.undo(first["id"])["outcome"] == "accepted"
    reader = floor.store.database.reader
    assert tasks.results(reader, "C-1") == []
    floor.good(TEA, "count", 41, location="A-01", task="C-1")
    second = floor.good(TEA, "count", 41, location="A-01", task="C-1")
    assert floor.balances()["TEA-1", "A-01", "", "AVAILABLE"] == 41
    floor.undo(second["id"])
    assert floor.balances()["TEA-1", "A-01", "", "AVAILABLE"] == 50
    assert floor.status("C-1") == "started"
    assert tasks.accuracy_by_zone(reader, since=0) == []
    ((_, result),) = tasks.results(reader, "C-1")
    assert result.differences == (-9,)


def test_an_undo_of_a_withdrawn_tasks_scan_takes_back_the_goods(floor: FloorAt) -> None:
    floor.plan(Task("R-1", "receive", [TaskLine("TEA-1", 5)]))
    done = floor.good(TEA, "receive", 3, task="R-1")
    floor.plan()
    assert floor.undo(done["id"])["outcome"] == "accepted"
    assert (floor.balances(), floor.status("R-1")) == ({}, "withdrawn")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"nonsense", b'{"id":"1","undoes":"2"}', b"[" * 500, b'"' + b"x" * 9000],
)
def test_a_bad_request_is_refused_in_words(floor: FloorAt, body: bytes) -> None:
    before = floor.trace()
    answer = asyncio.run(floor.store.floor.undo(body, device="sc-01"))
    assert answer.status in {413, 422}
    assert json.loads(answer.body)["error"]["do"]
    assert floor.trace() == before


def test_a_full_disk_refuses_an_undo_and_still_answers_its_retry(floor: FloorAt) -> None:
    from edge.db import Level

    done = floor.good(TEA, "receive", 5)
    other = floor.good(label(lot="X"), "receive", 5)
    request = {"id": new_id(), "undoes": done["id"]}
    first = floor.undo(**request)
    floor.store.space.level = Level.FULL
    assert floor.undo(other["id"])["error"]["code"] == "disk.full"
    assert floor.undo(**request) == first
