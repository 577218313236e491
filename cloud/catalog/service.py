"""The catalog's use cases: import a file, look keys up, prepare what gateways work with.

Every function takes an open connection and leaves committing to its caller; an import that
returns errors, or a dry run, has changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloud.catalog import store
from cloud.catalog.model import ImportKind, ItemRow, Report, SiteRow, row_error
from cloud.catalog.table import Table, read
from cloud.db import Connection
from shared.downlink import Catalog
from shared.errors import QuartermasterError

_EVERYTHING = -1


def import_csv(
    connection: Connection, *, kind: ImportKind, content: bytes | str, dry_run: bool = False
) -> Report:
    """Bring a whole CSV file into the catalog, or nothing of it.

    Rows are matched by their natural key (site code; SKU; site and location code), so that the
    same file twice changes nothing. Wrong rows are in the report's ``errors``; then, and in a dry
    run, nothing is applied.

    Raises:
        QuartermasterError: ``catalog.file`` or ``payload.too-large`` when no row can be read.
    """
    table = read(kind, content)
    revision = store.revision(connection) if dry_run else store.lock_revision(connection)
    if not table.errors:
        _bring(connection, kind, table)
    report = Report(
        kind=kind,
        dry_run=dry_run,
        rows=table.rows,
        inserted=0,
        changed=0,
        unchanged=0,
        revision=revision,
        errors=tuple(sorted(table.errors.found)),
        more_errors=table.errors.more,
    )
    if report.errors:
        return report
    found = store.verdicts(connection, kind)
    report = report._replace(
        inserted=found.get("inserted", 0),
        changed=found.get("changed", 0),
        unchanged=found.get("unchanged", 0),
    )
    if dry_run or not report.inserted + report.changed:
        return report
    revision = store.next_revision(connection)
    store.apply(connection, kind, at=revision, has_codes=table.has_codes)
    return report._replace(revision=revision)


def _bring(connection: Connection, kind: ImportKind, table: Table) -> None:
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


def item_ids(connection: Connection, skus: Iterable[str]) -> dict[str, int]:
    """Keys of items by SKU; unknown ones are absent, removed ones are not."""
    return store.item_ids(connection, list(skus))


def location_ids(connection: Connection, site_id: int, codes: Iterable[str]) -> dict[str, int]:
    """Keys of one site's locations by code; unknown ones are absent, removed ones are not."""
    return store.location_ids(connection, site_id, list(codes))


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
    after: str | None = None,
    limit: int = 100,
) -> Sequence[ItemRow]:
    """A page of items after a SKU, or the one with a SKU or a 14-digit GTIN."""
    return store.items(connection, sku=sku, gtin=gtin, after=after, limit=limit)


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
