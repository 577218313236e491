"""``quartermaster cloud mappings``: how other systems' tables are read as ours, kept by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.catalog import ImportKind, check_mapping, proposal
from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.feeds import tables as files
from cloud.settings import load
from cloud.tables import MAX_BYTES, ColumnMapping, Saved, all_saved, remove, save, saved
from shared.errors import QuartermasterError

app: Final = typer.Typer(
    help="Saved mappings: whose columns are which of ours.", no_args_is_help=True
)
_console: Final = Console()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE: Final = 500

Name = Annotated[str, typer.Argument(help="The mapping's name.")]


@app.command("list")
def list_mappings(
    *, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the mappings that stand."""
    found: list[Saved] = []
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        while page := all_saved(connection, after=found[-1].name if found else None, limit=_PAGE):
            found += page
    if json:
        typer.echo(msgspec.json.encode([one._asdict() for one in found]).decode())
        return
    table = Table("name", "version", "reads", "saved", "by")
    for one in found:
        when = one.saved_at.isoformat(timespec="seconds")
        table.add_row(one.name, str(one.version), one.mapping.kind, when, one.saved_by)
    _console.print(table)


@app.command()
def show(
    name: Name,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="An earlier version.")] = None,
) -> None:
    """Print a mapping as the file that ``save`` takes."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        _print(saved(connection, name, version=version).mapping)


@app.command("save")
def save_mapping(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The mapping, as JSON.")],
    *,
    by: By = "",
) -> None:
    """Save a mapping under a name: a new version, unless it stands so already."""
    try:
        mapping = msgspec.json.decode(_read(file), type=ColumnMapping)
    except msgspec.DecodeError as error:
        raise QuartermasterError("request.invalid", str(error), where=str(file)) from None
    check = files.check if mapping.kind in files.KINDS else check_mapping
    check(mapping)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        kept = save(connection, name, mapping, by=person(by), at=_now())
    typer.echo(f"{kept.name} stands as version {kept.version}.")


@app.command("remove")
def remove_mapping(name: Name, *, by: By = "") -> None:
    """Take a mapping out of use; its versions stay."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        remove(connection, name, by=person(by), at=_now())
    typer.echo(f"{name} is out of use.")


@app.command("propose")
def print_proposal(
    kind: Annotated[ImportKind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="Their file, CSV or Excel.")],
    *,
    header: Annotated[int, typer.Option(min=1, max=100, help="The line that names columns.")] = 1,
) -> None:
    """Print a first mapping for a file of another system, by the names in its header."""
    _print(proposal(kind, _read(file), header=header))


def _print(mapping: ColumnMapping) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(mapping), indent=2).decode())


def _now() -> datetime:
    return _EPOCH + timedelta(microseconds=SystemClock().now())


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise QuartermasterError("payload.too-large", "64 MiB at most", where=str(file))
        return file.read_bytes()
    except OSError as error:
        raise QuartermasterError(
            "file.unreadable", error.strerror or type(error).__name__, where=str(file)
        ) from None
