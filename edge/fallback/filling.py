"""Fill one pick face: decide, and make the task that does it, in one unit of work."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.fallback import book, gathering, sights
from edge.fallback.deciding import About, Deciding, Moment, Taken
from shared.plan import Task, TaskLine
from shared.units import DAY


class Filling(NamedTuple):
    """The unit of work."""

    deciding: Deciding
    face: tasks.Face
    moment: Moment

    def is_due(self, connection: Connection) -> bool:
        """Whether there is something to do; changes nothing.

        Where a person has decided otherwise, it is left at that for a day.
        """
        face, since = self.face, self.moment.now - DAY
        if book.was_overridden(connection, "replenish", face.sku, face.location, since):
            return False
        recorded = gathering.replenishment(connection, face, self.moment)
        return self.deciding.is_due(connection, self._about(connection), recorded)

    def __call__(self, connection: Connection) -> Taken | None:
        """Run it."""
        face, moment = self.face, self.moment
        about = self._about(connection)
        key = self.deciding.key(connection, about)
        code = f"RP-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        recorded = gathering.replenishment(connection, face, moment)
        taken = self.deciding.take(connection, about, recorded, moment, task=code)
        if taken is None or not taken.decision.carried_out:
            return taken
        place = stock.place(connection, face.location)
        lines = [
            TaskLine(face.sku, part.quantity, part.source, face.location, part.lot or None)
            for part in taken.outcome.parts
        ]
        zone = place.zone if place is not None else ""
        note = taken.outcome.reasons[0]
        task = Task(code, "replenish", lines, zone=zone or None, note=note)
        tasks.add(connection, task, "fallback", moment.now)
        return taken

    def _about(self, connection: Connection) -> About:
        """A face can be filled again once it was: how often it was that day, is in the cycle.

        What is seen is decided of its own: that the record had nothing to bring says nothing of it.
        """
        face, since = self.face, _today(self.moment)
        times = book.times_done(connection, "replenish", face.sku, face.location, since)
        item = f"{face.sku}@{face.location}"
        seen = sights.of_face(connection, face, self.moment.now)
        cycle = f"{since // DAY}.{times}" + (".seen" if seen.state else "")
        return About("replenish", face.sku, item, cycle)


def _today(moment: Moment) -> int:
    return moment.now - moment.now % DAY
