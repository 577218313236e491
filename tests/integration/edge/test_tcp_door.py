"""Scanners that send lines to a running gateway, beside others that speak HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from typer.testing import CliRunner

from edge.app.store import opened
from edge.cli import app
from edge.web import devices
from tests.support import free_port
from tests.support.datawedge import DataWedge
from tests.support.gateway import GTIN, LABEL, RunningGateway, enrol, equip, running


class Scanner:
    """A scanner that sends lines."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self._socket.makefile("rb")
        if token is not None:
            assert self.say(f"token {token}").startswith("OK ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\r\n")

    def hear(self) -> str:
        """The next answer; empty when the gateway has hung up."""
        return self._file.readline().decode().strip()

    def say(self, text: str) -> str:
        self.send(text)
        return self.hear()


@pytest.fixture
def data(tmp_path: Path, pki: Path) -> Path:
    enrol(tmp_path / "gw", pki)
    return tmp_path / "gw"


@contextmanager
def listening(data: Path, *, api: str = "") -> Iterator[tuple[RunningGateway, int, str]]:
    """A gateway with a TCP door and the devices sc-01 (HTTP) and ln-01 (lines); ln-01's token."""
    http_token = equip(data)
    with opened(data) as store:
        line_token = store.database.run_blocking(lambda each: devices.add(each, "ln-01", now=1))
    port = free_port()
    extra = f'[tcp]\nport = {port}\nhost = "127.0.0.1"\n'
    with running(data, http_token, api=api, extra=extra) as gw:
        yield gw, port, line_token


def cli(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["devices", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_day_at_a_line_scanner(data: Path) -> None:
    with listening(data) as (gateway, port, token), Scanner(port, token) as scanner:
        assert scanner.say(LABEL) == "OK 1 Green tea, lot L2025A"
        assert scanner.say(LABEL) == "OK 1 Green tea, lot L2025A"
        assert scanner.say(f"]E0{GTIN[1:]}").startswith("OK 1 Green tea")
        assert scanner.say(f"{GTIN[:-1]}3").startswith("NO gs1.check-digit ")
        assert scanner.say("]C101\x01\x02").startswith("NO scan.malformed ")
        assert scanner.say("9" * 10_000).startswith("NO scan.too-long ")

        cli("speak", "ln-01", "--step", "put_away", "--data", str(data))
        assert scanner.say("A-02") == "OK A-02: now scan the goods"
        assert scanner.say(LABEL) == "OK 1 Green tea, lot L2025A"

        same = '{"id": "01890000-0000-7000-8000-000000000001", "raw": "%s", "step": "receive"}'
        body = same % LABEL.replace("\x1d", "\\u001d")
        assert scanner.say(body) == scanner.say(body) == "OK 1 Green tea, lot L2025A"

        lines = gateway.http.get("/v1/stock").json()["lines"]
        assert {(line["location"], line["quantity"]) for line in lines if line["lot"]} == {
            ("DOCK-1", 2),
            ("A-02", 1),
        }
        seen = gateway.status()["inputs"]
        assert [each["device"] for each in seen["tcp"]["connections"]] == ["ln-01"]
        assert seen["mqtt"] is None


@pytest.mark.parametrize("enter", ["\r", "\n", "\r\n"])
def test_a_datawedge_set_by_the_profile_sends_lines_that_become_stock(
    data: Path, tmp_path: Path, enter: str
) -> None:
    file = tmp_path / "bundle.json"
    with listening(data) as (gateway, _, _):
        cli("speak", "ln-01", "--address", "127.0.0.1", "--data", str(data))
        ip = ("--kind", "ip", "--address", "127.0.0.1", "--output", str(file))
        cli("profile", "ln-01", *ip, "--data", str(data))
        device = DataWedge(enter=enter)
        device.set_config(json.loads(file.read_text("utf-8")))

        for _ in range(2):  # the trigger pulled twice: two units
            device.scan(LABEL.removeprefix("]C1"), "com.example.anything")

        (line,) = gateway.http.get("/v1/stock").json()["lines"]
        assert (line["location"], line["lot"], line["quantity"]) == ("DOCK-1", "L2025A", 2)


def test_a_device_bound_by_its_address_needs_no_token_and_is_cut_off_when_revoked(
    data: Path,
) -> None:
    with listening(data) as (gateway, port, _):
        with Scanner(port) as stranger:
            assert stranger.say(LABEL).startswith("NO input.unbound ")
            assert stranger.hear() == ""
        cli("speak", "ln-01", "--address", "127.0.0.1", "--data", str(data))
        with Scanner(port) as scanner:
            assert scanner.say(LABEL) == "OK 1 Green tea, lot L2025A"
            cli("revoke", "ln-01", "--data", str(data))
            revoked = time.monotonic()
            assert scanner.hear().startswith("NO input.revoked ")
            assert scanner.hear() == ""
            assert time.monotonic() - revoked < 5
        with Scanner(port) as again:
            assert again.say(LABEL).startswith("NO input.unbound ")
        assert gateway.status()["scans"] == 1


@pytest.mark.parametrize("floods", ["tcp", "http"])
def test_a_device_that_floods_is_told_and_others_do_not_notice(data: Path, floods: str) -> None:
    slow = "scans_per_second = 20\nburst = 20"
    ended = threading.Event()
    with opened(data) as store:
        third = store.database.run_blocking(lambda each: devices.add(each, "ln-02", now=1))
    with listening(data, api=slow) as (gateway, port, token):
        told: list[str] = []

        def over_tcp() -> None:
            with Scanner(port, token) as scanner:
                while not ended.is_set():
                    told.append(scanner.say(LABEL))

        def over_http() -> None:
            while not ended.is_set():
                answer = gateway.scan()
                told.append("NO request.too-many" if answer.status_code == 429 else "OK")

        flood = threading.Thread(target=over_tcp if floods == "tcp" else over_http)
        flood.start()
        try:
            while not any(each.startswith("NO request.too-many") for each in told):
                assert flood.is_alive()
                time.sleep(0.01)
            with Scanner(port, third) as calm:
                waits: list[float] = []
                for _ in range(15):
                    started = time.monotonic()
                    assert calm.say(LABEL).startswith("OK ")
                    waits.append(time.monotonic() - started)
            if floods == "tcp":
                assert [gateway.scan().status_code for _ in range(15)] == [200] * 15
        finally:
            ended.set()
            flood.join()
        assert sorted(waits)[7] < 0.9
