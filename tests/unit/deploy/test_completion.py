"""A shell completes commands, options and names, through parts that are imported only then."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy import cli
from edge import cli as gateway

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).with_name("quartermaster")
_ASK = r"""
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_quartermaster_completion quartermaster
printf '%s\n' "${COMPREPLY[@]}"
"""


def asked(variables: Mapping[str, str]) -> str:
    """What the program answers to a shell that asks with these variables."""
    done = subprocess.run(
        [str(PROGRAM)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == "", "nothing is printed into a half-typed line"
    return done.stdout


def in_bash(*words: str) -> list[str]:
    """What bash completes, by the script that it was given."""
    variables = {"_QUARTERMASTER_COMPLETE": "source_bash"}
    script = asked(variables) + _ASK
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", "quartermaster", *words],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two devices, one of them revoked."""
    from edge.app import open_database
    from edge.settings import Settings
    from edge.web import devices

    database = open_database(tmp_path, Settings())
    for name in ("sc-01", "sc-02", "ph-01"):
        database.run_blocking(lambda connection, name=name: devices.add(connection, name, now=1))
    database.run_blocking(lambda connection: devices.revoke(connection, "sc-01", now=2))
    database.close()
    return tmp_path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_parts_commands_options_values_and_names(data: Path) -> None:
    assert in_bash("ga") == ["gateway"]
    assert in_bash("gateway", "de") == ["devices", "decisions"]
    assert {"--data", "--json", "--watch"} <= set(in_bash("gateway", "status", "--"))
    assert in_bash("gateway", "tasks", "--status", "s") == ["started", "short"]
    assert in_bash("gateway", "devices", "revoke", "--data", str(data), "sc") == ["sc-02", "sc-01"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_in_their_own_words(shell: str, data: Path) -> None:
    variables = {
        "_QUARTERMASTER_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "quartermaster gateway devices revoke ph",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "QM_GATEWAY_DATA": str(data),
    }
    assert "ph-01" in asked(variables)
    assert "quartermaster" in asked({"_QUARTERMASTER_COMPLETE": f"source_{shell}"})


def test_a_folder_that_cannot_be_read_completes_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"no database")
    for data in (tmp_path, tmp_path / "none"):
        variables = {
            "_QUARTERMASTER_COMPLETE": "complete_bash",
            "COMP_WORDS": "quartermaster gateway tasks ",
            "COMP_CWORD": "3",
            "QM_GATEWAY_DATA": str(data),
        }
        assert asked(variables).strip() == ""


def test_completing_loads_neither_the_gateway_nor_its_doors() -> None:
    program = (
        "import sys; from deploy.cli import run\n"
        "try: run([])\n"
        "finally: print(sorted({'edge.app', 'edge.web', 'cv2', 'cloud'} & set(sys.modules)),"
        " file=sys.stderr)"
    )
    for words, number in (("quartermaster gateway ", 2), ("quartermaster gateway tasks --", 3)):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "_QUARTERMASTER_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(number),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr.strip() == "[]"
        assert done.stdout


def test_a_part_that_is_not_installed_completes_nothing_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: str) -> None:
        raise ModuleNotFoundError("No module named 'aiomqtt'", name="aiomqtt")

    monkeypatch.setattr(cli, "import_module", broken)
    monkeypatch.setenv("_QUARTERMASTER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "quartermaster gateway ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli.run([]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", list(gateway.COMMANDS))
def test_every_command_is_there_says_what_it_does_and_shows_an_example(name: str) -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(gateway.app, [name, "--help"], terminal_width=80)
    assert shown.exit_code == 0, shown.output
    assert max(len(line) for line in shown.output.splitlines()) <= 80
    if not gateway.COMMANDS[name].group:
        assert "Example: quartermaster gateway" in " ".join(shown.output.split())


def test_the_exit_codes_are_those_that_are_written_down() -> None:
    readme = (ROOT / "edge" / "cli" / "README.md").read_text("utf-8")
    written = {int(number) for number in re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)}
    assert written == {0, 1, 2, os.EX_SOFTWARE, *cli.EXIT_CODES.values()}
