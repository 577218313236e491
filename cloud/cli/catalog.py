"""``quartermaster cloud catalog``: files in, files out, and what a kit asks of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.catalog import (
    ImportKind,
    Report,
    explode,
    export_rows,
    import_csv,
    remarked,
    revision_as_of,
    template,
    template_workbook,
    workbook,
)
from cloud.clock import SystemClock
from cloud.db import Connection, open_pool, unit_of_work
from cloud.settings import load
from cloud.tables import MAX_BYTES, ColumnMapping, saved, written
from shared.errors import QuartermasterError
from shared.units import MAX_QUANTITY

app: Final = typer.Typer(
    help="Import and export the catalog; explode bills of material.", no_args_is_help=True
)
_console: Final = Console()
_SHOWN: Final = 20

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Parsed = TypeVar("_Parsed")

Kind = Annotated[ImportKind, typer.Argument(help="What the file holds.")]
Mapping = Annotated[
    str | None,
    typer.Option(help="A saved mapping of their columns (quartermaster cloud mappings)."),
]
Output = Annotated[
    Path | None, typer.Option(help="A file instead of the terminal; Excel if it ends in .xlsx.")
]
At = Annotated[str | None, typer.Option(help="As of a moment, e.g. 2026-03-01T12:00:00+00:00.")]


@app.command("import")
def import_file(
    kind: Kind,
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8, or Excel (.xlsx).")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    mapping: Mapping = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Import a file: all of it, or, if a row is wrong, nothing (exit 65)."""
    content = _read(file)
    now = _EPOCH + timedelta(microseconds=SystemClock().now())
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        columns = _columns(connection, kind, mapping)
        report = import_csv(
            connection, kind=kind, content=content, dry_run=dry_run, at=now, mapping=columns
        )
    if json:
        errors = [error._asdict() for error in report.errors]
        typer.echo(msgspec.json.encode({**report._asdict(), "errors": errors}).decode())
    else:
        _show(report)
    if report.errors:
        raise typer.Exit(65)


@app.command("template")
def print_template(kind: Kind, *, output: Output = None) -> None:
    """Print an example file that imports as it is, or write it: as Excel if it ends in .xlsx."""
    excel = output is not None and _is_excel(output)
    _give(template_workbook(kind) if excel else template(kind).encode(), output)


@app.command("correct")
def print_corrected(
    kind: Kind,
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8, or Excel (.xlsx).")],
    *,
    output: Output = None,
    mapping: Mapping = None,
) -> None:
    """Give a file back with a last column that says what is wrong with each row (exit 65)."""
    content = _read(file)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        columns = _columns(connection, kind, mapping)
        report = import_csv(connection, kind=kind, content=content, dry_run=True, mapping=columns)
    _give(remarked(kind, content, report.errors, columns), output)
    if report.errors:
        raise typer.Exit(65)


@app.command("export")
def print_export(kind: Kind, *, at: At = None, output: Output = None) -> None:
    """Give what the catalog holds, or held, as a file that imports as it is."""
    moment = _moment(at)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        rows = _exported(connection, kind, revision_as_of(connection, moment))
        if output is not None and _is_excel(output):
            _give(workbook(kind, rows), output)
        elif output is not None:
            _give(written(rows).encode(), output)
        else:
            for row in rows:
                typer.echo(written([row]), nl=False)


def _exported(connection: Connection, kind: ImportKind, revision: int) -> Iterator[list[str]]:
    after: tuple[str, ...] | None = ()
    while after is not None:
        rows, after = export_rows(connection, kind, revision=revision, after=after)
        yield from rows


@app.command("explode")
def print_explosion(
    sku: Annotated[str, typer.Argument(help="A kit, or what is made.")],
    quantity: Annotated[int, typer.Argument(min=1, max=MAX_QUANTITY, help="Base units.")],
    *,
    on: Annotated[str, typer.Option(help="The day whose bills count; today without it.")] = "",
    at: At = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a demand asks of all components below it."""
    day = _parsed(date.fromisoformat, on, "--on") if on else None
    moment = _moment(at)
    today = (_EPOCH + timedelta(microseconds=SystemClock().now())).date()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        revision = revision_as_of(connection, moment)
        needs = explode(connection, sku, quantity, on=day or today, revision=revision)
    if json:
        typer.echo(msgspec.json.encode([need._asdict() for need in needs]).decode())
        return
    table = Table("item", "base units", "made itself")
    for need in needs:
        table.add_row(need.sku, str(need.quantity), "yes" if need.made else "")
    _console.print(table)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = _parsed(datetime.fromisoformat, text, "--at")
    if moment.tzinfo is None:
        raise QuartermasterError("request.invalid", "a moment needs its offset", where="--at")
    return moment


def _parsed(parse: Callable[[str], _Parsed], text: str, option: str) -> _Parsed:
    try:
        return parse(text)
    except ValueError:
        says = f"{text[:40]!r} is not written as RFC 3339 does"
        raise QuartermasterError("request.invalid", says, where=option) from None


def _columns(connection: Connection, kind: ImportKind, name: str | None) -> ColumnMapping | None:
    if name is None:
        return None
    mapping = saved(connection, name).mapping
    if mapping.kind != kind:
        says = f"{name} reads {mapping.kind}, not {kind}"
        raise QuartermasterError("request.invalid", says, where="--mapping")
    return mapping


def _is_excel(output: Path) -> bool:
    return output.suffix.lower() == ".xlsx"


def _give(content: bytes, output: Path | None) -> None:
    if output is None:
        typer.echo(content, nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise QuartermasterError(
            "file.unreadable", error.strerror or type(error).__name__, where=str(output)
        ) from None


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
