"""Post stock events: movements are appended, balances follow, counts are remembered.

An event is posted whole or not at all: when one of its names is unknown, nothing of it moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cloud.db import PG_EPOCH, Connection
from cloud.ledger import store
from cloud.ledger.model import CountCheck, Entry, Mismatch, Position, Unposted
from cloud.ledger.names import Names
from shared.errors import QuartermasterError
from shared.events import Counted, Event
from shared.ids import is_code
from shared.movements import Movement, movements_of
from shared.units import Micros


class _Journal:
    """The rows of one batch, as they are collected."""

    def __init__(self, names: Names, at: Micros) -> None:
        self.names = names
        self.received_at = at - PG_EPOCH
        self.rows: list[store.MovementTuple] = []
        self.deltas: defaultdict[Position, int] = defaultdict(int)
        self.checks: list[CountCheck] = []

    def add(self, entry: Entry, refused: list[Unposted], index: int) -> list[Event]:
        """Collect an entry's events; those whose names are not known yet are returned.

        The hot loop of ingest: each line of it costs the worker a fiftieth of its time.
        """
        gateway_id, site_id, epoch, events = entry
        items = self.names.items
        locations = self.names.locations(site_id)
        unknown: list[Event] = []
        rows, deltas, received_at = self.rows, self.deltas, self.received_at
        for event in events:
            data = event.data
            first = len(rows)
            try:
                for (sku, location, lot, serial, state), quantity in movements_of(data):
                    if "\0" in lot or "\0" in serial or "\0" in event.device:
                        raise _holds_nul()
                    position = (site_id, items[sku], locations[location], lot, serial, state)
                    deltas[position] += quantity
                    rows.append(
                        (
                            received_at,
                            event.occurred_at - PG_EPOCH,
                            event.seq,
                            event.id,
                            gateway_id,
                            epoch,
                            site_id,
                            position[1],
                            position[2],
                            quantity,
                            state,
                            event.kind,
                            len(rows) - first,
                            event.clock_state,
                            lot,
                            serial,
                            event.device,
                        )
                    )
                if type(data) is Counted:
                    self._check(entry, event.seq, data)
            except KeyError:
                self._take_back(first)
                unknown.append(event)
            except QuartermasterError as error:
                self._take_back(first)
                refused.append(Unposted(index, event.seq, error))
        return unknown

    def _take_back(self, first: int) -> None:
        """Undo the legs of an event whose later part cannot be posted."""
        for row in self.rows[first:]:
            self.deltas[row[6], row[7], row[8], row[14], row[15], row[10]] -= row[9]
        del self.rows[first:]

    def _check(self, entry: Entry, seq: int, data: Counted) -> None:
        line = data.line
        if "\0" in (line.lot or "") or "\0" in (line.serial or ""):
            raise _holds_nul()
        position = (
            entry.site_id,
            self.names.items[line.sku],
            self.names.locations(entry.site_id)[data.location],
            line.lot or "",
            line.serial or "",
            int(data.state),
        )
        self.checks.append(CountCheck(entry.gateway_id, entry.epoch, seq, position, data.expected))


def _holds_nul() -> QuartermasterError:
    return QuartermasterError("event.malformed", "a text holds a NUL character")


def post(
    connection: Connection, entries: Sequence[Entry], *, names: Names, at: Micros
) -> list[Unposted]:
    """Post these events inside the caller's transaction; those that cannot be are returned."""
    journal = _Journal(names, at)
    refused: list[Unposted] = []
    waiting: list[tuple[int, Entry]] = []
    for index, entry in enumerate(entries):
        if unknown := journal.add(entry, refused, index):
            waiting.append((index, entry._replace(events=unknown)))
    if waiting:
        _learn(connection, names, [entry for _, entry in waiting])
        for index, entry in waiting:
            refused.extend(
                Unposted(index, event.seq, _unknown(event, entry, names))
                for event in journal.add(entry, refused, index)
            )
    if journal.rows:
        store.copy_movements(connection, journal.rows)
        store.add_to_balances(connection, journal.deltas, at)
    if journal.checks:
        store.defer_count_checks(connection, journal.checks)
    return refused


def _named(event: Event) -> tuple[set[str], set[str]]:
    """The SKUs and locations of an event."""
    moves: tuple[Movement, ...] = movements_of(event.data)
    skus = {where.sku for where, _ in moves}
    codes = {where.location for where, _ in moves}
    if isinstance(event.data, Counted):
        skus.add(event.data.line.sku)
        codes.add(event.data.location)
    return skus, codes


def _learn(connection: Connection, names: Names, entries: Sequence[Entry]) -> None:
    """Ask the catalog once for all that these entries name."""
    skus: set[str] = set()
    codes: defaultdict[int, set[str]] = defaultdict(set)
    for entry in entries:
        for event in entry.events:
            items, places = _named(event)
            skus |= items
            codes[entry.site_id] |= places
    names.learn(
        connection,
        sorted(filter(is_code, skus)),
        {site_id: sorted(filter(is_code, places)) for site_id, places in sorted(codes.items())},
    )


def _unknown(event: Event, entry: Entry, names: Names) -> QuartermasterError:
    skus, codes = _named(event)
    for sku in sorted(skus):
        if sku not in names.items:
            return QuartermasterError("event.unknown-item", repr(sku))
    known = names.locations(entry.site_id)
    strange = sorted(code for code in codes if code not in known)
    return QuartermasterError("event.unknown-location", ", ".join(map(repr, strange)))


def check_counts(connection: Connection, through: Sequence[tuple[int, int, int]]) -> list[Mismatch]:
    """Compare counts that complete chains now cover with the fold below them.

    Args:
        connection: the caller's transaction.
        through: (gateway_id, epoch, contiguous_seq) of the chains that advanced.
    """
    mismatches: list[Mismatch] = []
    for check in store.take_count_checks(connection, through):
        folded = store.folded_before(connection, check)
        if folded != check.expected:
            gateway, sku, location = store.names_of(connection, check)
            mismatches.append(
                Mismatch(
                    gateway,
                    check.position[0],
                    check.epoch,
                    check.seq,
                    sku,
                    location,
                    check.position[3],
                    check.position[4],
                    check.expected,
                    folded,
                )
            )
    return mismatches
