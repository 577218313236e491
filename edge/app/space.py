"""Looks after the room: says when it gets scarce, frees what the cloud has, keeps the ballast.

It decides nothing that loses: what the cloud does not have is never removed, whatever the level.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from edge.db import LOG_BYTES, Ballast, Connection, Database, Level, Measure, level_after
from edge.db.space import CALM, MARKS
from edge.outbox import retention
from shared.errors import Code, QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.space")
_LOOK_S: Final = 1.0
_FREED_AT_ONCE: Final = 100
_REALLY_FULL: Final = 1 << 20
_FOR_THE_LOG: Final = 2 * LOG_BYTES
"""Twice the size at which it is emptied: a unit of work may come on top."""
_CALM_BELOW_FULL: Final = 100 - MARKS[Level.FULL] + CALM
"""Percent of the room that have to be free before the disk is no longer called full."""
_SAID: Final[dict[Level, Code]] = {
    Level.LOW: "disk.low",
    Level.SCARCE: "disk.scarce",
    Level.FULL: "disk.full",
}


class Space:
    """How much room one gateway has.

    Args:
        data: the data folder.
        database: the store.
        ballast: its file; made by :meth:`begin`.
        quota: bytes that the store may hold.
    """

    def __init__(self, data: Path, database: Database, ballast: Ballast, quota: int) -> None:
        self._data = data
        self._database = database
        self._ballast = ballast
        self._quota = quota
        self._tends = False
        self.freed_early = 0
        """Segments removed before their time, all of them known to the cloud."""
        self.level = level_after(Level.PLENTY, self.measure())

    def begin(self) -> None:
        """Make the ballast, and give it back whenever the disk turns out to be full."""
        self._tends = True
        self._database.when_full(self._give_way)
        if not self._ballast.stands and self._fits():
            self._ballast.make()
        self.look()

    def _give_way(self) -> None:
        """In the writer's thread: a write found no room."""
        disk = os.statvfs(self._data)
        if disk.f_bavail * disk.f_frsize > _REALLY_FULL:  # it was the quota: the ballast stays
            return
        self._ballast.drop()
        self.level = Level.FULL

    def measure(self) -> Measure:
        """How things stand."""
        disk = os.statvfs(self._data)
        stands = self._ballast.stands
        spare = self._database.spare_bytes
        free = disk.f_bavail * disk.f_frsize + spare - (0 if stands else self._ballast.size)
        return Measure(
            self._database.held_bytes,
            self._quota,
            disk.f_blocks * disk.f_frsize,
            free,
            stands or not self._tends,
        )

    def look(self) -> bool:
        """Find the level anew; whether it changed."""
        before, measure = self.level, self.measure()
        self.level = level_after(before, measure)
        if self.level == before:
            return False
        tell = _log.warning if self.level > before else _log.info
        tell("disk.level", level=self.level.name.lower(), percent=round(measure.percent, 1))
        return True

    def notice(self) -> QuartermasterError | None:
        """What a person should know, if anything."""
        if self.level == Level.PLENTY:
            return None
        return QuartermasterError(_SAID[self.level], f"{self.measure().percent:.0f} % used")

    def report(self) -> dict[str, Any]:
        """For people and ``--json``."""
        measure = self.measure()
        return {
            "level": self.level.name.lower(),
            "used_percent": round(measure.percent, 1),
            "store_bytes": measure.held,
            "quota_bytes": measure.quota,
            "free_bytes": max(measure.free, 0),
            "ballast": self._ballast.stands,
            "freed_early": self.freed_early,
        }

    async def run(self, changed: Callable[[], None]) -> None:
        """Look and act until cancelled; ``changed`` is told of each new level."""
        while True:
            if self.look():
                changed()
            try:
                busy = await self._act()
            except QuartermasterError as error:  # not even room to free: the ballast gives some
                _log.error("disk.not-freed", code=error.code, detail=error.detail)
                busy = False
            await asyncio.sleep(0 if busy else _LOOK_S)

    async def _act(self) -> bool:
        """Free a little; whether there is more to free at once."""
        freed = 0
        if self.level >= Level.SCARCE:

            def free(connection: Connection) -> int:
                return retention.remove_early(connection, limit=_FREED_AT_ONCE)

            freed = await self._database.run(free)
            self.freed_early += freed
        if not self._ballast.stands:
            await self._restore_ballast()
        return freed > 0

    async def _restore_ballast(self) -> None:
        if self._fits() and await asyncio.to_thread(self._ballast.make):
            _log.info("disk.ballast-made")
        else:
            self._database.give_back(file=self._worth_writing_anew())

    def _fits(self) -> bool:
        """Whether the ballast would leave room to work: the file's free pages, and for the log."""
        measure = self.measure()
        for_the_log = min(_FOR_THE_LOG, measure.worth * _CALM_BELOW_FULL // 100)
        enough = measure.free - self._database.spare_bytes >= for_the_log
        return enough and measure.percent < 100 - _CALM_BELOW_FULL

    def _worth_writing_anew(self) -> bool:
        """Whether a smaller file would make room for the ballast, and can be written at all."""
        disk = os.statvfs(self._data)
        room = disk.f_bavail * disk.f_frsize
        return self._database.spare_bytes >= self._ballast.size and self._database.held_bytes < room
