"""An operator's commands beside the running gateway: they ask it, and take nothing from it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge.web.hatch import HATCH
from tests.support.gateway import RunningGateway, enrol, equip, running, wait_until


def told(data: Path, *command: str) -> Any:
    line = [sys.executable, "-m", "deploy.cli", "gateway", *command, "--data", str(data), "--json"]
    done = subprocess.run(line, capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def shown(data: Path, *command: str) -> str:
    line = [sys.executable, "-m", "deploy.cli", "gateway", *command, "--data", str(data)]
    return subprocess.run(line, capture_output=True, check=True, timeout=60, text=True).stdout


def test_the_running_gateway_is_asked_and_after_its_end_its_folder(
    tmp_path: Path, pki: Path
) -> None:
    enrol(tmp_path, pki)
    token = equip(tmp_path)
    with running(tmp_path, token) as gateway:
        assert gateway.scan(quantity=7).status_code == 200
        wait_until((tmp_path / HATCH).exists, "the hatch")
        assert "Cloud           away; never heard" in shown(tmp_path, "status")
        assert stat.S_IMODE((tmp_path / HATCH).stat().st_mode) == 0o600
        before = _beside(gateway)
        assert gateway.scan(quantity=1).status_code == 200, "it goes on"
        assert gateway.stop() == 0
    assert not (tmp_path / HATCH).exists()
    after = told(tmp_path, "status")
    assert set(after) == set(before), "what is not known is None, not absent"
    assert after["process"]["runs"] is False
    assert (after["link"], after["scans"]) == (None, 2)
    assert any("does not run" in each["says"] for each in after["findings"])


def _beside(gateway: RunningGateway) -> dict[str, Any]:
    status = told(gateway.data, "status")
    assert status["process"]["runs"] is True
    assert status["process"]["answers"] is True
    assert status["process"]["pid"] == gateway.process.pid
    assert status["troubles"] == []
    assert status["link"]["up"] is False
    assert status["link"]["last_error"].startswith("broker.unreachable")
    assert status["scans"] == 1
    assert status["filling"] == {"watched_seconds": 0, "full_in_seconds": None}
    assert {each["name"] for each in status["certificates"]} == {"cloud", "door", "authority"}
    assert status["ok"] is True, "a gateway that is cut off is at work"
    assert set(gateway.status()) <= set(status), "all that devices may know, and more"
    assert [each["name"] for each in told(gateway.data, "devices", "list")] == ["sc-01"]
    assert told(gateway.data, "queue")["watermark"] == 0
    found = {each["check"]: each for each in told(gateway.data, "doctor")["findings"]}
    assert found["process"]["says"].startswith("has run for")
    assert found["port"]["says"].endswith("answers with this gateway's own certificate")
    return status


def test_a_gateway_that_was_killed_is_told_to_be_down_and_starts_again(
    tmp_path: Path, pki: Path
) -> None:
    enrol(tmp_path, pki)
    token = equip(tmp_path)
    with running(tmp_path, token) as gateway:
        wait_until((tmp_path / HATCH).exists, "the hatch")
        gateway.kill()
    status = told(tmp_path, "status")
    assert status["process"]["runs"] is False
    assert status["seq"] >= 1, "what it had written is read with its log"
    with running(tmp_path, token):
        wait_until(lambda: told(tmp_path, "status")["process"]["answers"], "the hatch again")
