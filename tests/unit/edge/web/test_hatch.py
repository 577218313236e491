"""The hatch tells the report to whoever may open its file, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import stat
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.web.hatch import HATCH, Asked, Hatch, ask, listen, reached
from shared.errors import QuartermasterError
from tests.support.gateway import wait_until


def nothing(_error: Exception) -> QuartermasterError | None:
    return None


@contextmanager
def open_hatch(
    data: Path,
    report: Callable[[], dict[str, Any]],
    noticed: Callable[[Exception], QuartermasterError | None] = nothing,
) -> Generator[None]:
    stopped = threading.Event()

    async def until_stopped() -> None:
        running = asyncio.create_task(Hatch(data, report, noticed).run())
        await asyncio.to_thread(stopped.wait)
        running.cancel()
        await asyncio.wait([running])

    thread = threading.Thread(target=lambda: asyncio.run(until_stopped()))
    thread.start()
    try:
        wait_until(lambda: ask(data).runs, "the hatch")
        yield
    finally:
        stopped.set()
        thread.join()


def test_whoever_may_open_it_is_told_the_report_and_since_when_it_runs(
    tmp_path: Path,
) -> None:
    with open_hatch(tmp_path, lambda: {"seq": 7}):
        asked = ask(tmp_path)
        assert stat.S_IMODE((tmp_path / HATCH).stat().st_mode) == 0o600
    assert (asked.runs, asked.report, asked.error) == (True, {"seq": 7}, None)
    assert asked.process is not None
    assert set(asked.process) == {"pid", "since", "seconds"}
    assert not (tmp_path / HATCH).exists()


def test_a_folder_however_deep_has_a_hatch(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-rather-long-name"] * 5)
    deep.mkdir(parents=True)
    with open_hatch(deep, dict):
        assert ask(deep).report == {}


def test_what_is_said_to_it_changes_nothing(tmp_path: Path) -> None:
    with open_hatch(tmp_path, lambda: {"seq": 7}):
        asking = socket.socket(socket.AF_UNIX)
        with asking, reached(tmp_path) as path:
            asking.connect(path)
            with contextlib.suppress(BrokenPipeError):  # it may have answered and gone already
                asking.sendall(b'{"revoke": "sc-01"}')
            assert b'"report":{"seq":7}' in asking.recv(1 << 16)
        assert ask(tmp_path).report == {"seq": 7}


def test_a_report_that_fails_is_told_in_words_and_damage_is_noticed(tmp_path: Path) -> None:
    def torn() -> dict[str, Any]:
        raise sqlite3.DatabaseError("torn")

    def noticed(error: Exception) -> QuartermasterError | None:
        return QuartermasterError("store.damaged", str(error))

    with open_hatch(tmp_path, torn, noticed):
        asked = ask(tmp_path)
        assert asked.error is not None
        assert asked.error["code"] == "store.damaged"
    with open_hatch(tmp_path, torn):
        asked = ask(tmp_path)
        assert asked.error is not None
        assert asked.error["code"] == "internal.unexpected"


def test_nobody_there_is_not_an_error_also_where_a_killed_process_left_its_file(
    tmp_path: Path,
) -> None:
    assert ask(tmp_path) == Asked(runs=False)
    listen(tmp_path).close()
    assert (tmp_path / HATCH).exists()
    assert ask(tmp_path) == Asked(runs=False)
    again = listen(tmp_path)
    again.close()


def test_a_process_that_does_not_answer_is_there_all_the_same(tmp_path: Path) -> None:
    listening: socket.socket = listen(tmp_path)
    try:
        assert ask(tmp_path, seconds=0.05) == Asked(runs=True)
    finally:
        listening.close()
