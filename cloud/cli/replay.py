"""``quartermaster cloud quarantine replay``: apply what can be applied now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.app.handlers import routes
from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.gateways.service import lookup
from cloud.ingest.replay import Bench, Replayed, history, waiting
from cloud.ingest.replay import replay as replay_one
from cloud.settings import load
from shared.errors import QuartermasterError

_console: Final = Console()
_STILL_REFUSED: Final = 1


def replay(
    ids: Annotated[
        list[int] | None, typer.Argument(min=1, help="The ids that the list shows.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="All with this reason.")] = None,
    gateway: Annotated[str | None, typer.Option(help="Only this gateway's.")] = None,
    by: By = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that waits.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Apply quarantined entries, each exactly once; exit 1 when some still cannot be.

    Raises:
        QuartermasterError: ``request.invalid`` when it is not said which; ``request.not-found``.
    """
    if not (ids or code or gateway or everything):
        raise QuartermasterError("request.invalid", "name ids, --code, --gateway or --all")
    settings, clock = load(), SystemClock()
    bench = Bench(routes(), lookup, settings.trust_domain)
    done: list[Replayed] = []
    with open_pool(settings.database_url, size=1) as pool:
        with unit_of_work(pool) as connection:
            due = waiting(connection, ids=ids or None, code=code, gateway=gateway)
        for quarantine_id in due:
            with unit_of_work(pool) as connection:
                found = replay_one(connection, quarantine_id, bench, by=person(by), at=clock.now())
                if dry_run:
                    connection.rollback()
            if found is not None:
                done.append(found)
    applied = sum(item.outcome == "applied" for item in done)
    if json:
        report = {
            "dry_run": dry_run,
            "applied": applied,
            "refused": len(done) - applied,
            "entries": [item._asdict() for item in done],
        }
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _show(done, applied, dry_run=dry_run)
    if applied < len(done):
        raise typer.Exit(_STILL_REFUSED)


def _show(done: list[Replayed], applied: int, *, dry_run: bool) -> None:
    refused = [item for item in done if item.outcome == "refused"]
    if refused:
        table = Table("id", "gateway", "epoch", "seq", "was", "is", "detail")
        for item in refused:
            table.add_row(
                str(item.quarantine_id),
                item.gateway,
                *_where(item.epoch, item.first_seq, item.last_seq),
                item.was,
                item.code,
                item.detail,
            )
        _console.print(table)
    verb = "would be applied" if dry_run else "applied and released"
    _console.print(f"{applied} {verb}, {len(refused)} stay.")


def list_replays(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what was replayed: when, by whom, and what came of it; newest first."""
    with (
        open_pool(load().database_url, size=1) as pool,
        unit_of_work(pool) as connection,
    ):
        rows = history(connection, limit=limit)
    if json:
        typer.echo(msgspec.json.encode([row._asdict() for row in rows]).decode())
        return
    table = Table("when", "by", "id", "gateway", "epoch", "seq", "was", "outcome", "code")
    for row in rows:
        when = datetime.fromtimestamp(row.replayed_at / 1_000_000, UTC)
        table.add_row(
            f"{when:%Y-%m-%d %H:%M:%S}",
            row.replayed_by,
            str(row.quarantine_id),
            row.gateway,
            *_where(row.epoch, row.first_seq, row.last_seq),
            row.was,
            row.outcome,
            row.code,
        )
    _console.print(table)


def _where(epoch: int | None, first: int | None, last: int | None) -> tuple[str, str]:
    return "" if epoch is None else str(epoch), "" if first is None else f"{first}-{last}"
