"""A killed run is told from a live one by its lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.locks import abandoned, held

HOLDER = """
import sys
from pathlib import Path
from deploy.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_that_is_held_is_not_abandoned(tmp_path: Path) -> None:
    with held(tmp_path / "mine"), holder(tmp_path / "theirs") as other:
        assert list(abandoned(tmp_path)) == []
        other.communicate()


def test_the_lock_of_a_killed_process_is_abandoned_once(tmp_path: Path) -> None:
    with holder(tmp_path / "theirs") as other:
        other.kill()
        other.communicate()
    assert [path.name for path in abandoned(tmp_path)] == ["theirs"]
    assert list(abandoned(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_whoever_waited_for_a_lock_that_was_removed_gets_a_fresh_one(tmp_path: Path) -> None:
    (tmp_path / "left").touch()
    for path in abandoned(tmp_path):
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    with waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "held\n"
        assert list(abandoned(tmp_path)) == []
        waiting.communicate()


def test_nothing_is_abandoned_where_nothing_was(tmp_path: Path) -> None:
    assert list(abandoned(tmp_path / "nowhere")) == []
