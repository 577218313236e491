"""What a camera only suspects is an exception with its picture: a person judges.

Of one camera and kind there are so many at a time; beyond them the event alone remains, since who
is asked too often looks at none.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge import stock, tasks
from edge.db import Connection
from edge.outbox import Outbox
from edge.pipeline.keeping import Moment
from edge.pipeline.writing import Origin, Writing
from shared.events import ExceptionRaised

MOST_OPEN: Final = 20
_LONGEST: Final = 200


class Suspicion(NamedTuple):
    """What a device suspects, of what, where, and what shows it (a JPEG)."""

    device: str
    about: str
    subject: str
    note: str = ""
    sku: str | None = None
    location: str | None = None
    photo: bytes | None = None


class Suspecting(NamedTuple):
    """The unit of work of one suspicion; False where enough wait already."""

    outbox: Outbox
    suspicion: Suspicion
    photo_sha256: bytes | None
    request: bytes
    moment: Moment

    def __call__(self, connection: Connection) -> bool:
        """Run it."""
        told, moment = self.suspicion, self.moment
        if room_for(connection, told) is None:
            return False
        here = told.location
        if here is not None and not stock.has_location(connection, here):
            here = None
        data = ExceptionRaised(
            tasks.name_of(self.request),
            told.about,
            told.subject[:_LONGEST],
            told.note[:_LONGEST],
            told.sku,
            here,
            self.photo_sha256,
        )
        origin = Origin(self.request, told.device, None, None, moment.now, moment.state)
        Writing(connection, self.outbox, origin).write(data)
        tasks.raise_exception(
            connection, data, tasks.By(self.request, told.device, None, moment.now)
        )
        return True


def room_for(connection: Connection, suspicion: Suspicion) -> frozenset[str] | None:
    """The photos that must stay; None where enough suspicions of this kind wait."""
    if tasks.open_of(connection, suspicion.device, suspicion.about) >= MOST_OPEN:
        return None
    return tasks.wanted_photos(connection)
