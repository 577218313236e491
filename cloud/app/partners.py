"""The worker's part in X12: files of partners' folders into the inbox, answers into the folders.

A file is put away after its delivery is committed, and an answer is noted as written after it lies
there: whoever dies in between does it once more, which changes nothing.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from psycopg_pool import ConnectionPool

from cloud import feeds
from cloud.db import Connection, unit_of_work
from cloud.feeds import Arrival, content_key, x12
from cloud.feeds.x12 import Folder, Partner
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.units import HOUR, MINUTE, Micros

_log = structlog.stdlib.get_logger(__name__)


class Partners:
    """Looks into the folders and after what is unanswered; :meth:`tick` each second."""

    def __init__(
        self, pool: ConnectionPool[Connection], folder: Folder | None, clock: Clock
    ) -> None:
        self._pool = pool
        self._folder = folder
        self._clock = clock
        self._looked_at = 0
        self._forgot_at = 0
        self._left: set[Path] = set()

    def tick(self) -> int:
        """Take files in and lay files out; returns how many were moved.

        Raises:
            QuartermasterError: ``database.unreachable``; ``file.unreadable`` for a folder.
        """
        now = self._clock.now()
        moved = 0
        if self._folder is not None:
            moved = self._take_in(self._folder, now) + self._lay_out(self._folder, now)
        if now - self._looked_at >= MINUTE:
            with unit_of_work(self._pool) as connection:
                x12.overdue(connection, now=now)
            self._looked_at = now
        if now - self._forgot_at >= HOUR:
            with unit_of_work(self._pool) as connection:
                x12.forget(connection, now=now)
            self._forgot_at = now
        return moved

    def _take_in(self, folder: Folder, now: Micros) -> int:
        with unit_of_work(self._pool) as connection:
            profiles = [known.profile for known in x12.partners(connection)]
        moved = 0
        for profile in profiles:
            folder.prepare(profile.code)
            for path in folder.arrived(profile.code, now=now):
                moved += self._take(folder, profile, path, now)
        return moved

    def _take(self, folder: Folder, profile: Partner, path: Path, now: Micros) -> bool:
        """One file; what cannot be taken in now stays where it is and is said once."""
        try:
            content = folder.content(path)
            with unit_of_work(self._pool) as connection:
                feed = feeds.feed(connection, profile.code)
                arrival = Arrival(content, content_key(content), path.name[:80], "file")
                receipt = feeds.accept(connection, feed, arrival, now=now)
                if not receipt.fresh:
                    x12.answer_again(connection, profile.code, content, now=now)
        except QuartermasterError as error:
            if error.code == "database.unreachable":
                raise
            if error.code == "payload.too-large":
                folder.refused(path, "too-large", str(error))
                return True
            if path not in self._left:
                _log.error("x12.left", partner=profile.code, file=path.name, code=error.code)
                self._left.add(path)
            return False
        why = x12.unusable(profile, content)
        mark = str(receipt.delivery_id)
        target = folder.refused(path, mark, "\n".join(why)) if why else folder.done(path, mark)
        self._left.discard(path)
        _log.info(
            "x12.taken", partner=profile.code, file=target.name, fresh=receipt.fresh, usable=not why
        )
        return True

    def _lay_out(self, folder: Folder, now: Micros) -> int:
        with unit_of_work(self._pool) as connection:
            waiting = x12.unwritten(connection)
        for outgoing in waiting:
            folder.prepare(outgoing.partner)
            folder.lay(outgoing.partner, f"{outgoing.control:09d}.x12", outgoing.content)
            with unit_of_work(self._pool) as connection:
                x12.written(connection, outgoing.sent_id, now=now)
        return len(waiting)
