"""``quartermaster cloud ingest`` and ``quartermaster cloud quarantine``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.app.ingest import run
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.ingest import service
from cloud.settings import load
from shared.errors import QuartermasterError

_console: Final = Console()
quarantine: Final = typer.Typer(help="What was set aside, and why.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def ingest(
    worker_id: Annotated[
        str, typer.Option(help="Tells workers apart; each one needs its own.")
    ] = "1",
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve /metrics on this local port.")
    ] = None,
) -> None:
    """Run one ingest worker until it is told to end. Several share the work."""
    run(load(), worker_id=worker_id, clock=SystemClock(), metrics_port=metrics_port)


@quarantine.command("list")
def list_quarantine(
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    gateway: Annotated[str | None, typer.Option(help="Only this gateway's.")] = None,
    code: Annotated[str | None, typer.Option(help="Only with this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    *,
    released: Annotated[bool, typer.Option("--all", help="Also what was applied since.")] = False,
    json: Json = False,
) -> None:
    """List quarantined segments and events, newest first."""
    with (
        open_pool(load().database_url, size=1) as pool,
        unit_of_work(pool) as connection,
    ):
        rows = service.quarantined(
            connection,
            sites=None,
            site=site,
            gateway=gateway,
            code=code,
            released=released,
            limit=limit,
        )
    if json:
        sys.stdout.write(msgspec.json.encode([row._asdict() for row in rows]).decode() + "\n")
        return
    table = Table()
    for heading in ("id", "received", "gateway", "epoch", "seq", "times", "code"):
        table.add_column(heading, no_wrap=True)
    table.add_column("detail")
    for row in rows:
        received = datetime.fromtimestamp(row.received_at / 1_000_000, UTC)
        table.add_row(
            str(row.quarantine_id),
            f"{received:%Y-%m-%d %H:%M:%S}",
            row.gateway,
            "" if row.epoch is None else str(row.epoch),
            "" if row.first_seq is None else f"{row.first_seq}-{row.last_seq}",
            str(row.times),
            row.code,
            row.detail,
        )
    _console.print(table)


@quarantine.command()
def show(
    quarantine_id: Annotated[int, typer.Argument(min=1, help="The id that the list shows.")],
) -> None:
    """Print one quarantined body in hexadecimal.

    Raises:
        QuartermasterError: ``request.not-found`` when it is not there or only its hash was kept.
    """
    with (
        open_pool(load().database_url, size=1) as pool,
        unit_of_work(pool) as connection,
    ):
        body = service.quarantined_body(connection, quarantine_id)
    if body is None:
        raise QuartermasterError("request.not-found", f"no body is kept under {quarantine_id}")
    sys.stdout.write(body.hex() + "\n")
