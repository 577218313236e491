"""Cycle counts: blind, within tolerance or counted again, and what they say of the record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edge import tasks
from edge.app.cadence import Cadence
from shared.events import CountClosed, Counted, ExceptionRaised, TaskChanged
from shared.plan import Task, TaskLine
from tests.support.floor import DAY, OAT, TEA, FloorAt, label, new_id

COUNT = Task(
    "C-1",
    "count",
    [TaskLine("TEA-1", location="A-01"), TaskLine("OAT-1", location="B-01")],
)
WHOLE = Task("C-2", "count", [TaskLine("", location="A-01")])


def stocked(floor: FloorAt) -> None:
    floor.good(TEA, "receive", 100, location="A-01")
    floor.good(OAT, "receive", 200, location="B-01")


def counted(floor: FloorAt) -> list[tuple[int, int]]:
    """Expected and counted of what was posted."""
    return [
        (event.data.expected, event.data.line.quantity)
        for event in floor.events()
        if isinstance(event.data, Counted)
    ]


def closed(floor: FloorAt) -> list[tuple[str | None, int, int, int]]:
    return [
        (event.data.zone, event.data.positions, event.data.exact, event.data.within)
        for event in floor.events()
        if isinstance(event.data, CountClosed)
    ]


def test_a_count_within_its_classs_tolerance_is_posted_at_once(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    floor.good(TEA, "count", 100, location="A-01", task="C-1")
    answer = floor.good(OAT, "count", 198, location="B-01", task="C-1")
    assert answer["task"]["complete"]
    assert (answer["task"]["expected"], answer["task"]["left"]) == (None, None)
    assert counted(floor) == [(100, 100), (200, 198)]
    assert floor.balances()["OAT-1", "B-01", "", "AVAILABLE"] == 198
    assert closed(floor) == [("a", 1, 1, 1), ("b", 1, 0, 1)]
    assert [status for status, _, _ in floor.told("C-1")] == ["started", "done"]


def test_a_count_far_from_the_record_moves_nothing_until_a_second_agrees(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    first = floor.good(TEA, "count", 97, location="A-01", task="C-1")
    assert [warning["code"] for warning in first["warnings"]] == ["count.recount"]
    assert "100" not in first["warnings"][0]["detail"]
    assert (first["on_hand"], first["on_hand_here"], first["task"]["done"]) == (None, None, 0)
    assert floor.balances()["TEA-1", "A-01", "", "AVAILABLE"] == 100
    recount = next(e.data for e in floor.events() if isinstance(e.data, TaskChanged))
    assert recount.status == "recount"
    assert "97 counted, 100 on record" in recount.detail
    second = floor.good(TEA, "count", 97, location="A-01", task="C-1", device="sc-02")
    assert (second["warnings"], second["task"]["done"]) == ([], 1)
    assert floor.balances()["TEA-1", "A-01", "", "AVAILABLE"] == 97
    assert counted(floor) == [(100, 97)]


def test_a_second_count_that_finds_the_record_right_is_believed(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    floor.good(TEA, "count", 97, location="A-01", task="C-1")
    floor.good(TEA, "count", 100, location="A-01", task="C-1")
    assert counted(floor) == [(100, 100)]


def test_what_moved_between_two_counts_is_no_difference(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    floor.good(TEA, "count", 97, location="A-01", task="C-1")
    floor.good(TEA, "pick", 10, location="A-01")
    floor.good(TEA, "receive", 4, location="A-01")
    floor.good(TEA, "count", 91, location="A-01", task="C-1")
    assert counted(floor) == [(94, 91)]
    assert floor.balances()["TEA-1", "A-01", "", "AVAILABLE"] == 91


def test_three_counts_that_do_not_agree_are_told_to_a_person(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    for found in (97, 90):
        answer = floor.good(TEA, "count", found, location="A-01", task="C-1")
        assert [warning["code"] for warning in answer["warnings"]] == ["count.recount"]
    answer = floor.good(TEA, "count", 80, location="A-01", task="C-1")
    assert [warning["code"] for warning in answer["warnings"]] == ["count.unsettled"]
    assert floor.balances()["TEA-1", "A-01", "", "AVAILABLE"] == 80
    raised = next(e.data for e in floor.events() if isinstance(e.data, ExceptionRaised))
    (shown,) = tasks.exceptions(floor.store.database.reader)
    assert (shown.name, shown.about) == (raised.exception, "count.unsettled")


@pytest.mark.parametrize(
    ("raw", "over", "code"),
    [
        ("SOAP-1", {"location": "A-01"}, "task.wrong-item"),
        (TEA, {"location": "A-02"}, "task.wrong-location"),
        (TEA, {}, "scan.location-missing"),
        (TEA, {"location": "A-01", "quantity": -1}, "scan.quantity"),
    ],
)
def test_a_count_of_something_else_is_refused(
    floor: FloorAt, raw: str, over: dict[str, Any], code: str
) -> None:
    stocked(floor)
    floor.plan(COUNT)
    assert floor.refused(raw, "count", **{"quantity": 5, **over}, task="C-1") == code


def test_a_place_is_finished_when_all_on_record_there_was_found_or_missed_twice(
    floor: FloorAt,
) -> None:
    stocked(floor)
    floor.good(label(lot="T1"), "receive", 7, location="A-01")
    floor.plan(WHOLE)
    floor.good(TEA, "count", 100, location="A-01", task="C-2")
    once = floor.act("C-2", "finish")
    assert once["status"] == "started"
    assert [warning["code"] for warning in once["warnings"]] == ["count.not-found"]
    assert "T1" in once["warnings"][0]["detail"]
    assert floor.balances()["TEA-1", "A-01", "T1", "AVAILABLE"] == 7
    twice = floor.act("C-2", "finish")
    assert (twice["status"], twice["warnings"]) == ("done", [])
    assert ("TEA-1", "A-01", "T1", "AVAILABLE") not in floor.balances()
    assert closed(floor) == [("a", 2, 1, 1)]


def test_a_task_with_an_open_recount_cannot_be_finished_but_given_up(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    floor.good(TEA, "count", 90, location="A-01", task="C-1")
    floor.good(OAT, "count", 200, location="B-01", task="C-1")
    answer = floor.act("C-1", "finish")
    assert (answer["status"], answer["error"]["code"]) == (409, "count.recount")
    assert floor.act("C-1", "short", reason="forklift in the way")["status"] == "short"
    assert closed(floor) == [("b", 1, 1, 1)]
    assert floor.balances()["TEA-1", "A-01", "", "AVAILABLE"] == 100


def test_accuracy_is_kept_by_zone(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    for _ in range(2):
        floor.good(TEA, "count", 90, location="A-01", task="C-1")
    floor.good(OAT, "count", 200, location="B-01", task="C-1")
    found = tasks.accuracy_by_zone(floor.store.database.reader, since=0)
    assert {each.zone: each.accuracy.permille for each in found} == {"a": 0, "b": 1000}


def test_a_count_that_comes_late_is_not_compared_with_what_moved_since(floor: FloorAt) -> None:
    stocked(floor)
    earlier = floor.clock.now()
    floor.clock.moment += 60_000_000
    floor.good(TEA, "pick", 3, location="A-01")
    floor.clock.moment += 60_000_000
    late = {"location": "A-01", "occurred_at": earlier + 1}
    assert floor.refused(TEA, "count", 100, **late) == "count.moved"
    floor.good(OAT, "count", 200, location="B-01", occurred_at=earlier + 1)
    floor.good(TEA, "count", 97, location="A-01")


def test_a_late_count_of_a_place_that_was_emptied_since_is_made_again(floor: FloorAt) -> None:
    stocked(floor)
    earlier = floor.clock.now()
    floor.clock.moment += 60_000_000
    floor.good(TEA, "move", 100, location="A-01", to="A-02")
    floor.clock.moment += 60_000_000
    late = {"location": "A-01", "occurred_at": earlier + 1}
    assert floor.refused(TEA, "count", 100, **late) == "count.moved"
    floor.good("SOAP-1", "count", 4, **late)


def test_a_movement_told_after_a_later_count_makes_the_place_due_again(floor: FloorAt) -> None:
    stocked(floor)
    earlier = floor.clock.now()
    floor.clock.moment += 600_000_000
    floor.good(TEA, "count", 97, location="A-01")
    answer = floor.good(TEA, "pick", 3, location="A-01", occurred_at=earlier + 1)
    assert [warning["code"] for warning in answer["warnings"]] == ["count.crossed"]
    assert tasks.counted_at(floor.store.database.reader, "TEA-1", "A-01") == 0


def cadence(floor: FloorAt) -> int:
    store = floor.store
    part = Cadence(store.database, floor.clock, store.floor, retention=7 * DAY)  # type: ignore[arg-type]
    return asyncio.run(part.once())


def test_what_is_due_by_the_cadence_of_its_class_becomes_a_task(floor: FloorAt) -> None:
    stocked(floor)
    floor.policy(count_every_days=(30, 90, 0))
    assert cadence(floor) == 0
    floor.clock.moment += 31 * DAY
    assert cadence(floor) == 1
    assert cadence(floor) == 0
    (task,) = tasks.open_tasks(floor.store.database.reader)
    assert (task.kind, task.zone, task.blind, task.origin) == ("count", "a", True, "cadence")
    answer = floor.good(TEA, "count", 100, location="A-01", task=task.code)
    assert answer["task"]["complete"]
    floor.clock.moment += 60 * DAY
    assert cadence(floor) == 2
    floor.plan()
    assert len(tasks.open_tasks(floor.store.database.reader)) == 2


def test_a_policy_that_says_never_has_nothing_counted(floor: FloorAt) -> None:
    stocked(floor)
    floor.policy(count_every_days=(0, 0, 0))
    cadence(floor)
    floor.clock.moment += 4000 * DAY
    assert cadence(floor) == 0


def test_a_counts_retry_is_the_same_count(floor: FloorAt) -> None:
    stocked(floor)
    floor.plan(COUNT)
    request = {"id": new_id(), "raw": TEA, "step": "count", "quantity": 90, "location": "A-01"}
    first = floor.ask({**request, "task": "C-1"})
    before = floor.trace()
    assert floor.ask({**request, "task": "C-1"}) == first
    assert floor.trace() == before
