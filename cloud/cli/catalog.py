"""``quartermaster cloud catalog``: import sites, items and locations from CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.catalog import ImportKind, Report, import_csv, template
from cloud.catalog.table import MAX_BYTES
from cloud.db import open_pool, unit_of_work
from cloud.settings import load
from shared.errors import QuartermasterError

app: Final = typer.Typer(help="Import sites, items and locations.", no_args_is_help=True)
_console: Final = Console()
_SHOWN: Final = 20

Kind = Annotated[ImportKind, typer.Argument(help="What the file holds.")]


@app.command("import")
def import_file(
    kind: Kind,
    file: Annotated[Path, typer.Argument(help="A CSV file, UTF-8.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Import a file: all of it, or, if a row is wrong, nothing (exit 65)."""
    content = _read(file)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        report = import_csv(connection, kind=kind, content=content, dry_run=dry_run)
    if json:
        errors = [error._asdict() for error in report.errors]
        typer.echo(msgspec.json.encode({**report._asdict(), "errors": errors}).decode())
    else:
        _show(report)
    if report.errors:
        raise typer.Exit(65)


@app.command("template")
def print_template(kind: Kind) -> None:
    """Print an example file that imports as it is."""
    typer.echo(template(kind), nl=False)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise QuartermasterError("payload.too-large", "64 MiB at most", where=str(file))
        return file.read_bytes()
    except OSError as error:
        raise QuartermasterError(
            "file.unreadable", error.strerror or type(error).__name__, where=str(file)
        ) from None


def _show(report: Report) -> None:
    if report.errors:
        table = Table("line", "column", "code", "what is wrong", "what to do")
        for error in report.errors[:_SHOWN]:
            table.add_row(str(error.line), error.column, error.code, error.says, error.do)
        _console.print(table)
        count = len(report.errors) + report.more_errors
        if count > _SHOWN:
            _console.print(f"… and {count - _SHOWN} more (--json lists up to 1,000).")
        _console.print(f"{count} errors in {report.rows} rows: nothing was imported.")
        return
    would = "Would import" if report.dry_run else "Imported"
    _console.print(
        f"{would} {report.rows} rows of {report.kind}: {report.inserted} new, "
        f"{report.changed} changed, {report.unchanged} as they were. "
        f"Catalog revision {report.revision}."
    )
