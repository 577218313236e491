"""The catalog's SQL, private to this room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from cloud.catalog.model import ItemRow, NewCode, NewItem, NewLocation, NewSite, PlaceKind, SiteRow
from cloud.db import Connection, Queries
from shared.downlink import Code, Item, Location

_Q: Final = Queries("cloud.catalog")


class _Statements(NamedTuple):
    """The queries that apply one kind of file, and those that keep what it changed by revision."""

    judged: str
    apply: tuple[str, ...]

    keep: tuple[str, str]


_OF_KIND: Final[dict[PlaceKind, _Statements]] = {
    "sites": _Statements(
        "count_sites", ("update_sites", "insert_sites"), ("close_sites", "keep_sites")
    ),
    "locations": _Statements(
        "count_locations",
        ("update_locations", "insert_locations"),
        ("close_locations", "keep_locations"),
    ),
    "items": _Statements(
        "count_items", ("update_items", "insert_items"), ("close_items", "keep_items")
    ),
}


def _copy(connection: Connection, query: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(_Q[query]) as copy:
        for row in rows:
            copy.write_row(row)


def lock_revision(connection: Connection) -> int:
    """The catalog's revision; other imports wait until this transaction ends."""
    return _number(connection, "lock_revision")


def revision(connection: Connection) -> int:
    """The catalog's revision."""
    return _number(connection, "revision")


def next_revision(connection: Connection, at: datetime | None) -> int:
    """Raise the revision by one, made at ``at``; None is the database's own clock."""
    raised = _number(connection, "next_revision")
    connection.execute(_Q["note_revision"], {"revision": raised, "at": at})
    return raised


def raise_revision(connection: Connection, site_id: int, above: int) -> int:
    """Lift the revision, and one site with it, above ``above``."""
    raised = _number(connection, "raise_revision", above=above)
    connection.execute(_Q["touch_site"], {"site_id": site_id, "revision": raised})
    return raised


def site_version(connection: Connection, site_id: int) -> int:
    """The version of one site's catalog."""
    return _number(connection, "site_version", site_id=site_id)


def _number(connection: Connection, query: str, **values: object) -> int:
    row = connection.execute(_Q[query], values).fetchone()
    if row is None or row[0] is None:
        raise LookupError(query)
    return int(row[0])


def bring_sites(connection: Connection, rows: Sequence[NewSite]) -> list[tuple[int, str]]:
    """Lay a file's sites beside the catalog; returns (line, time zone) where that is unknown."""
    connection.execute(_Q["make_incoming_site"])
    connection.execute(_Q["clear_incoming_site"])
    _copy(connection, "copy_incoming_site", rows)
    connection.execute(_Q["judge_sites"])
    return [(line, zone) for line, zone in connection.execute(_Q["unknown_timezones"])]


def bring_locations(connection: Connection, rows: Sequence[NewLocation]) -> list[tuple[int, str]]:
    """Lay a file's locations beside the catalog; returns (line, site) where that is unknown."""
    connection.execute(_Q["make_incoming_location"])
    connection.execute(_Q["clear_incoming_location"])
    _copy(connection, "copy_incoming_location", rows)
    connection.execute(_Q["judge_locations"])
    return [(line, site) for line, site in connection.execute(_Q["unknown_sites"])]


def bring_items(
    connection: Connection, rows: Sequence[NewItem], codes: Sequence[NewCode], *, has_codes: bool
) -> list[tuple[int, str, str]]:
    """Lay a file's items beside the catalog; returns (line, gtin, owner) where that is taken."""
    connection.execute(_Q["make_incoming_item"])
    connection.execute(_Q["make_incoming_code"])
    connection.execute(_Q["clear_incoming_item"])
    _copy(connection, "copy_incoming_item", rows)
    _copy(connection, "copy_incoming_code", codes)
    connection.execute(_Q["analyze_incoming_item"])
    connection.execute(_Q["judge_items"])
    if has_codes:
        connection.execute(_Q["judge_codes"])
    return [(line, gtin, sku) for line, gtin, sku in connection.execute(_Q["codes_taken"])]


def verdicts(connection: Connection, kind: PlaceKind) -> dict[str, int]:
    """How many rows the file inserts, changes and leaves unchanged."""
    found = connection.execute(_Q[_OF_KIND[kind].judged])
    return {str(verdict): int(count) for verdict, count in found}


def apply(connection: Connection, kind: PlaceKind, *, at: int, has_codes: bool) -> None:
    """Write what was brought, at revision ``at``."""
    statements = _OF_KIND[kind].apply
    if has_codes:
        statements = ("delete_codes", *statements, "insert_codes")
    for name in (*statements, *_OF_KIND[kind].keep):
        connection.execute(_Q[name], {"revision": at})


def item_ids(connection: Connection, skus: Sequence[str]) -> dict[str, int]:
    """Keys by SKU; unknown ones are absent."""
    return _ids(connection, "item_ids", skus=skus)


def location_ids(connection: Connection, site_id: int, codes: Sequence[str]) -> dict[str, int]:
    """Keys by location code; unknown ones are absent."""
    return _ids(connection, "location_ids", site_id=site_id, codes=codes)


def site_codes(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    """The codes of sites by their keys."""
    rows = connection.execute(_Q["site_codes"], {"keys": keys})
    return {int(key): str(code) for key, code in rows}


def site_ids(connection: Connection, codes: Sequence[str]) -> dict[str, int]:
    """Keys by site code; unknown ones are absent."""
    return _ids(connection, "site_ids", codes=codes)


def _ids(connection: Connection, query: str, **values: object) -> dict[str, int]:
    found = connection.execute(_Q[query], values)
    return {str(name): int(key) for name, key in found}


def site_code(connection: Connection, site_id: int) -> str | None:
    """The name of one site."""
    row = connection.execute(_Q["site_code"], {"site_id": site_id}).fetchone()
    return None if row is None else str(row[0])


def sites(
    connection: Connection, *, allowed: frozenset[int] | None, after: str | None, limit: int | None
) -> list[SiteRow]:
    """A page of sites."""
    values = {
        "sites": None if allowed is None else sorted(allowed),
        "after": after,
        "limit": limit,
    }
    return [SiteRow(*row) for row in connection.execute(_Q["sites"], values)]


def items(
    connection: Connection,
    *,
    sku: str | None,
    gtin: str | None,
    revision: int | None,
    after: str | None,
    limit: int,
) -> list[ItemRow]:
    """A page of items, as of a revision or, for None, now."""
    values = {"sku": sku, "gtin": gtin, "after": after, "limit": limit, "revision": revision}
    return [
        ItemRow._make((*row[:5], list(zip(row[5], row[6], row[7], strict=True)), *row[8:]))
        for row in connection.execute(_Q["items" if revision is None else "items_as_of"], values)
    ]


def items_since(connection: Connection, base: int) -> list[Item]:
    """Items changed after revision ``base``."""
    return [
        Item(
            sku,
            name,
            [Code(*code) for code in zip(gtins, quantities, strict=True)],
            removed,
            count_class,
        )
        for sku, name, removed, count_class, gtins, quantities in connection.execute(
            _Q["items_since"], {"base": base}
        )
    ]


def locations_since(connection: Connection, site_id: int, base: int) -> list[Location]:
    """A site's locations changed after revision ``base``."""
    values = {"site_id": site_id, "base": base}
    return [Location(*row) for row in connection.execute(_Q["locations_since"], values)]
