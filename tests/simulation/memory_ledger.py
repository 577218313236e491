"""The functions of ``cloud.ledger.store`` that posting uses, and the switch to memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from cloud.app.handlers import Stock
from cloud.changes import service as changes
from cloud.ingest import completeness, observations, replay, reversal, service, tombstones
from cloud.ingest.model import Provisional
from cloud.ingest.ports import Handler, Routes
from cloud.ingest.service import observe
from cloud.ingest.tombstones import explain
from cloud.ledger import posting, reversing
from cloud.ledger.model import CountCheck, Drift, Position, fold
from cloud.ledger.names import Names
from shared.events import DATA_OF, EventData, EventsCarried, EventsLost, Packed, ScanUndone
from shared.movements import Position as Place
from shared.units import Micros
from tests.simulation import memory_ingest
from tests.simulation.memory import Transaction

ITEMS = {f"SKU-{number}": number + 1 for number in range(5)}
LOCATIONS = {f"L{number}": number + 1 for number in range(4)}
_COLUMNS = 17
_SKU_OF = {number: sku for sku, number in ITEMS.items()}
_CODE_OF = {number: code for code, number in LOCATIONS.items()}


def copy_movements(connection: Transaction, rows: Iterable[tuple[Any, ...]]) -> None:
    table = connection.tables.movements
    for row in rows:
        connection.put(table, len(table), row)


def reverse_movements(
    connection: Transaction,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    *,
    since: int,
    at: int,
) -> list[tuple[int, Position, int]]:
    """Append the contrary of what these events moved; such a row ends with true."""
    del since
    table = connection.tables.movements
    found = [
        row
        for row in table.values()
        if row[4:6] == (gateway_id, epoch)
        and len(row) == _COLUMNS
        and any(first <= row[2] <= last for first, last in ranges)
    ]
    for row in found:
        connection.put(table, len(table), (at, *row[1:9], -row[9], *row[10:], True))
    return [(row[2], position_of(row), -row[9]) for row in found]


def forget_count_checks(*_: object) -> None:
    """Counts are compared on the real database only."""


def legs_of(movements: Iterable[tuple[Any, ...]]) -> Counter[bytes]:
    """How many movements each event has, less those that were taken back."""
    legs: Counter[bytes] = Counter()
    for row in movements:
        legs[row[3]] += 1 if len(row) == _COLUMNS else -1
    return legs


def add_to_balances(connection: Transaction, deltas: Mapping[Position, int], at: int) -> None:
    del at
    table = connection.tables.balances
    for position, quantity in deltas.items():
        connection.put(table, position, table.get(position, 0) + quantity)


def defer_count_checks(connection: Transaction, checks: Iterable[CountCheck]) -> None:
    del connection, checks  # counts are compared on the real database only


def nobody_follows(*_: object, **__: object) -> None:
    """What has changed is told by the real database only."""


def drift(connection: Transaction) -> list[Drift]:
    """Positions whose balance is not the fold of their movements."""
    tables = connection.tables
    folded = fold((position_of(row), row[9]) for row in tables.movements.values())
    return [
        Drift(key, tables.balances.get(key, 0), folded.get(key, 0))
        for key in sorted(tables.balances.keys() | folded.keys())
        if tables.balances.get(key, 0) != folded.get(key, 0)
    ]


def position_of(row: tuple[Any, ...]) -> Position:
    """The position of a movement's row."""
    return (row[6], row[7], row[8], row[14], row[15], row[10])


def on_hand(connection: Transaction, site_id: int) -> dict[Place, int]:
    """The balances of a site other than zero, by name."""
    return {
        Place(_SKU_OF[item], _CODE_OF[location], lot, serial, state): quantity
        for (site, item, location, lot, serial, state), quantity in sorted(
            connection.tables.balances.items()
        )
        if site == site_id and quantity
    }


def _item_ids(_: Any, skus: Iterable[str]) -> dict[str, int]:
    return {sku: ITEMS[sku] for sku in skus if sku in ITEMS}


def _location_ids(_: Any, __: int, codes: Iterable[str]) -> dict[str, int]:
    return {code: LOCATIONS[code] for code in codes if code in LOCATIONS}


def routes() -> Routes:
    """As ``cloud.app.handlers.routes``, with the catalog of the simulation and without a fleet."""
    stock = Stock()
    stock._names = Names(_item_ids, _location_ids)
    moving = {*(data for kind, data in DATA_OF.items() if kind <= 10), ScanUndone} - {Packed}
    table: dict[type[EventData], Handler] = {
        data: stock if data in moving else observe for data in DATA_OF.values()
    }
    return {**table, EventsLost: explain, EventsCarried: explain}


def taken_back(connection: Any, provisional: Provisional, at: Micros) -> Mapping[int, int]:
    """As ``cloud.app.handlers.taken_back``, for a cloud in which nothing is promised."""
    chain, ranges, since = provisional
    return reversing.reverse(connection, *chain, ranges, since=since, at=at)


@contextmanager
def installed() -> Iterator[None]:
    """Let the cloud's services write into memory while this is open."""
    ledger = SimpleNamespace(
        copy_movements=copy_movements,
        add_to_balances=add_to_balances,
        defer_count_checks=defer_count_checks,
        reverse_movements=reverse_movements,
        forget_count_checks=forget_count_checks,
    )
    with ExitStack() as stack:
        for room in (service, completeness, observations, replay, reversal):
            stack.enter_context(patch.object(room, "store", memory_ingest))
        for room in (service, reversal):
            raising = patch.object(room, "raise_exception", memory_ingest.raise_exception)
            stack.enter_context(raising)
        for room in (posting, reversing):
            stack.enter_context(patch.object(room, "store", ledger))
        stack.enter_context(patch.object(changes, "store", SimpleNamespace(note=nobody_follows)))
        stack.enter_context(patch.object(tombstones, "store", memory_ingest))
        told = patch.object(tombstones, "raise_exception", memory_ingest.raise_exception)
        stack.enter_context(told)
        yield
