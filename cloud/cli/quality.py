"""``quartermaster cloud quality``: what is wrong with the data; whether planning can stand on it.

Exit codes: 0 shown; 1 with ``--check`` where something is to be fixed first.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud import quality as room
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.settings import load

_console: Final = Console()


def quality(
    *,
    area: Annotated[str | None, typer.Option(help=f"One of {', '.join(room.AREAS)}.")] = None,
    look: Annotated[bool, typer.Option("--look", help="Look now; else as last looked at.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 if anything blocks.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is wrong with the data; nothing is repaired."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        if look:
            room.look(connection, now=SystemClock().now())
        areas = [
            each for each in room.readiness(connection, sites=None) if area in (None, each.area)
        ]
        rows = room.findings(connection, sites=None, area=area, limit=10_000)
    if json:
        record = {
            "areas": [each._asdict() for each in areas],
            "findings": [row._asdict() for row in rows],
        }
        typer.echo(msgspec.json.encode(record).decode())
    else:
        for each in areas:
            _console.print(f"{each.area:10} {each.verdict}")
            for line in (*each.fix_first, *each.proxies):
                _console.print(f"           {line}")
        table = Table("check", "about", "site", "what")
        for row in rows:
            mark = "! " if row.blocking else ""
            table.add_row(mark + row.check, row.subject, row.site or "–", row.detail)
        if rows:
            _console.print(table)
    if check and any(each.verdict == "fix first" for each in areas):
        raise typer.Exit(1)
