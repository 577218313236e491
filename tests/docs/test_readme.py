"""The documents keep their word: commands exist, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not {".venv", ".run", "node_modules"} & set(path.relative_to(ROOT).parts)
    and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _commands() -> list[list[str]]:
    """Every command line in the README's shell blocks."""
    lines = [line for block in _BLOCK.findall(README.read_text()) for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )


def test_the_readme_names_the_two_commands() -> None:
    assert _commands()[:2] == [["make", "demo"], ["make", "test"]]


def test_every_make_target_of_the_readme_exists() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"make ([a-z]+)", README.read_text())

    assert set(named) <= set(targets)


@pytest.mark.parametrize(
    "command",
    [command for command in _commands() if command[0] == "quartermaster"],
    ids=" ".join,
)
def test_every_command_of_the_readme_is_there_with_its_options(command: list[str]) -> None:
    words = [word for word in command[1:] if re.fullmatch(r"[a-z]+", word)]
    group = 2 if words[0] in {"gateway", "cloud", "pki", "broker"} else 1
    help_text = _run(*words[:group], "--help")

    assert help_text.returncode == 0, help_text.stderr
    for option in (word for word in command if word.startswith("--")):
        assert option in help_text.stdout


def test_the_command_says_its_version_and_answers_as_json() -> None:
    answer = _run("version", "--json")

    assert json.loads(answer.stdout)["version"]


def test_a_wrong_file_is_refused_in_two_lines_without_a_trace(tmp_path: Path) -> None:
    prose = tmp_path / "prose.csv"
    prose.write_text("this is no table\n")

    refused = _run("simulate", "--demand", str(prose))

    assert refused.returncode != 0
    assert refused.stderr.startswith("demand.file: ")
    assert len(refused.stderr.strip().splitlines()) == 2
    assert "Traceback" not in refused.stderr + refused.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in _LINK.findall(document.read_text("utf-8")):
        if not target.startswith(("http:", "https:", "mailto:", "#")):
            path = document.parent / target.partition("#")[0]
            assert path.exists(), f"{document.name}: {target}"
