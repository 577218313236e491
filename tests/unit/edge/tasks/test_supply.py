"""What open tasks bring where, and which places somebody has closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge import tasks
from shared.events import ExceptionRaised, ExceptionResolved
from shared.plan import Task, TaskLine

if TYPE_CHECKING:
    from edge.app.store import Store
    from edge.db import Connection


def test_what_is_still_to_be_brought_is_coming(store: Store) -> None:
    task = Task("RP-1", "replenish", [TaskLine("TEA-1", 10, "A-02", "A-01")])

    def work(connection: Connection) -> tuple[int, int, int, int]:
        assert tasks.add(connection, task, "fallback", 1)
        before = tasks.coming(connection, "A-01", "TEA-1")
        tasks.advance(connection, "RP-1", 1, 4)
        during = tasks.coming(connection, "A-01")
        other = tasks.coming(connection, "A-01", "OLD-1")
        tasks.set_status(connection, "RP-1", "short", now=2)
        return before, during, other, tasks.coming(connection, "A-01")

    assert store.database.run_blocking(work) == (10, 6, 0, 0)


def test_only_an_own_task_that_nobody_began_can_be_taken_back(store: Store) -> None:
    def work(connection: Connection) -> list[bool]:
        for code, origin in (("RP-1", "fallback"), ("RP-2", "fallback"), ("PL-1", "plan")):
            task = Task(code, "replenish", [TaskLine("TEA-1", 10, "A-02", "A-01")])
            tasks.add(connection, task, origin, 1)  # type: ignore[arg-type]
        tasks.set_status(connection, "RP-2", "started", now=2)
        return [tasks.withdraw(connection, code, now=3) for code in ("RP-1", "RP-2", "PL-1")]

    assert store.database.run_blocking(work) == [True, False, False]
    assert [task.code for task in tasks.open_tasks(store.database.reader)] == ["PL-1", "RP-2"]


def test_a_place_is_blocked_until_the_exception_is_resolved(store: Store) -> None:
    def work(connection: Connection) -> tuple[frozenset[str], frozenset[str]]:
        for number, about in enumerate(("dock.blocked", "code.unknown"), start=1):
            data = ExceptionRaised(f"ex-{number}", about, "a truck", location=f"DOCK-{number}")
            by = tasks.By(bytes([number] * 16), "sc-01", None, 1)
            tasks.raise_exception(connection, data, by)
        before = tasks.blocked(connection)
        by = tasks.By(bytes([9] * 16), "sc-01", "ann", 2)
        tasks.resolve(connection, ExceptionResolved("ex-1", "moved"), by)
        return before, tasks.blocked(connection)

    assert store.database.run_blocking(work) == (frozenset({"DOCK-1"}), frozenset())
