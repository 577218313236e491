"""A gateway is put back from its backup, here or on a new machine, without a fork or a loss."""

from __future__ import annotations

import shutil
import socket
import ssl
from pathlib import Path

import pytest

from cloud.cli.gateways import app as gateways_command
from cloud.db import open_pool, unit_of_work
from cloud.exceptions import open_cases
from cloud.gateways import service as registry
from cloud.gateways.authority import root_fingerprint
from deploy.clock import SystemClock
from deploy.demo.verdict import judge
from edge.app.backing_up import back_up
from edge.app.restoring import restore
from edge.link import enrolment
from edge.ports import SystemIds
from tests.scenarios.conftest import Floor, eventually, received

pytestmark = [pytest.mark.database, pytest.mark.broker]


def cases(floor: Floor) -> set[str]:
    with open_pool(floor.stack.database_url, size=1) as pool, unit_of_work(pool) as connection:
        return {case.code for case in open_cases(connection) if case.subject == "gw-amsterdam"}


def work_and_back_up(floor: Floor, backup: Path) -> None:
    """Two scans, a backup, two more that the cloud gets, and three that it does not."""
    site, arrival = floor.stack.sites["AMS1"], received(floor.stack)
    floor.scan(arrival, arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scans are there")
    back_up(site.folder, backup, clock=SystemClock())
    floor.scan(arrival, arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="four scans are there")
    floor.stack.services["ingest"].stop()
    floor.scan(*[arrival] * 3)
    site.process.stop()


def test_what_is_restored_asks_before_it_sends_and_then_sends_what_nobody_had(
    floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, arrival = floor.stack.sites["AMS1"], received(floor.stack)
    work_and_back_up(floor, tmp_path / "backup.tar.gz")

    plan = restore(site.folder, tmp_path / "backup.tar.gz", clock=SystemClock(), ids=SystemIds())

    assert plan.carried >= 3
    floor.stack.services["ingest"].start()
    floor.stack.start_gateway("AMS1")
    floor.scan(arrival)
    eventually(lambda: "epoch.undecided" in cases(floor), says="a person is asked")
    assert "segment.fork" not in cases(floor), "it sent nothing that could contradict"
    assert floor.on_hand("COF-500") == 4 * arrival.units
    for name, value in floor.stack.cloud_variables().items():
        monkeypatch.setenv(name, value)
    from typer.testing import CliRunner

    decided = CliRunner().invoke(
        gateways_command, ["epoch", "gw-amsterdam", "--reason", "a backup was restored"]
    )
    assert decided.exception is None, decided.output
    eventually(lambda: floor.status()["epoch"] == 2, says="the gateway came for its epoch")
    eventually(lambda: floor.on_hand("COF-500") == 8 * arrival.units, says="all scans arrived")
    found = judge(floor.cloud, floor.oracle)
    assert (found.lost, found.doubled, found.stock) == (0, 0, ())


def test_on_a_new_machine_it_goes_on_under_new_keys_without_a_decision(
    floor: Floor, tmp_path: Path
) -> None:
    site, arrival = floor.stack.sites["AMS1"], received(floor.stack)
    work_and_back_up(floor, tmp_path / "backup.tar.gz")
    back_up(site.folder, tmp_path / "newest.tar.gz", clock=SystemClock())
    shutil.move(site.folder, tmp_path / "the old machine")

    plan = restore(site.folder, tmp_path / "newest.tar.gz", clock=SystemClock(), ids=SystemIds())

    assert plan.enrol
    with (
        open_pool(floor.stack.database_url, size=1) as pool,
        unit_of_work(pool) as connection,
    ):
        slip = registry.new_token(
            connection,
            name="gw-amsterdam",
            fingerprint=root_fingerprint(floor.stack.pki),
            now=SystemClock().now(),
        )
    enrolment.enrol(
        site.folder / "identity",
        slip,
        api_url=floor.stack.api_url,
        clock=SystemClock(),
        hosts=[socket.gethostname()],
    )
    tls = ssl.create_default_context(cafile=str(site.folder / "identity" / "local" / "ca.crt"))
    doors = {name: door._replace(tls=tls) for name, door in site.doors.items()}
    site.doors.clear()
    site.doors.update(doors)
    floor.stack.services["ingest"].start()
    floor.stack.start_gateway("AMS1")
    assert [answer["outcome"] for answer in floor.scan(arrival)] == ["accepted"]
    eventually(lambda: floor.on_hand("COF-500") == 8 * arrival.units, says="all scans arrived")
    assert floor.status()["epoch"] == 2
    assert not {"segment.fork", "epoch.undecided"} & cases(floor)
    found = judge(floor.cloud, floor.oracle)
    assert (found.lost, found.doubled, found.stock) == (0, 0, ())
