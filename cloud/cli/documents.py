"""What publishing people and plans has in common: reading the file, telling what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud import fleet
from cloud.clock import SystemClock
from cloud.db import Connection, open_pool, unit_of_work
from cloud.fleet.files import Faults
from cloud.settings import load
from shared.downlink import MAX_DOCUMENT, DocumentKind, encode
from shared.errors import QuartermasterError
from shared.people import People
from shared.plan import Plan

File = Annotated[Path, typer.Argument(help="TOML or JSON; - reads from the standard input.")]
Site = Annotated[str, typer.Option(help="Whose it is.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

STDIN: Final = Path("-")
_SHOWN: Final = 20
_WRONG_ROWS: Final = 65
_console: Final = Console()


class Read(NamedTuple):
    """A file that was read: what to publish, how many entries, and what is wrong."""

    kind: DocumentKind
    document: People | Plan
    entries: int
    faults: Faults


class Told(msgspec.Struct, frozen=True):
    """What came of it; ``version`` is None where nothing was, or would be, published."""

    kind: DocumentKind
    site: str
    entries: int
    version: int | None
    dry_run: bool
    errors: list[dict[str, str]]
    more_errors: int


def content_of(file: Path) -> bytes:
    """A file's bytes, never more of them than a document may have.

    Raises:
        QuartermasterError: ``file.unreadable`` or ``payload.too-large``.
    """
    try:
        if file == STDIN:
            content = sys.stdin.buffer.read(MAX_DOCUMENT + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(MAX_DOCUMENT + 1)
    except OSError as error:
        says = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", says, where=str(file)) from None
    if len(content) > MAX_DOCUMENT:
        raise QuartermasterError("payload.too-large", "64 MiB at most", where=str(file))
    return content


def named(file: Path, read: Callable[[bytes], Read]) -> Read:
    """Read a file; what is wrong with it as a whole names it.

    Raises:
        QuartermasterError: ``file.unreadable``, ``payload.too-large`` or ``document.file``.
    """
    content = content_of(file)
    try:
        return read(content)
    except QuartermasterError as error:
        raise QuartermasterError(error.code, error.detail, where=str(file)) from None


def publish_read(
    read: Read,
    *,
    site: str,
    dry_run: bool,
    json: bool,
    judge: Callable[[Connection], None] = lambda _: None,
) -> None:
    """Publish, unless something is wrong or nothing is to be changed, and tell.

    Args:
        read: the file.
        site: whose it is.
        dry_run: only say what would happen.
        json: tell in JSON.
        judge: adds the faults that only the database knows of.

    Raises:
        typer.Exit: 65, with faults.
    """
    version: int | None = None
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        judge(connection)
        if not read.faults:
            content = encode(read.document)
            now = SystemClock().now()
            version = fleet.publish(connection, read.kind, content, site=site, now=now)
        if dry_run:
            connection.rollback()
    tell(read, site=site, version=version, dry_run=dry_run, json=json)


def tell(read: Read, *, site: str, version: int | None, dry_run: bool, json: bool) -> None:
    """Say what came of it.

    Raises:
        typer.Exit: 65, with faults.
    """
    faults = read.faults
    if json:
        errors = [fault._asdict() for fault in faults.found]
        told = Told(read.kind, site, read.entries, version, dry_run, errors, faults.more)
        typer.echo(msgspec.json.encode(told).decode())
    elif faults:
        _show(read)
    elif version is None:
        _console.print(f"The {read.kind} of {site} are valid: {read.entries} entries.")
    else:
        would = "would be" if dry_run else "is"
        _console.print(
            f"{read.kind.capitalize()} of {site} with {read.entries} entries {would} "
            f"version {version}."
        )
    if faults:
        raise typer.Exit(_WRONG_ROWS)


def _show(read: Read) -> None:
    table = Table("where", "what is wrong", "what to do")
    for fault in read.faults.found[:_SHOWN]:
        table.add_row(fault.where, fault.says, fault.do)
    _console.print(table)
    count = len(read.faults.found) + read.faults.more
    if count > _SHOWN:
        _console.print(f"… and {count - _SHOWN} more (--json lists up to 1,000).")
    _console.print(f"{count} errors in {read.entries} entries: nothing was published.")
