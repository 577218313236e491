"""What happens on the floor, as far as decisions need it: noted while scans are answered.

The gateway's writer calls this for each event, inside its transaction. What must not be lost
(promises that were picked, what counts found) is written there; what is only a hint (this item has
moved, so much has left) is kept in memory until somebody looks. A hint that is lost with the
process is made up for by the sweep.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import Final, NamedTuple

from edge.db import Connection
from edge.fallback import leases, sights
from edge.fallback.leases import SQL
from shared.events import Counted, EventData, Picked, ScanUndone, Shipped, SlotSeen, StockState
from shared.movements import movements_of
from shared.units import DAY

_MAX_ERRORS: Final = 4096
_GOING: Final = (Picked, Shipped)


class Noted(NamedTuple):
    """What has happened since somebody last looked."""

    moved: frozenset[str]
    counted: frozenset[str]
    out: dict[str, int]
    seen: frozenset[str] = frozenset()


class Refusal(NamedTuple):
    """A pick that was refused: the request and the answer, as they stood in the local API."""

    request: bytes
    answer: bytes
    device: str


class Notes:
    """Implements what the outbox tells of each event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[tuple[str, int, bool]] = []
        self._moved: set[str] = set()
        self._counted: set[str] = set()
        self._out: Counter[str] = Counter()
        self._open_seen: list[str] = []
        self._seen: set[str] = set()
        self.refusals: deque[Refusal] = deque(maxlen=_MAX_ERRORS)

    def begin(self) -> None:
        """A transaction begins: what the one before had noted and not committed never was."""
        self._open.clear()
        self._open_seen.clear()

    def heard(self, connection: Connection, data: EventData, event_id: bytes, now: int) -> None:
        """An event is being recorded."""
        counted, going = isinstance(data, Counted), isinstance(data, _GOING)
        for position, quantity in movements_of(data):
            leaving = going and position.state == StockState.AVAILABLE
            self._open.append((position.sku, -quantity if leaving else 0, counted))
        if isinstance(data, _GOING):
            self._picked(connection, data, event_id)
        elif isinstance(data, ScanUndone):
            leases.undo_pick(connection, data.undone)
        elif isinstance(data, SlotSeen):
            sights.note(connection, data, now)
            if data.state in sights.CALLING and data.location:
                self._open_seen.append(data.location)
        elif isinstance(data, Counted):
            row = (data.line.sku, now // DAY, data.location, max(data.expected, 0))
            difference = data.line.quantity - data.expected
            if data.expected or difference:
                connection.execute(SQL["add_count"], (*row, difference))

    @staticmethod
    def _picked(connection: Connection, data: Picked | Shipped, event_id: bytes) -> None:
        if data.document is None:
            return
        if isinstance(data, Shipped) and data.state != StockState.AVAILABLE:
            return
        line = data.line
        leases.pick(connection, line.sku, data.document, line.quantity, scan=event_id)

    def end(self, _connection: Connection) -> None:
        """The transaction is about to be committed."""
        if not (self._open or self._open_seen):
            return
        with self._lock:
            for sku, out, counted in self._open:
                self._moved.add(sku)
                if out > 0:
                    self._out[sku] += out
                if counted:
                    self._counted.add(sku)
            self._seen.update(self._open_seen)

    def take(self) -> Noted:
        """What has happened since the last time."""
        with self._lock:
            noted = Noted(
                frozenset(self._moved),
                frozenset(self._counted),
                dict(self._out),
                frozenset(self._seen),
            )
            self._moved.clear()
            self._counted.clear()
            self._out.clear()
            self._seen.clear()
        return noted
