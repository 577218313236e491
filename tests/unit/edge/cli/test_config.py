"""``gateway config``: faults are named with their line, changes are one step, and one step back."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from deploy import cli
from edge.app import safe_mode
from edge.app.safe_mode import InForce, chosen
from edge.cli.config import app
from edge.link import local_tls
from edge.ports import SystemClock
from edge.settings import Api, Settings
from tests.support import free_port
from tests.support.gateway import enrol


def run(data: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments), "--data", str(data)])


def told(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)


def text(port: int, more: str = "") -> str:
    return f'[api]\nhost = "127.0.0.1"\nport = {port}\ninstall_port = 0\n{more}'


def faults(data: Path, file: Path) -> list[tuple[str, int | None, str]]:
    found = told(run(data, "check", file, "--json"))["faults"]
    return [(each["key"], each["line"], each["level"]) for each in found]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "gateway"
    folder.mkdir()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new.toml"


def start(data: Path, *, fault: str = "") -> None:
    """As if the gateway had started with what its files say."""
    choice = chosen(data)
    note = InForce(using=choice.using, fault=fault, settings=choice.settings, told=choice.settings)
    (data / "gateway.in-force.json").write_bytes(msgspec.json.encode(note))


def test_all_faults_of_a_file_are_named_with_their_lines(data: Path, file: Path) -> None:
    file.write_text(
        "hartbeat_seconds = 5\n"
        "[api]\n"
        'port = "8443"\n'
        "burst = 0\n"
        "[uplink]\n"
        "window = 99\n"
        "[[camera]]\n"
        'source = "0"\n'
        "[[camera]]\n"
        'name = "dock"\n'
        "source = 7\n"
    )
    assert faults(data, file) == [
        ("hartbeat_seconds", 1, "problem"),
        ("api.port", 3, "problem"),
        ("api.burst", 4, "problem"),
        ("uplink.window", 6, "problem"),
        ("camera.0.name", 7, "problem"),
        ("camera.1.source", 11, "problem"),
    ]
    done = run(data, "check", file)
    assert done.exit_code == os.EX_CONFIG
    assert "hartbeat_seconds (line 1): There is no setting hartbeat_seconds here." in done.stdout
    assert "Did you mean heartbeat_seconds?" in done.stdout
    assert '"8443" is not a whole number from 1 to 65535.' in done.stdout


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"[api\n", 1, "no TOML"),
        (b'[api]\nnames = ["a\n', 2, "no TOML"),
        (b"\xff\xfe", None, "no text"),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_line_where_it_breaks(
    data: Path, file: Path, content: bytes, line: int | None, says: str
) -> None:
    file.write_bytes(content)
    (fault,) = told(run(data, "check", file, "--json"))["faults"]
    assert (fault["line"], fault["level"]) == (line, "problem")
    assert says in fault["says"]


def test_a_table_where_a_value_belongs_and_the_reverse_are_told_apart(
    data: Path, file: Path
) -> None:
    file.write_text('api = 3\ncamera = "dock"\n[heartbeat_seconds]\nx = 1\n')
    assert [key for key, _, _ in faults(data, file)] == ["api", "camera", "heartbeat_seconds"]


def test_what_only_the_whole_file_shows_to_be_wrong_is_named_with_its_line(
    data: Path, file: Path
) -> None:
    file.write_text("[labels]\ndates = 'day-first'\nlot_forms = ['A9', 'A99']\n")
    assert faults(data, file) == [("labels.lot_forms", 3, "problem")]


def test_a_port_that_is_taken_or_given_twice_is_a_fault(data: Path, file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(f'[api]\nhost = "127.0.0.1"\nport = {port}\ninstall_port = {port}\n')
        assert faults(data, file) == [
            ("api.port", 3, "problem"),
            ("api.install_port", 4, "problem"),
        ]
    file.write_text(text(port))
    assert faults(data, file) == []


def test_an_address_that_is_not_this_machines_is_a_fault(data: Path, file: Path) -> None:
    file.write_text('[api]\nhost = "192.0.2.1"\ninstall_port = 0\n')
    assert faults(data, file) == [("api.host", 2, "problem")]


def test_a_camera_that_is_not_there_is_a_fault_and_one_on_the_network_is_not(
    data: Path, file: Path
) -> None:
    cameras = '[[camera]]\nname = "a"\nsource = "63"\n[[camera]]\nname = "a"\nsource = "rtsp://10.0.0.9"\n'
    file.write_text(text(free_port(), cameras))
    assert faults(data, file) == [
        ("camera.0.source", 7, "problem"),
        ("camera.1.name", 9, "problem"),
    ]


def test_sensors_are_checked_against_what_they_can_measure(data: Path, file: Path) -> None:
    sensor = '[[sensor]]\ndevice = "cold-1"\nname = "{}"\nkind = "temperature"\nunit = "{}"\n'
    one, wrong = sensor.format("store", "Cel"), sensor.format("dock", "kg")
    more = f"[mqtt]\nport = {free_port()}\n{one}{wrong}{one}"
    file.write_text(text(free_port(), more))
    assert faults(data, file) == [("sensor.1", 12, "problem"), ("sensor.2", 17, "problem")]
    file.write_text(text(free_port(), one))
    assert faults(data, file) == [("sensor.0", 5, "problem")]


def test_a_number_that_nobody_can_reckon_with_is_a_fault(data: Path, file: Path) -> None:
    file.write_text("heartbeat_seconds = inf\n[store]\nmax_mebibytes = 99999999999999999999\n")
    assert faults(data, file) == [
        ("heartbeat_seconds", 1, "problem"),
        ("store.max_mebibytes", 3, "problem"),
    ]


def test_a_name_must_be_one_and_should_fit_the_certificate(
    data: Path, pki: Path, file: Path
) -> None:
    enrol(data, pki)
    local_tls.ensure(data / "identity", clock=SystemClock(), hosts=["dock.example"])
    file.write_text(text(free_port(), 'names = ["dock.example", "hall.example", "a b"]\n'))
    assert faults(data, file) == [("api.names", 5, "note"), ("api.names", 5, "problem")]


def test_without_a_file_the_gateways_own_is_checked(data: Path) -> None:
    (data / "gateway.toml").write_text("[api]\nprot = 1\n")
    done = run(data, "check")
    assert done.exit_code == os.EX_CONFIG
    assert "Did you mean port?" in done.stdout


def test_a_diff_is_against_what_is_in_force_and_shows_the_defaults_and_no_password(
    data: Path, file: Path
) -> None:
    (data / "gateway.toml").write_text("heartbeat_seconds = 30.0\n")
    start(data)
    (data / "gateway.toml").write_text("heartbeat_seconds = 20.0\n")
    file.write_text(
        "heartbeat_seconds = 10.0\n"
        '[[camera]]\nname = "dock"\nsource = "rtsp://ann:Geheim1@10.0.0.9"\n'
    )
    found = told(run(data, "diff", file, "--json"))
    assert found["in_force"] == "file"
    assert found["differences"] == [
        {
            "setting": "heartbeat_seconds",
            "before": "30.0",
            "after": "10.0",
            "default": "60.0",
        },
        {
            "setting": "camera.dock.source",
            "before": "",
            "after": "rtsp://***@10.0.0.9",
            "default": "",
        },
    ]
    shown = run(data, "diff", file).stdout
    assert "Geheim1" not in shown
    assert "heartbeat_seconds" in shown
    assert "nothing" not in run(data, "diff").stdout


def test_what_is_applied_is_in_place_and_the_one_before_and_the_last_good_are_kept(
    data: Path, file: Path
) -> None:
    port = free_port()
    (data / "gateway.toml").write_text(text(port))
    start(data)
    file.write_text(text(port, "burst = 100\n"))
    done = told(run(data, "apply", file, "--reason", "a flood at dock 2", "--json"))
    assert done["applied"]
    assert [(row["setting"], row["after"]) for row in done["differences"]] == [("api.burst", "100")]
    assert (data / "gateway.toml").read_text() == file.read_text()
    assert (data / "gateway.toml").stat().st_mode & 0o777 == 0o600
    assert (data / "gateway.toml.before").read_text() == text(port)
    assert (data / "gateway.toml.last-good").read_text() == text(port)
    assert "a flood at dock 2" in (data / "gateway.toml.applied").read_text()


@pytest.mark.parametrize("content", ["[api]\nprot = 1\n", "[api\n"])
def test_a_wrong_configuration_is_not_applied_not_even_by_force(
    data: Path, file: Path, content: str
) -> None:
    (data / "gateway.toml").write_text("heartbeat_seconds = 30.0\n")
    file.write_text(content)
    for force in ([], ["--force"]):
        done = run(data, "apply", file, *force)
        assert done.exit_code == os.EX_CONFIG
        assert "Nothing was changed." in done.stdout
    assert (data / "gateway.toml").read_text() == "heartbeat_seconds = 30.0\n"
    assert [path.name for path in data.iterdir()] == ["gateway.toml"]


def test_what_does_not_fit_the_machine_is_applied_by_force_only(data: Path, file: Path) -> None:
    file.write_text(text(free_port(), '[[camera]]\nname = "a"\nsource = "63"\n'))
    assert run(data, "apply", file).exit_code == os.EX_CONFIG
    assert run(data, "apply", file, "--force").exit_code == 0
    assert chosen(data).settings.camera[0].source == "63"


def test_a_rollback_puts_back_what_was_and_again_takes_it_back(data: Path, file: Path) -> None:
    first, second = text(free_port()), text(free_port())
    (data / "gateway.toml").write_text(first)
    file.write_text(second)
    assert run(data, "apply", file).exit_code == 0
    assert run(data, "rollback").exit_code == 0
    assert (data / "gateway.toml").read_text() == first
    assert run(data, "rollback").exit_code == 0
    assert (data / "gateway.toml").read_text() == second


def test_a_rollback_to_the_last_good_one_leaves_what_was_never_good(data: Path) -> None:
    good = text(free_port())
    safe_mode.keep_good(data, good.encode())
    (data / "gateway.toml").write_text("[api\n")
    start(data, fault="gateway.toml: ...")
    done = run(data, "rollback", "--last-good")
    assert done.exit_code == 0, done.output
    assert (data / "gateway.toml").read_text() == good
    assert (data / "gateway.toml.before").read_text() == "[api\n"


def test_where_nothing_was_kept_there_is_nothing_to_go_back_to(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["gateway", "config", "rollback", "--data", str(data)]) == os.EX_NOINPUT
    assert "none was kept" in capsys.readouterr().err


def test_the_port_of_the_running_gateway_itself_is_not_taken(data: Path) -> None:
    from edge.app.checking import check

    with socket.create_server(("127.0.0.1", 0)) as own:
        port = own.getsockname()[1]
        (data / "gateway.toml").write_text(text(port))
        start(data)
        assert check(text(port).encode(), data, runs=True)[1] == []
        assert [fault.key for fault in check(text(port).encode(), data, runs=False)[1]] == [
            "api.port"
        ]
    assert Settings().api == Api()
