"""``scrub``: read everything once, now, and compare it with what was written."""

from __future__ import annotations

import msgspec
import typer

from edge import app as gateway
from edge.cli.options import FOLDER, Data, Json
from edge.settings import load


def scrub(data: Data = FOLDER, *, json: Json = False) -> None:
    """Check every page, event and marked row; the exit code is 1 where one is damaged.

    A damaged database is then set aside by the gateway: at once where it runs, else at its start.

    Example: quartermaster gateway scrub --json
    """
    found = gateway.scrub_once(data, load(data))
    if found.damage:
        gateway.report_suspicion(data)
    if json:
        typer.echo(msgspec.json.encode({"ok": not found.damage, **found._asdict()}).decode())
    else:
        typer.echo(
            f"{found.segments} segments, {found.waiting} waiting events "
            f"and {found.rows} other rows read."
        )
        for each in found.damage:
            typer.echo(f"  damaged: {each}")
        if found.damage:
            typer.echo("The gateway will set this database aside and go on with what verifies.")
    if found.damage:
        raise typer.Exit(1)
