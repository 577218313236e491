"""SQL of logistic units; private to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cloud.db import Connection, Queries
from cloud.ledger.units.model import UnitFact, What
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


class New(NamedTuple):
    """A fact as it is told; gateway 0 where no gateway tells it."""

    key: str
    sscc: str
    what: What
    inside: str
    sku: str
    lot: str
    serial: str
    quantity: int
    site_id: int
    location: str
    event_id: str | None
    gateway_id: int
    epoch: int
    seq: int
    occurred_at: int


_COLUMNS: Final = (
    "keys", "ssccs", "whats", "insides", "skus", "lots", "serials", "quantities", "site_ids",
    "locations", "event_ids", "gateway_ids", "epochs", "seqs", "occurred",
)  # fmt: skip


def facts(connection: Connection, ssccs: Collection[str]) -> list[UnitFact]:
    """What is known of units."""
    return [UnitFact(*row) for row in connection.execute(_Q["facts"], {"ssccs": sorted(ssccs)})]


def note(connection: Connection, told: Sequence[New], at: Micros) -> int:
    """Append facts; how many are new."""
    columns: dict[str, list[Any]] = {
        name: [fact[n] for fact in told] for n, name in enumerate(_COLUMNS)
    }
    return connection.execute(_Q["note"], {"at": at, **columns}).rowcount


def replace_announced(
    connection: Connection, prefix: str, keys: Collection[str], at: Micros
) -> None:
    """Take back what a notice said under other keys than these."""
    given = {"prefix": prefix, "keys": sorted(keys), "at": at}
    connection.execute(_Q["replace_announced"], given)


def take_back_events(
    connection: Connection, undone: Sequence[tuple[str, int, int, int, int]], at: Micros
) -> None:
    """Facts of these events are none any more: event, gateway, epoch, seq, since when."""
    names = ("event_ids", "gateway_ids", "epochs", "seqs", "occurred")
    columns: dict[str, list[Any]] = {
        name: [row[n] for row in undone] for n, name in enumerate(names)
    }
    connection.execute(_Q["take_back_events"], {"at": at, **columns})


def take_back_ranges(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    at: Micros,
) -> None:
    """Facts of these ranges never were."""
    connection.execute(
        _Q["take_back_ranges"],
        {
            "gateway_id": gateway_id,
            "epoch": epoch,
            "firsts": [first for first, _ in ranges],
            "lasts": [last for _, last in ranges],
            "at": at,
        },
    )


def holders(connection: Connection, filters: Mapping[str, Any]) -> list[str]:
    """Units that ever held what is asked for."""
    return [str(row[0]) for row in connection.execute(_Q["holders"], filters, prepare=False)]
