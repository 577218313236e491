"""A gateway's disk gives back what was never written: it names what is lost, and goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud.db import open_pool, unit_of_work
from cloud.exceptions import open_cases
from deploy.demo.verdict import judge
from shared.errors import QuartermasterError
from tests.scenarios.conftest import Floor, eventually, received
from tests.support.damage import cut_log, flip_bit_in, garbage_page

pytestmark = [pytest.mark.database, pytest.mark.broker]

Damage = Callable[[Path, int], None]


def flipped(database: Path, seq: int) -> None:
    connection = sqlite3.connect(database)
    (body,) = connection.execute("SELECT body FROM waiting WHERE seq = ?", (seq,)).fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    flip_bit_in(database, body)


def cut(database: Path, _seq: int) -> None:
    cut_log(database, 0.5)


def first_page(database: Path, _seq: int) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    garbage_page(database, 1)


@pytest.mark.parametrize("damage", [flipped, cut, first_page])
def test_what_verifies_arrives_what_does_not_is_named_and_work_goes_on(
    floor: Floor, damage: Damage
) -> None:
    site = floor.stack.sites["AMS1"]
    aside = site.folder / "gateway.db.damaged-1"
    arrival = received(floor.stack)
    floor.scan(*[arrival] * 4)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scans are there")
    site.wire.cut()
    eventually(lambda: not floor.status()["link"]["up"], says="the line is cut")
    answers = floor.scan(*[arrival] * 10)
    site.process.kill()
    damage(site.folder / "gateway.db", answers[4]["seq"])

    floor.stack.start_gateway("AMS1")
    site.wire.heal()
    eventually(lambda: bool(_damage(floor)), says="it says what happened")
    (told,) = _damage(floor)
    lost = {
        seq for epoch, first, last in told["lost"] if epoch == 1 for seq in range(first, last + 1)
    }
    unsent = {answer["seq"] for answer in answers}
    if damage is flipped:
        assert lost == {answers[4]["seq"]}
    if damage is first_page:
        assert lost == set(), "what it says is kept beside the file"
    eventually(lambda: floor.status()["epoch"] == 2, says="a new epoch is in force")
    site.wait_ready(seconds=30)
    floor.scan(arrival)

    def settled() -> bool:
        state = floor.status()
        return state["waiting"] + state["unacknowledged"] == 0

    eventually(settled, says="all that is left has arrived")
    found = judge(floor.cloud, floor.oracle)
    assert found.doubled == 0
    assert found.lost == len(lost & unsent), "what is lost is what was named, to the event"
    assert any(notice["code"] == "store.damaged" for notice in floor.status()["notices"])
    assert aside.exists()
    site.process.check()
    old, new = floor.cloud.get("/v1/sites/AMS1/completeness")["gateways"]
    assert numbers(old, "lost") == lost, "the cloud names the same"
    assert (old["epoch"], old["accounted"], old["missing"], old["followed_by"]) == (1, True, [], 2)
    assert {gap["reason"] for gap in old["explained"]} == {"store-damaged"}
    assert unsent - lost <= numbers(old, "carried"), "and which numbers go on in the new epoch"
    assert (new["epoch"], new["complete"], new["explained"]) == (2, True, [])
    assert cases(floor) == {"epoch.opened", *(["epoch.events-lost"] if lost else [])}


def numbers(row: dict[str, Any], outcome: str) -> set[int]:
    """What the cloud says of an epoch's numbers."""
    return {
        seq
        for gap in row["explained"]
        if gap["outcome"] == outcome
        for seq in range(gap["first"], gap["last"] + 1)
    }


def cases(floor: Floor) -> set[str]:
    with open_pool(floor.stack.database_url, size=1) as pool, unit_of_work(pool) as connection:
        return {case.code for case in open_cases(connection) if case.subject == "gw-amsterdam"}


def _damage(floor: Floor) -> list[dict[str, Any]]:
    try:
        return floor.status()["damage"]
    except QuartermasterError:  # it is just being set aside
        return []
