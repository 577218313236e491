"""No date that a machine ever takes deletes anything: not while it is wrong, and not afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.app import store as stores
from edge.app.gateway import Gateway
from edge.app.retention import Retention
from edge.app.store import Store, opened
from shared.units import DAY, SECOND
from tests.support.gateway import enrol, equip
from tests.unit.edge.app.test_recovery import Gateway as Covered
from tests.unit.edge.app.test_recovery import scans

YEAR = 365 * DAY
TERM = 7 * DAY
TODAY = 1_795_000_000_000_000


class Machine:
    """A data folder, a date that may jump, and a clock that never does."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = data
        self.wall, self.steady = TODAY, 0.0
        monkeypatch.setattr(stores, "system_wall", lambda: self.wall)
        monkeypatch.setattr("edge.app.gateway.system_steady", lambda: self.steady)

    def passes(self, micros: int) -> None:
        self.wall += micros
        self.steady += micros / SECOND

    def looks(self, store: Store, *, times: int = 1) -> None:
        part = Gateway(store)._retention
        for _ in range(times):
            asyncio.run(part.look())


def held(store: Store) -> tuple[int, int]:
    """Segments, and answers."""
    reader = store.database.reader
    (segments,) = reader.execute("SELECT count(*) FROM segment").fetchone()
    (answers,) = reader.execute("SELECT count(*) FROM answered").fetchone()
    return segments, answers


def work(store: Store) -> None:
    """Scans that the cloud has, and some that it has not."""
    scans(store, 20)
    Covered.seal(store)
    Covered.cover(store, 20)
    scans(store, 10)
    Covered.seal(store)


@pytest.fixture
def machine(tmp_path: Path, pki: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    enrol(tmp_path, pki)
    equip(tmp_path)
    return Machine(tmp_path, monkeypatch)


def test_a_year_ahead_over_a_restart_and_back_deletes_nothing(machine: Machine) -> None:
    with opened(machine.data) as store:
        work(store)
        whole = held(store)
        machine.looks(store)
        machine.wall += YEAR
        machine.looks(store, times=3)
        assert held(store) == whole
    with opened(machine.data) as store:
        machine.looks(store, times=3)
        scans(store, 5)
        assert held(store) == (whole[0], whole[1] + 5)
    machine.wall -= YEAR
    with opened(machine.data) as store:
        machine.looks(store, times=3)
        assert held(store) == (whole[0], whole[1] + 5)
        assert store.outbox.depth(store.database.reader).watermark == 20


def test_a_term_of_running_deletes_what_the_cloud_has_and_nothing_else(machine: Machine) -> None:
    with opened(machine.data) as store:
        work(store)
        part = Retention(store.database, store.pipeline, TERM, lambda: machine.steady)
        for _ in range(8 * 24):
            machine.passes(DAY // 24)
            asyncio.run(part.look())
        segments, answers = held(store)
        assert (segments, answers) == (1, 0), "the ten that the cloud has not"
        assert store.outbox.depth(store.database.reader).unacknowledged_events == 10


def test_time_in_which_the_machine_was_off_makes_nothing_older(machine: Machine) -> None:
    with opened(machine.data) as store:
        work(store)
        whole = held(store)
    for _ in range(10):
        machine.wall += DAY
        with opened(machine.data) as store:
            machine.looks(store)
            assert held(store) == whole


@given(jumps=st.lists(st.integers(-60 * YEAR, 60 * YEAR), max_size=12))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_date_is_told(machine: Machine, jumps: list[int]) -> None:
    with opened(machine.data) as store:
        if held(store) == (0, 0):
            work(store)
        whole = held(store)
    for jump in jumps:
        machine.wall = max(TODAY + jump, 0)
        with opened(machine.data) as store:
            machine.looks(store)
            assert held(store) == whole
