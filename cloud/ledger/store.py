"""SQL of the ledger; private to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cloud.db import Connection, Queries, copy_rows
from cloud.ledger.model import (
    CountCheck,
    Drift,
    Moved,
    MovementRow,
    NamedDrift,
    Position,
    Said,
    StockRow,
    SummaryRow,
)
from shared.units import Micros

_Q = Queries(__package__ or "")
_MOVEMENT_TYPES: Final = (
    "int8", "int8", "int8", "bytea", "int4", "int4", "int4", "int4", "int4", "int4", "int2",
    "int2", "int2", "int2", "text", "text", "text",
)  # fmt: skip
_DELTA_TYPES: Final = ("int4", "int4", "int4", "text", "text", "int2", "int8")
_FOLD_TYPES: Final = (*_DELTA_TYPES, "int8")

MovementTuple = tuple[
    int, int, int, bytes, int, int, int, int, int, int, int, int, int, int, str, str, str
]
"""received_at and occurred_at from ``PG_EPOCH``, then the columns of ``copy_movements``."""


def copy_movements(connection: Connection, rows: Iterable[MovementTuple]) -> None:
    """Append movements."""
    copy_rows(connection, _Q["copy_movements"], _MOVEMENT_TYPES, rows)


def add_to_balances(connection: Connection, deltas: Mapping[Position, int], at: Micros) -> None:
    """Add differences to balances, locking them in the order of their keys."""
    connection.execute(_Q["make_balance_delta"])
    connection.execute(_Q["empty_balance_delta"])
    rows = sorted((*position, quantity) for position, quantity in deltas.items())
    copy_rows(connection, _Q["copy_balance_delta"], _DELTA_TYPES, rows)
    connection.execute(_Q["apply_balance_delta"], {"at": at})


def reverse_movements(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    *,
    since: Micros,
    at: Micros,
) -> list[tuple[int, Position, int]]:
    """Append the contrary of what these events moved: sequence, position and quantity of each."""
    rows = connection.execute(
        _Q["reverse_movements"],
        {"gateway_id": gateway_id, "epoch": epoch, "since": since, "at": at, **_ends(ranges)},
    )
    return [(row[0], (row[1], row[2], row[3], row[4], row[5], row[6]), row[7]) for row in rows]


def forget_count_checks(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> None:
    """Forget what the counts among these events expected."""
    connection.execute(
        _Q["forget_count_checks"],
        {"gateway_id": gateway_id, "epoch": epoch, **_ends(ranges)},
    )


def _ends(ranges: Sequence[tuple[int, int]]) -> dict[str, list[int]]:
    return {"firsts": [first for first, _ in ranges], "lasts": [last for _, last in ranges]}


def defer_count_checks(connection: Connection, checks: Iterable[CountCheck]) -> None:
    """Remember what counts expected."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _Q["defer_count_check"],
            [(c.gateway_id, c.epoch, c.seq, *c.position, c.expected) for c in checks],
        )


def take_count_checks(
    connection: Connection, through: Sequence[tuple[int, int, int]]
) -> list[CountCheck]:
    """Counts covered by complete chains: (gateway_id, epoch, contiguous_seq)."""
    rows = connection.execute(
        _Q["take_count_checks"],
        {
            "gateway_ids": [row[0] for row in through],
            "epochs": [row[1] for row in through],
            "seqs": [row[2] for row in through],
        },
    )
    return [CountCheck(row[0], row[1], row[2], tuple(row[3:9]), row[9]) for row in rows]


def folded_before(connection: Connection, check: CountCheck) -> int:
    """The fold at a count's position, below it."""
    site_id, item_id, location_id, lot, serial, state = check.position
    row = connection.execute(
        _Q["folded_before"],
        {
            "site_id": site_id,
            "item_id": item_id,
            "location_id": location_id,
            "lot": lot,
            "serial": serial,
            "state": state,
            "gateway_id": check.gateway_id,
            "epoch": check.epoch,
            "seq": check.seq,
        },
    ).fetchone()
    return 0 if row is None else int(row[0])


def names_of(connection: Connection, check: CountCheck) -> tuple[str, str, str]:
    """Gateway, SKU and location by name."""
    row = connection.execute(
        _Q["names_of"],
        {
            "gateway_id": check.gateway_id,
            "item_id": check.position[1],
            "location_id": check.position[2],
        },
    ).fetchone()
    return ("?", "?", "?") if row is None else (row[0], row[1], row[2])


def stock(connection: Connection, filters: Mapping[str, Any]) -> list[StockRow]:
    """Balances by key."""
    return [_stock_row(row) for row in connection.execute(_Q["stock"], filters, prepare=False)]


def summary(connection: Connection, filters: Mapping[str, Any]) -> list[SummaryRow]:
    """What sites have of items."""
    rows = connection.execute(_Q["summary"], filters, prepare=False)
    return [SummaryRow(*row) for row in rows]


def stock_as_of(connection: Connection, filters: Mapping[str, Any]) -> list[StockRow]:
    """Balances at a past moment, by key."""
    rows = connection.execute(_Q["stock_as_of"], filters, prepare=False)
    return [_stock_row(row) for row in rows]


def _stock_row(row: Sequence[Any]) -> StockRow:
    site_id, item_id, location_id = row[9:]
    return StockRow(*row[:9], key=(site_id, item_id, location_id, row[4], row[5], row[6]))


def movements(connection: Connection, filters: Mapping[str, Any]) -> list[MovementRow]:
    """Movements, newest first."""
    return [
        MovementRow(
            *row[:16],
            key=(row[14], row[16], row[9], row[10], row[17]),
            said=None if row[18] is None else Said(row[10], *row[18:]),
        )
        for row in connection.execute(_Q["movements"], filters, prepare=False)
    ]


def drift(connection: Connection, limit: int) -> list[Drift]:
    """Positions whose balance is not the fold of their movements."""
    rows = connection.execute(_Q["drift"], {"limit": limit})
    return [Drift(tuple(row[:6]), row[6], row[7]) for row in rows]


def begin_rebuild(connection: Connection, *, hold: bool) -> None:
    """Read one moment; with ``hold`` one after which nothing is posted until the end."""
    connection.execute(_Q["one_moment"])
    if hold:
        connection.execute(_Q["hold_balances"])
    connection.execute(_Q["room_to_fold"])
    connection.execute(_Q["make_fold"])


def extent(connection: Connection) -> tuple[int, int, int]:
    """How many movements, received from when until when."""
    row = connection.execute(_Q["extent"]).fetchone() or (0, None, None)
    return row[0], row[1] or 0, row[2] or 0


def fold_part(connection: Connection, since: int, until: int) -> int:
    """Fold what was received in a span; how many movements that were."""
    row = connection.execute(_Q["fold_part"], {"since": since, "until": until}).fetchone()
    return 0 if row is None else int(row[0])


def copy_fold(connection: Connection, sums: Mapping[Position, int]) -> None:
    """Take sums that were made elsewhere."""
    rows = ((*position, quantity, 0) for position, quantity in sums.items())
    copy_rows(connection, _Q["copy_fold"], _FOLD_TYPES, rows)


def differences(connection: Connection) -> int:
    """Compare the fold with the balances; how many positions differ."""
    connection.execute(_Q["make_differences"])
    row = connection.execute(_Q["count_differences"]).fetchone() or (0,)
    return int(row[0])


def named_differences(connection: Connection, limit: int) -> list[NamedDrift]:
    """The first differences, by name."""
    return [
        NamedDrift(*row) for row in connection.execute(_Q["named_differences"], {"limit": limit})
    ]


def folded_positions(connection: Connection) -> int:
    """How many positions were folded."""
    row = connection.execute(_Q["count_positions"]).fetchone() or (0,)
    return int(row[0])


def replace_balances(connection: Connection, at: Micros) -> int:
    """Write the fold where it differs; how many balances changed."""
    return connection.execute(_Q["replace_balances"], {"at": at}).rowcount


def moved(
    connection: Connection, site_id: int, at: Micros, ranges: Sequence[tuple[int, int, int, int]]
) -> list[Moved]:
    """What these events moved at one site when they were posted at one moment."""
    gateways, epochs, firsts, lasts = (list(column) for column in zip(*ranges, strict=True))
    rows = connection.execute(
        _Q["moved"],
        {
            "site_id": site_id,
            "at": at,
            "gateways": gateways,
            "epochs": epochs,
            "firsts": firsts,
            "lasts": lasts,
        },
    )
    return [Moved(*row) for row in rows]
