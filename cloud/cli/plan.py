"""``quartermaster cloud plan``: what a site is to do, until another part of the house says it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer

from cloud import catalog
from cloud.cli.documents import DryRun, File, Json, Read, Site, named, publish_read, tell
from cloud.db import Connection
from cloud.fleet.plan_file import Named, read_plan, refuse_unknown

app: Final = typer.Typer(help="Publish what a site is to do.", no_args_is_help=True)


@app.command()
def publish(file: File, *, site: Site, dry_run: DryRun = False, json: Json = False) -> None:
    """Publish a site's tasks and pick faces, all or, if an entry is wrong, none (exit 65).

    A task that the file leaves out is withdrawn.
    """
    read, entries = _read(file, site)

    def judge(connection: Connection) -> None:
        """Whether the catalog holds what the plan names; publishing tells of an unknown site."""
        site_id = catalog.site_ids(connection, [site]).get(site)
        if site_id is None:
            return
        skus = {sku for entry in entries for sku in entry.skus}
        places = {place for entry in entries for place in entry.locations}
        refuse_unknown(
            entries,
            frozenset(catalog.item_ids(connection, skus)),
            frozenset(catalog.location_ids(connection, site_id, places)),
            read.faults,
        )

    publish_read(read, site=site, dry_run=dry_run, json=json, judge=judge)


@app.command()
def check(file: File, *, site: Site, json: Json = False) -> None:
    """Validate a plan file by itself, without the catalog (exit 65 if an entry is wrong)."""
    read, _ = _read(file, site)
    tell(read, site=site, version=None, dry_run=True, json=json)


def _read(file: Path, site: str) -> tuple[Read, list[Named]]:
    entries: list[Named] = []

    def read(content: bytes) -> Read:
        plan, found, faults = read_plan(content, site=site)
        entries.extend(found)
        return Read("plan", plan, len(plan.tasks) + len(plan.faces), faults)

    return named(file, read), entries
