"""What an operator lists at a terminal: in words and tables, cut to size, and as JSON."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.cli.decisions import moment
from shared.errors import QuartermasterError
from tests.unit.edge.cli.conftest import DECISION, EXCEPTION

LISTINGS = ("queue", "devices list", "tasks", "exceptions", "decisions")


def call(data: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--data", str(data)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def as_json(data: Path, *arguments: str) -> Any:
    return json.loads(call(data, *arguments, "--json"))


def refused(data: Path, *arguments: str) -> str:
    with pytest.raises(QuartermasterError) as error:
        call(data, *arguments)
    return error.value.code


def test_tasks_are_listed_by_their_urgency_with_how_far_they_are(site: Path) -> None:
    told = as_json(site, "tasks")
    assert [task["code"] for task in told["tasks"]] == ["SO-1", "ASN-1", "CC-1"]
    assert (told["tasks"][0]["done"], told["tasks"][0]["expected"]) == (0, 18)
    assert told["more"] is False
    assert [task["code"] for task in as_json(site, "tasks", "--kind", "count")["tasks"]] == ["CC-1"]
    shown = call(site, "tasks")
    assert "0/18" in shown
    assert "3 hours ago!" in shown, "it is overdue"
    assert call(site, "tasks", "--status", "done") == "No task is done.\n"


def test_a_list_that_was_cut_says_so(site: Path) -> None:
    assert as_json(site, "tasks", "--limit", "2")["more"] is True
    assert "Only 2 tasks are shown; --limit shows more." in call(site, "tasks", "--limit", "2")
    assert "--limit" not in call(site, "tasks")


def test_one_task_is_shown_line_by_line_and_an_unknown_one_is_refused(site: Path) -> None:
    told = as_json(site, "tasks", "SO-1")
    assert [(line["sku"], line["left"]) for line in told["lines"]] == [("TEA-1", 12), ("OAT-1", 6)]
    assert "the plan in force" in call(site, "tasks", "SO-1")
    assert "blind" in call(site, "tasks", "CC-1")
    assert refused(site, "tasks", "NONE-1") == "request.not-found"


def test_exceptions_are_shown_so_that_no_terminal_obeys_them(site: Path) -> None:
    shown = call(site, "exceptions")
    assert "2 hours ago" in shown
    assert r"]C1019999\x1b[31m" in shown
    assert "\x1b" not in shown
    told = as_json(site, "exceptions", EXCEPTION)
    assert (told["location"], told["resolution"]) == ("DOCK-1", None)
    assert "/console/exceptions" in call(site, "exceptions", EXCEPTION)
    assert call(site, "exceptions", "--status", "resolved") == "None has been closed yet.\n"
    assert refused(site, "exceptions", "ex-none") == "request.not-found"


def test_decisions_say_what_was_decided_why_and_who_decided_otherwise(site: Path) -> None:
    told = as_json(site, "decisions")["decisions"]
    assert [each["id"][-2:] for each in told] == ["00", "01", "02"]
    assert told[2]["override"]["outcome"] == "wait"
    assert len(as_json(site, "decisions", "--since", "90m")["decisions"]) == 2
    assert "overruled" in call(site, "decisions")
    one = call(site, "decisions", f"{DECISION}00")
    assert "The pick face A-01 holds 20 of at least 24 units." in one
    assert "transfer from STAGE-2" in one
    assert "140 minutes into a cut" in one
    assert call(site, "decisions", "00000002").splitlines()[0] == "Replenish: TEA-1 at A-01"
    assert "ada decided otherwise" in call(site, "decisions", "00000002")
    assert call(site, "decisions", "--since", "1m", "--kind", "allocate").startswith("Nothing was")
    assert refused(site, "decisions", "f00d") == "request.not-found"
    assert refused(site, "decisions", "--kind", "nonsense") == "request.invalid"
    assert refused(site, "decisions", "--since", "yesterday") == "request.invalid"


def test_since_takes_an_age_or_a_moment() -> None:
    assert moment("", 10) == 0
    assert moment("2h", 7_200_000_001) == 1
    assert moment("3d", 5) == 0, "never before the clock began"
    assert moment("1970-01-01T00:00:01", 0) == moment("1970-01-01T01:00:01+01:00", 0) == 1_000_000


def test_devices_say_who_is_signed_in_and_when_they_were_last_heard_of(site: Path) -> None:
    told = {device["name"]: device for device in as_json(site, "devices", "list")}
    assert list(told) == ["sc-01", "sc-02", "ph-old"], "those in force first"
    assert told["sc-01"]["person"] == "Ada Lovelace"
    assert told["sc-01"]["last_event"] > 0
    assert told["sc-02"]["last_event"] is None
    shown = call(site, "devices", "list")
    assert "Ada Lovelace (operator), 1 hour ago" in shown
    assert "revoked 2 days ago" in shown


def test_the_queue_says_how_old_it_is(site: Path) -> None:
    told = as_json(site, "queue")
    assert told["waiting"] == 1
    assert told["oldest_at"] > 0
    assert "No segment is on its way" in call(site, "queue")


def test_a_look_leaves_no_trace(site: Path) -> None:
    before = sorted(path.name for path in site.iterdir())
    for listing in LISTINGS:
        call(site, *listing.split())
    assert sorted(path.name for path in site.iterdir()) == before


def test_a_folder_without_a_gateway_is_named(tmp_path: Path) -> None:
    for listing in LISTINGS:
        assert refused(tmp_path, *listing.split()) == "file.unreadable"
    with pytest.raises(QuartermasterError) as error:
        call(tmp_path / "none", "tasks")
    assert "--data or QM_GATEWAY_DATA" in error.value.detail


def test_in_a_terminal_of_80_columns_nothing_runs_over_the_edge(site: Path) -> None:
    listings = [*LISTINGS, "tasks SO-1", f"exceptions {EXCEPTION}", f"decisions {DECISION}00"]
    program = "; ".join(
        f"get_command(app).main({[*each.split(), '--data', str(site)]!r}, standalone_mode=False)"
        for each in listings
    )
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    code = f"from typer.main import get_command; from edge.cli import app; {program}"
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, env=variables | {"TERM": "dumb"}
    ) as process:
        os.close(theirs)
        shown = _all_of(ours)
    assert process.returncode == 0
    assert "SO-1" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def _all_of(terminal: int) -> str:
    parts: list[bytes] = []
    try:
        while part := os.read(terminal, 1 << 16):
            parts.append(part)
    except OSError:  # the other side is closed
        pass
    os.close(terminal)
    return b"".join(parts).decode()
