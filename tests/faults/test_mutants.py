"""A known bug that breaks its process at once would be found by anything, and prove nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from cloud.ingest.settlement import Settlement
from edge.db import Database
from edge.link.uplink import Uplink
from edge.outbox import Outbox
from tests.faults.mutants import MUTANTS, PATCHES


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whatever a test builds in is taken out again."""
    for owner, name in (
        (Database, "_together"),
        (Uplink, "_publishing"),
        (Outbox, "acknowledge"),
        (Settlement, "_apply"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    return monkeypatch


def _steps() -> list[object]:
    return [Database._together, Uplink._publishing, Outbox.acknowledge, Settlement._apply]


def test_every_bug_that_is_built_in_is_hunted() -> None:
    names = {mutant.name for mutant in MUTANTS}
    assert names >= PATCHES.keys()
    assert len(names) == len(MUTANTS)


@pytest.mark.timeout(30)
@pytest.mark.usefixtures("patched")
def test_a_gateway_that_answers_before_it_commits_commits_all_the_same(tmp_path: Path) -> None:
    PATCHES["answers-before-commit"]()

    def note(connection: sqlite3.Connection) -> str:
        connection.execute("CREATE TABLE note (says TEXT)")
        connection.execute("INSERT INTO note VALUES ('kept')")
        return "noted"

    database = Database(tmp_path / "gateway.db")
    assert asyncio.run(database.run(note)) == "noted"
    database.close()
    with sqlite3.connect(tmp_path / "gateway.db") as file:
        assert file.execute("SELECT says FROM note").fetchall() == [("kept",)]


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("name", sorted(PATCHES.keys()))
def test_a_bug_replaces_one_step_of_the_product(name: str) -> None:
    before = _steps()
    PATCHES[name]()
    after = _steps()
    assert sum(old is not new for old, new in zip(before, after, strict=True)) == 1
