"""A gateway's folder as an operator finds it: people, tasks, an exception, decisions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import WallClock

if TYPE_CHECKING:
    from edge.db import Connection

HOUR = 3_600_000_000
DAY = 24 * HOUR
EXCEPTION = "ex-1234567890ab"
DECISION = "01890000-0000-7000-8000-0000000000"
"""The ids of decisions begin so; two digits follow."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, pki: Path) -> Path:
    """The data folder; its gateway does not run. Tests that change it take a copy."""
    from edge.app.store import opened
    from shared.plan import Task, TaskLine
    from tests.support.floor import FloorAt, SetClock
    from tests.support.gateway import enrol
    from tests.support.people import employ

    data = tmp_path_factory.mktemp("site")
    enrol(data, pki)
    now = WallClock().now()
    with opened(data) as store:
        floor = FloorAt(store, SetClock(now))
        floor.plan(
            Task("ASN-1", "receive", [TaskLine("TEA-1", 240, location="DOCK-1")], document="PO-1"),
            Task(
                "SO-1",
                "pick",
                [TaskLine("TEA-1", 12, to="STAGE-1"), TaskLine("OAT-1", 6, to="STAGE-1")],
                priority=10,
                due_at=now - 3 * HOUR,
                note="The customer collects it at the gate; call before it leaves the dock.",
            ),
            Task("CC-1", "count", [TaskLine("", location="A-01")], blind=True),
        )
        employ(store)
        store.database.run_blocking(lambda connection: _furnish(connection, now))
        floor.good(f"]C101{_TEA}", "receive", 5, location="DOCK-1")
    return data


_TEA = "09506000134352"


def _furnish(connection: Connection, now: int) -> None:
    from uuid import UUID

    from edge.fallback.book import Decision, override, write
    from edge.tasks import By, raise_exception
    from edge.web import devices
    from shared.events import ExceptionRaised

    devices.add(connection, "sc-01", now=now - DAY)
    devices.add(connection, "sc-02", now=now - DAY)
    devices.add(connection, "ph-old", now=now - 9 * DAY)
    devices.revoke(connection, "ph-old", now=now - 2 * DAY)
    connection.execute(
        "INSERT INTO signed_in (device, person, since, proven_at) VALUES ('sc-01', 'ada', ?, NULL)",
        (now - HOUR - 1,),
    )
    note = "Fell off pallet, label torn; two cartons of something green"
    raised = ExceptionRaised(
        EXCEPTION, "unknown-code", "]C1019999\x1b[31m", note, None, "DOCK-1", None
    )
    raise_exception(connection, raised, By(b"1" * 16, "sc-01", None, now - 2 * HOUR - 1))
    for number in range(3):
        decision = Decision(
            UUID(f"{DECISION}{number:02d}").bytes,
            f"key-{number}",
            "replenish",
            "TEA-1",
            3,
            "replenish",
            96,
            ("The pick face A-01 holds 20 of at least 24 units.",),
            ("transfer from STAGE-2",),
            "A-01",
            "RP-1",
            True,
            140,
            False,
            now - number * HOUR - 1,
        )
        write(connection, decision)
    override(
        connection,
        UUID(f"{DECISION}02").bytes,
        outcome="wait",
        why="the aisle is blocked",
        by="ada",
        at=now,
    )
