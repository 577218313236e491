"""Recompute balances and compare: from the movements, set by set, or from events read elsewhere.

A comparison reads one moment and stops nobody. A replacement makes writers of balances wait, so
that what it folds and what it replaces are of the same moment; its caller commits or takes back
all of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from cloud.db import Connection
from cloud.ledger import store
from cloud.ledger.model import NamedDrift, Position
from cloud.ledger.names import Names
from cloud.ledger.postings.service import fold_postings
from shared.events import Event
from shared.ids import is_code
from shared.movements import Movement, movements_of
from shared.units import Micros

PART: Final = 2_000_000
"""About as many movements between two reports of progress."""
SHOWN: Final = 100
"""As many differences are named."""

Progress = Callable[[int, int], None]
"""How much is done, of how much."""


class Comparison(NamedTuple):
    """What a recomputation found; ``drift`` names the first differences."""

    movements: int
    positions: int
    differing: int
    drift: list[NamedDrift]
    replaced: int


def recompute(
    connection: Connection,
    *,
    apply: bool,
    at: Micros,
    progress: Progress = lambda _done, _all: None,
) -> Comparison:
    """Fold all movements and compare with the balances; with ``apply`` replace what differs.

    Args:
        connection: a transaction in which nothing was asked yet; its owner commits.
        apply: whether the balances follow.
        at: when.
        progress: told how many movements are folded.
    """
    store.begin_rebuild(connection, hold=apply)
    total, first, last = store.extent(connection)
    done = 0
    if total:
        parts = -(-total // PART)
        step = (last - first) // parts + 1
        for since in range(first, last + 1, step):
            done += store.fold_part(connection, since, since + step)
            progress(done, total)
    return _compare(connection, total, apply=apply, at=at)


class EventFold:
    """Sums of what events move, made outside the movement table.

    Args:
        names: the catalog's names.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._sums: defaultdict[Position, int] = defaultdict(int)
        self.movements = 0
        self.unknown = 0
        """Movements whose item or location the catalog does not know."""

    def add(self, connection: Connection, site_id: int, events: Iterable[Event]) -> None:
        """Add what these events of one site move."""
        moves = [move for event in events for move in movements_of(event.data)]
        items, places = self._names.items, self._names.locations(site_id)
        if any(m.position.sku not in items or m.position.location not in places for m in moves):
            self._learn(connection, site_id, moves)
        self.movements += len(moves)
        sums = self._sums
        for (sku, location, lot, serial, state), quantity in moves:
            item, place = items.get(sku), places.get(location)
            if item is None or place is None:
                self.unknown += 1
            else:
                sums[site_id, item, place, lot, serial, state] += quantity

    def _learn(self, connection: Connection, site_id: int, moves: Iterable[Movement]) -> None:
        skus = {move.position.sku for move in moves}
        places = {move.position.location for move in moves}
        self._names.learn(
            connection,
            sorted(filter(is_code, skus)),
            {site_id: sorted(filter(is_code, places))},
        )

    def compare(self, connection: Connection) -> Comparison:
        """Compare with the balances, in the transaction in which the events were read.

        What was posted beside gateways is its own evidence: its movements are added.
        """
        store.copy_fold(connection, self._sums)
        self.movements += fold_postings(connection)
        return _compare(connection, self.movements, apply=False, at=Micros(0))


def begin_comparison(connection: Connection) -> None:
    """Make a new transaction read one moment, for :class:`EventFold`."""
    store.begin_rebuild(connection, hold=False)


def _compare(connection: Connection, movements: int, *, apply: bool, at: Micros) -> Comparison:
    differing = store.differences(connection)
    drift = store.named_differences(connection, SHOWN) if differing else []
    replaced = store.replace_balances(connection, at) if apply and differing else 0
    return Comparison(movements, store.folded_positions(connection), differing, drift, replaced)
