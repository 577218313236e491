"""The gateway's composition root: ``run`` is the process, ``opened`` the store for commands."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog
import uvloop

from edge.app import journal as journals
from edge.app import recovery, swapping
from edge.app.gateway import Gateway, state_of
from edge.app.journal import Journal
from edge.app.safe_mode import Choice, chosen, instead
from edge.app.scrubbing import report_suspicion, scrub_once
from edge.app.store import Store, open_database, opened
from edge.ports import SystemClock, SystemIds
from shared.errors import QuartermasterError

__all__ = [
    "Choice",
    "Gateway",
    "Journal",
    "Store",
    "chosen",
    "journal_of",
    "open_database",
    "opened",
    "report_suspicion",
    "run",
    "scrub_once",
    "state_of",
]

_log: Final[Any] = structlog.get_logger("edge.app")
_MOST_RECOVERIES: Final = 3
"""In one life of the process; a disk that damages more than that needs a person."""
_WAIT_FOR_ROOM_S: Final = 5.0


def journal_of(data: Path) -> Journal:
    """The journal of a data folder, ``<data>/logs/``; in memory alone while there is no folder."""
    return Journal(data / journals.FOLDER if data.is_dir() else None)


def run(
    data: Path,
    *,
    journal: Journal | None = None,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Run the gateway in this data folder until SIGTERM or SIGINT.

    A database that turns out to be damaged is set aside and the gateway goes on with a new one; a
    disk without room even to open it is waited for; settings that cannot be used are replaced until
    they can (:mod:`edge.app.safe_mode`).

    Args:
        data: the data folder (``gateway.toml``, ``identity/``, ``gateway.db``).
        journal: its own last lines, for the console; fed by whoever sets up logging.
        ready: called with the local API's address when scans are taken.

    Raises:
        QuartermasterError: ``gateway.not-enrolled``, ``file.unreadable``, ``store.failed``,
            ``store.damaged`` when that happens again and again, or ``settings.invalid`` where no
            door at all can be opened.
    """
    recoveries = 0
    choice: Choice | None = None
    journal = journal or Journal()
    told = threading.Event()
    while not told.is_set():
        try:
            swapping.finish(data)
            recovery.finish(data)
            choice = choice or chosen(data)
            _serve_once(data, choice, journal, ready, told)
            choice = None
        except QuartermasterError as error:
            if error.code == "settings.invalid" and choice is not None:
                choice = instead(data, choice, error)
                if choice is None:
                    raise
            elif error.code == "disk.full":
                _log.error("gateway.waits-for-room", detail=error.detail)
                told.wait(_WAIT_FOR_ROOM_S)
            elif error.code == "store.damaged" and recoveries < _MOST_RECOVERIES:
                recoveries += 1
                _log.error("store.damaged", detail=error.detail, where=error.where)
                why = "; ".join(part for part in (error.where, error.detail) if part)
                _recover(data, why, told)
            else:
                raise


def _recover(data: Path, why: str, told: threading.Event) -> None:
    try:
        with swapping.in_use(data):
            recovery.recover(data, why, clock=SystemClock(), ids=SystemIds())
    except QuartermasterError as error:
        if error.code != "disk.full":
            raise
        _log.error("store.waits-for-room", detail=error.detail)
        told.wait(_WAIT_FOR_ROOM_S)


def _serve_once(
    data: Path,
    choice: Choice,
    journal: Journal,
    ready: Callable[[str], None],
    told: threading.Event,
) -> None:
    """Serve until told to end, or until better settings are there.

    A damage found meanwhile is raised when all have stopped.
    """
    recovery.refuse_suspect(data)
    with (
        opened(data, choice) as store,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        gateway = runner.run(_serve(store, journal, ready, told))
    if gateway.damage is not None:
        raise gateway.damage
    if not gateway.again:
        told.set()


async def _serve(
    store: Store, journal: Journal, ready: Callable[[str], None], told: threading.Event
) -> Gateway:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        told.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, end)
    gateway = Gateway(store, journal)
    address = f"https://localhost:{store.settings.api.port}"
    await gateway.run(stop, lambda: ready(address))
    return gateway
