"""SQL of reservations; private to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from cloud.db import Connection, Queries
from cloud.orders.reservations.model import Ask, Key, PartRow, Reservation, Status
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


class New(NamedTuple):
    """A reservation to be written, by keys; ``portions`` are site, item, quantity, free before."""

    code: str
    ask: Ask
    item_id: int
    expires_at: Micros
    portions: tuple[tuple[int, int, int, int], ...]


class Standing(NamedTuple):
    """What a reservation says of itself, and whether all of it still holds."""

    reservation_id: int
    status: Status
    whole: bool


def items(connection: Connection, skus: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """item_id, and whether it is a kit, by SKU; unknown and removed ones are absent."""
    rows = connection.execute(_Q["items"], {"skus": list(skus)})
    return {row[0]: (row[1], row[2]) for row in rows}


def sites(
    connection: Connection, codes: Sequence[str], regions: Sequence[str], *, everywhere: bool
) -> list[tuple[int, str, str]]:
    """site_id, code and region of what is named, or of all."""
    values = {"sites": list(codes), "regions": list(regions), "everywhere": everywhere}
    return [(row[0], row[1], row[2]) for row in connection.execute(_Q["sites"], values)]


def stocked(
    connection: Connection, item_id: int, site_ids: Sequence[int], *, limit: int
) -> list[int]:
    """Of these sites, those with the most left of an item."""
    values = {"item_id": item_id, "site_ids": list(site_ids), "limit": limit}
    return [row[0] for row in connection.execute(_Q["stocked"], values)]


def known(
    connection: Connection, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """By (asker, key): what was asked, and the reservation's code."""
    values = {"askers": [pair[0] for pair in pairs], "keys": [pair[1] for pair in pairs]}
    rows = connection.execute(_Q["known"], values)
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def insert(connection: Connection, rows: Sequence[New], *, now: Micros) -> dict[str, int]:
    """Write new reservations with their parts; reservation_id by code of those that are new."""
    values = {
        "codes": [row.code for row in rows],
        "askers": [row.ask.asked_by for row in rows],
        "keys": [row.ask.key for row in rows],
        "asked": [row.ask.text() for row in rows],
        "item_ids": [row.item_id for row in rows],
        "quantities": [row.ask.quantity for row in rows],
        "channels": [row.ask.channel for row in rows],
        "documents": [row.ask.document for row in rows],
        "site_ids": [_array({portion[0] for portion in row.portions}) for row in rows],
        "expires": [row.expires_at for row in rows],
        "now": now,
    }
    found = {row[0]: row[1] for row in connection.execute(_Q["insert"], values)}
    parts = [
        (found[row.code], *portion, row.ask.document, row.expires_at)
        for row in rows
        if row.code in found
        for portion in row.portions
    ]
    if parts:
        names = ("reservation_ids", "site_ids", "item_ids", "quantities", "free", "documents")
        columns = [list(column) for column in zip(*parts, strict=True)]
        given: dict[str, list[Any]] = dict(zip((*names, "expires"), columns, strict=True))
        connection.execute(_Q["insert_parts"], given)
    return found


def reservations(
    connection: Connection,
    *,
    codes: Sequence[str] | None = None,
    site: str | None = None,
    sku: str | None = None,
    document: str | None = None,
    allowed: frozenset[int] | None = None,
    after: int | None = None,
    limit: int,
) -> list[Reservation]:
    """Reservations, the newest first."""
    rows = connection.execute(
        _Q["reservations"],
        {
            "codes": None if codes is None else list(codes),
            "site": site,
            "sku": sku,
            "document": document,
            "allowed": None if allowed is None else sorted(allowed),
            "after": after,
            "limit": limit,
        },
    )
    return [_reservation(row) for row in rows]


def _reservation(row: tuple[Any, ...]) -> Reservation:
    parts = tuple(PartRow(*part) for part in zip(*row[11:16], strict=True))
    code, sku, quantity, channel, document, status, reserved_at, expires_at, changed_at = row[1:10]
    return Reservation(
        row[0],
        code,
        sku,
        quantity,
        channel,
        document,
        status,
        reserved_at,
        expires_at,
        changed_at,
        frozenset(row[10]),
        parts,
    )


def _array(numbers: set[int]) -> str:
    """As PostgreSQL writes an array: arrays of arrays would all have to be of one length."""
    return "{" + ",".join(str(number) for number in sorted(numbers)) + "}"


def keys(connection: Connection, code: str) -> list[Key]:
    """Where a reservation lies."""
    rows = connection.execute(_Q["keys"], {"code": code})
    return [(row[0], row[1]) for row in rows]


def standing(connection: Connection, code: str) -> Standing:
    """What it is now; it exists."""
    row = connection.execute(_Q["standing"], {"code": code}).fetchone()
    if row is None:  # pragma: no cover - its parts were just read, and nothing is deleted
        raise LookupError(code)
    return Standing(row[0], row[1], row[2])


def change(
    connection: Connection,
    reservation_id: int,
    *,
    status: Status,
    now: Micros,
    expires: Micros | None = None,
    document: str | None = None,
) -> None:
    """Write a status, and another end or document where one is given."""
    connection.execute(
        _Q["change"],
        {
            "reservation_id": reservation_id,
            "status": status,
            "now": now,
            "expires": expires,
            "document": document,
        },
    )


def keep_parts(
    connection: Connection, reservation_id: int, *, expires: Micros | None, document: str | None
) -> None:
    """Let its parts end at another time, or (None) no more."""
    values = {"reservation_id": reservation_id, "expires": expires, "document": document}
    connection.execute(_Q["keep_parts"], values)
    connection.execute(_Q["unsettle"], {"reservation_id": reservation_id})


def close_parts(connection: Connection, reservation_id: int) -> dict[Key, int]:
    """Let its parts hold nothing; returns what they held."""
    rows = connection.execute(_Q["close_parts"], {"reservation_id": reservation_id})
    return {(row[0], row[1]): row[2] for row in rows}
