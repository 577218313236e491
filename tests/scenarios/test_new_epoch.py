"""A gateway's past is lost, old or doubled: it is noticed, and nothing is lost or counted twice."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cloud.cli.gateways import app as gateways_command
from cloud.db import open_pool, unit_of_work
from cloud.exceptions import open_cases
from deploy.clock import SystemClock
from deploy.demo.site import pair
from deploy.demo.verdict import judge
from deploy.processes import free_port, stop
from deploy.settings import child_environment
from edge.link import epoch
from edge.simulator.floor import Planned
from edge.simulator.scanner import Connection, Door, scan_body
from tests.scenarios.conftest import Floor, eventually, received

pytestmark = [pytest.mark.database, pytest.mark.broker]


def rows(floor: Floor, query: str) -> list[tuple[Any, ...]]:
    with open_pool(floor.stack.database_url, size=1) as pool, pool.connection() as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def cases(floor: Floor) -> set[str]:
    with open_pool(floor.stack.database_url, size=1) as pool, unit_of_work(pool) as connection:
        return {case.code for case in open_cases(connection) if case.subject == "gw-amsterdam"}


def epochs(floor: Floor) -> dict[int, dict[str, Any]]:
    """What the cloud says of the gateway's epochs."""
    found = floor.cloud.get("/v1/sites/AMS1/completeness")["gateways"]
    return {row["epoch"]: row for row in found}


def decide(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A person decides on a new epoch, with the command."""
    for name, value in floor.stack.cloud_variables().items():
        monkeypatch.setenv(name, value)
    import json

    from typer.testing import CliRunner

    done = CliRunner().invoke(
        gateways_command, ["epoch", "gw-amsterdam", "--reason", "an old backup", "--json"]
    )
    assert done.exception is None, done.output
    return json.loads(done.stdout.splitlines()[-1])


def opening(floor: Floor, number: int) -> dict[str, Any]:
    """The first event of an epoch, as the cloud keeps it."""
    ((data,),) = rows(
        floor, f"SELECT data FROM observation WHERE epoch = {number} AND seq = 1 AND kind = 16"
    )
    return data


def send_again(door: Door, scan_id: str, planned: Planned, device: str = "sc-01") -> dict[str, Any]:
    """A phone that never heard the answer sends the same scan again."""

    async def ask() -> dict[str, Any]:
        connection = Connection(door)
        try:
            answer = await connection.request(
                "POST", "/v1/scans", scan_body(scan_id, device, planned)
            )
        finally:
            await connection.drop()
        return answer.body

    return asyncio.run(ask())


@contextmanager
def gateway_in(folder: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A second machine with a copy of the gateway's disk."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "gateway", "run", "--data", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment({}),
        )
    try:
        eventually(lambda: _takes(port), says="the copy runs")
        yield process
    finally:
        stop(process)


def _takes(port: int) -> bool:
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def lose_database(floor: Floor) -> dict[str, Door]:
    """Stop the gateway, delete its database, start it, pair its devices anew."""
    site = floor.stack.sites["AMS1"]
    site.process.stop()
    for path in site.folder.glob("gateway.db*"):
        path.unlink()
    doors = pair(site.folder, site.port, list(site.doors), now=SystemClock().now())
    site.doors.clear()
    site.doors.update(doors)
    floor.stack.start_gateway("AMS1")
    return doors


def test_a_gateway_that_lost_its_database_goes_on_in_a_new_epoch_and_counts_nothing_twice(
    floor: Floor,
) -> None:
    arrival = received(floor.stack)
    floor.scan(arrival, arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scans are there")
    before = epochs(floor)[1]

    doors = lose_database(floor)
    site = floor.stack.sites["AMS1"]
    eventually(lambda: floor.status()["epoch"] == 2, says="a new epoch is in force")
    site.wait_ready(seconds=30)
    (known, *_) = floor.oracle.scans
    answer = send_again(doors["sc-01"], known, arrival)
    assert answer["outcome"] == "accepted", answer
    floor.scan(arrival)

    eventually(lambda: floor.on_hand("COF-500") == 3 * arrival.units, says="the new scan arrived")
    eventually(lambda: epochs(floor)[2]["quarantined"] == 1, says="the repeated scan counts once")
    assert floor.on_hand("COF-500") == 3 * arrival.units
    assert epochs(floor)[2]["reasons"] == {"event.duplicate-scan": 1}
    eventually(lambda: epochs(floor)[2]["complete"], says="the new epoch is complete")
    old = epochs(floor)[1]
    assert (old["missing"], old["accounted"], old["followed_by"]) == ([], True, 2)
    (gap,) = old["explained"]
    assert (gap["first"], gap["last"]) == (old["contiguous_seq"] + 1, None), "nobody knows the end"
    assert (gap["outcome"], gap["reason"]) == ("lost", "lost")
    assert not old["complete"], "what came after may be gone with the disk"
    (grant,) = rows(
        floor,
        "SELECT reason, previous_epoch, previous_seq, encode(previous_hash, 'hex') "
        "FROM gateway_epoch WHERE epoch = 2",
    )
    reason, previous, seq, digest = grant
    assert (reason, previous) == ("lost", 1)
    assert seq >= before["contiguous_seq"] > 0
    assert opening(floor, 2) == {
        "previous_epoch": 1,
        "previous_seq": seq,
        "previous_hash": digest,
        "reason": "lost",
    }
    ((head,),) = rows(floor, "SELECT encode(head_hash, 'hex') FROM gateway_head WHERE epoch = 1")
    assert head == digest
    assert cases(floor) == {"epoch.opened", "epoch.events-lost"}
    assert epoch.used(site.folder / "identity") == 2


def test_scans_answered_while_no_epoch_is_in_force_arrive_once_one_is(floor: Floor) -> None:
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scan is there")
    site = floor.stack.sites["AMS1"]
    site.process.stop()
    backup = site.folder / "backup"
    backup.mkdir()
    for path in site.folder.glob("gateway.db*"):
        shutil.copy(path, backup)
    # A database of this gateway that seals nothing, but knows catalog and devices.
    _forget_sealed(site.folder / "gateway.db")
    floor.stack.services["serve"].stop()
    floor.stack.start_gateway("AMS1")
    answers = floor.scan(*[arrival] * 3)
    assert [answer["outcome"] for answer in answers] == ["accepted"] * 3
    state = floor.status()
    assert (state["epoch"], state["unacknowledged"]) == (0, 0)
    assert state["waiting"] >= 3
    eventually(
        lambda: "cloud.unreachable" in floor.status()["epoch_refused"], says="it says why it waits"
    )

    ports = (floor.stack.api_port, floor.stack.door_port)
    floor.stack.services["serve"].start(ports=ports)

    eventually(lambda: floor.status()["epoch"] == 2, says="the cloud granted a new epoch")
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="all four scans are there once")
    assert floor.status()["epoch_refused"] == ""


def _forget_sealed(database: Path) -> None:
    import sqlite3

    with sqlite3.connect(database) as connection:
        for table in ("waiting", "head", "segment", "watermark"):
            connection.execute(f"DELETE FROM {table}")
    connection.close()


def test_an_old_backup_is_noticed_with_its_first_segment_and_goes_on_after_a_persons_decision(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = floor.stack.sites["AMS1"]
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scan is there")
    site.process.stop()
    backup = {path.name: path.read_bytes() for path in site.folder.glob("gateway.db*")}
    _, sealed, _ = _head(site.folder / "gateway.db")
    floor.stack.start_gateway("AMS1")
    floor.scan(*[arrival] * 5)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="six scans are there")
    site.process.stop()
    for path in site.folder.glob("gateway.db*"):
        path.unlink()
    for name, content in backup.items():
        (site.folder / name).write_bytes(content)

    floor.stack.start_gateway("AMS1")
    floor.scan(arrival)
    eventually(lambda: floor.status()["frozen"] != "", says="the old copy stops")
    eventually(lambda: "epoch.undecided" in cases(floor), says="a person is asked")
    floor.scan(arrival)
    ((first,),) = rows(
        floor, "SELECT min(first_seq) FROM quarantine WHERE code = 'segment.fork' AND epoch = 1"
    )
    assert first == sealed + 1, "the very first segment was enough"
    assert {"segment.fork", "epoch.undecided"} <= cases(floor)
    assert floor.on_hand("COF-500") == 6 * arrival.units
    assert floor.status()["epoch"] == 1
    assert "epoch.undecided" in floor.status()["epoch_refused"]

    decided = decide(floor, monkeypatch)
    assert (decided["epoch"], decided["awaited"]) == (2, True)
    eventually(lambda: floor.status()["epoch"] == 2, says="the gateway came for its epoch")

    eventually(lambda: floor.on_hand("COF-500") == 8 * arrival.units, says="both scans arrived")
    eventually(lambda: epochs(floor)[2]["complete"], says="the new epoch is complete")
    assert not (epochs(floor)[2]["reasons"].keys() - {"event.duplicate-scan"})
    found = judge(floor.cloud, floor.oracle)
    assert (found.lost, found.doubled, found.stock) == (0, 0, ())
    assert opening(floor, 2)["reason"] == "an old backup"
    assert floor.status()["frozen"] == ""


def test_a_clone_beside_its_original_is_noticed_with_its_first_segment(
    floor: Floor, tmp_path: Path
) -> None:
    site = floor.stack.sites["AMS1"]
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scan is there")
    site.process.stop()
    copy = tmp_path / "clone"
    shutil.copytree(site.folder, copy, symlinks=True)
    port = free_port()
    settings = (copy / "gateway.toml").read_text()
    (copy / "gateway.toml").write_text(settings.replace(f"port = {site.port}", f"port = {port}"))
    floor.stack.start_gateway("AMS1")
    original = next(iter(site.doors.values()))
    clone = original._replace(port=port)

    with gateway_in(copy, port, tmp_path / "clone.log"):
        # Both take scans; under one name the broker hears one of them at a time.
        answers = [
            send_again(door, f"0193{number:04x}-0000-7000-8000-{salt:012x}", arrival)
            for number in range(4)
            for salt, door in enumerate((original, clone))
        ]
        assert {answer["outcome"] for answer in answers} == {"accepted"}
        eventually(
            lambda: cases(floor) & {"segment.fork", "segment.link"} != set(),
            says="the cloud sees two histories",
            seconds=60,
        )
        eventually(
            lambda: "epoch.undecided" in cases(floor), says="one of both stopped", seconds=60
        )
    frozen = [
        head for head in (_head(site.folder / "gateway.db"), _head(copy / "gateway.db")) if head[1]
    ]
    assert frozen, "at least the one that came second stopped"
    ids = rows(floor, "SELECT id FROM event_id")
    assert len(ids) == len(set(ids))


def _head(database: Path) -> tuple[int, int, str | None]:
    import sqlite3

    connection = sqlite3.connect(database)
    found = connection.execute("SELECT epoch, seq, frozen FROM head").fetchone()
    connection.close()
    return found
