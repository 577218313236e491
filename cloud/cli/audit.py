"""``quartermaster cloud audit``: who did what, whether the trail is unaltered, its signed head."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.access import audit
from cloud.access.model import AuditEntry
from cloud.app.ingest import signing_key
from cloud.cli.person import person
from cloud.clock import SystemClock
from cloud.db import Connection, open_pool, unit_of_work
from cloud.settings import load
from shared.errors import QuartermasterError

app: Final = typer.Typer(
    help="Who did what; whether that trail is unaltered; its signed head.", no_args_is_help=True
)
_console: Final = Console()
_AT_ONCE: Final = 500

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def told_as(action: str) -> Callable[[Connection], None]:
    """What adds the entry of a command to its transactions that have written something.

    Its arguments stay unsaid: they may hold names.
    """

    def told(connection: Connection) -> None:
        audit.record(
            connection,
            who=f"account {person('')}",
            via="cli",
            at=SystemClock().now(),
            action=action,
            origin="machine",
            only_after_writes=True,
        )

    return told


@app.command("list")
def list_entries(
    who: Annotated[
        str | None, typer.Option(help="Only of this person's pseudonym or key's id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    *,
    json: Json = False,
) -> None:
    """List what was done, the newest first."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = audit.entries(connection, who=who, limit=limit)
    if json:
        typer.echo(msgspec.json.encode([_told(entry) for entry in found]).decode())
        return
    table = Table("when", "who", "what", "on", "outcome", "from")
    for entry in found:
        told = _told(entry)
        table.add_row(
            told["at"], entry.who, entry.action, entry.object, entry.outcome, entry.origin
        )
    _console.print(table)


@app.command()
def export() -> None:
    """Print all entries as JSON, one a line, the newest first."""
    before = None
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        while found := audit.entries(connection, before=before, limit=_AT_ONCE):
            for entry in found:
                typer.echo(msgspec.json.encode(_told(entry)).decode())
            before = found[-1].entry_id


@app.command()
def head() -> None:
    """Chain what waits and print the last link, signed: keep it where nobody here can change it."""
    settings = load()
    sign, kid = audit.signer(signing_key(settings))
    with open_pool(settings.database_url, size=1) as pool, unit_of_work(pool) as connection:
        while audit.seal(connection):
            pass
        found = audit.head(
            connection,
            sign=sign,
            kid=kid,
            trust_domain=settings.trust_domain,
            at=SystemClock().now(),
        )
    if found is not None:
        typer.echo(msgspec.json.encode(found._asdict()).decode())


@app.command()
def verify(
    heads: Annotated[
        Path | None, typer.Option(help="Heads that were told, one a line; - for the input.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Recompute the whole chain and compare it with heads that were told; exit 1 if altered."""
    settings = load()
    told: list[audit.AuditHead] = []
    if heads is not None:
        told = audit.read_heads(
            _content(heads),
            public=signing_key(settings).public_key(),
            trust_domain=settings.trust_domain,
        )
    with open_pool(settings.database_url, size=1) as pool, unit_of_work(pool) as connection:
        count, flaws = audit.verify(connection, told)
    if json:
        report = {"links": count, "heads": len(told), "flaws": [flaw._asdict() for flaw in flaws]}
        typer.echo(msgspec.json.encode(report).decode())
    else:
        for flaw in flaws:
            typer.echo(f"link {flaw.seq}: {flaw.says}")
        typer.echo(f"{count} links, {len(told)} heads: {'ALTERED' if flaws else 'unaltered'}.")
    if flaws:
        raise typer.Exit(1)


def _content(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise QuartermasterError("file.unreadable", type(error).__name__, where=str(path)) from None


def _told(entry: AuditEntry) -> dict[str, Any]:
    moment = datetime.fromtimestamp(entry.at // 1_000_000, UTC)
    return {**entry._asdict(), "at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
