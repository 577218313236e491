"""The systemd units start commands that exist, and nothing runs as root."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = sorted(Path("deploy/systemd").glob("*.service"))


def service(path: Path) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read(path, "utf-8")
    return parser["Service"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_as_its_own_user_and_can_gain_nothing(path: Path) -> None:
    section = service(path)
    assert section["User"] == "quartermaster"
    assert section["NoNewPrivileges"] == "yes"
    assert section["ProtectSystem"] == "strict"
    assert section["CapabilityBoundingSet"] == ""


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists(path: Path) -> None:
    section = service(path)
    lines = [section[name] for name in ("ExecStartPre", "ExecStart") if name in section]
    for words in (line.split() for line in lines):
        if not words[0].endswith("/quartermaster"):
            continue
        command = [word for word in words[1:] if word.isalpha()][:2]
        options = [word for word in words if word.startswith("--")]
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", *command, "--help"],
            check=False,
            capture_output=True,
            text=True,
            env={"COLUMNS": "200", "NO_COLOR": "1"},
        )
        assert done.returncode == 0, done.stderr
        assert [option for option in options if f"{option} " not in done.stdout] == []
