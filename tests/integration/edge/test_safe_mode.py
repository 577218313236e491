"""Settings that cannot be used: the gateway works on, says so, and takes them once they are right.

On the real process.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.app import opened
from shared.events import GatewayHealth, SettingChanged, decode_event
from tests.support import free_port
from tests.support.gateway import enrol, equip, scan, wait_until

_PROGRAM = (
    "from edge.app import safe_mode\n"
    "safe_mode.WELL_S, safe_mode.LOOK_S = 0.5, 0.1\n"
    "from edge.cli import app\n"
    "app()"
)


class Process:
    """The gateway's process, at whatever port it says."""

    def __init__(self, data: Path, token: str) -> None:
        self.data = data
        self._token = token
        self._log = data / "log"
        self._log.unlink(missing_ok=True)
        with self._log.open("ab") as output:
            command = [sys.executable, "-c", _PROGRAM, "run", "--data", str(data)]
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        self._read = 0

    def ready(self) -> int:
        """The port, once scans are taken (again)."""

        def said() -> int:
            assert self.process.poll() is None, self._log.read_text()
            lines = [line for line in self._log.read_text().splitlines() if "ready: https" in line]
            return int(lines[self._read].rpartition(":")[2]) if len(lines) > self._read else 0

        port = wait_until(said, "ready")
        self._read += 1
        return port

    @contextmanager
    def door(self, port: int) -> Iterator[httpx.Client]:
        context = ssl.create_default_context(
            cafile=str(self.data / "identity" / "local" / "ca.crt")
        )
        with httpx.Client(
            base_url=f"https://localhost:{port}",
            verify=context,
            headers={"authorization": f"Bearer {self._token}"},
            trust_env=False,
        ) as http:
            yield http

    def status(self, port: int) -> dict[str, Any]:
        with self.door(port) as http:
            return http.get("/v1/status").json()

    def takes_scans(self, port: int) -> bool:
        with self.door(port) as http:
            return http.post("/v1/scans", json=scan()).status_code == 200

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(timeout=20) == 0


@contextmanager
def gateway(data: Path, token: str) -> Iterator[Process]:
    process = Process(data, token)
    try:
        yield process
        process.end()
    finally:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()


@pytest.fixture
def token(tmp_path: Path, pki: Path) -> str:
    enrol(tmp_path, pki)
    return equip(tmp_path)


def settings(port: int, extra: str = "") -> str:
    return f'[api]\nhost = "127.0.0.1"\nport = {port}\n{extra}'


def run_well(data: Path, token: str, port: int) -> None:
    """Have the gateway run with these settings for long enough."""
    (data / "gateway.toml").write_text(settings(port))
    with gateway(data, token) as process:
        assert process.ready() == port
        assert process.status(port)["safe_mode"] is None
        kept = data / "gateway.toml.last-good"
        wait_until(kept.exists, "the settings are kept as good")
        assert kept.read_text() == settings(port)


def events_of(data: Path, kind: type[Any]) -> list[Any]:
    with opened(data) as store:
        unit = store.database.run_blocking
        while unit(lambda c: store.outbox.seal(c, 1)) is not None:
            pass
        from shared.segment import header, parse

        rows = store.database.reader.execute("SELECT body FROM segment ORDER BY epoch, first_seq")
        found = [decode_event(body) for (row,) in rows for body in header(parse(row)).events]
    return [event.data for event in found if isinstance(event.data, kind)]


def test_with_wrong_settings_it_takes_scans_by_the_last_good_ones_and_says_what_is_wrong(
    tmp_path: Path, token: str
) -> None:
    port = free_port()
    run_well(tmp_path, token, port)
    (tmp_path / "gateway.toml").write_text("[api]\nprot = 1\n")
    with gateway(tmp_path, token) as process:
        assert process.ready() == port
        assert process.takes_scans(port)
        status = process.status(port)
        assert status["safe_mode"]["using"] == "last-good"
        notice = status["notices"][0]
        assert notice["code"] == "settings.safe-mode"
        assert "prot" in notice["detail"]
    health = events_of(tmp_path, GatewayHealth)
    assert any("prot" in each.detail and "settings.safe-mode" in each.detail for each in health)
    assert (tmp_path / "gateway.toml.last-good").read_text() == settings(port)


def test_without_any_good_ones_it_runs_by_the_built_in_defaults(tmp_path: Path, token: str) -> None:
    (tmp_path / "gateway.toml").write_text("[api]\nprot = 1\n")
    with gateway(tmp_path, token) as process:
        port = process.ready()
        status = process.status(port)
        assert status["safe_mode"]["using"] in {"defaults", "another-door"}
        assert "prot" in status["safe_mode"]["why"]
        assert process.takes_scans(port)
        with process.door(port) as http:
            assert http.get("/console/").status_code in {200, 303}
    assert not (tmp_path / "gateway.toml.last-good").exists()


def test_a_taken_port_moves_it_to_another_until_it_is_free_again(
    tmp_path: Path, token: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        (tmp_path / "gateway.toml").write_text(settings(wanted))
        process = Process(tmp_path, token)
        try:
            port = process.ready()
            assert port != wanted
            assert process.takes_scans(port)
            status = process.status(port)
            assert status["safe_mode"]["using"] == "another-door"
            assert str(wanted) in status["notices"][0]["detail"]
            assert f"port {port}" in status["notices"][0]["detail"]
        except BaseException:
            process.end()
            raise
    try:
        assert process.ready() == wanted
        assert process.takes_scans(wanted)
        assert process.status(wanted)["safe_mode"] is None
    finally:
        process.end()


def test_once_mended_the_settings_are_taken_without_a_restart_and_after_one(
    tmp_path: Path, token: str
) -> None:
    port = free_port()
    (tmp_path / "gateway.toml").write_text("[api\n")
    with gateway(tmp_path, token) as process:
        process.ready()
        (tmp_path / "gateway.toml").write_text(settings(port))
        assert process.ready() == port
        assert process.status(port)["safe_mode"] is None
        assert process.status(port)["notices"] == []
    with gateway(tmp_path, token) as process:
        assert process.ready() == port
        assert process.status(port)["safe_mode"] is None


def test_what_changed_in_force_is_an_event_for_each_setting(tmp_path: Path, token: str) -> None:
    port = free_port()
    run_well(tmp_path, token, port)
    (tmp_path / "gateway.toml").write_text(f"heartbeat_seconds = 30.0\n{settings(port)}")
    with gateway(tmp_path, token) as process:
        process.ready()
        wait_until(lambda: _told(tmp_path).get("heartbeat_seconds") == 30.0, "the change is told")
    (changed,) = events_of(tmp_path, SettingChanged)
    assert (changed.setting, changed.before, changed.after) == (
        "heartbeat_seconds",
        "60.0",
        "30.0",
    )


def _told(data: Path) -> dict[str, Any]:
    return json.loads((data / "gateway.in-force.json").read_text())["told"]
