"""A gateway that boots in 1970 works, says so, and orders its events by sequence."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from edge.app import store as stores
from edge.app.gateway import Gateway, state_of
from shared.clock import ClockState
from shared.events import GatewayHealth, decode_event
from shared.units import DAY
from tests.support.gateway import enrol, equip, scan


def test_it_scans_and_says_so_everywhere(
    tmp_path: Path, pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = enrol(tmp_path, pki)
    equip(tmp_path)
    monkeypatch.setattr(stores, "system_wall", lambda: 12_000_000)
    with stores.opened(tmp_path) as opened:
        for _ in range(3):
            body = json.dumps(scan()).encode()
            assert asyncio.run(opened.pipeline.scan(body, device="sc-01")).status == 200
        gateway = Gateway(opened)
        report = gateway.report()
        health: GatewayHealth = asyncio.run(gateway._examine())
        rows = opened.database.reader.execute("SELECT seq, body FROM waiting ORDER BY seq")
        events = [decode_event(body) for _, body in rows.fetchall()]
    assert report["clock"]["state"] == "floored"
    assert report["clock"]["machine_is"] == "behind"
    assert [notice["code"] for notice in report["notices"]] == ["clock.behind"]
    assert "clock.behind" in health.detail
    assert [event.clock_state for event in events] == [ClockState.FLOORED] * 3
    assert all(event.occurred_at >= identity.not_before for event in events)
    assert [event.seq for event in events] == [1, 2, 3]


def test_the_kept_floor_counts_where_it_is_later(
    tmp_path: Path, pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = enrol(tmp_path, pki)
    floor = identity.not_before + 5 * DAY
    with stores.opened(tmp_path) as opened:
        opened.database.run_blocking(lambda c: opened.outbox.set_floor(c, floor))
    monkeypatch.setattr(stores, "system_wall", lambda: 0)
    with stores.opened(tmp_path) as opened:
        assert opened.clock.floor == floor
        assert opened.clock.now() >= floor
        assert state_of(opened)["clock"]["state"] == "floored"


def test_a_floor_is_kept_when_the_cloud_has_spoken(tmp_path: Path, pki: Path) -> None:
    enrol(tmp_path, pki)
    with stores.opened(tmp_path) as opened:
        later = opened.clock.now() + DAY
        opened.clock.heard(later)
        gateway = Gateway(opened)

        async def look() -> None:
            task = asyncio.create_task(gateway._timekeeping.run())
            for _ in range(500):
                await asyncio.sleep(0.01)
                if opened.outbox.floor(opened.database.reader):
                    break
            task.cancel()

        asyncio.run(look())
        assert opened.outbox.floor(opened.database.reader) == later
        assert gateway.report()["notices"][0]["code"] == "clock.behind"


def test_a_floor_that_was_taken_in_another_year_is_kept_no_longer_once_the_cloud_answers(
    tmp_path: Path, pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(tmp_path, pki)
    with stores.opened(tmp_path) as opened:
        today = opened.clock.now()
        opened.database.run_blocking(lambda c: opened.outbox.set_floor(c, today + 365 * DAY))
    monkeypatch.setattr(stores, "system_wall", lambda: today)
    with stores.opened(tmp_path) as opened:
        assert opened.clock.now() >= today + 365 * DAY
        opened.clock.heard(today, waited=12.0)
        assert opened.clock.now() < today + DAY
        gateway = Gateway(opened)

        async def look() -> None:
            task = asyncio.create_task(gateway._timekeeping.run())
            for _ in range(500):
                await asyncio.sleep(0.01)
                if opened.outbox.floor(opened.database.reader) == today:
                    break
            task.cancel()

        asyncio.run(look())
    with stores.opened(tmp_path) as opened:
        assert opened.clock.floor == today
        assert state_of(opened)["clock"]["machine_is"] == "not known to be wrong"
