"""``quartermaster cloud gateways heads``: the countersigned heads, and whether they still hold."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.app.ingest import signing_key
from cloud.app.witness import sealer
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.fleet import witness
from cloud.settings import load

_console: Final = Console()
_DOUBTED: Final = 1


def heads(
    name: Annotated[str | None, typer.Argument(help="Only this gateway's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 10_000,
    *,
    sign: Annotated[
        bool, typer.Option("--sign", help="Countersign now what has moved since today's record.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, the signed message included.")
    ] = False,
) -> None:
    """List the countersigned heads, each held against the history here; exit 1 if one is not borne
    out. The worker makes one a day for each gateway, and the gateway keeps it too.
    """  # noqa: D205 - typer shows the first paragraph
    settings, clock = load(), SystemClock()
    with open_pool(settings.database_url, size=1) as pool:
        if sign:
            seal = sealer(signing_key(settings), settings.trust_domain, clock)
            with unit_of_work(pool) as connection:
                witness.sign_heads(
                    connection,
                    seal,
                    generation=settings.generation,
                    now=clock.now(),
                    gateway=name,
                    moved=True,
                )
        with unit_of_work(pool) as connection:
            rows = witness.records(connection, gateway=name, limit=limit)
            doubts = [doubt for row in rows if (doubt := witness.check(connection, row))]
    why = {doubt.record.witness_id: doubt.why for doubt in doubts}
    if json:
        report = [
            {
                "gateway": row.gateway,
                "day": row.day,
                "generation": row.generation,
                "epoch": row.epoch,
                "seq": row.seq,
                "head_hash": row.head_hash.hex(),
                "message": row.message.hex(),
                "holds": row.witness_id not in why,
                "why": why.get(row.witness_id, ""),
            }
            for row in rows
        ]
        typer.echo(msgspec.json.encode(report).decode())
    else:
        table = Table("day", "gateway", "generation", "epoch", "seq", "hash", "holds")
        for row in rows:
            table.add_row(
                row.day,
                row.gateway,
                str(row.generation),
                str(row.epoch),
                str(row.seq),
                row.head_hash.hex()[:16],
                why.get(row.witness_id, "yes"),
            )
        _console.print(table)
    if doubts:
        raise typer.Exit(_DOUBTED)
