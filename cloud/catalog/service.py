"""The catalog's use cases: import a file, look keys up, prepare what gateways work with.

Every function takes an open connection and leaves committing to its caller; an import that
returns errors, or a dry run, has changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cloud.catalog import store, store_facts, trade
from cloud.catalog.checks import odd_quantities
from cloud.catalog.facts import Fact, read_trade, rows_of
from cloud.catalog.kinds import SHAPES
from cloud.catalog.model import (
    ImportKind,
    ItemRow,
    PlaceKind,
    Report,
    SiteRow,
    TradeKind,
    row_error,
)
from cloud.catalog.table import Errors, Table, read
from cloud.db import Connection
from cloud.tables import ColumnMapping
from shared.downlink import Catalog
from shared.errors import QuartermasterError

_EVERYTHING = -1
_EXPORTED_AT_ONCE = 1000


def import_csv(
    connection: Connection,
    *,
    kind: ImportKind,
    content: bytes | str,
    dry_run: bool = False,
    at: datetime | None = None,
    mapping: ColumnMapping | None = None,
) -> Report:
    """Bring a whole CSV or Excel file into the catalog, or nothing of it.

    Rows are matched by their natural key (see the room's README), so that the same file twice
    changes nothing. Wrong rows are in the report's ``errors``; then, and in a dry run, nothing is
    applied. ``mapping`` says how a file with other columns than ours is read; ``at`` is the
    moment that the revision is known by; None is the database's own clock.

    Raises:
        QuartermasterError: ``catalog.file`` or ``payload.too-large`` when no row can be read.
    """
    match kind:
        case "sites" | "items" | "locations":
            return _import_places(connection, kind, content, mapping, dry_run=dry_run, at=at)
        case _:
            return _import_trade(connection, kind, content, mapping, dry_run=dry_run, at=at)


def _import_places(
    connection: Connection,
    kind: PlaceKind,
    content: bytes | str,
    mapping: ColumnMapping | None,
    *,
    dry_run: bool,
    at: datetime | None,
) -> Report:
    table = read(kind, content, mapping)
    revision = store.revision(connection) if dry_run else store.lock_revision(connection)
    if not table.errors:
        _bring(connection, kind, table, at=revision)
    report = _report(kind, table.rows, table.errors, revision=revision, dry_run=dry_run)
    if report.errors:
        return report
    report = _counted(report, store.verdicts(connection, kind))
    if dry_run or not report.inserted + report.changed:
        return report
    revision = store.next_revision(connection, at)
    store.apply(connection, kind, at=revision, has_codes=table.has_codes)
    return report._replace(revision=revision)


def _import_trade(
    connection: Connection,
    kind: TradeKind,
    content: bytes | str,
    mapping: ColumnMapping | None,
    *,
    dry_run: bool,
    at: datetime | None,
) -> Report:
    table = read_trade(kind, content, mapping)
    revision = store.revision(connection) if dry_run else store.lock_revision(connection)
    brought = None if table.errors else trade.bring(connection, kind, table, at=revision)
    report = _report(kind, table.rows, table.errors, revision=revision, dry_run=dry_run)
    if report.errors or brought is None:
        return report
    report = _counted(report, brought.verdicts)
    if dry_run or not brought.facts:
        return report
    revision = store.next_revision(connection, at)
    trade.apply(connection, brought, at=revision)
    return report._replace(revision=revision)


def _report(kind: ImportKind, rows: int, errors: Errors, *, revision: int, dry_run: bool) -> Report:
    return Report(
        kind=kind,
        dry_run=dry_run,
        rows=rows,
        inserted=0,
        changed=0,
        unchanged=0,
        revision=revision,
        errors=tuple(sorted(errors.found)),
        more_errors=errors.more,
    )


def _counted(report: Report, found: Mapping[str, int]) -> Report:
    return report._replace(
        inserted=found.get("inserted", 0),
        changed=found.get("changed", 0),
        unchanged=found.get("unchanged", 0),
    )


def revision_as_of(connection: Connection, at: datetime | None) -> int:
    """The catalog's revision at a moment, the present one for None; -1 before there was any."""
    if at is None:
        return store.revision(connection)
    found = store_facts.revision_at(connection, at)
    return _EVERYTHING if found is None else found


def facts(
    connection: Connection,
    kind: ImportKind,
    *,
    revision: int,
    firsts: Sequence[str] | None = None,
    seconds: Sequence[str] | None = None,
    after: Sequence[str] = (),
    limit: int = 100,
) -> list[Fact]:
    """A page of what the catalog held at a revision, after a key.

    ``firsts`` and ``seconds`` are the first and second parts that a key may have; None is any.
    """
    return store_facts.page(
        connection,
        kind,
        revision=revision,
        firsts=firsts,
        seconds=seconds,
        after=after,
        limit=limit,
    )


def export_rows(
    connection: Connection, kind: ImportKind, *, revision: int, after: Sequence[str] = ()
) -> tuple[list[list[str]], tuple[str, ...] | None]:
    """A part of an export, its header before the first, and the key to go on after; None: all.

    The parts of one revision fit together however much is imported meanwhile.
    """
    found = facts(connection, kind, revision=revision, after=after, limit=_EXPORTED_AT_ONCE)
    rows = [] if after else [list(SHAPES[kind].header)]
    rows += rows_of(kind, found)
    return rows, found[-1].key if len(found) == _EXPORTED_AT_ONCE else None


def _bring(connection: Connection, kind: PlaceKind, table: Table, *, at: int) -> None:
    """Lay the file beside the catalog and note what only the database can see is wrong."""
    match kind:
        case "sites":
            for line, zone in store.bring_sites(connection, table.sites):
                says = f"{zone[:60]!r} is not a time zone"
                table.errors.add(row_error(line, "timezone", says, "Use e.g. Europe/Amsterdam"))
        case "locations":
            for line, site in store.bring_locations(connection, table.locations):
                says = f"There is no site {site}"
                table.errors.add(row_error(line, "site", says, "Import the site first"))
        case "items":
            taken = store.bring_items(
                connection, table.items, table.codes, has_codes=table.has_codes
            )
            for line, gtin, owner in taken:
                says = f"{gtin} belongs to {owner}"
                do = f"Correct it, or add a row for {owner} without it"
                table.errors.add(row_error(line, "gtin", says, do))
            gtins = [code.gtin for code in table.codes]
            packs = store_facts.page(connection, "packs", revision=at, firsts=gtins)
            levels = {fact.key[0]: str(fact.terms[0]) for fact in packs}
            for flaw in odd_quantities(table.codes, levels):
                table.errors.add(flaw)


def item_ids(connection: Connection, skus: Iterable[str]) -> dict[str, int]:
    """Keys of items by SKU; unknown ones are absent, removed ones are not."""
    return store.item_ids(connection, list(skus))


def location_ids(connection: Connection, site_id: int, codes: Iterable[str]) -> dict[str, int]:
    """Keys of one site's locations by code; unknown ones are absent, removed ones are not."""
    return store.location_ids(connection, site_id, list(codes))


def site_codes(connection: Connection, keys: Iterable[int]) -> dict[int, str]:
    """The codes of sites by their keys."""
    return store.site_codes(connection, list(keys))


def site_ids(connection: Connection, codes: Iterable[str]) -> dict[str, int]:
    """Keys of sites by code; unknown ones are absent."""
    return store.site_ids(connection, list(codes))


def sites(
    connection: Connection,
    *,
    allowed: frozenset[int] | None = None,
    after: str | None = None,
    limit: int | None = 100,
) -> Sequence[SiteRow]:
    """A page of sites after a code; ``allowed`` None means all sites, ``limit`` None no end."""
    return store.sites(connection, allowed=allowed, after=after, limit=limit)


def items(
    connection: Connection,
    *,
    sku: str | None = None,
    gtin: str | None = None,
    at: datetime | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Sequence[ItemRow]:
    """A page of items after a SKU, or the one with a SKU or 14-digit GTIN; as of ``at`` or now."""
    revision = None if at is None else revision_as_of(connection, at)
    return store.items(connection, sku=sku, gtin=gtin, revision=revision, after=after, limit=limit)


def current_version(connection: Connection, site_id: int) -> int:
    """The version of a site's catalog; 0 while it is empty."""
    return store.site_version(connection, site_id)


def raise_above(connection: Connection, site_id: int, version: int) -> int:
    """Lift a site's catalog above ``version``, which a gateway holds from before a restore."""
    return store.raise_revision(connection, site_id, version)


def snapshot(connection: Connection, site_id: int) -> Catalog:
    """All that a site's gateways work with.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown site.
    """
    return delta(connection, site_id, _EVERYTHING)


def delta(connection: Connection, site_id: int, base: int) -> Catalog:
    """What has changed for a site after version ``base``, removals included.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown site.
    """
    code = store.site_code(connection, site_id)
    if code is None:
        raise QuartermasterError("request.not-found", f"site {site_id}")
    return Catalog(
        code,
        store.items_since(connection, base),
        store.locations_since(connection, site_id, base),
    )
