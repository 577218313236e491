"""Readings of sensors become events once, however often a device sends them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from edge.db import Connection
from edge.outbox import Outbox
from edge.pipeline.keeping import SQL, Moment
from edge.pipeline.unit import Recording
from edge.ports import Sensed
from shared.errors import QuartermasterError
from shared.events import SensorRead


class Sensing(NamedTuple):
    """The unit of work of one reading."""

    outbox: Outbox
    data: SensorRead
    reading: bytes
    """Its id, made by the device."""
    device: str
    moment: Moment

    def __call__(self, connection: Connection) -> Sensed:
        """Run it.

        Raises:
            QuartermasterError: ``scan.id-reused``.
        """
        content = hashlib.sha256(self.device.encode() + b"\x00" + msgspec.json.encode(self.data))
        known = connection.execute(SQL["reading"], (self.reading,)).fetchone()
        if known is not None:
            if bytes(known[0]) != content.digest():
                raise QuartermasterError("scan.id-reused", self.reading.hex(), where="id")
            return Sensed(int(known[1]), repeated=True)
        seq = Recording(self.outbox, self.data, self.reading, self.device, self.moment)(connection)
        connection.execute(SQL["remember_reading"], (self.reading, content.digest(), seq))
        return Sensed(seq, repeated=False)
