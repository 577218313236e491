"""A process that is asked answers, refuses in the house's words, or has failed; never more."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from edge.app import apart
from edge.app.apart import asked_apart
from shared.errors import QuartermasterError


def refusal(*command: str) -> QuartermasterError:
    with pytest.raises(QuartermasterError) as refused:
        asked_apart(command, b"")
    return refused.value


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What is run is no module but the text itself."""
    run: Any = apart.subprocess.run

    def instead(command: list[str], **options: Any) -> Any:
        return run([sys.executable, "-S", "-c", *command[2:]], **options)

    monkeypatch.setattr(apart.subprocess, "run", instead)
    return monkeypatch


def test_a_module_that_is_not_there_has_failed() -> None:
    error = refusal("edge.nothing_of_the_kind")
    assert (error.code, error.where) == ("program.failed", "edge.nothing_of_the_kind")
    assert "No module named" in error.detail


@pytest.mark.usefixtures("says")
def test_a_refusal_is_the_last_line_whatever_a_library_said_before() -> None:
    told = r'Corrupt data\n{"code":"file.unreadable","detail":"cut short","where":"photo"}'
    error = refusal(f"import sys; sys.stderr.write('''{told}'''); sys.exit(65)")
    assert (error.code, error.detail, error.where) == ("file.unreadable", "cut short", "photo")
    assert refusal("import sys; sys.exit(65)").code == "program.failed"
    assert refusal("import sys; sys.stderr.write('{}'); sys.exit(65)").code == "program.failed"


def test_one_that_takes_too_long_is_ended(says: pytest.MonkeyPatch) -> None:
    says.setattr(apart, "_PATIENCE_S", 0.2)
    began = time.monotonic()
    assert refusal("import time; time.sleep(60)").detail == "it took too long"
    assert time.monotonic() - began < 30
