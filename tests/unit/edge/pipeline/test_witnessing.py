"""A putaway to the wrong place, seen by a camera, is counted; the count says who was right."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge import tasks
from edge.app.store import Store
from edge.db import Level
from edge.pipeline.witnessing import MOST_COUNTS, Witnesses
from edge.ports import SystemIds
from shared.events import (
    CodeSeen,
    CountClosed,
    ExceptionRaised,
    ExceptionResolved,
    ObjectTracked,
    SightChecked,
)
from shared.units import SECOND
from tests.support.floor import OAT, SOAP, SSCC, TEA, FloorAt, Task, TaskLine, label, new_id

MODEL = ("zxing-3", b"\x07" * 32)
PLACES = {("cam-1", place): place for place in ("A-01", "A-02", "B-01")}


@dataclass
class Watched(FloorAt):
    """A floor with a camera over its shelves, whose rounds are taken one by one."""

    level: Level = Level.PLENTY
    witnesses: Witnesses = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        store = self.store
        self.witnesses = Witnesses(
            store.database,
            store.outbox,
            self.clock,  # type: ignore[arg-type]
            SystemIds(),
            PLACES,
            level=lambda: self.level,
        )
        store.outbox.listen(self.witnesses.heard)
        store.database.around(self.witnesses.begin, self.witnesses.end)

    def see(
        self, place: str, sku: str | None = "TEA-1", *, frames: int = 2, raw: str = TEA
    ) -> None:
        """The camera reads a code."""
        fact = CodeSeen(
            "cam-1", "EAN-13", raw, sku=sku, frames=frames, zone=place, frame_at=self.clock.now(),
            model=MODEL[0], model_sha256=MODEL[1], image_sha256=b"\x05" * 32,
        )  # fmt: skip
        self.store.pipeline.record_blocking(fact, device="cam-1")

    def track(self, place: str, net: int = 0, phase: Any = "update") -> None:
        """The camera follows a carton."""
        sight = ("cam-1", place, self.clock.now(), "detector-1", b"\x06" * 32, 900, None)
        fact = ObjectTracked(*sight, b"\x01" * 16, phase, "carton", 5, "edge", net)
        self.store.pipeline.record_blocking(fact, device="cam-1")

    def pass_time(self, seconds: int = 61) -> None:
        """Let time pass, and look."""
        self.clock.moment += seconds * SECOND
        asyncio.run(self.witnesses.once())

    def facts(self, kind: type[Any]) -> list[Any]:
        return [event.data for event in self.events() if isinstance(event.data, kind)]

    @property
    def checks(self) -> list[SightChecked]:
        return self.facts(SightChecked)

    def counts(self) -> list[tasks.TaskFound]:
        return tasks.open_tasks(self.store.database.reader, kind="count")

    def rows(self) -> list[tuple[Any, ...]]:
        """What is kept to learn from: difference, and who was right."""
        return self.store.database.reader.execute(
            "SELECT difference, scan_right, camera_right, ledger_right FROM sight_check ORDER BY at"
        ).fetchall()

    def put_away(self, quantity: int = 4, to: str = "A-01", task: str = "PA-1") -> str:
        scan = new_id()
        self.good(label(), "put_away", quantity, id=scan, location="DOCK-1", to=to, task=task)
        return scan


@pytest.fixture
def floor(store: Store) -> Watched:
    floor = Watched(store)
    floor.plan(
        Task("PA-1", "put_away", [TaskLine("TEA-1", 40, "DOCK-1", "A-01")]),
        Task("PK-1", "pick", [TaskLine("TEA-1", 5, "A-01", "STAGE-1")]),
    )
    floor.good(label(), "receive", 40, location="DOCK-1")
    return floor


def test_a_putaway_to_the_wrong_place_is_counted_and_the_count_is_a_label(floor: Watched) -> None:
    floor.put_away()
    floor.see("A-02")
    before = floor.balances()
    floor.pass_time()

    (check,) = floor.checks
    assert (check.verdict, check.task, check.task_line) == ("disagreed", "PA-1", 1)
    assert (check.sku, check.location) == ("TEA-1", "A-02")
    assert (check.by_scan, check.by_camera, check.by_ledger) == (0, 1, 0)
    assert (check.model, check.model_sha256, check.image_sha256) == (*MODEL, b"\x05" * 32)
    assert floor.balances() == before, "nothing that a camera says moves stock"
    (count,) = floor.counts()
    lines = tasks.lines_of(floor.store.database.reader, count.code)
    assert [(line.sku, line.location) for line in lines] == [
        ("TEA-1", "A-02"),
        ("TEA-1", "A-01"),
    ]
    (raised,) = tasks.exceptions(floor.store.database.reader)
    assert (raised.about, raised.sku, raised.location) == ("count.disputed", "TEA-1", "A-02")
    assert count.code in raised.note

    for _ in range(2):  # beyond the tolerance: a second count agrees
        floor.good(label(), "count", 4, location="A-02", task=count.code)
    floor.good(label(), "count", 0, location="A-01", task=count.code)
    floor.good(label(), "count", 0, location="A-01", task=count.code)
    assert [closed.task for closed in floor.facts(CountClosed)] == [count.code]
    floor.pass_time(1)

    _, told = floor.checks
    assert (told.verdict, told.task) == ("agreed", count.code)
    assert told.why == "counted: camera was right; scan and ledger were wrong"
    assert (told.model_sha256, told.image_sha256) == (check.model_sha256, check.image_sha256)
    assert floor.rows() == [(4, 0, 1, 0)]
    assert tasks.exceptions(floor.store.database.reader) == []
    (resolved,) = floor.facts(ExceptionResolved)
    assert (resolved.resolution, resolved.note) == ("counted", told.why)
    assert floor.balances()["TEA-1", "A-02", "", "AVAILABLE"] == 4, "the count does"
    floor.pass_time()
    assert len(floor.checks) == 2, "told once"


def test_a_camera_that_was_wrong_is_told_so(floor: Watched) -> None:
    floor.put_away()
    floor.see("A-02")
    floor.pass_time()
    (count,) = floor.counts()
    floor.good(label(), "count", 4, location="A-01", task=count.code)
    assert floor.act(count.code, "finish")["outcome"] == "accepted"
    floor.pass_time(1)
    assert floor.checks[-1].verdict == "disagreed"
    assert floor.checks[-1].why == "counted: scan and ledger were right; camera was wrong"
    assert floor.rows() == [(0, 1, 0, 1)]


def test_a_count_that_nobody_makes_is_no_label(floor: Watched) -> None:
    floor.put_away()
    floor.see("A-02")
    floor.pass_time()
    (count,) = floor.counts()
    floor.act(count.code, "short", reason="no time")
    floor.pass_time(1)
    assert (floor.checks[-1].verdict, floor.checks[-1].why) == ("unsure", "it was not counted")
    assert floor.rows() == [(None, None, None, None)]


def test_the_same_disagreement_is_counted_once(floor: Watched) -> None:
    for _ in range(3):
        floor.put_away()
        floor.see("A-02")
        floor.pass_time(20)
    floor.pass_time()
    assert [check.verdict for check in floor.checks] == ["disagreed"] * 3
    assert len(floor.counts()) == len(floor.facts(ExceptionRaised)) == 1
    (count,) = floor.counts()
    floor.act(count.code, "short", reason="no time")
    floor.pass_time(1)
    assert len(floor.rows()) == 3
    assert len(floor.checks) == 6, "each of them is told"


def test_what_agrees_and_what_is_unsure_is_told_and_not_counted(floor: Watched) -> None:
    floor.put_away()
    floor.see("A-01")
    floor.pass_time()
    floor.put_away()
    floor.see("A-01", "OAT-1", frames=1, raw=OAT)
    floor.pass_time()
    assert [check.verdict for check in floor.checks] == ["agreed", "unsure"]
    assert floor.counts() == []
    assert floor.facts(ExceptionRaised) == []


def test_another_item_that_came_where_these_goods_should_be_is_counted(floor: Watched) -> None:
    floor.put_away()
    floor.see("A-01", "OAT-1", frames=1, raw=OAT)
    floor.track("A-01")
    floor.pass_time()
    assert [(check.verdict, check.sku) for check in floor.checks] == [("disagreed", "OAT-1")]
    (count,) = floor.counts()
    lines = tasks.lines_of(floor.store.database.reader, count.code)
    assert [(line.sku, line.location) for line in lines] == [("OAT-1", "A-01"), ("TEA-1", "A-01")]


def test_a_pallet_is_known_by_its_own_code(floor: Watched) -> None:
    floor.plan(
        Task("RC-1", "receive", [TaskLine("TEA-1", 24, sscc=SSCC)]),
        Task("PA-2", "put_away", [TaskLine("TEA-1", 24, "DOCK-1", "A-01")]),
    )
    floor.good(f"]C100{SSCC}", "receive", location="DOCK-1")
    floor.good(f"]C100{SSCC}", "put_away", to="A-01", task="PA-2")
    floor.see("A-02", None, raw=f"]C100{SSCC}")
    floor.pass_time()
    assert [(check.verdict, check.sku, check.location) for check in floor.checks] == [
        ("disagreed", "TEA-1", "A-02")
    ]


def test_goods_that_were_carried_past_are_not_counted(floor: Watched) -> None:
    floor.put_away()
    floor.see("A-02")
    floor.track("A-02", phase="new")
    floor.clock.moment += 3 * SECOND
    floor.track("A-02", phase="end")
    floor.pass_time()
    assert [check.verdict for check in floor.checks] == ["unsure"]
    assert floor.counts() == []


def test_a_pick_from_the_next_place_is_counted(floor: Watched) -> None:
    floor.put_away(20)
    floor.good(label(), "move", 9, location="DOCK-1", to="A-02")
    floor.pass_time(200)
    floor.good(label(), "pick", 2, location="A-01", to="STAGE-1", task="PK-1")
    floor.see("A-02")
    floor.track("A-02", -1)
    floor.pass_time()
    (check,) = floor.checks
    assert (check.verdict, check.task, check.location) == ("disagreed", "PK-1", "A-02")
    assert (check.by_scan, check.by_camera, check.by_ledger) == (9, 8, 9)
    (count,) = floor.counts()
    lines = tasks.lines_of(floor.store.database.reader, count.code)
    assert [line.location for line in lines] == ["A-02", "A-01"]


def test_only_what_was_done_for_a_task_and_stands_is_checked(floor: Watched) -> None:
    floor.good(label(), "put_away", 2, location="DOCK-1", to="A-01")
    floor.see("A-02")
    floor.pass_time()
    scan = floor.put_away()
    floor.see("A-02")
    floor.undo(scan)
    floor.pass_time()
    assert floor.checks == []


def test_what_a_camera_elsewhere_or_of_other_goods_sees_says_nothing(floor: Watched) -> None:
    floor.put_away()
    floor.see("A-03")
    floor.see("A-02", "OAT-1", raw=OAT)
    floor.see("A-02", "SOAP-1", raw=SOAP)
    floor.pass_time()
    assert floor.checks == []


def test_a_camera_whose_zone_is_drawn_wrongly_does_not_flood_the_floor_with_counts(
    floor: Watched,
) -> None:
    reader = floor.store.database.reader
    floor.store.database.run_blocking(
        lambda connection: connection.executemany(
            """INSERT INTO sight_check VALUES (?, 'T', 1, ?, 'B-01', 0, 1, 0, 'cam-1', NULL, 1, 'm',
               zeroblob(32), 900, NULL, ?, 'ex', 1, NULL, NULL, NULL, NULL, NULL, 0)""",
            [(bytes([n]) * 16, f"S-{n}", f"SC-{n}") for n in range(MOST_COUNTS)],
        )
    )
    for n in range(MOST_COUNTS):
        task = Task(f"SC-{n}", "count", [TaskLine("TEA-1", location="B-01")])
        floor.store.database.run_blocking(
            lambda connection, task=task: tasks.add(connection, task, "witness", 1)
        )
    floor.put_away()
    floor.see("A-02")
    floor.pass_time()
    assert [check.verdict for check in floor.checks] == ["disagreed"]
    assert len(tasks.open_tasks(reader, kind="count")) == MOST_COUNTS
    assert tasks.exceptions(reader) == []


def test_where_room_is_scarce_nothing_is_checked_and_no_scan_is_kept_waiting(
    floor: Watched,
) -> None:
    floor.put_away()
    floor.see("A-02")
    floor.level = Level.SCARCE
    floor.pass_time()
    assert floor.checks == []
    floor.level = Level.PLENTY
    floor.pass_time(1)
    assert [check.verdict for check in floor.checks] == ["disagreed"]
