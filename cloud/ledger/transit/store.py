"""SQL of goods on their way; private to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cloud.db import Connection, Queries
from cloud.ledger.transit.model import GRACE, UNKNOWN_COURSE, Consignment, InTransit, Line, Standing
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


class Origin(NamedTuple):
    """The gateway's event that told of it; zeros where none did."""

    event_id: str | None = None
    gateway_id: int = 0
    epoch: int = 0
    seq: int = 0


class Noted(NamedTuple):
    """What an event did to a line."""

    consignment_id: int
    line: int
    departed: int
    arrived: int
    posting_id: int


def open_consignment(
    connection: Connection, said: Consignment, *, site_id: int, from_site_id: int | None, at: Micros
) -> int | None:
    """A new consignment; None where it is known."""
    row = connection.execute(
        _Q["open"],
        {
            **said._asdict(),
            "aliases": sorted(said.aliases),
            "site_id": site_id,
            "from_site_id": from_site_id,
            "at": at,
        },
    ).fetchone()
    return None if row is None else int(row[0])


def hold(
    connection: Connection,
    *,
    consignment_id: int | None = None,
    named: tuple[str, str, str] | None = None,
) -> Standing | None:
    """A consignment, by number or by (kind, scope, reference), held until the transaction ends."""
    kind, scope, reference = named or (None, None, None)
    row = connection.execute(
        _Q["hold"],
        {"consignment_id": consignment_id, "kind": kind, "scope": scope, "reference": reference},
        prepare=False,
    ).fetchone()
    return None if row is None else Standing(*row)


def expect(
    connection: Connection,
    consignment_id: int,
    *,
    eta: int | None,
    carrier: str,
    aliases: Collection[str],
) -> None:
    """Change when it is expected; what is not said stays."""
    given = {"eta": eta, "carrier": carrier, "aliases": sorted(aliases)}
    connection.execute(_Q["expect"], {"consignment_id": consignment_id, **given})


def lines(connection: Connection, consignment_ids: Collection[int]) -> list[Line]:
    """The lines of consignments."""
    rows = connection.execute(_Q["lines"], {"consignment_ids": sorted(consignment_ids)})
    return [Line(*row) for row in rows]


def add_line(connection: Connection, line: Line) -> None:
    """One more line."""
    connection.execute(_Q["add_line"], line._asdict())


def change_line(
    connection: Connection,
    consignment_id: int,
    line: int,
    *,
    dispatched: int = 0,
    arrived: int = 0,
    lost: int = 0,
) -> None:
    """Change what is on its way of a line, has arrived, or never will."""
    given = {"dispatched": dispatched, "arrived": arrived, "lost": lost}
    connection.execute(_Q["change_line"], {"consignment_id": consignment_id, "line": line, **given})


def close(connection: Connection, consignment_id: int, *, why: str, by: str, at: Micros) -> None:
    """Nothing more of it is expected."""
    given = {"consignment_id": consignment_id, "why": why, "by": by, "at": at}
    connection.execute(_Q["close"], given)


def reopen(connection: Connection, consignment_id: int) -> None:
    """What closed it by arriving was taken back."""
    connection.execute(_Q["reopen"], {"consignment_id": consignment_id})


def coming(
    connection: Connection, site_id: int, *, document: str, sscc: str, departing: bool = False
) -> list[int]:
    """Open consignments that a document or a pallet may belong to."""
    given = {"site_id": site_id, "document": document, "sscc": sscc, "departing": departing}
    return [int(row[0]) for row in connection.execute(_Q["coming"], given, prepare=False)]


def expected(connection: Connection, named: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of these names belong to an open consignment from or to their site."""
    ordered = sorted(named)
    given = {"site_ids": [site for site, _ in ordered], "names": [name for _, name in ordered]}
    return {(int(row[0]), str(row[1])) for row in connection.execute(_Q["expected"], given)}


def note(connection: Connection, key: str, what: Noted, origin: Origin) -> None:
    """Keep which line an event went to."""
    given = {"key": key, **what._asdict(), **origin._asdict()}
    connection.execute(_Q["note"], given)


def take_back_events(connection: Connection, event_ids: Collection[str]) -> list[Noted]:
    """What these events did, marked as taken back."""
    rows = connection.execute(_Q["noted_by_event"], {"event_ids": sorted(event_ids)})
    return [Noted(*row) for row in rows]


def take_back_ranges(
    connection: Connection, gateway_id: int, epoch: int, ranges: Sequence[tuple[int, int]]
) -> list[Noted]:
    """What the events of these ranges did, marked as taken back."""
    given = {
        "gateway_id": gateway_id,
        "epoch": epoch,
        "firsts": [first for first, _ in ranges],
        "lasts": [last for _, last in ranges],
    }
    return [Noted(*row) for row in connection.execute(_Q["noted_by_origin"], given)]


def in_transit(connection: Connection, filters: Mapping[str, Any]) -> list[InTransit]:
    """What is still to arrive."""
    rows = connection.execute(_Q["in_transit"], filters, prepare=False)
    return [InTransit(*row) for row in rows]


def overdue(connection: Connection, at: Micros) -> list[tuple[int, str, str, int, int | None]]:
    """Consignments that should have arrived: id, reference, site's code and key, when expected."""
    given = {"at": at, "grace": GRACE, "unknown": UNKNOWN_COURSE}
    return [
        (row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(_Q["overdue"], given)
    ]
