"""The daily scrub: everything is read once, so that damage is found before it is needed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, Final

import structlog

from edge.app.store import open_database
from edge.db import Database
from edge.outbox.scrub import Scrubbed, scrub
from edge.settings import Settings
from shared.errors import QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.scrub")
SUSPECT: Final = "gateway.db.suspect"
"""Left by whoever found damage; the gateway sets the database aside when it sees it."""
_FIRST_S: Final = 300.0
_EVERY_S: Final = 86_400.0
_LOOK_S: Final = 1.0
_PAUSE_S: Final = 0.02


class Scrubbing:
    """Scrubs once a day, and looks each second whether somebody else found damage."""

    def __init__(self, data: Path, database: Database) -> None:
        self._suspect = data / SUSPECT
        self._database = database
        self._over = threading.Event()
        self.last: Scrubbed | None = None

    async def run(self) -> None:
        """Scrub until cancelled."""
        waits = _FIRST_S
        try:
            while True:
                for _ in range(int(waits / _LOOK_S)):
                    await asyncio.sleep(_LOOK_S)
                    self._look()
                await asyncio.to_thread(self._scrub)
                waits = _EVERY_S
        finally:
            self._over.set()

    def _look(self) -> None:
        if self._suspect.exists():
            self._database.damaged(QuartermasterError("store.damaged", "found by a scrub"))

    def _scrub(self) -> None:
        reader = self._database.another_reader()
        try:
            self.last = scrub(reader, self._pause)
        finally:
            reader.close()
        found = self.last
        _log.info("scrub.done", segments=found.segments, waiting=found.waiting)
        if found.damage:
            self._database.damaged(QuartermasterError("store.damaged", "; ".join(found.damage)))

    def _pause(self) -> None:
        self._over.wait(_PAUSE_S)


def scrub_once(data: Path, settings: Settings) -> Scrubbed:
    """Scrub the database of a data folder now, whether or not the gateway runs.

    Raises:
        QuartermasterError: ``file.unreadable`` without a data folder.
    """
    try:
        database = open_database(data, settings)
    except QuartermasterError as error:
        if error.code != "store.damaged":
            raise
        return Scrubbed(0, 0, [error.detail])
    try:
        return scrub(database.reader)
    finally:
        database.close()


def report_suspicion(data: Path) -> None:
    """Have the gateway set its database aside: at once where it runs, else when it starts."""
    (data / SUSPECT).touch()
