"""SQL of customers' orders; private to the room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from cloud.db import Connection, Queries
from cloud.feeds.documents import (
    CustomerReturn,
    Delivery,
    Fulfilment,
    Party,
    SalesOrder,
)
from cloud.orders.sales.backlog import OpenLine
from cloud.orders.sales.model import Number, Order, OrderLine, Said, Spoken
from cloud.orders.sales.views import Change, Demanded, MovedRow, OrderRow, Statement
from shared.units import Micros

_Q: Final = Queries(__package__ or "")
_KINDS: Final[dict[str, type[Spoken]]] = {
    "sales-order": SalesOrder,
    "fulfilment": Fulfilment,
    "customer-return": CustomerReturn,
}


class Held(NamedTuple):
    """A statement that counts, and the order that it belongs to so far."""

    statement_id: int
    order_id: int | None
    said: Said


class Word(NamedTuple):
    """A statement to be written."""

    kind: str
    feed: str
    own: Number
    version: int
    digest: bytes
    body: str
    delivery: Delivery


def one_at_a_time(connection: Connection) -> None:
    """Wait for others who reconcile orders."""
    connection.execute(_Q["one_at_a_time"])


def customer(
    connection: Connection, party: Party, *, source: str, reference: str, at: Micros
) -> str:
    """The pseudonym of a person or firm, whose data are kept here and nowhere else."""
    values = {
        **{name: getattr(party, name) for name in Party.__struct_fields__},
        "source": source,
        "reference": reference,
        "at": at,
    }
    return _only(connection.execute(_Q["customer"], values).fetchone())


def insert_statement(
    connection: Connection, word: Word, numbers: Iterable[Number], own: frozenset[Number]
) -> int | None:
    """Keep what a feed said; None where it said just that before."""
    numbering, scope, number = word.own
    values = {
        "kind": word.kind,
        "feed": word.feed,
        "numbering": numbering,
        "scope": scope,
        "number": number,
        "version": word.version,
        "digest": word.digest,
        "body": word.body,
        "delivery_id": word.delivery.delivery_id,
        "position": word.delivery.position,
        "received_at": word.delivery.received_at,
    }
    row = connection.execute(_Q["insert_statement"], values).fetchone()
    if row is None:
        return None
    named = [_number(each) | {"own": each in own} for each in sorted(set(numbers))]
    connection.execute(_Q["insert_numbers"], {"statement_id": row[0], "numbers": _json(named)})
    return int(row[0])


def predecessor(connection: Connection, word: Word) -> Held | None:
    """What counts so far of the same feed's words on the same number."""
    numbering, scope, number = word.own
    values = {
        "kind": word.kind,
        "feed": word.feed,
        "numbering": numbering,
        "scope": scope,
        "number": number,
    }
    row = connection.execute(_Q["predecessor"], values).fetchone()
    return None if row is None else _held(row)


def count_instead(connection: Connection, statement_id: int, before: int | None) -> None:
    """Let a statement count, instead of one before it."""
    connection.execute(_Q["count_instead"], {"statement_id": statement_id, "before": before})


def orders_of_numbers(connection: Connection, numbers: Iterable[Number]) -> set[int]:
    """The orders that these numbers mean."""
    rows = connection.execute(_Q["orders_of_numbers"], {"numbers": _numbers(numbers)})
    return {row[0] for row in rows}


def orders_naming(connection: Connection, number: Number) -> set[int]:
    """The orders whose statements name a number, cut or not."""
    rows = connection.execute(_Q["orders_naming"], _number(number))
    return {row[0] for row in rows}


def current(
    connection: Connection, orders: Iterable[int], statement_id: int | None = None
) -> list[Held]:
    """What counts of some orders, and one statement more."""
    values = {"orders": sorted(orders), "statement_id": statement_id}
    return [_held(row) for row in connection.execute(_Q["current_statements"], values)]


def cuts(connection: Connection, numbers: Iterable[Number]) -> frozenset[Number]:
    """Which of these numbers join nothing."""
    rows = connection.execute(_Q["cuts"], {"numbers": _numbers(numbers)})
    return frozenset((row[0], row[1], row[2]) for row in rows)


def judge_numbers(
    connection: Connection, numbers: Iterable[Number]
) -> list[tuple[Number, bool, bool]]:
    """Of each number: whether it is ambiguous, and whether that was known."""
    rows = connection.execute(_Q["judge_numbers"], {"numbers": _numbers(set(numbers))})
    return [((row[0], row[1], row[2]), bool(row[3]), row[4]) for row in rows]


def mark_ambiguous(connection: Connection, number: Number, *, ambiguous: bool, at: Micros) -> None:
    """Let an ambiguous number join nothing, or join again."""
    name = "mark_ambiguous" if ambiguous else "unmark_ambiguous"
    connection.execute(_Q[name], {**_number(number), "at": at})


def remind(
    connection: Connection, *, before: Micros, at: Micros
) -> list[tuple[int, Number, int | None]]:
    """Orders that nobody has told of since a moment: (order, its number, its site), once each."""
    rows = connection.execute(_Q["remind"], {"before": before, "at": at})
    return [(row[0], (row[1], row[2], row[3]), row[4]) for row in rows]


def cut(connection: Connection, number: Number, *, by: str, why: str, at: Micros) -> bool:
    """Let a number join nothing; whether that is new."""
    values = {**_number(number), "by": by, "why": why, "at": at}
    return connection.execute(_Q["insert_cut"], values).rowcount > 0


def lift(connection: Connection, number: Number, *, by: str, at: Micros) -> bool:
    """Let a number join again; whether it did not."""
    values = {**_number(number), "by": by, "at": at}
    return connection.execute(_Q["lift_cut"], values).rowcount > 0


def new_order(connection: Connection, *, at: Micros) -> int:
    """A row for an order."""
    return int(_only(connection.execute(_Q["new_order"], {"at": at}).fetchone()))


def clear(connection: Connection, orders: Iterable[int]) -> None:
    """Forget lines, passages and numbers, before they are written anew."""
    values = {"orders": sorted(orders)}
    for name in ("clear_lines", "clear_moved", "clear_references"):
        connection.execute(_Q[name], values)


def write_order(
    connection: Connection,
    order_id: int,
    order: Order,
    *,
    told: Mapping[str, str],
    at: Micros,
    looked_at: Micros,
) -> int | None:
    """Write an order anew, whose details were cleared; the key of its site.

    ``told`` is what a person has been told of it: ``differs`` and ``unresolved``.
    """
    numbering, scope, number = order.title
    fields = order._asdict()
    values = {
        **{name: value for name, value in fields.items() if not isinstance(value, tuple)},
        **told,
        "numbering": numbering,
        "scope": scope,
        "number": number,
        "order_id": order_id,
        "at": at,
        "looked_at": looked_at,
    }
    site_id = _only(connection.execute(_Q["write_order"], values).fetchone())
    known = {line.item for line in order.lines if line.known}
    lines = [{**line._asdict()} for line in order.lines]
    moved = [
        {
            "line": position,
            "came_back": position >= len(order.shipments),
            "item": each.item,
            "known": each.item in known,
            "site": each.site,
            "at": each.at,
            "quantity": each.quantity,
            "feed": each.feed,
            "number": each.number[2],
        }
        for position, each in enumerate((*order.shipments, *order.returns))
    ]
    connection.execute(_Q["insert_lines"], {"order_id": order_id, "lines": _json(lines)})
    if moved:
        connection.execute(_Q["insert_moved"], {"order_id": order_id, "moved": _json(moved)})
    named = {"order_id": order_id, "numbers": _numbers(order.numbers)}
    connection.execute(_Q["insert_references"], named)
    return site_id


def absorb(connection: Connection, order_id: int, into: int, *, at: Micros) -> None:
    """An order turned out to be another one."""
    connection.execute(_Q["absorb"], {"order_id": order_id, "into": into, "at": at})


def assign(connection: Connection, order_id: int, statements: Sequence[int]) -> None:
    """Let statements belong to an order."""
    connection.execute(_Q["assign"], {"order_id": order_id, "statements": list(statements)})


def insert_changes(
    connection: Connection,
    order_id: int,
    changes: Sequence[tuple[str, str, str, str]],
    *,
    statement_id: int | None,
    by: str,
    at: Micros,
) -> None:
    """Write down what changed: (what, item, before, after)."""
    rows = [
        dict(zip(("what", "item", "before", "after"), change, strict=True)) for change in changes
    ]
    values = {"order_id": order_id, "statement_id": statement_id, "at": at, "by": by}
    connection.execute(_Q["insert_changes"], {**values, "changes": _json(rows)})


def unresolved(connection: Connection, *, before: Micros, limit: int) -> list[int]:
    """Orders that named what the catalog did not know when they were looked at, before a moment."""
    values = {"before": before, "limit": limit}
    return [row[0] for row in connection.execute(_Q["unresolved"], values)]


def open_lines(connection: Connection, items: Iterable[int] | None) -> list[OpenLine]:
    """What customers wait for."""
    values = {"items": None if items is None else sorted(items)}
    return [
        OpenLine(row[0], (row[1], row[2], row[3]), *row[4:])
        for row in connection.execute(_Q["open_lines"], values, prepare=False)
    ]


def order_rows(connection: Connection, filters: Mapping[str, Any]) -> list[OrderRow]:
    """Orders, the newest first. Planned anew each time: filters that are absent fold away."""
    rows = connection.execute(_Q["order_rows"], filters, prepare=False)
    return [OrderRow(*row) for row in rows]


def lines_of(connection: Connection, orders: Iterable[int]) -> dict[int, list[OrderLine]]:
    """The lines of some orders."""
    found: dict[int, list[OrderLine]] = {}
    for order_id, *line in connection.execute(_Q["lines_of"], {"orders": sorted(orders)}):
        found.setdefault(order_id, []).append(OrderLine(*line))
    return found


def moved_of(connection: Connection, orders: Iterable[int]) -> dict[int, list[MovedRow]]:
    """What left, and came back, of some orders."""
    found: dict[int, list[MovedRow]] = {}
    for order_id, *row in connection.execute(_Q["moved_of"], {"orders": sorted(orders)}):
        found.setdefault(order_id, []).append(MovedRow(*row))
    return found


def picked_of(connection: Connection, order_id: int) -> dict[str, int]:
    """What gateways picked for an order's documents, by SKU."""
    return {row[0]: row[1] for row in connection.execute(_Q["picked_of"], {"order_id": order_id})}


def references_of(connection: Connection, order_id: int) -> list[Number]:
    """The numbers that mean an order."""
    rows = connection.execute(_Q["references_of"], {"order_id": order_id})
    return [(row[0], row[1], row[2]) for row in rows]


def statements_of(connection: Connection, order_id: int) -> list[Statement]:
    """What was said of an order."""
    rows = connection.execute(_Q["statements_of"], {"order_id": order_id})
    return [
        Statement(
            row[0],
            row[1],
            (row[4], row[5], row[6]),
            row[7],
            row[9],
            row[10],
            row[11],
            _held((row[0], order_id, row[2], row[3], row[8])).said,
        )
        for row in rows
    ]


def changes_of(connection: Connection, order_id: int) -> list[Change]:
    """What changed in an order."""
    return [Change(*row) for row in connection.execute(_Q["changes_of"], {"order_id": order_id})]


def demanded(connection: Connection, orders: Iterable[int]) -> list[Demanded]:
    """Orders as demand, line by line."""
    return [
        Demanded(*row) for row in connection.execute(_Q["demanded"], {"orders": sorted(orders)})
    ]


def _held(row: Sequence[Any]) -> Held:
    statement_id, order_id, kind, feed, body = row
    document = msgspec.json.decode(body, type=_KINDS[kind])
    return Held(statement_id, order_id, Said(feed, document))


def _number(number: Number) -> dict[str, str]:
    return {"numbering": number[0], "scope": number[1], "number": number[2]}


def _numbers(numbers: Iterable[Number]) -> str:
    return _json([_number(each) for each in sorted(numbers)])


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _only(row: Sequence[Any] | None) -> Any:
    if row is None:
        raise RuntimeError("a statement that returns a row returned none")
    return row[0]
