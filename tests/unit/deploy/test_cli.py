"""The command line's door: what a person sees when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pytest
import typer

from deploy import cli
from shared.errors import QuartermasterError


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    """A part of the command line with one command of the test's own."""
    app = typer.Typer()
    module = ModuleType("deploy.rehearsal")
    module.__dict__["app"] = app
    monkeypatch.setitem(sys.modules, "deploy.rehearsal", module)
    monkeypatch.setattr(cli, "_is_there", lambda _: True)
    monkeypatch.setattr(
        cli, "_PARTS", {"rehearse": cli.Part("deploy.rehearsal", "app", "For tests.", "edge")}
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return app


def test_a_refusal_is_two_lines_and_its_familys_exit_code(
    part: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @part.command()
    def fail() -> None:
        raise QuartermasterError("database.unreachable", "timed out", where="QM_DATABASE_URL")

    assert cli.run(["rehearse", "fail"]) == os.EX_UNAVAILABLE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "database.unreachable: The database cannot be reached. (QM_DATABASE_URL: timed out)",
        "Check that PostgreSQL runs and QM_DATABASE_URL is right.",
    ]


def test_with_json_a_refusal_is_one_object(
    part: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @part.command()
    def fail(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        assert as_json
        raise QuartermasterError("gs1.check-digit", where="line 3")

    assert cli.run(["rehearse", "fail", "--json"]) == os.EX_DATAERR
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"]["code"] == "gs1.check-digit"
    assert answer["error"]["where"] == "line 3"


def test_a_bug_shows_no_trace_but_keeps_one_for_support(
    part: typer.Typer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @part.command()
    def fail() -> None:
        raise ZeroDivisionError("by zero")

    assert cli.run(["rehearse", "fail"]) == os.EX_SOFTWARE
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert shown.err.startswith("internal.unexpected: ")
    (trace,) = (tmp_path / "quartermaster" / "traces").iterdir()
    assert str(trace) in shown.err
    assert "Traceback" in trace.read_text("utf-8")


def test_a_missing_extra_is_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "_is_there", lambda _: True)

    def broken(_: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'aiomqtt'", name="aiomqtt")

    monkeypatch.setattr(cli, "import_module", broken)
    assert cli.run(["gateway"]) == os.EX_UNAVAILABLE
    shown = capsys.readouterr().err
    assert shown.startswith("program.extra: This part of Quartermaster is not installed")
    assert "edge: the library aiomqtt is missing" in shown


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["nonsense"]) == 2
    assert "No such command 'nonsense'" in capsys.readouterr().err


def test_every_error_family_has_an_exit_code_of_its_own_kind() -> None:
    from shared.errors import CATALOGUE

    families = {code.partition(".")[0] for code in CATALOGUE} - {"internal"}
    assert {
        family
        for family in families
        if cli.exit_code(
            QuartermasterError(next(c for c in CATALOGUE if c.startswith(family + ".")))
        )
        == os.EX_SOFTWARE
    } == set()


def test_help_imports_no_part() -> None:
    program = (
        "import sys; from deploy.cli import run; run(['--help']); "
        "heavy = {'cv2', 'fastapi', 'psycopg', 'edge.cli', 'cloud.cli'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert cli.run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": version("quartermaster")}
