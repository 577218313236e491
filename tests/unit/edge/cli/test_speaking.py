"""``devices speak`` and ``devices profile``: how a device speaks beside HTTP."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from setuptools import find_namespace_packages
from typer.testing import CliRunner

from edge.cli import app
from edge.link.identity import Identity
from shared.errors import QuartermasterError
from tests.support.datawedge import DataWedge
from tests.support.gateway import enrol, equip


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["devices", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path, pki: Path) -> str:
    assert isinstance(enrol(tmp_path, pki), Identity)
    equip(tmp_path)
    return str(tmp_path)


def test_a_device_says_where_its_lines_come_from_and_what_they_mean(folder: str) -> None:
    call("add", "ln-01", "--address", "10.0.0.7", "--step", "put_away", "--data", folder)
    told = json.loads(call("speak", "ln-01", "--location", "A-01", "--data", folder, "--json"))
    assert told == {
        "device": "ln-01",
        "address": "10.0.0.7",
        "step": "put_away",
        "location": "A-01",
        "to": None,
    }
    said = call("speak", "ln-01", "--address", "", "--data", folder)
    assert said.strip() == "ln-01: its lines bring its token; a bare line is put_away, at A-01."


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("ln-02", "--address", "10.0.0.7"), "request.conflict"),
        (("ln-02", "--address", "::ffff:10.0.0.7"), "request.conflict"),
        (("ln-02", "--address", "10.0.0.777"), "request.invalid"),
        (("ln-02", "--location", "Z-99"), "scan.unknown-location"),
        (("ln-99", "--address", "10.0.0.8"), "request.not-found"),
    ],
)
def test_what_cannot_be_is_refused(folder: str, arguments: tuple[str, ...], code: str) -> None:
    call("add", "ln-01", "--address", "10.0.0.7", "--data", folder)
    call("add", "ln-02", "--data", folder)
    with pytest.raises(QuartermasterError) as refused:
        call("speak", *arguments, "--data", folder)
    assert refused.value.code == code


def test_a_revoked_devices_address_may_be_given_to_another(folder: str) -> None:
    call("add", "ln-01", "--address", "10.0.0.7", "--data", folder)
    call("revoke", "ln-01", "--data", folder)
    assert "10.0.0.7" in call("add", "ln-02", "--address", "10.0.0.7", "--data", folder) + call(
        "speak", "ln-02", "--data", folder
    )


def test_a_profile_is_shown_in_steps_and_as_a_bundle_wherever_it_is_asked_for(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    steps = call("profile", "sc-01", "--data", folder)
    assert "Send ENTER key on" in steps
    assert "Import" not in steps
    (Path(folder) / "gateway.toml").write_text("[tcp]\nport = 4711\n")
    ip = ("profile", "sc-01", "--kind", "ip", "--data", folder)
    bundle = json.loads(call(*ip, "--address", "10.0.0.1", "--json"))
    plugins = {each["PLUGIN_NAME"]: each["PARAM_LIST"] for each in bundle["PLUGIN_CONFIG"]}
    assert plugins["IP"]["ip_output_port"] == "4711"
    assert "speak sc-01 --address" in call(*ip, "--address", "10.0.0.1")
    with pytest.raises(QuartermasterError) as refused:
        call(*ip)
    assert refused.value.where == "--address"


def test_a_profile_for_a_door_that_is_closed_is_refused(folder: str) -> None:
    with pytest.raises(QuartermasterError) as refused:
        call("profile", "sc-01", "--kind", "ip", "--data", folder)
    assert refused.value.code == "settings.invalid"


def test_a_bundle_is_written_for_who_sends_it_and_never_over_another_file(
    folder: str, tmp_path: Path
) -> None:
    file = tmp_path / "sc-01.json"
    told = call("profile", "sc-01", "--output", str(file), "--data", folder)
    assert "Send ENTER key on" in told
    assert str(file) in told.replace("\n", "")
    DataWedge().set_config(json.loads(file.read_text("utf-8")))
    with pytest.raises(QuartermasterError) as refused:
        call("profile", "sc-01", "--output", str(file), "--data", folder)
    assert refused.value.code == "request.conflict"
    with pytest.raises(QuartermasterError) as refused:
        call("profile", "sc-01", "--output", str(tmp_path / "no" / "x"), "--data", folder)
    assert refused.value.code == "file.unreadable"


def test_the_wheel_brings_the_data_and_not_the_tests_tools() -> None:
    root = Path(__file__).parents[4]
    pyproject = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    found = find_namespace_packages(root.as_posix(), **find_options(pyproject))
    assert {f"firmware_config.{each}" for each in ("profiles", "policies", "people")} < set(found)
    assert not [each for each in found if "__pycache__" in each or "node_modules" in each]


def find_options(pyproject: dict[str, Any]) -> dict[str, list[str]]:
    find = pyproject["tool"]["setuptools"]["packages"]["find"]
    return {"include": find["include"], "exclude": find["exclude"]}
