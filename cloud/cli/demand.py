"""``quartermaster cloud demand``: what was asked for, and whether it is what the documents make it.

Exit codes: 0 done; 1 when ``verify`` finds a day that is not; 69 while the database is away.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
import typer

from cloud import features
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.settings import load

app: Final = typer.Typer(help="Demand per item, site, channel and day.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_SHOWN: Final = 20


@app.command()
def verify(*, json: Json = False) -> None:
    """Make all demand anew from orders and sales, and compare it with what is told.

    What was noted and not yet worked off is worked off first.
    """
    clock = SystemClock()
    with open_pool(load().database_url, size=1) as pool:
        while True:
            with unit_of_work(pool) as connection:
                if not features.drain(connection, now=clock.now()):
                    break
        with unit_of_work(pool) as connection:
            found = features.drift(connection)
    rows = [
        {**cell._asdict(), "told": told, "made": made}
        for cell, (told, made) in sorted(found.items(), key=str)
    ]
    if json:
        typer.echo(msgspec.json.encode(rows))
    else:
        typer.echo(f"{len(rows)} days differ from what orders and sales make them.")
        for row in rows[:_SHOWN]:
            typer.echo(" ".join(f"{name}={value}" for name, value in row.items()))
    if rows:
        raise typer.Exit(1)
