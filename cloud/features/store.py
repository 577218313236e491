"""SQL of the features room; private to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

import msgspec

from cloud.db import Connection, Queries
from cloud.features.model import Cell, Part, Span
from cloud.feeds.documents import Sale
from shared.units import Micros

_Q: Final = Queries(__package__ or "")
Source = Literal["order", "sale"]


class Counted(NamedTuple):
    """The version of a sale that counts; ``source_id`` names the sale, ``sale_id`` the version."""

    source_id: int
    sale_id: int
    feed: str
    sale: Sale
    settled: bool


class DayRow(NamedTuple):
    """A day's demand. Quantities are base units; ``known_at`` None: nothing was asked for."""

    item_id: int
    item: str
    site_id: int
    site: str | None
    channel: str
    day: str
    ordered: int
    cancelled: int
    shipped: int
    sold: int
    returned: int
    promotion: str
    promoted: bool
    estimated: bool
    censored: bool
    known_at: int | None

    @property
    def key(self) -> tuple[str, int, int, str]:
        """Continues a listing after it."""
        return (self.day, self.item_id, self.site_id, self.channel)


class EvidenceRow(NamedTuple):
    """What one order or sale contributes to a day."""

    part_id: int
    measure: str
    quantity: int
    promotion: str
    estimated: bool
    source: str
    source_id: int
    numbering: str
    scope: str
    number: str
    feed: str | None
    delivery_id: int | None
    position: int | None
    known_at: int

    @property
    def key(self) -> tuple[int]:
        """Continues a listing after it."""
        return (self.part_id,)


class SpanRow(NamedTuple):
    """A time without stock, as one sale said."""

    source_id: int
    item_id: int
    site_id: int
    began: int
    ended: int | None


def touch(connection: Connection, source: Source, ids: Iterable[int]) -> None:
    """Note what has to be looked at again."""
    connection.execute(_Q["touch"], {"source": source, "ids": sorted(ids)})


def insert_sale(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep what a feed says was sold."""
    connection.execute(_Q["insert_sale"], values)


def only_one(connection: Connection) -> bool:
    """Whether nobody else works off what was touched."""
    return bool(_only(connection.execute(_Q["only_one"]).fetchone()))


def learn_at(connection: Connection, now: Micros) -> Micros:
    """The moment at which what follows is learnt."""
    return Micros(_only(connection.execute(_Q["learn_at"], {"now": now}).fetchone()))


def take_touched(connection: Connection, limit: int) -> dict[str, set[int]]:
    """What has to be looked at, by source; it is taken off the list."""
    found: dict[str, set[int]] = {"order": set(), "sale": set()}
    for source, source_id in connection.execute(_Q["take_touched"], {"limit": limit}):
        found[source].add(source_id)
    return found


def zones(connection: Connection) -> list[tuple[int, str, str]]:
    """The sites' keys, codes and time zones."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_Q["zones"])]


def sales_of_orders(connection: Connection, orders: Iterable[int]) -> set[int]:
    """Sales that settle one of these orders, or did."""
    values = {"orders": sorted(orders)}
    return {
        row[0]
        for name in ("sales_of_orders", "sales_settling")
        for row in connection.execute(_Q[name], values)
    }


def counted_sales(connection: Connection, sales: Iterable[int] | None) -> list[Counted]:
    """Of these sales the versions that count; of all for None."""
    values = {"sales": None if sales is None else sorted(sales)}
    return [
        Counted(row[0], row[1], row[2], msgspec.json.decode(row[3], type=Sale), row[4])
        for row in connection.execute(_Q["counted_sales"], values)
    ]


def note_unresolved(connection: Connection, found: Mapping[int, str], *, at: Micros) -> None:
    """Note what of some sales the catalog does not know; empty where it knows all."""
    rows = [{"sale_id": sale_id, "unresolved": text} for sale_id, text in sorted(found.items())]
    connection.execute(_Q["note_unresolved"], {"rows": _json(rows), "at": at})


def unresolved_of(connection: Connection, sales: Iterable[int]) -> dict[int, str]:
    """What of these sales the catalog did not know so far."""
    rows = connection.execute(_Q["unresolved_of"], {"sales": sorted(sales)})
    return {row[0]: row[1] for row in rows}


def waiting_for(connection: Connection, feed: str, unresolved: str) -> bool:
    """Whether a feed has sales that wait for this."""
    values = {"feed": feed, "unresolved": unresolved}
    return bool(_only(connection.execute(_Q["waiting_for"], values).fetchone()))


def touch_unresolved(connection: Connection, *, before: Micros, limit: int) -> None:
    """Have sales looked at again that named what the catalog did not know."""
    connection.execute(_Q["touch_unresolved"], {"before": before, "limit": limit})


def all_orders(connection: Connection) -> list[int]:
    """Every order."""
    return [row[0] for row in connection.execute(_Q["all_orders"])]


def parts_of(
    connection: Connection, source: Source, ids: Iterable[int]
) -> list[tuple[int, int, Part]]:
    """What these contribute so far: (part_id, source_id, part)."""
    rows = connection.execute(_Q["parts_of"], {"source": source, "ids": sorted(ids)})
    return [(row[0], row[1], Part(*row[2:])) for row in rows]


def end_parts(connection: Connection, parts: Iterable[int], *, at: Micros) -> None:
    """These are not so any more."""
    connection.execute(_Q["end_parts"], {"parts": sorted(parts), "at": at})


def insert_parts(
    connection: Connection, source: Source, parts: Sequence[tuple[int, Part]], *, at: Micros
) -> None:
    """These are so from now on."""
    rows = [{"source_id": source_id, **part._asdict()} for source_id, part in parts]
    connection.execute(_Q["insert_parts"], {"source": source, "parts": _json(rows), "at": at})


def roll_up(connection: Connection, cells: Iterable[Cell], *, at: Micros) -> int:
    """Write these days' demand where it is otherwise than it was; how many were."""
    rows = [cell._asdict() for cell in cells]
    return connection.execute(_Q["roll_up"], {"cells": _json(rows), "at": at}).rowcount


def moved_stock(connection: Connection, *, now: Micros) -> list[tuple[int, int, int]]:
    """(item, site, since when): whose available stock moved in the next stretch."""
    rows = connection.execute(_Q["moved_stock"], {"now": now})
    return [(row[0], row[1], row[2]) for row in rows]


def more_movements(connection: Connection, *, now: Micros) -> bool:
    """Whether stock moved that nobody looked at."""
    return bool(_only(connection.execute(_Q["more_movements"], {"now": now}).fetchone()))


def stock_since(
    connection: Connection, item_id: int, site_id: int, since: int
) -> tuple[int, list[tuple[int, int]], list[tuple[int, Span]]]:
    """What was available before a moment, what moved since, and the lacks known so far."""
    values = {"item_id": item_id, "site_id": site_id, "since": since}
    opening = int(_only(connection.execute(_Q["opening"], values).fetchone()))
    movements = [(row[0], row[1]) for row in connection.execute(_Q["movements_since"], values)]
    spans = [
        (row[0], Span(row[1], row[2])) for row in connection.execute(_Q["ledger_spans"], values)
    ]
    return opening, movements, spans


def sale_spans(connection: Connection, ids: Iterable[int]) -> list[tuple[int, SpanRow]]:
    """When nothing was available as these sales said so far."""
    rows = connection.execute(_Q["sale_spans"], {"ids": sorted(ids)})
    return [(row[0], SpanRow(*row[1:])) for row in rows]


def end_spans(connection: Connection, spans: Iterable[int], *, at: Micros) -> None:
    """These were not so."""
    connection.execute(_Q["end_spans"], {"spans": sorted(spans), "at": at})


def insert_spans(
    connection: Connection, source: str, spans: Iterable[SpanRow], *, at: Micros
) -> None:
    """When nothing was available."""
    rows = [span._asdict() for span in spans]
    connection.execute(_Q["insert_spans"], {"source": source, "spans": _json(rows), "at": at})


def demand(connection: Connection, filters: Mapping[str, Any]) -> list[DayRow]:
    """Days, in order. Planned anew each time: filters fold away, other days' chunks stay shut."""
    rows = connection.execute(_Q["demand"], filters, prepare=False)
    return [DayRow(*row) for row in rows]


def evidence(connection: Connection, filters: Mapping[str, Any]) -> list[EvidenceRow]:
    """What makes a day's demand."""
    return [EvidenceRow(*row) for row in connection.execute(_Q["evidence"], filters)]


def standing(connection: Connection) -> dict[Cell, tuple[int, ...]]:
    """Every day's demand as it is told now, where there is any."""
    return {
        Cell(*row[:4]): tuple(row[4:]) for row in connection.execute(_Q["standing"]) if any(row[4:])
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=_plain).decode()


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    raise NotImplementedError


def _only(row: Sequence[Any] | None) -> Any:
    if row is None:
        raise RuntimeError("a statement that returns a row returned none")
    return row[0]
