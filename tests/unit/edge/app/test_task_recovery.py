"""A damaged database does not forget how far the tasks were."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from edge.app import recovery
from edge.app.store import opened
from edge.ports import SystemIds
from shared.plan import Plan, Task, TaskLine
from tests.support import FakeClock
from tests.support.damage import garbage_page
from tests.support.floor import OAT, TEA, FloorAt, label

if TYPE_CHECKING:
    from edge.app.store import Store

PLAN = Plan(
    "berlin",
    [
        Task(
            "P-1",
            "pick",
            [
                TaskLine("TEA-1", 9, location="A-01", lot="T1"),
                TaskLine("OAT-1", 4, location="A-02", to="STAGE-1"),
            ],
        ),
        Task("R-1", "receive", [TaskLine("TEA-1", 30)]),
        Task("S-1", "pick", [TaskLine("OAT-1", 100, location="A-02")]),
        Task("R-2", "receive", [TaskLine("OAT-1", 5)]),
    ],
)


def worked(floor: FloorAt) -> None:
    floor.put("plan", PLAN)
    floor.good(label(TEA, lot="T1"), "receive", 20, location="A-01", task="R-1")
    floor.good(TEA, "receive", 10, task="R-1")
    floor.good(OAT, "receive", 50, location="A-02")
    floor.good(label(TEA, lot="T1"), "pick", 3, location="A-01", task="P-1")
    floor.good(OAT, "pick", 4, location="A-02", task="P-1")
    floor.undo(floor.good(label(TEA, lot="T1"), "pick", 2, location="A-01", task="P-1")["id"])
    floor.good(OAT, "pick", 7, location="A-02", task="S-1")
    floor.act("S-1", "short", reason="no room")
    unit = floor.store.database.run_blocking
    assert unit(lambda c: floor.store.outbox.seal(c, 1, limit=6)) is not None


def root_of(store: Store, table: str) -> int:
    row = store.database.reader.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
    ).fetchone()
    return int(row[0])


@pytest.mark.parametrize("torn", [("task_line",), ("task",), ("task", "task_line")])
def test_what_was_done_for_tasks_is_made_from_the_events_again(
    bare_store: Store, torn: tuple[str, ...]
) -> None:
    worked(FloorAt(bare_store))
    roots = [root_of(bare_store, table) for table in torn]
    bare_store.database.close()
    database = bare_store.data / "gateway.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    for root in roots:
        garbage_page(database, root)
    damage = recovery.recover(bare_store.data, "a test", clock=FakeClock(), ids=SystemIds())
    assert set(damage.incomplete) == set(torn)
    with opened(bare_store.data) as again:
        floor = FloorAt(again, versions={"catalog": 1})
        floor.put("plan", PLAN)
        assert floor.progress("P-1") == [3, 4]
        assert floor.progress("R-1") == [30]
        assert floor.progress("S-1") == [7]
        assert floor.progress("R-2") == [0]
        found = [floor.status(code) for code in ("P-1", "R-1", "S-1", "R-2")]
        assert found[1:] == ["done", "short", "open"]
        assert found[0] in {"open", "started"}
        answer = floor.good(label(TEA, lot="T1"), "pick", 6, location="A-01", task="P-1")
        assert answer["task"]["complete"]
