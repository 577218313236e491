"""The gateway's last lines: bounded, without secrets, there after a restart, never in the way."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from edge.app.journal import FILE_BYTES, FILES, KEPT, Journal

AT = "2026-11-21T03:12:00.000000Z"


def say(journal: Journal, event: str = "link.down", level: str = "warning", **more: Any) -> None:
    journal(None, level, {"timestamp": AT, "level": level, "event": event, **more})


def test_what_is_said_is_kept_and_goes_on_to_where_it_is_shown() -> None:
    journal = Journal()
    said = {"timestamp": AT, "level": "error", "event": "link.down", "code": "x", "tries": 3}
    assert journal(None, "error", dict(said)) == said
    (line,) = journal.lines()
    assert (line.level, line.event, line.fields) == (
        "error",
        "link.down",
        {"code": "x", "tries": "3"},
    )
    assert line.at == 1_795_230_720_000_000


def test_lines_outlive_a_restart_and_a_torn_one_costs_itself(tmp_path: Path) -> None:
    first = Journal(tmp_path / "logs")
    say(first, "one")
    say(first, "two", exception="Traceback: …")
    first.close()
    with (tmp_path / "logs/gateway.log").open("ab") as file:
        file.write(b'{"timestamp":"2026-1')
    again = Journal(tmp_path / "logs")
    say(again, "three")
    assert [line.event for line in again.lines()] == ["three", "two", "one"]
    assert again.lines()[1].trace == "Traceback: …"
    again.close()
    mode = stat.S_IMODE((tmp_path / "logs/gateway.log").stat().st_mode)
    assert mode == 0o600


def test_neither_memory_nor_disk_is_filled(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "logs")
    for number in range(KEPT + 500):
        say(journal, f"line-{number}", detail="x" * 6000)
    journal.close()
    assert len(journal.lines()) == KEPT
    assert len(journal.lines()[0].fields["detail"]) == 4000
    files = list((tmp_path / "logs").iterdir())
    assert len(files) <= FILES
    assert sum(file.stat().st_size for file in files) <= FILES * FILE_BYTES


@pytest.mark.parametrize(
    "secret",
    [
        "qmd_abcdefghijklmnopqrstuvwxyz",
        "Bearer abcdefghijklmnop",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        "rtsp://ann:s@cret@10.0.0.9/x",
        "7KQ2-9XW4M-PT3VA",
        "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----",
    ],
)
def test_a_secret_is_not_kept_whoever_says_it(tmp_path: Path, secret: str) -> None:
    journal = Journal(tmp_path / "logs")
    say(journal, detail=f"it said {secret} again", exception=f"E: {secret}")
    say(journal, token="plain-word", secret="plain-word", new_badge="plain-word")  # noqa: S106
    logging.getLogger("tests.journal").addHandler(handler := journal.handler())
    logging.getLogger("tests.journal").warning("with %s", secret)
    logging.getLogger("tests.journal").removeHandler(handler)
    journal.close()
    for text in (str(journal.lines()), (tmp_path / "logs/gateway.log").read_text()):
        assert secret not in text
        assert "plain-word" not in text
        assert text.count("(not shown)") >= 6


def test_a_folder_that_cannot_be_written_costs_the_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    journal = Journal(tmp_path / "logs")
    say(journal)
    assert len(journal.lines()) == 1


def test_a_full_disk_costs_lines_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/gateway.log").symlink_to("/dev/full")
    journal = Journal(tmp_path / "logs")
    for _ in range(3):
        say(journal, "lost")
    assert [line.event for line in journal.lines()] == ["lost"] * 3
    journal.close()
    say(journal, "at the end")
    assert journal.lines()[0].event == "at the end"


def test_what_the_standard_library_says_is_heard() -> None:
    journal = Journal()
    logger = logging.getLogger("tests.journal")
    logger.addHandler(handler := journal.handler())
    try:
        logger.error("it %s", "broke")
    finally:
        logger.removeHandler(handler)
    (line,) = journal.lines()
    assert (line.level, line.event, line.fields["detail"]) == ("error", "tests.journal", "it broke")
