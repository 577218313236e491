"""What the gateway itself wants a person to look at, and that it ended by itself.

An alarm is an exception that a device raises about itself: one at a time of each kind. It is open
until its reason ends; a person may close it before.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.outbox import Outbox
from edge.pipeline.keeping import Moment
from edge.pipeline.writing import Origin, Writing
from shared.errors import Code
from shared.events import ExceptionRaised, ExceptionResolved

ENDED: Final = "ended"
"""How an alarm is resolved whose reason is gone."""


class Alarm(NamedTuple):
    """What is wrong with a device (a code of the error catalogue), and where it stands."""

    device: str
    about: Code
    note: str = ""
    location: str | None = None


class Sounding(NamedTuple):
    """The unit of work of raising an alarm; True where it was not open before."""

    outbox: Outbox
    alarm: Alarm
    request: bytes
    moment: Moment

    def __call__(self, connection: Connection) -> bool:
        """Run it."""
        alarm = self.alarm
        if tasks.open_alarms(connection, alarm.device, alarm.about):
            return False
        here = alarm.location
        if here is not None and not stock.has_location(connection, here):
            here = None
        data = ExceptionRaised(
            tasks.name_of(self.request),
            alarm.about,
            alarm.device,
            alarm.note[:200],
            location=here,
        )
        self._writing(connection).write(data)
        by = tasks.By(self.request, alarm.device, None, self.moment.now)
        tasks.raise_exception(connection, data, by)
        return True

    def _writing(self, connection: Connection) -> Writing:
        device, moment = self.alarm.device, self.moment
        origin = Origin(self.request, device, None, None, moment.now, moment.state)
        return Writing(connection, self.outbox, origin)


class Ending(NamedTuple):
    """The unit of work of what is well again; how many alarms it ended."""

    outbox: Outbox
    device: str
    about: Code
    request: bytes
    moment: Moment

    def __call__(self, connection: Connection) -> int:
        """Run it."""
        names = tasks.open_alarms(connection, self.device, self.about)
        moment = self.moment
        origin = Origin(self.request, self.device, None, None, moment.now, moment.state)
        writing = Writing(connection, self.outbox, origin)
        for name in names:
            data = ExceptionResolved(name, ENDED)
            by = tasks.By(writing.next_id, self.device, None, moment.now)
            writing.write(data)
            tasks.resolve(connection, data, by)
        return len(names)
