"""``quartermaster cloud keys``: issue, list and revoke API keys. A key is shown once."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.access import ROLES, SCOPES, add_key, keys, revoke_key
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.settings import load
from shared.units import Micros

app: Final = typer.Typer(help="Issue, list and revoke API keys.", no_args_is_help=True)
_console: Final = Console()

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help=f"May be repeated: {', '.join(SCOPES)}. Default: read.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(help="Only this site; may be repeated. Default: all.")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option(help=f"Instead of scopes: {', '.join(ROLES)}.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="Expires after as many days.")] = None,
    *,
    json: Json = False,
) -> None:
    """Issue a key and print it, this once."""
    settings = load()
    with open_pool(settings.database_url, size=1) as pool, unit_of_work(pool) as connection:
        issued = add_key(
            connection,
            name=name,
            scopes=scope or ([] if role else ["read"]),
            roles=role or (),
            sites=site or (),
            environment=settings.environment,
            now=SystemClock().now(),
            days=days,
            random_bytes=secrets.token_bytes,
        )
    if json:
        typer.echo(msgspec.json.encode({"key_id": issued.key_id, "key": issued.text}).decode())
        return
    _console.print(f"Key [bold]{issued.key_id}[/bold] (shown only now):")
    _console.print(f"  {issued.text}", soft_wrap=True, highlight=False, markup=False)


@app.command("list")
def list_keys(*, json: Json = False) -> None:
    """List keys with their scopes, sites and last use; never their secrets."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = keys(connection)
    if json:
        typer.echo(msgspec.json.encode([key._asdict() for key in found]).decode())
        return
    table = Table("id", "name", "roles and scopes", "sites", "expires", "revoked", "last used")
    for key in found:
        table.add_row(
            key.key_id,
            key.name,
            " ".join((*key.roles, *key.scopes)),
            "all" if key.sites is None else " ".join(key.sites),
            _time(key.expires_at),
            _time(key.revoked_at),
            _time(key.last_used_at),
        )
    _console.print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that the list shows.")]) -> None:
    """Take a key out of force: its next request is refused."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        revoke_key(connection, key_id, now=SystemClock().now())
    typer.echo(f"Key {key_id} is revoked.")


def _time(micros: Micros | None) -> str:
    if micros is None:
        return "–"
    return f"{datetime.fromtimestamp(micros // 1_000_000, UTC):%Y-%m-%d %H:%M}"
