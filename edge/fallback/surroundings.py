"""What the room asks of its surroundings, and what follows from it for each decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from edge.db import Connection
from edge.fallback.deciding import Append, Here, Moment
from edge.fallback.leases import NO_EPOCH, Whose
from shared.clock import Clock
from shared.units import MINUTE


class Surroundings(NamedTuple):
    """Ports.

    ``append`` chains events. ``epoch`` is the one in force, 0 while this database may be an older
    copy. ``heard_at`` is when the cloud was last heard, 0 for never. ``full`` tells that the disk
    has no room for anything new. ``occupied`` are places where a vehicle stands in the way.
    """

    here: Here
    clock: Clock
    append: Append
    epoch: Callable[[Connection], int]
    heard_at: Callable[[Connection], int]
    full: Callable[[], bool]
    occupied: Callable[[], frozenset[str]] = frozenset

    def moment(self, connection: Connection) -> Moment:
        """Now, and for how long nothing has been heard from the cloud."""
        now, heard_at = self.clock.now(), self.heard_at(connection)
        away = max(now - heard_at, 0) // MINUTE if heard_at else 0
        return Moment(now, self.clock.state(), away)

    def whose(self, connection: Connection) -> Whose:
        """This gateway, as it may promise now."""
        return Whose(self.here.gateway, self.epoch(connection) or NO_EPOCH)
