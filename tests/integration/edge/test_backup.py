"""A running gateway is backed up; what was restored takes scans and sends nothing that forks."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import cli
from edge.app import restoring
from edge.app.backing_up import back_up
from edge.ports import SystemClock, SystemIds
from tests.support.gateway import FakeCloud, enrol, equip, public_key, running, wait_until

if TYPE_CHECKING:
    from deploy.broker import Broker


def test_a_backup_of_a_busy_gateway_verifies_and_what_is_restored_does_not_fork(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    with FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud:
        with running(data, token) as gateway:
            over = threading.Event()

            def work() -> None:
                while not over.is_set():
                    assert gateway.scan(quantity=1).status_code == 200

            worker = threading.Thread(target=work)
            worker.start()
            try:
                made = [back_up(data, tmp_path / f"{n}.tar.gz", clock=SystemClock()) for n in "ab"]
            finally:
                over.set()
                worker.join()
            assert made[0].manifest.chain.seq < made[1].manifest.chain.seq
            arguments = ["gateway", "restore", str(made[0].path), "--data", str(data)]
            assert cli.run(arguments) == os.EX_NOPERM, "not while it runs"
            wait_until(lambda: gateway.status()["unacknowledged"] == 0, "all is at the cloud")
            before = gateway.status()
        plan = restoring.restore(data, made[0].path, clock=SystemClock(), ids=SystemIds())
        assert plan.newer_by is not None
        assert plan.newer_by > 0
        with running(data, token) as gateway:
            wait_until(lambda: gateway.status()["link"]["up"], "the link")
            delivered = len(cloud.deliveries)
            assert gateway.scan(quantity=1).status_code == 200
            status = wait_until(
                lambda: (s := gateway.status())["epoch_refused"] and s, "a new epoch is asked for"
            )
            assert status["frozen"].startswith("restored from the backup of")
            assert status["seq"] < before["seq"] + 10
            assert len(cloud.deliveries) == delivered
    assert not cloud.errors
