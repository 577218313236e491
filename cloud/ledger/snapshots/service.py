"""Make snapshots when they are due, and say what a past moment is put together from."""

from __future__ import annotations

from cloud.db import Connection
from cloud.ledger.model import Drift
from cloud.ledger.snapshots import store
from cloud.ledger.snapshots.model import Window, due
from cloud.ledger.snapshots.model import window as window_of
from shared.units import Micros


def window(connection: Connection, true_at: int | None, known_at: int | None) -> Window:
    """The window of a past moment."""
    return window_of(store.snapshots(connection), true_at, known_at)


def make_next(connection: Connection, *, now: Micros) -> int | None:
    """Make the next snapshot that is due, in the caller's transaction; which one, or None.

    Two workers at once make it once: the second waits and finds it made.
    """
    last = store.last(connection)
    at = due(last, None if last is not None else store.first_received(connection), now)
    if at is None or not store.keep(connection, at, since=last or 0, now=now):
        return None
    return at


def forget(connection: Connection) -> None:
    """Forget all snapshots; they are made again one by one."""
    store.forget(connection)


def wrong(connection: Connection, *, limit: int = 100) -> list[Drift]:
    """Positions where newest snapshot and balance disagree; in an intact ledger there are none."""
    return store.wrong(connection, limit)
