"""Joins the room that decides with what it needs: the outbox, the clock, the disk, its model."""

from __future__ import annotations

from collections.abc import Callable

from edge import settings as settings_file
from edge.app.store import Store
from edge.db import Connection, Level
from edge.fallback import Fallback, Here, Surroundings, load
from edge.outbox import head, heard_at
from edge.ports import SystemIds
from shared.units import DAY


def fallback_of(store: Store, occupied: Callable[[], frozenset[str]]) -> Fallback:
    """The gateway's decisions; from now on they hear of each event as it is recorded.

    Args:
        store: what they decide about.
        occupied: places where a vehicle stands in the way.
    """
    identity = store.identity
    decider = Fallback(
        store.database,
        Surroundings(
            Here(str(identity.site), str(identity.gateway)),
            store.clock,
            store.outbox.append,
            _epoch,
            heard_at,
            lambda: store.space.level >= Level.FULL,
            occupied,
        ),
        SystemIds(),
        retention=store.settings.store.retention_days * DAY,
        model=load(store.data / settings_file.MODELS),
    )
    store.outbox.listen(decider.notes.heard)
    store.database.around(decider.notes.begin, decider.notes.end)
    return decider


def _epoch(connection: Connection) -> int:
    """The epoch in force; none while this database may be an older copy of itself."""
    here = head(connection)
    return 0 if here.frozen else here.epoch
